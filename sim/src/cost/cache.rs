//! Which touches of logical cache lines hit which cache: one tag array per core and level, and one
//! for the pages whose translations a core holds.
//!
//! Tag arrays have one, two or four ways with least-recently-used replacement; lines are placed by a
//! multiplicative hash. Real caches have more ways; four hold the share of conflict misses close to
//! theirs (Hill and Smith, "Evaluating associativity in CPU caches", IEEE ToC 1989), and cost one
//! load.
//!
//! Without huge pages a large store has more pages than a core holds translations of. A page that
//! has none is walked for: one line of page tables, eight entries, is looked for in the caches
//! behind the first level like any other line. A hot key may thus lie in a near cache and still
//! wait for a page table from memory.

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
    /// Ways of the tag array: 1, 2 or 4.
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

/// The translation look-aside buffer of a core, its last level: translations of 4 KiB pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlb {
    /// How many pages it translates, a power of two of at least [`Tlb::ENTRIES_MIN`].
    pub entries: u64,
    /// What walking the page tables costs, in picoseconds, beside the line that is read of them.
    pub walk_ps: u64,
}

impl Tlb {
    /// The fewest entries: two sets of four ways.
    pub const ENTRIES_MIN: u64 = 2 * WAYS_MAX as u64;
    /// The most entries, some hundred times what processors have.
    pub const ENTRIES_MAX: u64 = 1 << 20;
}

/// The most ways of a tag array.
pub(super) const WAYS_MAX: u32 = 4;
/// Bits of a tag.
const LANE_BITS: u32 = 16;
/// One in every lane of a set.
const LANES: u64 = 0x0001_0001_0001_0001;

/// Tags of one cache. Each word is a set, the most recent tag in its lowest 16 bits; 0 is empty.
///
/// Tags have 15 bits of the line's hash: a line is taken for another once in some 8,000 misses, and
/// the tags of a large shared cache stay small enough for the caches of the machine that simulates
/// it.
#[derive(Clone, Debug)]
struct TagArray {
    sets: Vec<u64>,
    shift: u32,
    /// The lanes in use.
    kept: u64,
}

impl TagArray {
    fn new(sets: u64, ways: u32) -> Self {
        assert!(
            sets.is_power_of_two() && sets >= 2 && (1..=WAYS_MAX).contains(&ways),
            "the profile's reader has checked sizes"
        );
        let length = usize::try_from(sets).expect("a cache's sets fit in memory");
        Self {
            sets: vec![0; length],
            shift: 64 - sets.trailing_zeros(),
            kept: u64::MAX >> (u64::BITS - ways * LANE_BITS),
        }
    }
    fn of_level(level: &CacheLevel) -> Self {
        Self::new(level.sets(), level.ways)
    }
    fn of_tlb(tlb: &Tlb) -> Self {
        Self::new(tlb.entries / u64::from(WAYS_MAX), WAYS_MAX)
    }
    /// The set that a line belongs to: the upper bits of its hash.
    #[inline]
    fn set(&self, hash: u64) -> u64 {
        self.sets[(hash >> self.shift) as usize]
    }
    /// The hash of a page: neighbours lie in sets next to one another, as in processors, so that a
    /// region no larger than the buffer keeps all its pages; regions begin anywhere.
    #[inline]
    fn hash_of_page(&self, page: u64) -> u64 {
        let apart = hash(page >> (SPACE_SHIFT - PAGE_LINES_SHIFT)) >> self.shift;
        let set = page.wrapping_add(apart);
        (set << self.shift) | (hash(page) >> (u64::BITS - self.shift))
    }
    /// Looks `hash` up, makes it the most recent of its set, and says whether it was there.
    #[inline]
    fn touch(&mut self, hash: u64) -> bool {
        // The upper bits alone tell regions apart, so they are part of the tag.
        let tag = u64::from(((hash >> 16) ^ (hash >> 40)) as u16 | 1);
        let set = &mut self.sets[(hash >> self.shift) as usize];
        let word = *set;
        if word & 0xFFFF == tag {
            return true;
        }
        // The lowest lane that equals the tag has its upper bit set (Warren, "Hacker's Delight",
        // section 6-1).
        let differing = word ^ (tag * LANES);
        let equal = differing.wrapping_sub(LANES) & !differing & (LANES << 15);
        let moved = match equal {
            0 => self.kept,
            _ => u64::MAX >> (u64::BITS - 1 - equal.trailing_zeros()),
        };
        *set = (word & !moved) | ((word << LANE_BITS) & moved) | tag;
        equal != 0
    }
}

