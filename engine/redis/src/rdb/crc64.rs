//! The checksum at the end of an RDB file.

/// The polynomial of Jones, "An improved 64-bit cyclic redundancy check for protein sequences"
/// (2002), bits reversed, as `redis:src/crc64.c` has it.
const POLYNOMIAL: u64 = 0x95AC_9329_AC4B_C9B5;
/// Bytes that are taken at once.
const SLICE_BYTES: usize = 8;

/// What a byte contributes that so many bytes follow, up to a slice: eight look-ups that do not wait for
/// one another take the place of eight that do.
const TABLES: [[u64; 256]; SLICE_BYTES] = {
    let mut tables = [[0; 256]; SLICE_BYTES];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            let is_odd = remainder & 1 == 1;
            remainder >>= 1;
            if is_odd {
                remainder ^= POLYNOMIAL;
            }
            bit += 1;
        }
        tables[0][byte] = remainder;
        byte += 1;
    }
    let mut behind = 1;
    while behind < SLICE_BYTES {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[behind - 1][byte];
            tables[behind][byte] = tables[0][(before & 0xFF) as usize] ^ (before >> 8);
            byte += 1;
        }
        behind += 1;
    }
    tables
};

static SLICES: [[u64; 256]; SLICE_BYTES] = TABLES;

/// Continues a checksum, which begins at 0, over further bytes.
pub(super) fn crc64(checksum: u64, bytes: &[u8]) -> u64 {
    let (slices, rest) = bytes.as_chunks::<SLICE_BYTES>();
    let checksum = slices.iter().fold(checksum, |checksum, slice| {
        let word = (checksum ^ u64::from_le_bytes(*slice)).to_le_bytes();
        let parts = word.iter().zip(SLICES.iter().rev());
        parts.fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)])
    });
    rest.iter().fold(checksum, |checksum, &byte| {
        SLICES[0][usize::from(checksum as u8 ^ byte)] ^ (checksum >> 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The value that `redis:src/crc64.c` tests itself with.
    #[test]
    fn the_checksum_of_nine_digits_is_the_published_one() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(crc64(0, b"1234"), b"56789"), 0xe9c6_d914_c4b8_d9ca);
    }

    proptest! {
        #[test]
        fn slices_give_what_single_bytes_give(bytes in vec(any::<u8>(), 0..70), begin: u64) {
            let one_by_one = bytes.iter().fold(begin, |sum, byte| crc64(sum, &[*byte]));
            prop_assert_eq!(crc64(begin, &bytes), one_by_one);
        }
    }
}
