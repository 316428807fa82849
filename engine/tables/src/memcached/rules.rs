//! When Memcached 1.6 expands, and which lock guards which bucket.

/// Power of two of the buckets at the start (`memcached:assoc.h`, HASHPOWER_DEFAULT).
pub const HASHPOWER_DEFAULT: u32 = 16;
/// Power of two of the buckets at most (`memcached:assoc.h`, HASHPOWER_MAX).
pub const HASHPOWER_MAX: u32 = 32;

/// Whether `items` are too many for 2^`power` buckets: more than 1.5 a bucket
/// (`memcached:assoc.c`, assoc_start_expand).
pub const fn is_overfull(items: u64, power: u32) -> bool {
    items > (1 << power) * 3 / 2 && power < HASHPOWER_MAX
}

/// Power of two of the item locks that so many worker threads share
/// (`memcached:thread.c`, memcached_thread_init).
pub const fn item_lock_power(workers: u32) -> u32 {
    match workers {
        0..3 => 10,
        3 => 11,
        4 => 12,
        5..=10 => 13,
        11..=20 => 14,
        _ => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_overfull_beyond_one_and_a_half_items_a_bucket_and_never_at_the_largest() {
        assert!(!is_overfull(98_304, 16));
        assert!(is_overfull(98_305, 16));
        assert!(!is_overfull(u64::MAX, HASHPOWER_MAX));
    }

    #[test]
    fn more_workers_share_more_locks() {
        let powers = [1, 2, 3, 4, 5, 10, 11, 20, 21, 64].map(item_lock_power);
        assert_eq!(powers, [10, 10, 11, 12, 13, 13, 14, 14, 15, 15]);
    }
}
