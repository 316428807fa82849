//! The sizes in which Memcached allots memory for items.

/// Memory of the smallest class beside the item's header: the option `-n` (`memcached:slabs.c`).
const CHUNK_SIZE: u64 = 48;
/// How much larger each class is than the one before, times 100: the option `-f`, 1.25.
const GROWTH_FACTOR_PERCENT: u64 = 125;
/// Chunks are multiples of this (CHUNK_ALIGN_BYTES).
const CHUNK_ALIGN_BYTES: u64 = 8;
/// Largest chunk: half a page (slab_chunk_size_max).
const CHUNK_BYTES_MAX: u64 = 512 * 1024;
/// Classes at most (MAX_NUMBER_OF_SLAB_CLASSES, less the first and the last number).
const CLASSES_MAX: usize = 62;
/// Largest item, its header included: the option `-I` (item_size_max).
pub const ITEM_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of an item's header (`memcached:memcached.h`, sizeof(item)).
const HEADER_BYTES: u64 = 48;
/// Bytes of its CAS value.
const CAS_BYTES: u64 = 8;

/// The chunk sizes of all classes, ascending.
#[derive(Clone, Debug)]
pub struct SlabClasses(Vec<u64>);

impl Default for SlabClasses {
    /// The classes of Memcached's default options (`memcached:slabs.c`, slabs_init).
    fn default() -> Self {
        let mut sizes = Vec::new();
        let mut size = HEADER_BYTES + CHUNK_SIZE;
        while sizes.len() < CLASSES_MAX && size * GROWTH_FACTOR_PERCENT < CHUNK_BYTES_MAX * 100 {
            size = size.next_multiple_of(CHUNK_ALIGN_BYTES);
            sizes.push(size);
            size = size * GROWTH_FACTOR_PERCENT / 100;
        }
        sizes.push(CHUNK_BYTES_MAX);
        Self(sizes)
    }
}

impl SlabClasses {
    /// The memory that an item of `bytes` takes: the smallest chunk that it fits in. A larger item
    /// is strung together from several, the last of which is cut to size.
    pub fn chunk_bytes(&self, bytes: u64) -> u64 {
        let class = self.0.partition_point(|&size| size < bytes);
        self.0.get(class).copied().unwrap_or(bytes)
    }
}

/// Bytes of an item: header, CAS value, key with its closing zero, flags unless they are zero, and
/// the value with its line end (`memcached:items.c`, item_make_header and do_item_alloc).
pub const fn item_bytes(key_bytes: usize, flags: u32, value_bytes: usize) -> u64 {
    let flags_bytes = if flags == 0 { 0 } else { 4 };
    HEADER_BYTES + CAS_BYTES + key_bytes as u64 + 1 + flags_bytes + value_bytes as u64 + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The classes that `memcached -vv` of 1.6.18 prints.
    #[test]
    fn classes_are_those_of_memcached() {
        let classes = SlabClasses::default();
        assert_eq!(classes.0[..6], [96, 120, 152, 192, 240, 304]);
        assert_eq!(classes.0.len(), 39);
        assert_eq!(classes.0[37..], [394_840, 524_288]);
    }

    #[test]
    fn an_item_of_twenty_and_thirty_two_bytes_takes_the_second_class() {
        let bytes = item_bytes(20, 0, 32);
        assert_eq!(bytes, 111);
        assert_eq!(SlabClasses::default().chunk_bytes(bytes), 120);
    }
}
