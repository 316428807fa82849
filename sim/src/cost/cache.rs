//! Which touches of logical cache lines hit which cache: one tag array per core and level.
//!
//! Direct-mapped or two-way with least-recently-used replacement, lines placed by a multiplicative
//! hash. Real caches have more ways; two already hold the share of conflict misses close to theirs
//! (Hill and Smith, "Evaluating associativity in CPU caches", IEEE ToC 1989), and cost one load.

use kvrig_base::id::CoreId;
use kvrig_base::seam::Touch;
use std::hint::black_box;

/// One cache level as a profile describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheLevel {
    /// Its name in the profile, `L1`.
    pub name: String,
    /// Capacity in bytes.
    pub bytes: u64,
    /// Ways of the tag array, 1 or 2.
    pub ways: u32,
    /// Whether all cores share it.
    pub shared: bool,
    /// What a touch costs that hits here, in picoseconds.
    pub hit_ps: u64,
}

impl CacheLevel {
    /// Sets of the tag array.
    pub(super) const fn sets(&self) -> u64 {
        self.bytes / (Touch::LINE_BYTES * self.ways as u64)
    }
}

/// Tags of one cache. Each word is a set, the more recent tag in its lower half; 0 is empty.
///
/// Tags have 15 bits of the line's hash: a line is taken for another once in 16,000 misses, and the
/// tags of a large shared cache stay small enough for the caches of the machine that simulates it.
#[derive(Clone, Debug)]
struct TagArray {
    sets: Vec<u32>,
    shift: u32,
    two_way: bool,
    /// The place of its level among all.
    place: usize,
}

impl TagArray {
    fn new(place: usize, level: &CacheLevel) -> Self {
        let sets = level.sets();
        assert!(
            sets.is_power_of_two() && sets >= 2,
            "the profile's reader has checked sizes"
        );
        let length = usize::try_from(sets).expect("a cache's sets fit in memory");
        Self {
            sets: vec![0; length],
            shift: 64 - sets.trailing_zeros(),
            two_way: level.ways == 2,
            place,
        }
    }
    /// The set that a line belongs to. Index bits are the upper ones of the hash, tag bits lie
    /// below those of the largest index.
    #[inline]
    fn set(&self, hash: u64) -> u32 {
        self.sets[(hash >> self.shift) as usize]
    }
    /// Looks `hash` up, makes it the most recent of its set, and says whether it was there.
    #[inline]
    fn touch(&mut self, hash: u64) -> bool {
        let tag = u32::from((hash >> 16) as u16 | 1);
        let set = &mut self.sets[(hash >> self.shift) as usize];
        let recent = *set & 0xFFFF;
        if recent == tag {
            return true;
        }
        let hit = *set >> 16 == tag;
        let kept = if self.two_way { recent } else { tag };
        *set = kept << 16 | tag;
        hit
    }
}

/// Where touches were found: one count for each level, the fastest first, and one for memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Touches that did not follow the line touched just before.
    pub apart: Vec<u64>,
    /// Touches that did, and that a prefetcher has under way.
    pub in_sequence: Vec<u64>,
}

/// The caches of all cores.
#[derive(Clone, Debug)]
pub struct CacheModel {
    levels: Vec<CacheLevel>,
    private: Vec<Vec<TagArray>>,
    shared: Vec<TagArray>,
    /// The price of a touch by where it is found: each level, then memory.
    found_ps: Vec<u64>,
    /// The same for the line after the one touched just before.
    next_ps: Vec<u64>,
    /// The line touched last.
    last: u64,
}

