//! A bucket and its overflow, as one chain of places.

use super::buckets::{BUCKET_SLOTS, Bucket, Buckets};
use crate::table::{Regions, Slot};
use kvrig_base::seam::Work;

/// One bucket of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The bucket that the hash leads to.
    Main(u32),
    /// A bucket of the overflow.
    Overflow(u32),
}

/// All buckets, the overflow included.
#[derive(Debug)]
pub(super) struct Chains {
    pub(super) main: Buckets,
    overflow: Buckets,
    /// The first unused overflow bucket, which leads on to the next.
    overflow_vacant: Option<u32>,
}

impl Chains {
    pub(super) const fn new(regions: Regions) -> Self {
        Self {
            main: Buckets::new(regions.buckets[0]),
            overflow: Buckets::new(regions.buckets[1]),
            overflow_vacant: None,
        }
    }
    pub(super) fn bytes(&self) -> u64 {
        self.main.bytes() + self.overflow.bytes()
    }
    /// A part, without a receipt.
    #[inline]
    pub(super) fn peek(&self, part: Part) -> &Bucket {
        match part {
            Part::Main(number) => self.main.peek(number),
            Part::Overflow(number) => self.overflow.peek(number),
        }
    }
    /// Looks at a part.
    #[inline]
    pub(super) fn probe(&self, part: Part, work: &mut Work) -> &Bucket {
        match part {
            Part::Main(number) => self.main.probe(number, work),
            Part::Overflow(number) => self.overflow.probe(number, work),
        }
    }
    #[inline]
    fn write(&mut self, part: Part, work: &mut Work) -> &mut Bucket {
        match part {
            Part::Main(number) => self.main.write(number, work),
            Part::Overflow(number) => self.overflow.write(number, work),
        }
    }
    /// The part after a bucket.
    #[inline]
    pub(super) fn next(bucket: &Bucket) -> Option<Part> {
        bucket.more().map(Part::Overflow)
    }

    /// Puts an entry at the end of a chain; a full chain gets another bucket.
    #[inline]
    pub(super) fn add(&mut self, main: u32, slot: Slot, tag: u16, work: &mut Work) {
        let bucket = self.main.peek(main);
        if bucket.more().is_none() && !bucket.is_full() {
            self.main.write(main, work).push(slot, tag);
        } else {
            self.add_to_overflow(main, slot, tag, work);
        }
    }

    #[cold]
    fn add_to_overflow(&mut self, main: u32, slot: Slot, tag: u16, work: &mut Work) {
        let (mut last, _) = self.last_two(main);
        if self.peek(last).is_full() {
            let number = self.take_overflow(work);
            self.write(last, work).set_more(Some(number));
            last = Part::Overflow(number);
        }
        self.write(last, work).push(slot, tag);
    }

    /// The last part of a chain, and the one before it, if there is one.
    fn last_two(&self, main: u32) -> (Part, Option<Part>) {
        let (mut last, mut before) = (Part::Main(main), None);
        while let Some(next) = Self::next(self.peek(last)) {
            before = Some(last);
            last = next;
        }
        (last, before)
    }

    /// Takes an entry out of its place, where the last one of the chain takes its stead. An
    /// overflow bucket goes when it is empty.
    pub(super) fn remove(&mut self, main: u32, part: Part, place: usize, work: &mut Work) {
        let (last, before) = self.last_two(main);
        let moved = self.write(last, work).pop();
        let bucket = self.peek(last);
        let (is_empty, is_removed) = (bucket.len() == 0, last == part && bucket.len() == place);
        if let (Some(moved), false) = (moved, is_removed) {
            self.write(part, work).replace(place, moved);
        }
        if let (Part::Overflow(number), Some(before), true) = (last, before, is_empty) {
            self.write(before, work).set_more(None);
            self.give_overflow(number, work);
        }
    }

