//! Comparing eight bytes at once in one word of 64 bits, lowest byte first.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The bytes of `word` that are `byte`, a bit each.
#[inline]
pub(crate) const fn equal(word: u64, byte: u8) -> u8 {
    let differing = word ^ (LOW_BITS * byte as u64);
    // The highest bit of each byte that is not zero, without carries from one byte to the next.
    let marks = ((differing & !HIGH_BITS) + !HIGH_BITS) | differing;
    gather(!marks)
}

/// The highest bits of the bytes of `word`, a bit each.
#[inline]
pub(crate) const fn gather(word: u64) -> u8 {
    // Each product of a mark and a power of two falls on a bit of its own in the highest byte.
    (((word & HIGH_BITS) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// The numbers of the bits that are set, lowest first.
#[inline]
pub(crate) fn ones(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = mask.trailing_zeros() as usize;
        mask = mask.checked_sub(1)? & mask;
        Some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_as_their_bytes_are() {
        let mut word = 0x0123_4567_89ab_cdef_u64;
        for _ in 0..2_000 {
            word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            // Few values, so that many bytes are equal.
            let bytes = (word & 0x8181_8181_8181_8181).to_le_bytes();
            for byte in [0, 1, 0x80, 0x81, 0xff] {
                let one_by_one = (0..8).fold(0, |bits, n| bits | u8::from(bytes[n] == byte) << n);
                assert_eq!(equal(u64::from_le_bytes(bytes), byte), one_by_one);
            }
            let high = (0..8).fold(0, |bits, n| bits | (bytes[n] >> 7) << n);
            assert_eq!(gather(u64::from_le_bytes(bytes)), high);
        }
    }

    #[test]
    fn ones_are_told_lowest_first() {
        assert_eq!(ones(0b1010_0001).collect::<Vec<_>>(), [0, 5, 7]);
        assert_eq!(ones(0).count(), 0);
    }
}