/// Where touches were found: one count for each level, the fastest first, and one for memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Touches that did not follow the line touched just before.
    pub apart: Vec<u64>,
    /// Touches that did, and that a prefetcher has under way.
    pub in_sequence: Vec<u64>,
    /// Lines of page tables.
    pub walked: Vec<u64>,
}

impl Hits {
    /// No touches, of a model with so many `levels`.
    pub fn none(levels: usize) -> Self {
        let places = vec![0; levels + 1];
        Self {
            apart: places.clone(),
            in_sequence: places.clone(),
            walked: places,
        }
    }
}

/// A line that was looked for.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// It did not follow the one before.
    Apart,
    /// It did.
    Next,
    /// It belongs to the page tables.
    Walked,
}

/// The private caches of one core.
#[derive(Clone, Debug)]
struct CoreCaches {
    levels: Vec<TagArray>,
    translations: Option<TagArray>,
}

/// The caches of all cores.
#[derive(Clone, Debug)]
pub struct CacheModel {
    levels: Vec<CacheLevel>,
    tlb: Option<Tlb>,
    private: Vec<CoreCaches>,
    /// The levels behind the private ones.
    shared: Vec<TagArray>,
    /// The price of a touch by where it is found: each level, then memory.
    found_ps: Vec<u64>,
    /// The same for the line after the one touched just before.
    next_ps: Vec<u64>,
    /// The same for a line of page tables, with the walk to it.
    walked_ps: Vec<u64>,
    /// The line touched last.
    last: u64,
}

impl CacheModel {
    /// Empty caches; cores are added with [`CacheModel::add_core`]. No private level lies behind a
    /// shared one.
    ///
    /// A line found in no cache costs `dram_ps`, or `next_line_ps` where it follows the line
    /// touched just before: a prefetcher has it under way. Without a `tlb`, all pages are
    /// translated for nothing.
    pub fn new(levels: Vec<CacheLevel>, tlb: Option<Tlb>, dram_ps: u64, next_line_ps: u64) -> Self {
        let shared = levels.iter().filter(|level| level.shared);
        let shared = shared.map(TagArray::of_level).collect();
        let hits = levels.iter().map(|level| level.hit_ps);
        let found_ps: Vec<u64> = hits.chain([dram_ps]).collect();
        let walk_ps = tlb.map_or(0, |tlb| tlb.walk_ps);
        let next_ps = found_ps.iter().map(|&found| found.min(next_line_ps));
        let next_ps = next_ps.collect();
        let walked_ps = found_ps.iter().map(|&found| found + walk_ps).collect();
        Self {
            levels,
            tlb,
            private: Vec::new(),
            shared,
            found_ps,
            next_ps,
            walked_ps,
            last: u64::MAX - 1,
        }
    }
    /// Adds the private caches of one more core.
    pub fn add_core(&mut self) {
        let private = self.levels.iter().filter(|level| !level.shared);
        self.private.push(CoreCaches {
            levels: private.map(TagArray::of_level).collect(),
            translations: self.tlb.as_ref().map(TagArray::of_tlb),
        });
    }
    /// The price in picoseconds of `touches` by `core`, in order, in address space `space`.
    #[inline]
    pub fn price(&mut self, core: CoreId, space: u32, touches: &[Touch]) -> u64 {
        let (found_ps, next_ps, walked_ps) = (
            std::mem::take(&mut self.found_ps),
            std::mem::take(&mut self.next_ps),
            std::mem::take(&mut self.walked_ps),
        );
        let mut price = 0;
        self.find(core, space, touches, |place, line| {
            price += match line {
                Line::Apart => found_ps[place],
                Line::Next => next_ps[place],
                Line::Walked => walked_ps[place],
            };
        });
        (self.found_ps, self.next_ps, self.walked_ps) = (found_ps, next_ps, walked_ps);
        price
    }
    /// Adds to `hits` where `touches` by `core` are found, as [`CacheModel::price`] prices them.
    ///
    /// # Panics
    /// If `hits` are not those of a model with so many levels.
    pub fn count_hits(&mut self, core: CoreId, space: u32, touches: &[Touch], hits: &mut Hits) {
        self.find(core, space, touches, |place, line| {
            let counts = match line {
                Line::Apart => &mut hits.apart,
                Line::Next => &mut hits.in_sequence,
                Line::Walked => &mut hits.walked,
            };
            counts[place] += 1;
        });
    }
    /// Touches lines in order and tells where each was found and what kind of line it was.
    #[inline]
    fn find(
        &mut self,
        core: CoreId,
        space: u32,
        touches: &[Touch],
        mut tell: impl FnMut(usize, Line),
    ) {
        let space = u64::from(space) << SPACE_SHIFT;
        let CoreCaches {
            levels,
            translations,
        } = &mut self.private[core.index()];
        let shared = &mut self.shared[..];
        let (mut first, behind) = match levels.split_first_mut() {
            Some((first, behind)) => (Some(first), behind),
            None => (None, &mut [][..]),
        };
        let places = usize::from(first.is_some());
        let mut last = self.last;
        for touches in touches.chunks(AHEAD) {
            // Fetch the sets of the largest array first: looked up one by one, each would wait for
            // the decision on the one before.
            if let Some(largest) = shared.last().or(behind.last()) {
                let sets = touches
                    .iter()
                    .map(|touch| largest.set(hash(touch.address() ^ space)));
                black_box(sets.fold(0, |all, set| all | set));
            }
            for touch in touches {
                let line = touch.address() ^ space;
                let kind = match line == last.wrapping_add(1) {
                    true => Line::Next,
                    false => Line::Apart,
                };
                last = line;
                let hash_of_line = hash(line);
                // A line in the first level was used too recently for its page to be forgotten.
                if let Some(first) = &mut first
                    && first.touch(hash_of_line)
                {
                    tell(0, kind);
                    continue;
                }
                if let Some(translations) = translations
                    && !translations.touch(translations.hash_of_page(line >> PAGE_LINES_SHIFT))
                {
                    let entry = line >> PAGE_LINES_SHIFT >> LINE_ENTRIES_SHIFT;
                    let table = hash(entry | PAGE_TABLES);
                    tell(places + look_up(behind, shared, table), Line::Walked);
                }
                tell(places + look_up(behind, shared, hash_of_line), kind);
            }
        }
        self.last = last;
    }
}