    /// Adds a bucket at the end of the row, and moves to it the entries of the chain of `old` for
    /// which `leaves` says so. Says how many did.
    #[inline]
    pub(super) fn split(
        &mut self,
        old: u32,
        work: &mut Work,
        mut leaves: impl FnMut(Slot, u16, &mut Work) -> bool,
    ) -> u64 {
        let new = self.main.len();
        let bucket = self.main.probe_mut(old, work);
        let more = bucket.more();
        let parted = bucket.part(|slot, tag| leaves(slot, tag, work));
        let moved = parted.len() as u64;
        work.write(self.main.region(), u64::from(old));
        self.main.push(parted, work);
        match more {
            None => moved,
            Some(number) => moved + self.split_overflow(number, [old, new], work, leaves),
        }
    }

    /// Deals the entries of a chain that is cut off, from its overflow bucket `number` on, out to
    /// the first of two buckets, or to the second where they leave. Says how many leave.
    #[cold]
    fn split_overflow(
        &mut self,
        number: u32,
        [old, new]: [u32; 2],
        work: &mut Work,
        mut leaves: impl FnMut(Slot, u16, &mut Work) -> bool,
    ) -> u64 {
        let (mut more, mut moved) = (Some(number), 0);
        while let Some(number) = more {
            let bucket = *self.overflow.probe(number, work);
            more = bucket.more();
            self.give_overflow(number, work);
            for (slot, tag) in bucket.entries() {
                let leaves = leaves(slot, tag, work);
                moved += u64::from(leaves);
                self.add(if leaves { new } else { old }, slot, tag, work);
            }
        }
        moved
    }

    /// Takes the entries of the last bucket away to the chain of `into`. Says how many those were.
    pub(super) fn empty_last(&mut self, into: u32, work: &mut Work) -> u64 {
        let mut part = Some(Part::Main(self.main.len() - 1));
        let mut moved = 0;
        while let Some(this) = part {
            let bucket = *self.probe(this, work);
            part = Self::next(&bucket);
            self.write(this, work).reset();
            if let Part::Overflow(number) = this {
                self.give_overflow(number, work);
            }
            for (slot, tag) in bucket.entries() {
                self.add(into, slot, tag, work);
                moved += 1;
            }
        }
        moved
    }

    fn take_overflow(&mut self, work: &mut Work) -> u32 {
        if let Some(number) = self.overflow_vacant {
            let bucket = self.overflow.write(number, work);
            self.overflow_vacant = bucket.more();
            bucket.reset();
            return number;
        }
        if self.overflow.is_full() {
            self.overflow.extend(work);
        }
        self.overflow.push(Bucket::EMPTY, work);
        self.overflow.len() - 1
    }

    fn give_overflow(&mut self, number: u32, work: &mut Work) {
        let bucket = self.overflow.write(number, work);
        bucket.reset();
        bucket.set_more(self.overflow_vacant);
        self.overflow_vacant = Some(number);
    }

    /// Gives everything back.
    pub(super) fn free(mut self, work: &mut Work) {
        self.main.free(work);
        self.overflow.free(work);
    }

    /// Number of entries of a chain.
    pub(super) fn len(&self, main: u32) -> usize {
        let (mut part, mut len) = (Some(Part::Main(main)), 0);
        while let Some(bucket) = part.map(|part| self.peek(part)) {
            len += bucket.len();
            part = Self::next(bucket);
        }
        len
    }

    /// The entry at `place`, counted along the chain of `main`; all parts but the last are full.
    pub(super) fn entry(&self, main: u32, place: usize, work: &mut Work) -> Option<Slot> {
        let mut part = Part::Main(main);
        for _ in 0..place / BUCKET_SLOTS {
            part = Self::next(self.peek(part))?;
        }
        self.probe(part, work).entry(place % BUCKET_SLOTS)
    }

    /// Adds the entries of a chain to `entries`.
    pub(super) fn collect(&self, main: u32, entries: &mut Vec<Slot>, work: &mut Work) {
        let mut part = Some(Part::Main(main));
        while let Some(this) = part {
            let bucket = self.probe(this, work);
            entries.extend(bucket.entries().map(|(slot, _)| slot));
            part = Self::next(bucket);
        }
    }
}
