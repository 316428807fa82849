//! When each table grows: the sizes that a study names are entries, tables count buckets.

use super::outcome::Law;
use kvrig_tables::{TableKind, law};

/// Entries in the table at which it grows, for a doubling called `size`, a power of two: each
/// design's growth nearest to it.
pub(super) const fn entries_at_growth(kind: TableKind, size: u64) -> u64 {
    law::growth(kind, size).entries
}

/// Buckets that the table has before that growth.
pub(super) const fn buckets_before(kind: TableKind, size: u64) -> u64 {
    law::growth(kind, size).buckets
}

/// Where theory puts that growth of a table alone, by number of the insert.
pub(super) const fn law(kind: TableKind, size: u64) -> Law {
    let law = law::growth(kind, size);
    Law {
        started: law.started,
        ended: law.ended,
        freed: law.freed,
    }
}

/// Whether a growth ends with the freeing of an old array; two designs grow piece by piece.
pub(super) const fn frees_an_old_array(kind: TableKind) -> bool {
    !matches!(kind, TableKind::Kvrig | TableKind::Segmented)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_design_has_its_growth_nearest_to_a_million() {
        for (kind, entries, buckets) in [
            (TableKind::AtOnce, 1 << 20, 1 << 20),
            (TableKind::Redis70, 1 << 20, 1 << 20),
            (TableKind::Redis74, 1 << 20, 1 << 20),
            // Seven entries a bucket.
            (TableKind::Valkey81, 917_504, 1 << 17),
            (TableKind::ValkeyUnstable, 917_504, 1 << 17),
            (TableKind::Memcached16, 3 << 19, 1 << 20),
            // Seven entries in eight places.
            (TableKind::OpenAtOnce, 917_504, 1 << 20),
            (TableKind::OpenAmortised, 917_504, 1 << 20),
            // Half of 1,024 segments of 60 buckets have split.
            (TableKind::Segmented, 848_281, 1_536 * 60),
            (TableKind::Kvrig, 1 << 20, 1 << 18),
        ] {
            assert_eq!(entries_at_growth(kind, 1 << 20), entries, "{kind}");
            assert_eq!(buckets_before(kind, 1 << 20), buckets, "{kind}");
        }
    }
}
