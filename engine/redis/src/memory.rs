//! How many bytes Redis would take: the sizes of its allocations, not of ours.
//!
//! A capacity plan asks what the real store needs, so `used_memory` follows the layout of Redis
//! 7.0: for each key a dictEntry, the key as an sds string and the value as an object, each rounded
//! to what the allocator hands out. The figures agree to the byte with used_memory of Redis 7.0.15
//! with the system's jemalloc 5.3: 128 bytes for a key of 20 and a value of 32, and 8 for its
//! bucket; a test asks a real server.

use crate::value::{StringValue, Value};

/// used_memory_startup of Redis 7.0.15 (Debian 7.0.15, jemalloc 5.3.0, 16 databases), measured.
///
/// Buffers of clients are not modelled.
pub const STARTUP_BYTES: u64 = 876_120;
/// struct dictEntry of 7.0: key, value, next.
const DICT_ENTRY_BYTES: u64 = 24;
/// struct redisObject.
pub(crate) const OBJECT_BYTES: u64 = 16;
/// Longest string that shares the allocation of its object (OBJ_ENCODING_EMBSTR_SIZE_LIMIT).
pub const EMBEDDED_BYTES_MAX: usize = 44;
/// Integers from 0 up to this have one object for all keys (OBJ_SHARED_INTEGERS).
pub const SHARED_INTEGERS: i64 = 10_000;
/// Growth of a string doubles up to this size and adds as much from there (SDS_MAX_PREALLOC).
const PREALLOCATION_BYTES_MAX: usize = 1024 * 1024;

/// The bytes that jemalloc with a quantum of 16 hands out for a request of `bytes`: 8, then
/// multiples of 16 up to 128, then four sizes for each doubling (jemalloc's size_classes).
pub const fn size_class(bytes: u64) -> u64 {
    if bytes <= 8 {
        return 8;
    }
    if bytes <= 128 {
        return bytes.next_multiple_of(16);
    }
    let spacing = 1 << ((bytes - 1).ilog2() - 2);
    bytes.next_multiple_of(spacing)
}

/// Bytes of the bucket array that a dict of 7.0 has for so many entries: a power of two of pointers,
/// at least four, once all rehashing has ended.
pub(crate) const fn bucket_array_bytes(entries: u64) -> u64 {
    const BUCKETS_MIN: u64 = 4;
    const POINTER_BYTES: u64 = 8;
    match entries {
        0 => 0,
        1..=BUCKETS_MIN => size_class(BUCKETS_MIN * POINTER_BYTES),
        _ => size_class(entries.next_power_of_two() * POINTER_BYTES),
    }
}

/// The number of a size class, counted from that of 16 bytes; smaller ones share its number.
pub(crate) const fn size_class_index(class: u64) -> u16 {
    match class {
        0..=16 => 0,
        17..=128 => (class / 16 - 1) as u16,
        _ => {
            let doubling = (class - 1).ilog2();
            let quarter = (class - 1) >> (doubling - 2) & 3;
            (8 + (doubling - 7) * 4) as u16 + quarter as u16
        }
    }
}

/// How many numbers [`size_class_index`] gives for strings of up to 4 GiB.
pub(crate) const SIZE_CLASSES: u16 = size_class_index(1 << 33) + 1;

/// The header of an sds string whose capacity is `bytes` (sds.h: sdshdr8 to sdshdr64; short keys
/// have sdshdr5, which only [`key_bytes`] meets).
const fn header_bytes(bytes: u64) -> u64 {
    match bytes {
        0..=0xFF => 3,
        0x100..=0xFFFF => 5,
        0x1_0000..=0xFFFF_FFFF => 9,
        _ => 17,
    }
}

/// Bytes of an sds string with this capacity: header, content, zero byte.
const fn string_bytes(capacity: usize) -> u64 {
    let capacity = capacity as u64;
    size_class(header_bytes(capacity) + capacity + 1)
}

/// What a string of `capacity` can hold in the end, since the allocator's rounding is used too.
pub(crate) const fn usable_capacity(capacity: usize) -> usize {
    let header = header_bytes(capacity as u64);
    let usable = string_bytes(capacity) - header - 1;
    let header_max = match header {
        3 => 0xFF,
        5 => 0xFFFF,
        9 => 0xFFFF_FFFF,
        _ => u64::MAX,
    };
    (if usable < header_max {
        usable
    } else {
        header_max
    }) as usize
}

/// The capacity that a string of `length` is stored with when it is set: as much as the allocator
/// hands out, unless a tenth of it or more would lie idle (trimStringObjectIfNeeded).
pub(crate) const fn capacity_when_set(length: usize) -> usize {
    if length <= EMBEDDED_BYTES_MAX {
        return length;
    }
    let usable = usable_capacity(length);
    if usable - length > length / 10 {
        length
    } else {
        usable
    }
}