impl CacheModel {
    /// Empty caches; cores are added with [`CacheModel::add_core`].
    ///
    /// A line found in no cache costs `dram_ps`, or `next_line_ps` where it follows the line
    /// touched just before: a prefetcher has it under way.
    pub fn new(levels: Vec<CacheLevel>, dram_ps: u64, next_line_ps: u64) -> Self {
        let places = levels.iter().enumerate();
        let shared = places.filter(|(_, level)| level.shared);
        let shared = shared
            .map(|(place, level)| TagArray::new(place, level))
            .collect();
        let hits = levels.iter().map(|level| level.hit_ps);
        let found_ps: Vec<u64> = hits.chain([dram_ps]).collect();
        let next_ps = found_ps
            .iter()
            .map(|&found| found.min(next_line_ps))
            .collect();
        Self {
            levels,
            private: Vec::new(),
            shared,
            found_ps,
            next_ps,
            last: u64::MAX - 1,
        }
    }
    /// Adds the private caches of one more core.
    pub fn add_core(&mut self) {
        let places = self.levels.iter().enumerate();
        let private = places.filter(|(_, level)| !level.shared);
        let arrays = private
            .map(|(place, level)| TagArray::new(place, level))
            .collect();
        self.private.push(arrays);
    }
    /// The price in picoseconds of `touches` by `core`, in order, in address space `space`.
    #[inline]
    pub fn price(&mut self, core: CoreId, space: u32, touches: &[Touch]) -> u64 {
        let (found_ps, next_ps) = (
            std::mem::take(&mut self.found_ps),
            std::mem::take(&mut self.next_ps),
        );
        let mut price = 0;
        self.find(core, space, touches, |place, is_next| {
            price += if is_next {
                next_ps[place]
            } else {
                found_ps[place]
            };
        });
        (self.found_ps, self.next_ps) = (found_ps, next_ps);
        price
    }
    /// Adds to `hits` where `touches` by `core` are found, as [`CacheModel::price`] prices them.
    pub fn count_hits(&mut self, core: CoreId, space: u32, touches: &[Touch], hits: &mut Hits) {
        hits.apart.resize(self.found_ps.len(), 0);
        hits.in_sequence.resize(self.found_ps.len(), 0);
        self.find(core, space, touches, |place, is_next| {
            let counts = if is_next {
                &mut hits.in_sequence
            } else {
                &mut hits.apart
            };
            counts[place] += 1;
        });
    }
    /// Touches lines in order and tells where each was found, and whether it followed the one
    /// before.
    #[inline]
    fn find(
        &mut self,
        core: CoreId,
        space: u32,
        touches: &[Touch],
        mut tell: impl FnMut(usize, bool),
    ) {
        // Spaces differ in the bits above those of a line.
        let space = (u64::from(space) << 40).rotate_left(23);
        let memory = self.levels.len();
        let private = &mut self.private[core.index()];
        let mut last = self.last;
        for touches in touches.chunks(AHEAD) {
            // Fetch the sets of the largest array first: looked up one by one, each would wait for
            // the decision on the one before.
            if let Some(largest) = self.shared.last().or(private.last()) {
                let sets = touches
                    .iter()
                    .map(|touch| largest.set(hash(touch.address() ^ space)));
                black_box(sets.fold(0, |all, set| all | set));
            }
            for touch in touches {
                let line = touch.address() ^ space;
                let hash = hash(line);
                let place = look_up(private, hash).or_else(|| look_up(&mut self.shared, hash));
                tell(place.unwrap_or(memory), line == last.wrapping_add(1));
                last = line;
            }
        }
        self.last = last;
    }
}

/// Touches whose sets are fetched together.
const AHEAD: usize = 32;

/// Spreads neighbouring lines over the upper bits: 2^64 divided by the golden ratio (Knuth, TAOCP 3,
/// section 6.4).
#[inline]
const fn hash(line: u64) -> u64 {
    line.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Touches the line in one level after another until it is found; says where.
#[inline]
fn look_up(levels: &mut [TagArray], hash: u64) -> Option<usize> {
    levels
        .iter_mut()
        .find_map(|level| level.touch(hash).then_some(level.place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::seam::Region;

    fn level(name: &str, bytes: u64, ways: u32, shared: bool, hit_ps: u64) -> CacheLevel {
        CacheLevel {
            name: name.into(),
            bytes,
            ways,
            shared,
            hit_ps,
        }
    }

    fn model(cores: u32) -> CacheModel {
        let levels = vec![
            level("L1", 32 << 10, 2, false, 1),
            level("L2", 512 << 10, 2, false, 10),
            level("L3", 8 << 20, 2, true, 100),
        ];
        let mut model = CacheModel::new(levels, 1_000, 50);
        (0..cores).for_each(|_| model.add_core());
        model
    }

    fn read(line: u64) -> Touch {
        Touch::new(Region(3), line, false)
    }

    #[test]
    fn a_line_is_found_again_where_it_was_brought() {
        let mut model = model(2);
        let (first, second) = (CoreId(0), CoreId(1));
        assert_eq!(model.price(first, 0, &[read(5)]), 1_000);
        assert_eq!(model.price(first, 0, &[read(5)]), 1);
        assert_eq!(
            model.price(second, 0, &[read(5)]),
            100,
            "the third level is shared"
        );
        assert_eq!(
            model.price(first, 7, &[read(5)]),
            1_000,
            "another address space"
        );
    }

    #[test]
    fn lines_in_sequence_are_prefetched() {
        let mut model = model(1);
        let lines: Vec<Touch> = (0..1_001).map(|line| read(1 << 20 | line)).collect();
        assert_eq!(model.price(CoreId(0), 0, &lines), 1_000 + 1_000 * 50);
    }

    /// A working set of half a level stays in it, one of eight times the level does not.
    #[test]
    fn working_sets_land_in_the_level_that_holds_them() {
        for (lines, cheapest, dearest) in [
            (250, 1, 5),
            (4_000, 5, 25),
            (64_000, 60, 250),
            (1 << 20, 850, 1_000),
        ] {
            let mut model = model(1);
            // An odd stride visits the lines out of sequence.
            let touches: Vec<Touch> = (0..lines)
                .map(|turn: u64| read(turn * 7_919 % lines))
                .collect();
            model.price(CoreId(0), 0, &touches);
            let mean = model.price(CoreId(0), 0, &touches) / lines;
            assert!(
                (cheapest..=dearest).contains(&mean),
                "{lines} lines cost {mean} each"
            );
        }
    }

    #[test]
    fn a_direct_mapped_array_keeps_one_line_a_set() {
        let mut array = TagArray::new(0, &level("L1", 128, 1, false, 1));
        let (first, second) = (0x1234_5678_u64 << 16, 0x8765_4321_u64 << 16);
        assert!(!array.touch(first));
        assert!(array.touch(first));
        assert!(!array.touch(second));
        assert!(!array.touch(first));
    }
}
