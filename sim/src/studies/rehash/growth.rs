//! When each table grows: the sizes that a study names are entries, tables count buckets.

use kvrig_tables::TableKind;

/// Entries in the table at which it grows, for a doubling called `size`.
///
/// Memcached grows beyond 1.5 entries a bucket (`memcached:assoc.c`), the others at the load that
/// their buckets are made for.
pub(super) const fn entries_at_growth(kind: TableKind, size: u64) -> u64 {
    match kind {
        TableKind::Memcached16 => size + size / 2,
        _ => size,
    }
}

/// Buckets that the table has before that growth.
pub(super) const fn buckets_before(kind: TableKind, size: u64) -> u64 {
    match kind {
        // Linear hashing over buckets that are filled with four entries on average.
        TableKind::Kvrig => size / 4,
        _ => size,
    }
}
