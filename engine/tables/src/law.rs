//! Where theory puts the growth of each table, in one place, to be printed beside what a simulated
//! and a measured table do.
//!
//! All laws are of a table that grows from nothing by insertions of new keys alone, without a timer:
//! insertions are numbered from one. Sizes are nominal: a power of two of entries, and each design's
//! growth nearest to it, but for Memcached's, whose sizes are its buckets.

use crate::kind::TableKind;

/// Millionths of 2 - 1/e = 1.632120558…
const TWO_MINUS_ONE_OVER_E_MILLIONTHS: u64 = 1_632_121;

/// Entries for each segment that there was when half of the segments of a table have split.
const ENTRIES_AT_HALF_A_WAVE: (u64, u64) = (8_284, 10);

/// One growth, as theory has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrowthLaw {
    /// Buckets before it ([`crate::Table::buckets`]).
    pub buckets: u64,
    /// Entries in the table when it begins: the next insertion begins it.
    pub entries: u64,
    /// The insertion that begins it.
    pub started: u64,
    /// The insertion that moves the last entry, where theory knows.
    pub ended: Option<u64>,
    /// The insertion that gives the last of the old array back, where there is one and theory knows.
    pub freed: Option<u64>,
    /// Whether these are exact; otherwise they are means over keys.
    pub is_exact: bool,
}

impl GrowthLaw {
    /// A growth from `buckets`, begun by the insertion after `entries`, that ends and frees the old
    /// array at insertion `ended`.
    const fn ending(buckets: u64, entries: u64, ended: u64) -> Self {
        Self {
            buckets,
            entries,
            started: entries + 1,
            ended: Some(ended),
            freed: Some(ended),
            is_exact: true,
        }
    }
}

/// The growth of `kind` nearest to `size` entries, a power of two of at least 2^10.
///
/// - Doubling at once is over with the insertion that begins it.
/// - Redis moves one bucket with entries an insertion. At load 1 all but 1/e of the buckets have
///   entries (they are Poisson with mean 1), so that 2^k buckets take 2^k (1 - 1/e) insertions: it
///   ends at 2^k (2 - 1/e), a mean. 7.4 moves the bucket that it looks at instead of the next one,
///   which changes the order and not the number. `redis-server` 7.0.15 ended at insertions 6,845,801
///   and 13,691,123 for k = 22 and 23.
/// - Valkey grows at 7 entries a bucket and moves one bucket an insertion, whether it has entries or
///   not: 2^k / 8 buckets are full at 7/8 2^k entries and have moved 2^k / 8 insertions later.
/// - Memcached's thread looks at the size once a second and moves buckets at a pace of its own:
///   theory says at how many entries it may begin, and no more.
/// - Open addressing is full at 7/8 2^k entries in 2^k places. Moving all at once is over with that
///   insertion. Moving eight an insertion, the first included, takes 7/8 2^k / 8 insertions: it ends
///   at 63/64 2^k.
/// - The segmented table splits its segments in waves. There is no closed form for the fill at which
///   one of 840 places has none for the next entry: half of the segments of a wave have split when
///   there are 828.4 entries for each (98.6 %), a mean of simulations of 2^11 and 2^12 segments under
///   six keys each, which agree within 0.1 %. A round, from half a wave to half the next, begins and
///   ends there; nothing large is freed.
/// - kvrig's table begins a round at 2^k entries with 2^k / 4 buckets, and splits the last of them
///   when the entries have doubled; it has no old array.
pub const fn growth(kind: TableKind, size: u64) -> GrowthLaw {
    match kind {
        TableKind::AtOnce => GrowthLaw::ending(size, size, size + 1),
        TableKind::Redis70 | TableKind::Redis74 => GrowthLaw {
            is_exact: false,
            ..GrowthLaw::ending(
                size,
                size,
                size * TWO_MINUS_ONE_OVER_E_MILLIONTHS / 1_000_000,
            )
        },
        TableKind::Valkey81 | TableKind::ValkeyUnstable => {
            GrowthLaw::ending(size / 8, size / 8 * 7, size + 1)
        }
        TableKind::Memcached16 => GrowthLaw {
            ended: None,
            freed: None,
            ..GrowthLaw::ending(size, size + size / 2, 0)
        },
        TableKind::OpenAtOnce => GrowthLaw::ending(size, size / 8 * 7, size / 8 * 7 + 1),
        TableKind::OpenAmortised => GrowthLaw::ending(size, size / 8 * 7, size / 64 * 63),
        TableKind::Segmented => {
            let segments = size / 1_024;
            let (entries, scale) = ENTRIES_AT_HALF_A_WAVE;
            let entries = segments * entries / scale;
            GrowthLaw {
                freed: None,
                is_exact: false,
                // Half as many again, of 60 buckets each.
                ..GrowthLaw::ending(segments * 90, entries, 2 * entries)
            }
        }
        TableKind::Kvrig => GrowthLaw {
            freed: None,
            ..GrowthLaw::ending(size / 4, size, 2 * size - 3)
        },
    }
}
