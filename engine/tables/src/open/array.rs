//! One array of open addressing: a control byte for each place, and links to slots.

use crate::arena::{Link, link_to, slot_at};
use crate::bytes::{equal, gather, ones};
use crate::pages::Pages;
use crate::table::Slot;
use kvrig_base::seam::{Counter, Region, Touch, Work};
use std::fmt;

/// Places whose control bytes are compared at once.
pub(super) const GROUP: usize = 16;
/// Places of the smallest array.
const PLACES_MIN: u64 = GROUP as u64;
/// Largest load: 7 entries in 8 places (`hashbrown:src/raw/mod.rs`, bucket_mask_to_capacity).
const LOAD_MAX: (u64, u64) = (7, 8);
/// Bytes of a place in the product: a pointer and a control byte.
const PRODUCT_PLACE_BYTES: u64 = 8 + 1;
/// Control bytes beyond the last place repeat the first, so that a group may begin anywhere.
const MIRROR: usize = GROUP - 1;

/// Control byte of a place that ends a search.
const EMPTY: u8 = 0xff;
/// Control byte of a place whose entry has left and over which searches go on (a tombstone).
const DELETED: u8 = 0x80;

/// A power of two of places, or none before the first insertion.
///
/// A hash leads to a place by its highest bits, and from there a search goes on to the next places
/// (linear probing), so that places are in the order of hashes but for short runs: a scan over
/// hashes is a scan over places, in an array of any size.
pub(super) struct PlaceArray {
    control: Vec<u8>,
    links: Vec<Link>,
    entries: u64,
    /// Places whose entry has left and over which searches go on.
    tombstones: u64,
    /// 64 minus the power of two of places.
    shift: u32,
    pages: Pages,
    region: Region,
}

/// Says how much there is: all places would fill the screen.
impl fmt::Debug for PlaceArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaceArray")
            .field("places", &self.links.len())
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

/// Entries that `places` have room for.
pub(super) const fn capacity(places: u64) -> u64 {
    places / LOAD_MAX.1 * LOAD_MAX.0
}

/// Places for `entries`: the next power of two at which they are within the load.
pub(super) const fn places_for(entries: u64) -> u64 {
    let places = (entries * LOAD_MAX.1)
        .div_ceil(LOAD_MAX.0)
        .next_power_of_two();
    if places < PLACES_MIN {
        PLACES_MIN
    } else {
        places
    }
}

/// The bits of both words of a group.
#[inline]
fn both([low, high]: [u8; 2]) -> u32 {
    u32::from(low) | u32::from(high) << 8
}

/// The seven bits of the hash that a control byte holds: not those that lead to the place.
#[inline]
const fn tag_of(hash: u64) -> u8 {
    hash as u8 & 0x7f
}

impl PlaceArray {
    pub(super) const fn none(region: Region) -> Self {
        Self {
            control: Vec::new(),
            links: Vec::new(),
            entries: 0,
            tombstones: 0,
            shift: 0,
            pages: Pages::NONE,
            region,
        }
    }

    /// An array of empty places. Its control bytes are written, which is what hashbrown does here;
    /// its pointers are not.
    pub(super) fn allocate(places: u64, region: Region, work: &mut Work) -> Self {
        debug_assert!(places.is_power_of_two() && places >= PLACES_MIN);
        let len = usize::try_from(places).expect("places fit in memory");
        let mut pages = Pages::allocate(places * PRODUCT_PLACE_BYTES + MIRROR as u64, work);
        pages.touch_all(
            places * 8..places * PRODUCT_PLACE_BYTES + MIRROR as u64,
            work,
        );
        work.count(Counter::BytesCopied, places + MIRROR as u64);
        Self {
            control: vec![EMPTY; len + MIRROR],
            links: vec![0; len],
            entries: 0,
            tombstones: 0,
            shift: 64 - places.trailing_zeros(),
            pages,
            region,
        }
    }

    /// Gives the array back and says how many pages that were.
    pub(super) fn free(&mut self, work: &mut Work) -> u64 {
        let pages = self.pages.free(work);
        *self = Self::none(self.region);
        pages
    }

