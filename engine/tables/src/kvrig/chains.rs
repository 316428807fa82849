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
    /// Overflow buckets that were used at least once.
    overflow_used: u32,
    /// The first unused one of those (its number plus one); `more` leads on.
    overflow_vacant: u32,
    /// Holds the entries of a chain that is dealt out again.
    dealt: Vec<(Slot, u16)>,
}

impl Chains {
    pub(super) const fn new(regions: Regions) -> Self {
        Self {
            main: Buckets::new(regions.buckets[0]),
            overflow: Buckets::new(regions.buckets[1]),
            overflow_used: 0,
            overflow_vacant: 0,
            dealt: Vec::new(),
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
        bucket.more.checked_sub(1).map(Part::Overflow)
    }

    /// Puts an entry into the first free place from `part` on; a full chain gets another bucket.
    pub(super) fn add(&mut self, mut part: Part, slot: Slot, tag: u16, work: &mut Work) {
        loop {
            let bucket = self.peek(part);
            if let Some(place) = bucket.free_place() {
                self.write(part, work).put(place, slot, tag);
                return;
            }
            part = match Self::next(bucket) {
                Some(next) => next,
                None => {
                    let number = self.take_overflow(work);
                    self.write(part, work).more = number + 1;
                    Part::Overflow(number)
                }
            };
        }
    }

    /// Takes an entry out of its place. The last bucket of a chain goes once it is empty; those
    /// before it stay, because a walk counts the places before its own.
    pub(super) fn remove(&mut self, main: u32, part: Part, place: usize, work: &mut Work) {
        self.write(part, work).vacate(place);
        let bucket = self.peek(part);
        let (Part::Overflow(number), true, 0) = (part, bucket.is_empty(), bucket.more) else {
            return;
        };
        let mut before = Part::Main(main);
        while let Some(next) = Self::next(self.peek(before)).filter(|&next| next != part) {
            before = next;
        }
        self.write(before, work).more = 0;
        self.give_overflow(number, work);
    }

    /// Empties the chain of `from` and deals its entries out again, each to the bucket that
    /// `bucket_of` names for its slot and tag. Says how many went elsewhere.
    pub(super) fn deal(
        &mut self,
        from: u32,
        work: &mut Work,
        mut bucket_of: impl FnMut(Slot, u16, &mut Work) -> u32,
    ) -> u64 {
        let mut dealt = std::mem::take(&mut self.dealt);
        let mut part = Some(Part::Main(from));
        while let Some(this) = part {
            let bucket = self.probe(this, work);
            dealt.extend(bucket.entries());
            part = Self::next(bucket);
            self.write(this, work).reset();
            if let Part::Overflow(number) = this {
                self.give_overflow(number, work);
            }
        }
        let mut moved = 0;
        for (slot, tag) in dealt.drain(..) {
            let to = bucket_of(slot, tag, work);
            moved += u64::from(to != from);
            self.add(Part::Main(to), slot, tag, work);
        }
        self.dealt = dealt;
        moved
    }

    fn take_overflow(&mut self, work: &mut Work) -> u32 {
        if let Some(number) = self.overflow_vacant.checked_sub(1) {
            let bucket = self.overflow.write(number, work);
            self.overflow_vacant = bucket.more;
            bucket.reset();
            return number;
        }
        if self.overflow_used == self.overflow.room() {
            self.overflow.add_chunk(work);
        }
        self.overflow_used += 1;
        self.overflow_used - 1
    }

    fn give_overflow(&mut self, number: u32, work: &mut Work) {
        let vacant = self.overflow_vacant;
        self.overflow.write(number, work).more = vacant;
        self.overflow_vacant = number + 1;
    }

    /// Gives all chunks back.
    pub(super) fn free(mut self, work: &mut Work) {
        while self.main.room() > 0 {
            self.main.drop_chunk(work);
        }
        while self.overflow.room() > 0 {
            self.overflow.drop_chunk(work);
        }
    }

    /// The first entry at `place` or after, counted along the chain of `main`, with its place.
    pub(super) fn entry_from(
        &self,
        main: u32,
        place: usize,
        work: &mut Work,
    ) -> Option<(usize, Slot)> {
        let mut part = Part::Main(main);
        let mut first = 0;
        loop {
            let bucket = match first + BUCKET_SLOTS > place {
                true => self.probe(part, work),
                false => self.peek(part),
            };
            if let Some((place, slot)) = bucket.entry_from(place.saturating_sub(first)) {
                return Some((first + place, slot));
            }
            part = Self::next(bucket)?;
            first += BUCKET_SLOTS;
        }
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
