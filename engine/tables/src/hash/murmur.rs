//! MurmurHash3, x86 variant of 32 bits, by Austin Appleby (SMHasher, `MurmurHash3_x86_32`).
//!
//! The default hash of Memcached (`memcached:hash.c`, `memcached:murmur3_hash.c`). Its seed is no
//! secret there, so whoever chooses keys can make them collide.

const FIRST: u32 = 0xcc9e_2d51;
const SECOND: u32 = 0x1b87_3593;
const FACTOR: u32 = 5;
const ADDED: u32 = 0xe654_6b64;

/// MurmurHash3_x86_32 of `bytes`.
#[inline]
pub fn murmur3_x86_32(seed: u32, bytes: &[u8]) -> u32 {
    let mut hash = seed;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        let block = block.try_into().expect("chunks of four");
        hash = mix(hash, u32::from_le_bytes(block));
    }
    let tail = blocks.remainder();
    if !tail.is_empty() {
        let mut last = [0; 4];
        last[..tail.len()].copy_from_slice(tail);
        hash ^= scramble(u32::from_le_bytes(last));
    }
    finish(hash ^ bytes.len() as u32)
}

/// The second block of a key whose state is `wanted` behind it, after the block `first`.
///
/// Every step of a block can be undone: a rotation, an addition and a multiplication by an odd
/// number, which has an inverse modulo 2^32.
pub(crate) fn second_block_for(seed: u32, first: [u8; 4], wanted: u32) -> [u8; 4] {
    let before = mix(seed, u32::from_le_bytes(first));
    let scrambled = before
        ^ wanted
            .wrapping_sub(ADDED)
            .wrapping_mul(inverse(FACTOR))
            .rotate_right(13);
    let block = scrambled
        .wrapping_mul(inverse(SECOND))
        .rotate_right(15)
        .wrapping_mul(inverse(FIRST));
    block.to_le_bytes()
}

/// The inverse of an odd number modulo 2^32, by Newton's method: each step doubles the number of
/// right bits, of which there are three at first.
const fn inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    let mut step = 0;
    while step < 4 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

/// Takes one block into the state.
#[inline]
const fn mix(state: u32, block: u32) -> u32 {
    (state ^ scramble(block))
        .rotate_left(13)
        .wrapping_mul(FACTOR)
        .wrapping_add(ADDED)
}

#[inline]
const fn scramble(block: u32) -> u32 {
    block
        .wrapping_mul(FIRST)
        .rotate_left(15)
        .wrapping_mul(SECOND)
}

/// Lets every input bit change every output bit.
#[inline]
const fn finish(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Widely published values, those without input from the finalizer alone.
    #[test]
    fn it_gives_the_known_values() {
        for (seed, bytes, expected) in [
            (0, &b""[..], 0),
            (1, b"", 0x514e_28b7),
            (0xffff_ffff, b"", 0x81f1_6f39),
            (0, &[0xff; 4], 0x7629_3b50),
            (0, &[0x21, 0x43, 0x65, 0x87], 0xf55b_516b),
            (0x5082_edee, &[0x21, 0x43, 0x65, 0x87], 0x2362_f9de),
            (0, &[0x21, 0x43, 0x65], 0x7e4a_8634),
            (0, &[0x21, 0x43], 0xa0f7_b07a),
            (0, &[0x21], 0x7266_1cf4),
            (0, &[0; 4], 0x2362_f9de),
            (0, &[0; 3], 0x85f0_b427),
            (0, b"hello", 0x248b_fa47),
            (
                0,
                b"The quick brown fox jumps over the lazy dog",
                0x2e4f_f723,
            ),
        ] {
            assert_eq!(
                murmur3_x86_32(seed, bytes),
                expected,
                "{bytes:?} under {seed:#x}"
            );
        }
    }
}
