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
    /// Sent by clients, each attempt for itself; those of an open loop whose clients wait for ever
    /// are booked when they arrive at the store.
    pub offered: u64,
    /// Answered while the client waited.
    pub completed: u64,
    /// Answered after the client had given up.
    pub late: u64,
    /// Dropped because the store closed the connection.
    pub dropped_closed: u64,
    /// Replies for which no request was open: always a defect.
    pub unasked: u64,
    /// The same books as clients with a time limit keep them, where a request counts once however
    /// often it is sent.
    pub limited: Limited,
}

/// Requests of clients with a time limit, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limited {
    /// Begun.
    pub begun: u64,
    /// Answered in time by one of their attempts.
    pub answered: u64,
    /// Abandoned: the last attempt was given up.
    pub failed: u64,
}

impl Ledger {
    /// Books one dropped request.
    pub fn drop_one(&mut self, reason: DropReason) {
        match reason {
            DropReason::ConnectionClosed => self.dropped_closed += 1,
        }
    }
    /// Checks that nothing was lost or invented, given the numbers of requests that were *found*
    /// under way: `in_flight` in connections, on links and in turns, and `open` at clients with a
    /// time limit, which wait for a reply or for their next attempt.
    ///
    /// # Errors
    /// `KV4001` if the books do not balance: the run must not be believed.
    pub fn check(&self, in_flight: u64, open: u64) -> Result<(), Diagnostic> {
        let accounted = self.completed + self.late + self.dropped_closed + in_flight;
        let Limited {
            begun,
            answered,
            failed,
        } = self.limited;
        if accounted == self.offered && self.unasked == 0 && begun == answered + failed + open {
            return Ok(());
        }
        Err(Diagnostic::new(
            diagnostic::CONSERVATION,
            format!(
                "{} requests were offered, but {} completed, {} were answered too late, {} were \
                 dropped, {in_flight} are in flight and {} replies answer nothing; clients with a \
                 time limit began {begun}, of which {answered} were answered, {failed} failed and \
                 {open} are open",
                self.offered, self.completed, self.late, self.dropped_closed, self.unasked
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
        assert_eq!(books.check(2, 0), Ok(()));
        assert_eq!(books.check(1, 0).unwrap_err().code, "KV4001");
        assert_eq!(books.check(3, 0).unwrap_err().code, "KV4001");
        let unasked = Ledger {
            unasked: 1,
            ..books
        };
        assert!(unasked.check(2, 0).is_err());
    }

    #[test]
    fn a_request_that_its_client_forgets_is_an_error() {
        let books = Ledger {
            offered: 12,
            completed: 7,
            late: 4,
            limited: Limited {
                begun: 10,
                answered: 7,
                failed: 1,
            },
            ..Ledger::default()
        };
        assert_eq!(books.check(1, 2), Ok(()));
        assert_eq!(books.check(1, 1).unwrap_err().code, "KV4001");
        assert_eq!(books.check(0, 2).unwrap_err().code, "KV4001");
    }
}
