//! CRC16, the hash of Redis Cluster: a checksum, pressed into service to spread keys over slots.
//!
//! The variant is XMODEM: polynomial x^16 + x^12 + x^5 + 1, highest bit first, starting from zero
//! (`redis:src/crc16.c`; the Redis Cluster specification, "Appendix A"). It is linear over bits, so
//! that keys of one value can be written down at once: see [`crate::flood`].

/// The polynomial without its highest bit.
const POLYNOMIAL: u16 = 0x1021;

/// What each byte adds, once it has passed through the register.
const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut register = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            let carry = register >> 15;
            register = (register << 1) ^ (carry * POLYNOMIAL);
            bit += 1;
        }
        table[byte] = register;
        byte += 1;
    }
    table
};

/// CRC16 of `bytes`.
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |register: u16, &byte| {
        (register << 8) ^ TABLE[usize::from(register >> 8) ^ usize::from(byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the variant, and the example of the Redis Cluster specification.
    #[test]
    fn it_gives_the_known_values() {
        for (bytes, expected) in [(&b""[..], 0), (b"123456789", 0x31c3), (b"A", 0x58e5)] {
            assert_eq!(crc16(bytes), expected, "{bytes:?}");
        }
        // `CLUSTER KEYSLOT foo` and `CLUSTER KEYSLOT somekey`, of 16,384 slots.
        assert_eq!(crc16(b"foo") % 16_384, 12_182);
        assert_eq!(crc16(b"somekey") % 16_384, 11_058);
    }
}
