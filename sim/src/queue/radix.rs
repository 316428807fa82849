//! A monotone radix heap with wide digits and a front.
//!
//! Ahuja, Mehlhorn, Orlin and Tarjan, "Faster algorithms for the shortest path problem" (JACM 37,
//! 1990) keep the entries of a monotone queue in buckets by the highest bit in which they differ
//! from a time that all of them have reached. Here the bit is a digit of [`DIGIT_BITS`] bits, and
//! that time is the `base`:
//!
//! ```text
//!   level = highest digit in which an event's time differs from the base
//!   slot  = that digit of the event's time
//!
//!   base        front_end
//!     ├── front ──┤── slots of level 0 ──┤── slots of level 1 ──┤── …
//! ```
//!
//! All events of a level come before those of higher levels, and within a level the slots are in
//! order of time. The front holds what lies before all slots, in full order. When it is used up the
//! earliest slot is opened: a short one becomes the front; the entries of a long one fall to lower
//! levels. An event falls at most once a level, so its cost hardly grows with the number of pending
//! events.
//!
//! The front is also the lane of "now": what is emitted for the present instant goes there, by rank,
//! and touches no slot.

use super::{Entry, EventQueue, Key, assert_not_past, assert_nothing_skipped};
use kvrig_base::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Bits of one digit: with 64 slots a level, a bitmap of slots is one word.
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
/// Entries of a slot that are sorted at once instead of falling to lower levels.
const FRONT_ENTRIES_MAX: usize = 32;
/// Entries emitted into the front, beyond which it is spread over the slots again.
const EMITTED_ENTRIES_MAX: usize = 64;
/// Entries for which an emptied slot keeps its storage. Beyond it the storage is given back, or
/// each of the slots would keep as much as the fullest ever needed.
const RETAINED_ENTRIES_MAX: usize = 256;

/// Pending events by the highest digit of their time that differs from a common base.
#[derive(Debug)]
pub struct RadixHeap<P> {
    now: Time,
    len: usize,
    /// No event in a slot is earlier; levels are counted from here.
    base: Time,
    /// Last instant of the front: events up to and including it are never in a slot.
    front_end: Time,
    /// The slot that was opened last, latest event first.
    opened: Vec<Entry<P>>,
    /// What was emitted into the front since.
    emitted: BinaryHeap<Reverse<Entry<P>>>,
    /// Length of `emitted` at which it is spread over the slots.
    emitted_max: usize,
    /// Which levels have a slot in use.
    levels: u16,
    /// Which slots of each level are in use.
    slots: [u64; LEVELS],
    /// The entries of each slot, level by level, in no order.
    entries: Box<[Vec<Entry<P>>]>,
}

impl<P> Default for RadixHeap<P> {
    fn default() -> Self {
        Self {
            now: Time::START,
            len: 0,
            base: Time::START,
            front_end: Time::START,
            opened: Vec::new(),
            emitted: BinaryHeap::new(),
            emitted_max: EMITTED_ENTRIES_MAX,
            levels: 0,
            slots: [0; LEVELS],
            entries: (0..LEVELS * SLOTS).map(|_| Vec::new()).collect(),
        }
    }
}