/// The capacity of a string that must grow to `length` (sdsMakeRoomFor).
pub(crate) const fn capacity_when_grown(length: usize) -> usize {
    usable_capacity(match length {
        0..PREALLOCATION_BYTES_MAX => length * 2,
        _ => length + PREALLOCATION_BYTES_MAX,
    })
}

/// Bytes of a key: its sds string, which below 32 bytes has a header of one byte unless it is empty.
pub(crate) const fn key_bytes(length: usize) -> u64 {
    match length {
        1..32 => size_class(1 + length as u64 + 1),
        _ => string_bytes(length),
    }
}

/// Bytes of a string inside a value, such as the name of a consumer (sdsdup, sdsnewlen).
pub(crate) const fn text_bytes(length: usize) -> u64 {
    key_bytes(length)
}

/// Bytes of a value: its object and string, in one allocation or two; none where it is an integer
/// that all keys share.
pub(crate) fn value_bytes(value: &Value, shares_integer: bool) -> u64 {
    match value {
        Value::String(StringValue::Integer(_)) if shares_integer => 0,
        Value::String(StringValue::Integer(_)) => OBJECT_BYTES,
        Value::String(StringValue::Embedded(bytes)) => {
            size_class(OBJECT_BYTES + 3 + bytes.len() as u64 + 1)
        }
        Value::String(StringValue::Raw(bytes)) => OBJECT_BYTES + string_bytes(bytes.capacity()),
        _ => OBJECT_BYTES + value.footprint().bytes,
    }
}

/// Bytes that a key takes in the table of all keys, its value and bucket aside.
pub(crate) const fn entry_bytes(key_length: usize) -> u64 {
    size_class(DICT_ENTRY_BYTES) + key_bytes(key_length)
}

/// Bytes that an expiry takes in its table, its bucket aside; the key is shared.
pub(crate) const EXPIRY_BYTES: u64 = size_class(DICT_ENTRY_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_are_those_of_jemalloc() {
        for (bytes, class) in [
            (1, 8),
            (8, 8),
            (9, 16),
            (17, 32),
            (113, 128),
            (128, 128),
            (129, 160),
            (161, 192),
            (225, 256),
            (257, 320),
            (1006, 1024),
            (1025, 1280),
            (20_006, 20_480),
            (32_769, 40_960),
        ] {
            assert_eq!(size_class(bytes), class, "{bytes}");
        }
    }

    #[test]
    fn size_classes_are_numbered_without_gaps() {
        let mut class = 16;
        let mut number = 0;
        while class <= 1 << 33 {
            assert_eq!(size_class_index(class), number, "{class}");
            number += 1;
            class = size_class(class + 1);
        }
        assert_eq!(number, SIZE_CLASSES);
    }

    /// Differences of used_memory of Redis 7.0.15 after SET of keys and values of these lengths.
    #[test]
    fn a_key_takes_what_it_takes_in_redis() {
        for (key, value, bytes) in [
            (20, 32, 128),
            (20, 44, 128),
            (20, 45, 144),
            (10, 5, 80),
            (40, 100, 208),
            (300, 1000, 1392),
            (20, 20_000, 20_560),
        ] {
            let stored = Value::String(StringValue::from_argument(&vec![b'v'; value]));
            assert_eq!(
                entry_bytes(key) + value_bytes(&stored, false),
                bytes,
                "{key} {value}"
            );
        }
        let integer = |number: i64| {
            let value = Value::String(StringValue::Integer(number));
            entry_bytes(1) + value_bytes(&value, value.is_small_integer())
        };
        assert_eq!(integer(123_456), 56);
        assert_eq!(integer(12), 40);
    }

    /// As used_memory of Redis 7.0.15 showed after two APPENDs.
    #[test]
    fn an_appended_string_takes_what_it_takes_in_redis() {
        let mut string = StringValue::from_argument(b"aaaaaaaaaa");
        let bytes = |string: &StringValue| value_bytes(&Value::String(string.clone()), false);
        assert_eq!(bytes(&string), 32);
        string.append(b"bbbbbbbbbb");
        let StringValue::Raw(raw) = &string else {
            panic!("appended strings are raw")
        };
        assert_eq!(OBJECT_BYTES + string_bytes(raw.capacity()), 16 + 48);
        string.append(&[b'b'; 30]);
        let StringValue::Raw(raw) = &string else {
            panic!("appended strings are raw")
        };
        assert_eq!(OBJECT_BYTES + string_bytes(raw.capacity()), 16 + 112);
    }
}
