//! The books on requests: what was offered is answered, dropped for a reason, or still under way.

use kvrig_base::diagnostic::{self, Diagnostic};

/// Why a request was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// The store closed the connection before it read the request.
    ConnectionClosed,
}

/// Counts of requests by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Sent by clients; those of an open loop are booked when they arrive at the store.
    pub offered: u64,
    /// Answered.
    pub completed: u64,
    /// Dropped because the store closed the connection.
    pub dropped_closed: u64,
    /// Replies for which no request was open: always a defect.
    pub unasked: u64,
}

impl Ledger {
    /// Books one dropped request.
    pub fn drop_one(&mut self, reason: DropReason) {
        match reason {
            DropReason::ConnectionClosed => self.dropped_closed += 1,
        }
    }
    /// Checks that nothing was lost or invented, given the number of requests that were *found*
    /// under way: in connections, on links and in turns.
    ///
    /// # Errors
    /// `KV4001` if the books do not balance: the run must not be believed.
    pub fn check(&self, in_flight: u64) -> Result<(), Diagnostic> {
        let accounted = self.completed + self.dropped_closed + in_flight;
        if accounted == self.offered && self.unasked == 0 {
            return Ok(());
        }
        Err(Diagnostic::new(
            diagnostic::CONSERVATION,
            format!(
                "{} requests were offered, but {} completed, {} were dropped, {in_flight} are in \
                 flight and {} replies answer nothing",
                self.offered, self.completed, self.dropped_closed, self.unasked
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_request_and_an_invented_reply_are_errors() {
        let books = Ledger {
            offered: 10,
            completed: 7,
            dropped_closed: 1,
            ..Ledger::default()
        };
        assert_eq!(books.check(2), Ok(()));
        assert_eq!(books.check(1).unwrap_err().code, "KV4001");
        assert_eq!(books.check(3).unwrap_err().code, "KV4001");
        assert!(
            Ledger {
                unasked: 1,
                ..books
            }
            .check(2)
            .is_err()
        );
    }
}
