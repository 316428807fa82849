//! The digest of observable events, in windows that localise a change.

use kvrig_base::digest::{Digest, Rolling};
use kvrig_base::id::ActorId;
use kvrig_base::time::Time;

/// Events of one window.
pub const WINDOW_EVENTS: u64 = 4_096;

/// What was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum EventKind {
    /// A reply left the store.
    Reply = 1,
    /// A request was dropped.
    Dropped,
    /// A deadline was handed over.
    Deadline,
    /// A message between actors was handed over.
    Peer,
    /// A file operation ended.
    File,
    /// A child was forked.
    Fork,
    /// A child exited.
    ChildExit,
    /// An offloaded job ended.
    Offload,
    /// A client gave an attempt up.
    TimedOut,
}

/// Folds (time, actor, kind, subject, content digest) of each event into one number.
///
/// Equal digests mean that two runs could not be told apart by what they did. The windows say where
/// the first difference is.
#[derive(Clone, Debug, Default)]
pub struct EventDigest {
    rolling: Rolling,
    events: u64,
    window_start_ns: u64,
    windows: Vec<(u64, u64)>,
}

impl EventDigest {
    /// Folds one event in. `subject` is the request, ticket or job; `content` the reply's digest.
    #[inline]
    pub fn fold(&mut self, at: Time, actor: ActorId, kind: EventKind, subject: u64, content: u64) {
        if self.events.is_multiple_of(WINDOW_EVENTS) {
            self.begin_window(at);
        }
        self.events += 1;
        self.rolling.fold(at.as_picos());
        self.rolling.fold((u64::from(actor.0) << 8) | kind as u64);
        self.rolling.fold(subject);
        self.rolling.fold(content);
    }
    #[cold]
    fn begin_window(&mut self, at: Time) {
        self.close_window();
        self.window_start_ns = at.as_nanos();
    }
    fn close_window(&mut self) {
        if self.events > 0 {
            self.windows
                .push((self.window_start_ns, self.rolling.value()));
        }
    }
    /// How many events were folded in.
    pub fn events(&self) -> u64 {
        self.events
    }
    /// The windows so far, the unfinished last one included: virtual time of the first event in
    /// nanoseconds, and the rolling digest at the window's end.
    pub fn windows(&self) -> Vec<(u64, u64)> {
        let mut all = self.clone();
        all.close_window();
        all.windows
    }
    /// The digest of all events and of their number.
    pub fn digest(&self) -> Digest {
        let mut bytes = [0_u8; 16];
        bytes[..8].copy_from_slice(&self.rolling.value().to_le_bytes());
        bytes[8..].copy_from_slice(&self.events.to_le_bytes());
        Digest::of(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(events: u64, changed: Option<u64>) -> EventDigest {
        let mut digest = EventDigest::default();
        for event in 0..events {
            let content = u64::from(changed == Some(event));
            digest.fold(
                Time::from_picos(event * 1_000),
                ActorId(0),
                EventKind::Reply,
                event,
                content,
            );
        }
        digest
    }

    #[test]
    fn a_change_shows_in_its_window_and_in_none_before() {
        let same = digest_of(20_000, None).windows();
        let other = digest_of(20_000, Some(9_000)).windows();
        assert_eq!(same.len(), 5);
        assert_eq!(same[2].0, 8_192);
        let first_difference = same
            .iter()
            .zip(&other)
            .position(|(left, right)| left != right);
        assert_eq!(first_difference, Some(2));
        assert_ne!(
            digest_of(20_000, None).digest(),
            digest_of(20_000, Some(9_000)).digest()
        );
    }

    #[test]
    fn no_events_have_no_windows() {
        assert!(EventDigest::default().windows().is_empty());
    }
}