    pub(super) const fn places(&self) -> u64 {
        self.links.len() as u64
    }
    pub(super) const fn bytes(&self) -> u64 {
        self.places() * PRODUCT_PLACE_BYTES
    }
    pub(super) const fn entries(&self) -> u64 {
        self.entries
    }
    /// Empty places that may be taken: searches need some to end at.
    pub(super) const fn room(&self) -> u64 {
        capacity(self.places()).saturating_sub(self.entries + self.tombstones)
    }
    /// Whether there is no such place.
    pub(super) const fn is_full(&self) -> bool {
        self.room() == 0
    }
    #[inline]
    fn mask(&self) -> usize {
        self.links.len() - 1
    }
    /// The place that a hash leads to.
    #[inline]
    pub(super) fn home(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    /// The control bytes from `place` on, eight in a word.
    #[inline]
    fn group(&self, place: usize) -> [u64; 2] {
        let bytes: &[u8; GROUP] = self.control[place..]
            .first_chunk()
            .expect("the mirror goes on for a group");
        let word = |first: usize| {
            let eight = bytes[first..].first_chunk().expect("two times eight");
            u64::from_le_bytes(*eight)
        };
        [word(0), word(8)]
    }
    /// The places of the group at `place` with `tag`, a bit each.
    #[inline]
    fn tagged(&self, place: usize, tag: u8) -> u32 {
        both(self.group(place).map(|word| equal(word, tag)))
    }
    /// Those that are empty.
    #[inline]
    fn empty(&self, place: usize) -> u32 {
        // Two highest bits set: no other control byte has them.
        both(self.group(place).map(|word| gather(word & (word << 1))))
    }
    /// Those that have no entry.
    #[inline]
    fn vacant(&self, place: usize) -> u32 {
        both(self.group(place).map(gather))
    }
    /// Those that have one.
    #[inline]
    fn used(&self, place: usize) -> u32 {
        both(self.group(place).map(|word| gather(!word)))
    }
    /// Looks at a group, which may lie on two lines.
    #[inline]
    fn look(&self, place: usize, work: &mut Work) {
        work.count(Counter::BucketsProbed, 1);
        work.read_bytes(self.region, place as u64, GROUP as u64);
    }
    /// Links have their lines behind the control bytes.
    #[inline]
    fn link_line(&self, place: usize) -> u64 {
        let control_lines = (self.control.len() as u64).div_ceil(Touch::LINE_BYTES);
        control_lines + place as u64 * size_of::<Link>() as u64 / Touch::LINE_BYTES
    }

    /// The place and slot of the entry with `hash` for which `is_it` holds.
    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        work: &mut Work,
        mut is_it: impl FnMut(Slot, &mut Work) -> bool,
    ) -> Option<(usize, Slot)> {
        let mut first = self.home(hash);
        for _ in 0..=self.links.len() / GROUP {
            self.look(first, work);
            for place in ones(self.tagged(first, tag_of(hash))) {
                let place = (first + place) & self.mask();
                work.read(self.region, self.link_line(place));
                if let Some(slot) = slot_at(self.links[place]).filter(|&slot| is_it(slot, work)) {
                    return Some((place, slot));
                }
            }
            if self.empty(first) != 0 {
                return None;
            }
            first = (first + GROUP) & self.mask();
        }
        None
    }

    /// As `find`, without a receipt.
    pub(super) fn peek(&self, hash: u64, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let found = self.find(hash, &mut Work::unpriced(), |slot, _| is_it(slot));
        found.map(|(_, slot)| slot)
    }

    /// Puts an entry into the first free place from its home on; there must be one.
    #[inline]
    pub(super) fn add(&mut self, hash: u64, slot: Slot, work: &mut Work) {
        let mut first = self.home(hash);
        let place = loop {
            let free = self.vacant(first);
            if let Some(place) = ones(free).next() {
                break (first + place) & self.mask();
            }
            first = (first + GROUP) & self.mask();
            self.look(first, work);
        };
        self.tombstones -= u64::from(self.control[place] == DELETED);
        self.set_control(place, tag_of(hash), work);
        self.pages.touch(place as u64 * 8, work);
        work.write(self.region, self.link_line(place));
        self.links[place] = link_to(slot);
        self.entries += 1;
    }

    #[inline]
    fn set_control(&mut self, place: usize, control: u8, work: &mut Work) {
        work.write(self.region, place as u64 / Touch::LINE_BYTES);
        self.control[place] = control;
        if place < MIRROR {
            let mirror = self.links.len() + place;
            self.control[mirror] = control;
        }
    }

    /// Takes an entry out of its place. The place becomes empty if no search can have passed over
    /// it, which takes a whole group of places without an empty one (hashbrown, erase).
    pub(super) fn remove(&mut self, place: usize, work: &mut Work) {
        let before = (place + self.links.len() - GROUP) & self.mask();
        let run_before = (self.empty(before) << GROUP).leading_zeros();
        let run_from = self.empty(place).trailing_zeros();
        let control = match run_before + run_from >= GROUP as u32 {
            true => DELETED,
            false => EMPTY,
        };
        self.tombstones += u64::from(control == DELETED);
        self.set_control(place, control, work);
        self.entries -= 1;
    }