/// Touches whose sets are fetched together.
const AHEAD: usize = 32;
/// Address spaces differ in the bits above those of a line: 2^30 lines are 64 GiB of one region.
const SPACE_SHIFT: u32 = 30;
/// Lines of a page, as a power of two.
const PAGE_LINES_SHIFT: u32 = (4_096 / Touch::LINE_BYTES).trailing_zeros();
/// Entries of 8 bytes in a line of page tables, as a power of two.
const LINE_ENTRIES_SHIFT: u32 = (Touch::LINE_BYTES / 8).trailing_zeros();
/// No touch has this bit in its address.
const PAGE_TABLES: u64 = 1 << 63;

/// Spreads neighbouring lines over the upper bits: 2^64 divided by the golden ratio (Knuth, TAOCP 3,
/// section 6.4).
#[inline]
const fn hash(line: u64) -> u64 {
    line.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Touches the line in one level after another until it is found; says in which, or how many there
/// are.
#[inline]
fn look_up(private: &mut [TagArray], shared: &mut [TagArray], hash: u64) -> usize {
    let count = private.len() + shared.len();
    let mut levels = private.iter_mut().chain(shared);
    levels.position(|level| level.touch(hash)).unwrap_or(count)
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
        let mut model = CacheModel::new(levels, None, 1_000, 50);
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

    /// Two hundred lines on as many pages stay in the first level; three thousand leave it, and a core
    /// that translates 64 pages then walks for each.
    #[test]
    fn a_page_that_is_not_translated_costs_a_walk_and_a_line_of_its_table() {
        let (mut plain, mut walking) = (model(1), model(1));
        let tlb = Tlb {
            entries: 64,
            walk_ps: 7,
        };
        walking = CacheModel::new(walking.levels, Some(tlb), 1_000, 50);
        walking.add_core();
        let first = walking.price(CoreId(0), 0, &[read(64)]);
        assert_eq!(first, 1_000 + 7 + 1_000, "table and line come from memory");
        assert_eq!(walking.price(CoreId(0), 0, &[read(64)]), 1);
        assert_eq!(
            walking.price(CoreId(0), 0, &[read(66)]),
            1_000,
            "the page is translated"
        );
        assert_eq!(
            walking.price(CoreId(0), 0, &[read(128 + 3)]),
            7 + 10 + 1_000,
            "eight pages share a line of the table"
        );
        let pages: Vec<Touch> = (0..3_000)
            .map(|page| read(page * 64 + page * 7 % 61))
            .collect();
        for model in [&mut plain, &mut walking] {
            model.price(CoreId(0), 0, &pages);
        }
        let without = plain.price(CoreId(0), 0, &pages);
        let mut hits = Hits::none(3);
        walking.count_hits(CoreId(0), 0, &pages, &mut hits);
        let walks: u64 = hits.walked.iter().sum();
        assert!(walks > 2_700, "{walks} walks");
        assert!(walking.price(CoreId(0), 0, &pages) > without + walks * (7 + 10) / 2);
    }

    /// Whether each of `lines` is found in an exact least-recently-used cache of so many lines.
    fn exact_hits(capacity: usize, lines: &[u64]) -> usize {
        let mut recent: Vec<u64> = Vec::new();
        let found = lines.iter().filter(|line| {
            let place = recent.iter().position(|known| known == *line);
            if let Some(place) = place.or((recent.len() == capacity).then_some(0)) {
                recent.remove(place);
            }
            recent.push(**line);
            place.is_some()
        });
        found.count()
    }

    /// Lines of a power law: the lower ones are the more popular, by a draw that is folded.
    fn skewed(draws: &mut kvrig_base::random::Draws, lines: u64, folds: u32) -> u64 {
        (0..folds).fold(lines, |below, _| draws.next_u64() % below.max(1))
    }

    #[test]
    fn shares_of_hits_are_near_those_of_an_exact_cache() {
        const CAPACITY: u64 = 1_024;
        for (lines, folds) in [
            (512, 1),
            (900, 1),
            (2_048, 1),
            (8_192, 1),
            (8_192, 2),
            (65_536, 3),
        ] {
            let mut draws = kvrig_base::random::Seed(9)
                .stream("lines")
                .draws(lines, folds.into());
            let touched: Vec<u64> = (0..40_000)
                .map(|_| skewed(&mut draws, lines, folds) * 3 + 1)
                .collect();
            let share = |hits: usize| hits as f64 / touched.len() as f64;
            let exact = share(exact_hits(CAPACITY as usize, &touched));
            for (ways, near) in [(2, 0.20), (4, 0.12)] {
                let mut array = TagArray::new(CAPACITY / ways, ways as u32);
                let found = touched.iter().filter(|&&line| array.touch(hash(line)));
                let found = share(found.count());
                assert!(
                    (found - exact).abs() < near,
                    "{lines} lines, {folds} folds, {ways} ways: {found} for {exact}"
                );
            }
        }
    }

    /// A set of four keeps the last four and no others.
    #[test]
    fn the_least_recently_used_line_of_a_set_leaves_first() {
        let lines = [1_u64, 2, 3, 4, 5].map(|tag| tag << 17 | 1 << 16);
        let mut array = TagArray::new(2, 4);
        let touch = |array: &mut TagArray, place: usize| array.touch(lines[place]);
        assert!([0, 1, 2, 3].iter().all(|&place| !touch(&mut array, place)));
        assert!(touch(&mut array, 0), "it becomes the most recent");
        assert!(!touch(&mut array, 4), "it takes the place of the second");
        assert!([0, 2, 3, 4].iter().all(|&place| touch(&mut array, place)));
        assert!(!touch(&mut array, 1));
    }

    /// As many neighbouring pages as a buffer has entries are all kept, in any order.
    #[test]
    fn neighbouring_pages_fill_a_buffer_without_conflicts() {
        let mut translations = TagArray::of_tlb(&Tlb {
            entries: 2_048,
            walk_ps: 0,
        });
        for turn in 0..2 {
            let pages = (0..2_048_u64).map(|page| 70_000 + page * 7 % 2_048);
            let found = pages.filter(|&page| {
                let hash = translations.hash_of_page(page);
                translations.touch(hash)
            });
            let found = found.count();
            assert!(
                found >= turn * 2_000,
                "{found} of 2,048 found in turn {turn}"
            );
        }
    }

    #[test]
    fn a_direct_mapped_array_keeps_one_line_a_set() {
        let mut array = TagArray::new(2, 1);
        let (first, second) = (0x1234_5678_u64 << 16, 0x8765_4321_u64 << 16);
        assert!(!array.touch(first));
        assert!(array.touch(first));
        assert!(!array.touch(second));
        assert!(!array.touch(first));
    }
}
