//! The context of one call: time, the receipt, replies and effects.

use super::effect::{Effect, Effects};
use super::work::Work;
use crate::id::ConnId;
use crate::time::{Span, Time, Wall};

/// What an actor may see and do during one call of [`super::Actor::handle`].
#[derive(Debug)]
pub struct Cx<'a, M> {
    now: Time,
    wall: Wall,
    consumed: usize,
    /// The receipt of this call.
    pub work: &'a mut Work,
    out: &'a mut Outbox,
    effects: &'a mut Effects<M>,
}

impl<'a, M> Cx<'a, M> {
    /// A context for one call at the node's own time `now` and civil time `wall`.
    pub fn new(
        now: Time,
        wall: Wall,
        work: &'a mut Work,
        out: &'a mut Outbox,
        effects: &'a mut Effects<M>,
    ) -> Self {
        Self {
            now,
            wall,
            consumed: 0,
            work,
            out,
            effects,
        }
    }
    /// The node's monotonic time at the start of this call.
    pub fn now(&self) -> Time {
        self.now
    }
    /// The node's civil time at the start of this call.
    pub fn wall(&self) -> Wall {
        self.wall
    }
    /// The part of this call's time that is used up so far.
    pub fn spent(&mut self) -> Span {
        self.work.spent()
    }
    /// Begins one whole reply to `conn`, which may be any connection.
    pub fn reply(&mut self, conn: ConnId) -> Reply<'_> {
        self.out.reply(conn)
    }
    /// Splits the context where a reply is written while work is counted.
    pub fn reply_and_work(&mut self, conn: ConnId) -> (Reply<'_>, &mut Work) {
        (self.out.reply(conn), self.work)
    }
    /// Takes back the reply that was begun last, with what was written to it: the request stays
    /// unanswered.
    pub fn take_back_reply(&mut self) {
        self.out.take_back();
    }
    /// Whether nothing was written to the reply that was begun last.
    pub fn reply_is_empty(&self) -> bool {
        let start = self.out.replies.last().map(|reply| reply.1);
        start == Some(self.out.bytes.len())
    }
    /// Says that the first `bytes` of [`super::Input::Bytes`] are used up.
    pub fn consume(&mut self, bytes: usize) {
        self.consumed += bytes;
    }
    /// How many bytes the actor has used up; for the host.
    pub fn consumed(&self) -> usize {
        self.consumed
    }
    /// Asks the host for an effect.
    pub fn effect(&mut self, effect: Effect<M>) {
        self.effects.push(effect);
    }
    /// The effects asked for so far, for those with data.
    pub fn effects(&mut self) -> &mut Effects<M> {
        self.effects
    }
}

/// The replies of one call, in order. The host takes the bytes, or their length and digest only.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// Receiver and first byte of each reply.
    replies: Vec<(ConnId, usize)>,
}

impl Outbox {
    /// Begins one whole reply to `conn`.
    pub fn reply(&mut self, conn: ConnId) -> Reply<'_> {
        self.replies.push((conn, self.bytes.len()));
        Reply {
            bytes: &mut self.bytes,
        }
    }
    /// Takes back the reply that was begun last.
    pub fn take_back(&mut self) {
        if let Some((_, start)) = self.replies.pop() {
            self.bytes.truncate(start);
        }
    }
    /// The replies with their receivers, in the order in which they were begun.
    pub fn iter(&self) -> impl Iterator<Item = (ConnId, &[u8])> {
        self.replies
            .iter()
            .enumerate()
            .map(|(number, &(conn, start))| {
                let end = self
                    .replies
                    .get(number + 1)
                    .map_or(self.bytes.len(), |next| next.1);
                (conn, &self.bytes[start..end])
            })
    }
    /// The replies as [`Outbox::iter`] has them, but those that follow one another to the same
    /// receiver as one: what a host sends at once.
    pub fn runs(&self) -> impl Iterator<Item = (ConnId, &[u8])> {
        let mut runs = self.replies.chunk_by(|one, next| one.0 == next.0);
        let mut next = runs.next();
        std::iter::from_fn(move || {
            let &(conn, start) = next?.first()?;
            next = runs.next();
            let behind = next.and_then(<[_]>::first);
            let end = behind.map_or(self.bytes.len(), |first| first.1);
            Some((conn, &self.bytes[start..end]))
        })
    }
    /// Number of replies.
    pub fn len(&self) -> usize {
        self.replies.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }
    /// Forgets all replies and keeps the storage.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.replies.clear();
    }
}

/// One reply that is being written.
#[derive(Debug)]
pub struct Reply<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Reply<'_> {
    /// Appends to the reply.
    pub fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
    /// The buffer, whose present content must be left as it is, for encoders that write in place.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_follow_one_another_to_one_receiver_are_one_run() {
        let mut outbox = Outbox::default();
        for (conn, bytes) in [(1, "a"), (1, "b"), (2, "c"), (1, ""), (1, "d")] {
            outbox.reply(ConnId(conn)).write(bytes.as_bytes());
        }
        let runs: Vec<(u32, &[u8])> = outbox.runs().map(|(conn, run)| (conn.0, run)).collect();
        let expected: [(u32, &[u8]); 3] = [(1, b"ab"), (2, b"c"), (1, b"d")];
        assert_eq!(runs, expected);
        outbox.clear();
        assert_eq!(outbox.runs().count(), 0);
    }
}
