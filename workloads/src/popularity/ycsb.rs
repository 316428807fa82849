//! YCSB's scrambled Zipfian, for comparison with published results.
//!
//! It is not a Zipf distribution over the keys: it draws from Gray's approximation over ten
//! billion items whatever the number of keys, and hashes the item onto the keys. The top key
//! therefore has 3.78 % of the requests for every number of keys, where exact Zipf of the same
//! exponent over a million keys has 6.50 %.
//!
//! Source: `brianfrankcooper/YCSB:core/src/main/java/site/ycsb/generator/
//! {ScrambledZipfianGenerator,ZipfianGenerator}.java` and `.../Utils.java`; the approximation is
//! from Gray et al., "Quickly generating billion-record synthetic databases" (SIGMOD 1994).

use kvrig_base::random::{Draws, open_unit};
use libm::pow;

/// `ZipfianGenerator.ZIPFIAN_CONSTANT`.
const THETA: f64 = 0.99;
/// `ScrambledZipfianGenerator.ITEM_COUNT` and one more, as its range includes both ends.
const ITEMS: f64 = 10_000_000_001.0;
/// `ScrambledZipfianGenerator.ZETAN`: the sum of k^-0.99 over the items.
const ZETA: f64 = 26.469_028_201_783_02;
/// `Utils.FNV_OFFSET_BASIS_64`.
const FNV_OFFSET_BASIS: u64 = 0xCBF2_9CE4_8422_2325;
/// `Utils.FNV_PRIME_64`.
const FNV_PRIME: u64 = 1_099_511_628_211;

/// The sampler, with the constants of the approximation.
#[derive(Clone, Copy, Debug)]
pub struct Ycsb {
    /// Scaled draws below this are item 1.
    second: f64,
    eta: f64,
}

impl Default for Ycsb {
    fn default() -> Self {
        let second = 1.0 + pow(0.5, THETA);
        let eta = (1.0 - pow(2.0 / ITEMS, 1.0 - THETA)) / (1.0 - second / ZETA);
        Self { second, eta }
    }
}

impl Ycsb {
    /// A key below `present` in a key space that grows to `max` keys at most.
    ///
    /// Items are hashed onto more keys than there are, and missing ones are drawn again, as YCSB
    /// does for the inserts that it expects. Here the hash covers the next power of two, at most
    /// `max`: the hot set stays until the keys have doubled, then half of the items move.
    pub fn key(&self, present: u64, max: u64, draws: &mut Draws) -> u64 {
        let keys = present.next_power_of_two().min(max.max(present));
        loop {
            let key = fnv_1a(self.item(open_unit(draws.next_u64()))) % keys;
            if key < present {
                return key;
            }
        }
    }
    /// The share of requests that ask for the top item, before hashing makes items collide.
    pub fn top_item_share() -> f64 {
        1.0 / ZETA
    }
    fn item(&self, uniform: f64) -> u64 {
        let scaled = uniform * ZETA;
        if scaled < 1.0 {
            0
        } else if scaled < self.second {
            1
        } else {
            (ITEMS * pow(self.eta * uniform - self.eta + 1.0, 1.0 / (1.0 - THETA))) as u64
        }
    }
}

/// `Utils.fnvhash64`: FNV-1a of the eight bytes, smallest first, without its sign.
fn fnv_1a(item: u64) -> u64 {
    let hash = item
        .to_le_bytes()
        .iter()
        .fold(FNV_OFFSET_BASIS, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        });
    (hash as i64).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::digest::Rolling;
    use kvrig_base::random::Seed;

    /// The hottest key has the share of item 0 and what collides with it, for every key count.
    #[test]
    fn the_top_share_does_not_depend_on_the_number_of_keys() {
        let ycsb = Ycsb::default();
        let stream = Seed(1).stream("keys");
        let draws = 400_000_u32;
        for keys in [1_000, 1_000_000] {
            let hottest = fnv_1a(0) % keys;
            let hits = (0..draws)
                .filter(|&i| ycsb.key(keys, keys, &mut stream.draws(0, i.into())) == hottest);
            let share = hits.count() as f64 / f64::from(draws);
            // Four standard deviations below, and the mean share of a key more above.
            assert!(
                (0.0366..0.0390 + 1.0 / keys as f64).contains(&share),
                "{keys}: {share}"
            );
        }
        assert!((Ycsb::top_item_share() - 0.037_78).abs() < 1e-5);
    }

    /// FNV-1a of eight zero bytes is a published value; YCSB drops its sign.
    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv_1a(0), (0xa8c7_f832_281a_39c5_u64 as i64).unsigned_abs());
    }

    #[test]
    fn golden_keys_hold() {
        let ycsb = Ycsb::default();
        let stream = Seed(42).stream("keys");
        let mut digest = Rolling::default();
        for index in 0..10_000 {
            digest.fold(ycsb.key(1_000_000, 1_000_000, &mut stream.draws(0, index)));
        }
        assert_eq!(format!("{:016x}", digest.value()), "2be4254c5823dac8");
    }
}
