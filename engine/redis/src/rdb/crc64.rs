//! The checksum at the end of an RDB file.

/// The polynomial of Jones, "An improved 64-bit cyclic redundancy check for protein sequences"
/// (2002), bits reversed, as `redis:src/crc64.c` has it.
const POLYNOMIAL: u64 = 0x95AC_9329_AC4B_C9B5;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
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
        table[byte] = remainder;
        byte += 1;
    }
    table
};

/// Continues a checksum, which begins at 0, over further bytes.
pub(super) fn crc64(checksum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(checksum, |checksum, &byte| {
        TABLE[usize::from(checksum as u8 ^ byte)] ^ (checksum >> 8)
    })
}

/// The value that `redis:src/crc64.c` tests itself with.
#[test]
fn the_checksum_of_nine_digits_is_the_published_one() {
    assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    assert_eq!(crc64(crc64(0, b"1234"), b"56789"), 0xe9c6_d914_c4b8_d9ca);
}
