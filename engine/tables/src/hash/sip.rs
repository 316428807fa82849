//! SipHash, a keyed hash that an outsider who chooses keys cannot make collide.
//!
//! Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), define SipHash-c-d: c rounds
//! for each 8-byte word, d rounds at the end. Redis takes SipHash-1-2 (`redis:src/siphash.c`).

/// SipHash-1-2, the hash function of Redis, in 64 bits.
#[inline]
pub fn sip_1_2(key: [u64; 2], bytes: &[u8]) -> u64 {
    sip::<1, 2>(key, bytes)
}

#[inline(always)]
fn sip<const WORD_ROUNDS: u32, const FINAL_ROUNDS: u32>(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut state = State::new(key);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        state.absorb::<WORD_ROUNDS>(u64::from_le_bytes(
            word.try_into().expect("chunks of eight"),
        ));
    }
    // The last word: what is left of the bytes, and their number modulo 256 in the top byte.
    let mut last = (bytes.len() as u64) << 56;
    for (place, &byte) in words.remainder().iter().enumerate() {
        last |= u64::from(byte) << (8 * place);
    }
    state.absorb::<WORD_ROUNDS>(last);
    state.finish::<FINAL_ROUNDS>()
}

struct State([u64; 4]);

impl State {
    /// The key over the constants of the paper, "somepseudorandomlygeneratedbytes" in ASCII.
    #[inline(always)]
    fn new([k0, k1]: [u64; 2]) -> Self {
        Self([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ])
    }
    #[inline(always)]
    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.0;
        a = a.wrapping_add(b);
        c = c.wrapping_add(d);
        b = b.rotate_left(13) ^ a;
        d = d.rotate_left(16) ^ c;
        a = a.rotate_left(32);
        a = a.wrapping_add(d);
        c = c.wrapping_add(b);
        d = d.rotate_left(21) ^ a;
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.0 = [a, b, c, d];
    }
    #[inline(always)]
    fn absorb<const ROUNDS: u32>(&mut self, word: u64) {
        self.0[3] ^= word;
        for _ in 0..ROUNDS {
            self.round();
        }
        self.0[0] ^= word;
    }
    #[inline(always)]
    fn finish<const ROUNDS: u32>(mut self) -> u64 {
        self.0[2] ^= 0xff;
        for _ in 0..ROUNDS {
            self.round();
        }
        self.0.into_iter().fold(0, |all, word| all ^ word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siphasher::sip::SipHasher13;
    use std::hash::Hasher;

    const KEY: [u64; 2] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];

    fn counting_up(n: u8) -> Vec<u8> {
        (0..n).collect()
    }

    /// Appendix A of the paper, and the first lines of the vectors of its reference code.
    #[test]
    fn two_four_gives_the_published_vectors() {
        for (n, expected) in [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] {
            assert_eq!(sip::<2, 4>(KEY, &counting_up(n)), expected, "{n} bytes");
        }
    }

    #[test]
    fn one_three_agrees_with_another_implementation() {
        for n in 0..64 {
            let mut other = SipHasher13::new_with_keys(KEY[0], KEY[1]);
            other.write(&counting_up(n));
            assert_eq!(
                sip::<1, 3>(KEY, &counting_up(n)),
                other.finish(),
                "{n} bytes"
            );
        }
    }

    /// Values of a second program, written from the paper in another language.
    #[test]
    fn one_two_stays_as_it_is() {
        for (n, expected) in [
            (0, 0xcea2_8b51_565c_12e2),
            (1, 0x94aa_f38c_34ce_7ba6),
            (8, 0x6068_45b4_d093_af74),
            (15, 0xec8f_61bc_1c89_66a6),
            (20, 0xe424_7448_e02a_a65a),
        ] {
            assert_eq!(sip_1_2(KEY, &counting_up(n)), expected, "{n} bytes");
        }
    }
}
