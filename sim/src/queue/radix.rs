//! A monotone radix heap with wide digits.
//!
//! Ahuja, Mehlhorn, Orlin and Tarjan, "Faster algorithms for the shortest path problem" (JACM 37,
//! 1990) keep the entries of a monotone queue in buckets by the highest bit in which they differ
//! from the time of the last event popped. Here the bit is a digit of [`DIGIT_BITS`] bits:
//!
//! ```text
//!   level  = highest digit in which the event's time differs from the present
//!   slot   = that digit of the event's time
//! ```
//!
//! All events of a level come before those of higher levels, and within a level the slots are in
//! order of time. When the lowest slot is reached, the present moves to its earliest event and the
//! others of the slot fall to lower levels. An event falls at most once per level, so its cost does
//! not grow with the number of pending events. What is due at the present itself is in the lane of
//! "now", ordered by rank.

use super::{Entry, EventQueue, Key, assert_not_past, assert_nothing_skipped};
use kvrig_base::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Bits of one digit: with 64 slots a level, a bitmap of slots is one word.
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
/// Entries for which an emptied slot keeps its storage. Beyond it the storage is given back, or
/// each of the slots would keep as much as the fullest ever needed.
const RETAINED_ENTRIES_MAX: usize = 256;

/// Pending events by the highest digit of their time that differs from the present.
#[derive(Debug)]
pub struct RadixHeap<P> {
    now: Time,
    len: usize,
    /// Which levels have a slot in use.
    levels: u16,
    /// Which slots of each level are in use.
    slots: [u64; LEVELS],
    /// The entries of each slot, level by level, in no order.
    entries: Box<[Vec<Entry<P>>]>,
    /// What is due at the present, when it came: last first.
    due: Vec<Entry<P>>,
    /// What was pushed at the present since.
    pushed_now: BinaryHeap<Reverse<Entry<P>>>,
    /// The least key among the slots, where it was looked for since they last lost an entry.
    least: Option<Key>,
}

impl<P> Default for RadixHeap<P> {
    fn default() -> Self {
        Self {
            now: Time::START,
            len: 0,
            levels: 0,
            slots: [0; LEVELS],
            entries: (0..LEVELS * SLOTS).map(|_| Vec::new()).collect(),
            due: Vec::new(),
            pushed_now: BinaryHeap::new(),
            least: None,
        }
    }
}

/// Level and slot of an event at `time` that is not `now`.
#[inline]
fn place(time: Time, now: Time) -> (usize, usize) {
    let difference = time.as_picos() ^ now.as_picos();
    let level = (u64::BITS - 1 - difference.leading_zeros()) / DIGIT_BITS;
    let slot = (time.as_picos() >> (level * DIGIT_BITS)) as usize % SLOTS;
    (level as usize, slot)
}

impl<P> RadixHeap<P> {
    /// Adds an entry whose time lies after the present to its slot.
    #[inline]
    fn place(&mut self, entry: Entry<P>) {
        let (level, slot) = place(entry.key.time(), self.now);
        self.levels |= 1 << level;
        self.slots[level] |= 1 << slot;
        self.entries[level * SLOTS + slot].push(entry);
    }
    /// The earliest slot in use.
    #[inline]
    fn first_slot(&self) -> Option<(usize, usize)> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize;
        Some((level, self.slots[level].trailing_zeros() as usize))
    }
    #[inline]
    fn mark_empty(&mut self, level: usize, slot: usize) {
        self.slots[level] &= !(1 << slot);
        if self.slots[level] == 0 {
            self.levels &= !(1 << level);
        }
        self.least = None;
    }
    /// Moves the present to `time` and lets the entries of the slot that `time` lies in fall.
    ///
    /// No pending event may be earlier. Then all lower levels are empty, other slots of this level
    /// still differ from the present in this digit, and higher levels are not concerned.
    fn advance(&mut self, time: Time) {
        let (level, slot) = place(time, self.now);
        self.now = time;
        if self.slots[level] & (1 << slot) == 0 {
            return;
        }
        self.mark_empty(level, slot);
        let mut falling = std::mem::take(&mut self.entries[level * SLOTS + slot]);
        for entry in falling.drain(..) {
            if entry.key.time() == time {
                self.due.push(entry);
            } else {
                self.place(entry);
            }
        }
        if falling.capacity() <= RETAINED_ENTRIES_MAX {
            self.entries[level * SLOTS + slot] = falling;
        }
        if self.due.len() > 1 {
            self.due.sort_unstable_by_key(|entry| Reverse(entry.key));
        }
    }
    /// Takes the first entry of the lane of "now".
    #[inline]
    fn pop_now(&mut self) -> Option<Entry<P>> {
        match (self.due.last(), self.pushed_now.peek()) {
            (None, None) => None,
            (Some(due), Some(Reverse(pushed))) if pushed.key < due.key => {
                self.pushed_now.pop().map(|Reverse(entry)| entry)
            }
            (Some(_), _) => self.due.pop(),
            (None, Some(_)) => self.pushed_now.pop().map(|Reverse(entry)| entry),
        }
    }
    /// The least key of a slot that is in use.
    #[inline]
    fn least_of(&self, level: usize, slot: usize) -> Key {
        let keys = self.entries[level * SLOTS + slot]
            .iter()
            .map(|entry| entry.key);
        keys.min().expect("a slot in use has entries")
    }
}

impl<P> EventQueue<P> for RadixHeap<P> {
    #[inline]
    fn push(&mut self, key: Key, payload: P) {
        assert_not_past(key.time(), self.now);
        self.len += 1;
        let entry = Entry { key, payload };
        if key.time() == self.now {
            self.pushed_now.push(Reverse(entry));
            return;
        }
        self.least = self.least.map(|least| least.min(key));
        self.place(entry);
    }
    #[inline]
    fn pop(&mut self) -> Option<(Key, P)> {
        if self.due.is_empty() && self.pushed_now.is_empty() {
            let (level, slot) = self.first_slot()?;
            let entries = &mut self.entries[level * SLOTS + slot];
            if entries.len() == 1 {
                let entry = entries.pop().expect("it has one entry");
                self.mark_empty(level, slot);
                self.now = entry.key.time();
                self.len -= 1;
                return Some((entry.key, entry.payload));
            }
            let least = self.least.unwrap_or_else(|| self.least_of(level, slot));
            self.advance(least.time());
        }
        let entry = self.pop_now()?;
        self.len -= 1;
        Some((entry.key, entry.payload))
    }
    #[inline]
    fn peek(&mut self) -> Option<Key> {
        let due = self.due.last().map(|entry| entry.key);
        let pushed = self.pushed_now.peek().map(|Reverse(entry)| entry.key);
        match (due, pushed) {
            (Some(due), Some(pushed)) => return Some(due.min(pushed)),
            (Some(key), None) | (None, Some(key)) => return Some(key),
            (None, None) => {}
        }
        if self.least.is_none() {
            let (level, slot) = self.first_slot()?;
            self.least = Some(self.least_of(level, slot));
        }
        self.least
    }
    fn advance_to(&mut self, time: Time) {
        assert_not_past(time, self.now);
        assert_nothing_skipped(time, self.peek_time());
        if time > self.now {
            self.advance(time);
        }
    }
    fn now(&self) -> Time {
        self.now
    }
    fn len(&self) -> usize {
        self.len
    }
}