    /// The first entry at `place` or after.
    pub(super) fn next_entry(&self, place: usize, work: &mut Work) -> Option<(usize, Slot)> {
        let mut first = place;
        while first < self.links.len() {
            self.look(first, work);
            let used = self.used(first);
            let within = self.links.len() - first;
            if let Some(place) = ones(used).next().filter(|&place| place < within) {
                work.read(self.region, self.link_line(first + place));
                return Some((first + place, self.slot(first + place)));
            }
            first += GROUP;
        }
        None
    }

    /// The entries of up to a group of places from `place` on.
    pub(super) fn entries_in(
        &self,
        place: usize,
        count: u64,
        work: &mut Work,
    ) -> impl Iterator<Item = Slot> + use<'_> {
        self.look(place, work);
        let used = self.used(place);
        let wanted = (1 << count.min(GROUP as u64)) - 1;
        ones(used & wanted).map(move |number| self.slot(place + number))
    }

    fn slot(&self, place: usize) -> Slot {
        slot_at(self.links[place]).expect("the place is taken")
    }

    /// Takes up to `budget` entries from `place` on, over whose places searches go on from now on, and
    /// returns the place behind the last.
    pub(super) fn take(
        &mut self,
        place: usize,
        budget: usize,
        taken: &mut Vec<Slot>,
        work: &mut Work,
    ) -> usize {
        let mut first = place;
        while first < self.links.len() {
            self.look(first, work);
            let within = self.links.len() - first;
            for number in ones(self.used(first)).take_while(|&number| number < within) {
                if taken.len() == budget {
                    return first + number;
                }
                let place = first + number;
                work.read(self.region, self.link_line(place));
                taken.push(self.slot(place));
                self.set_control(place, DELETED, work);
                self.entries -= 1;
                self.tombstones += 1;
            }
            first += GROUP;
        }
        first
    }

    /// Visits all entries whose home is in `homes`, and some others.
    ///
    /// A search ends with the group that has an empty place, and looks at all of that group. So the
    /// entries with these homes lie at most one group behind the first empty place from the last
    /// home on.
    pub(super) fn visit_homes(
        &self,
        homes: std::ops::Range<usize>,
        work: &mut Work,
        mut visit: impl FnMut(Slot, &mut Work),
    ) {
        let mut first = homes.start;
        let mut is_last = false;
        for _ in 0..=self.links.len() / GROUP {
            let group = first & self.mask();
            self.look(group, work);
            for place in ones(self.used(group)) {
                let place = (group + place) & self.mask();
                work.read(self.region, self.link_line(place));
                visit(self.slot(place), work);
            }
            if is_last {
                return;
            }
            let empty = self.empty(group);
            is_last = ones(empty).any(|place| first + place + 1 >= homes.end);
            first += GROUP;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(places: u64) -> PlaceArray {
        PlaceArray::allocate(places, Region(0), &mut Work::unpriced())
    }

    #[test]
    fn a_load_of_seven_eighths_decides_the_number_of_places() {
        for (entries, places) in [
            (0, 16),
            (14, 16),
            (15, 32),
            (28, 32),
            (29, 64),
            (7 << 20, 1 << 23),
        ] {
            assert_eq!(places_for(entries), places, "{entries}");
            assert!(capacity(places) >= entries);
        }
    }

    #[test]
    fn a_place_in_a_short_run_becomes_empty_and_one_in_a_long_run_a_tombstone() {
        let work = &mut Work::unpriced();
        for (run, is_tombstone) in [(15, false), (16, true)] {
            let mut array = array(64);
            (0..run).for_each(|number| array.add(3 << 58, Slot(number), work));
            array.remove(10, work);
            assert_eq!(array.control[10] == DELETED, is_tombstone);
            assert_eq!(array.tombstones, u64::from(is_tombstone));
            // All others are still found, from their home on.
            for number in (0..run).filter(|&number| number + 3 != 10) {
                let found = array.find(3 << 58, work, |slot, _| slot == Slot(number));
                assert_eq!(found, Some((number as usize + 3, Slot(number))));
            }
        }
    }

    #[test]
    fn searches_go_on_from_the_last_place_to_the_first() {
        let work = &mut Work::unpriced();
        let mut array = array(32);
        let last = 31 << 59;
        (0..20).for_each(|number| array.add(last, Slot(number), work));
        for number in 0..20 {
            let (place, _) = array
                .find(last, work, |slot, _| slot == Slot(number))
                .expect("it was added");
            assert_eq!(place, (31 + number as usize) % 32);
        }
        let mut seen = Vec::new();
        array.visit_homes(31..32, work, |slot, _| seen.push(slot.0));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
    }
}