impl<P> RadixHeap<P> {
    /// Adds an entry that lies after the front to its slot.
    #[inline]
    fn place(&mut self, entry: Entry<P>) {
        let picos = entry.key.time().as_picos();
        let difference = picos ^ self.base.as_picos();
        let level = ((u64::BITS - 1 - difference.leading_zeros()) / DIGIT_BITS) as usize;
        let slot = (picos >> (level as u32 * DIGIT_BITS)) as usize % SLOTS;
        self.levels |= 1 << level;
        self.slots[level] |= 1 << slot;
        self.entries[level * SLOTS + slot].push(entry);
    }
    /// Makes the earliest events the front, which must be used up. False if there are none.
    fn open(&mut self) -> bool {
        self.emitted_max = EMITTED_ENTRIES_MAX;
        while self.levels != 0 {
            let level = self.levels.trailing_zeros() as usize;
            let slot = self.slots[level].trailing_zeros() as usize;
            self.slots[level] &= !(1 << slot);
            if self.slots[level] == 0 {
                self.levels &= !(1 << level);
            }
            // The slot spans all times with this digit whose lower digits are anything.
            let shift = level as u32 * DIGIT_BITS;
            let lower = (1_u64 << shift) - 1;
            let entries = &mut self.entries[level * SLOTS + slot];
            let first = entries[0].key.time().as_picos() & !lower;
            self.base = Time::from_picos(first);
            if level == 0 || entries.len() <= FRONT_ENTRIES_MAX {
                self.front_end = Time::from_picos(first | lower);
                self.opened.append(entries);
                self.opened.sort_unstable_by_key(|entry| Reverse(entry.key));
                return true;
            }
            self.front_end = self.base;
            let mut falling = std::mem::take(entries);
            self.spread(&mut falling);
            if falling.capacity() <= RETAINED_ENTRIES_MAX {
                self.entries[level * SLOTS + slot] = falling;
            }
            if !self.emitted.is_empty() {
                return true;
            }
        }
        false
    }
    /// Puts entries in their slots, or in the front where they are due at the base.
    fn spread(&mut self, falling: &mut Vec<Entry<P>>) {
        for entry in falling.drain(..) {
            if entry.key.time() <= self.front_end {
                self.emitted.push(Reverse(entry));
            } else {
                self.place(entry);
            }
        }
    }
    /// Shortens a front that so much was emitted into that it has become a heap of its own.
    #[cold]
    fn shorten_front(&mut self) {
        let earliest = self.front().map_or(self.base, Key::time);
        self.base = self.base.max(earliest);
        self.front_end = self.base;
        let mut falling = std::mem::take(&mut self.opened);
        falling.extend(
            std::mem::take(&mut self.emitted)
                .into_iter()
                .map(|Reverse(entry)| entry),
        );
        self.spread(&mut falling);
        self.opened = falling;
        // What remains is due at one instant and cannot be spread; do not try at every push.
        self.emitted_max = EMITTED_ENTRIES_MAX.max(2 * self.emitted.len());
    }
    /// The least key of the front.
    #[inline]
    fn front(&self) -> Option<Key> {
        let opened = self.opened.last().map(|entry| entry.key);
        let emitted = self.emitted.peek().map(|Reverse(entry)| entry.key);
        match (opened, emitted) {
            (Some(opened), Some(emitted)) => Some(opened.min(emitted)),
            (key, None) | (None, key) => key,
        }
    }
    #[inline]
    fn front_is_used_up(&self) -> bool {
        self.opened.is_empty() && self.emitted.is_empty()
    }
}

impl<P> EventQueue<P> for RadixHeap<P> {
    #[inline]
    fn push(&mut self, key: Key, payload: P) {
        assert_not_past(key.time(), self.now);
        self.len += 1;
        let entry = Entry { key, payload };
        if key.time() > self.front_end {
            self.place(entry);
            return;
        }
        self.emitted.push(Reverse(entry));
        if self.emitted.len() > self.emitted_max {
            self.shorten_front();
        }
    }
    #[inline]
    fn pop(&mut self) -> Option<(Key, P)> {
        if self.front_is_used_up() && !self.open() {
            return None;
        }
        let emitted_first = match (self.opened.last(), self.emitted.peek()) {
            (Some(opened), Some(Reverse(emitted))) => emitted.key < opened.key,
            (opened, _) => opened.is_none(),
        };
        let entry = if emitted_first {
            self.emitted.pop().map(|Reverse(entry)| entry)
        } else {
            self.opened.pop()
        }?;
        self.now = entry.key.time();
        self.len -= 1;
        Some((entry.key, entry.payload))
    }
    #[inline]
    fn peek(&mut self) -> Option<Key> {
        if self.front_is_used_up() && !self.open() {
            return None;
        }
        self.front()
    }
    #[inline]
    fn advance_to(&mut self, time: Time) {
        assert_not_past(time, self.now);
        assert_nothing_skipped(time, self.peek_time());
        self.now = time;
    }
    fn now(&self) -> Time {
        self.now
    }
    fn len(&self) -> usize {
        self.len
    }
}
