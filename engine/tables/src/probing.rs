//! How many places a look-up meets, by the way of probing and the load: the classic comparison,
//! counted on a real table of a fixed size beside its closed forms.
//!
//! The closed forms are Knuth's (The Art of Computer Programming, volume 3, section 6.4). They hold
//! for keys that are hashed as if at random; that of quadratic probing for sequences that are random
//! from each place on, which steps of 1, 2, 3 … are nearly (5 % more probes at a load of 0.9).

use crate::hash::crc16::crc16;
use crate::hash::murmur::murmur3_x86_32;
use crate::hash::sip::sip_1_2;
use kvrig_base::random::Seed;

/// Places of a table at most: 2^24.
pub const PLACES_LOG2_MAX: u32 = 24;
/// The loads of [`curve`] in hundredths: 0.1 to 0.9 and 0.95.
pub const LOADS_PERCENT: [u64; 10] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95];

/// Where a search goes from a place that another key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probing {
    /// To the next place.
    Linear,
    /// One place farther each time (1, 3, 6, 10 … places away), which meets every place of a power
    /// of two of them.
    Quadratic,
    /// By an odd number of places that a second part of the hash decides.
    DoubleHashing,
    /// Along a chain of all keys with the same place.
    Chaining,
}

impl Probing {
    /// All ways of probing.
    pub const ALL: [Self; 4] = [
        Self::Linear,
        Self::Quadratic,
        Self::DoubleHashing,
        Self::Chaining,
    ];
    /// The name in results and charts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Quadratic => "quadratic",
            Self::DoubleHashing => "double-hashing",
            Self::Chaining => "chaining",
        }
    }
    /// Mean probes of a look-up that finds its key, at a load of `load` keys a place.
    ///
    /// Linear (1 + 1/(1-a))/2; quadratic 1 - ln(1-a) - a/2; double hashing ln(1/(1-a))/a; chaining
    /// 1 + a/2.
    pub fn hit_expected(self, load: f64) -> f64 {
        let free = 1.0 - load;
        match self {
            Self::Linear => (1.0 + 1.0 / free) / 2.0,
            Self::Quadratic => 1.0 - libm::log(free) - load / 2.0,
            Self::DoubleHashing => -libm::log(free) / load,
            Self::Chaining => 1.0 + load / 2.0,
        }
    }
    /// Mean probes of a look-up that finds nothing.
    ///
    /// Linear (1 + 1/(1-a)^2)/2; quadratic 1/(1-a) - a - ln(1-a); double hashing 1/(1-a); chaining
    /// a + e^-a.
    pub fn miss_expected(self, load: f64) -> f64 {
        let free = 1.0 - load;
        match self {
            Self::Linear => (1.0 + 1.0 / (free * free)) / 2.0,
            Self::Quadratic => 1.0 / free - load - libm::log(free),
            Self::DoubleHashing => 1.0 / free,
            Self::Chaining => load + libm::exp(-load),
        }
    }
}

/// A hash function of the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// SipHash-1-2 under this key: Redis and Valkey.
    Sip12([u64; 2]),
    /// MurmurHash3 in 32 bits, with seed 0: Memcached.
    Murmur3,
    /// CRC16 in 16 bits: the slots of Redis Cluster.
    Crc16,
}

impl HashFunction {
    /// The name in results and charts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sip12(_) => "siphash-1-2",
            Self::Murmur3 => "murmurhash3",
            Self::Crc16 => "crc16",
        }
    }
    /// Bits of its values.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Sip12(_) => 64,
            Self::Murmur3 => 32,
            Self::Crc16 => 16,
        }
    }
    /// The hash of `key`.
    pub fn hash(self, key: &[u8]) -> u64 {
        match self {
            Self::Sip12(hash_key) => sip_1_2(hash_key, key),
            Self::Murmur3 => u64::from(murmur3_x86_32(0, key)),
            Self::Crc16 => u64::from(crc16(key)),
        }
    }
}

/// Look-ups, and the probes that they took: empty places and compared keys. In a chain, an empty
/// place is one probe, and otherwise each key is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeCounts {
    /// Look-ups that found their key.
    pub hits: u64,
    /// Probes of those.
    pub hit_probes: u64,
    /// Look-ups that found nothing.
    pub misses: u64,
    /// Probes of those.
    pub miss_probes: u64,
}

/// A table of a fixed number of places, whose keys are known by their hashes and their numbers.
#[derive(Debug)]
pub struct ProbeTable {
    probing: Probing,
    hash_bits: u32,
    mask: u64,
    /// The key (its number plus one) of each place, or the last of its chain; zero where none is.
    heads: Vec<u32>,
    /// In a chain, the key before each key (its number plus one).
    before: Vec<u32>,
}

impl ProbeTable {
    /// An empty table of 2^`places_log2` places, at most 2^24, for hashes of `hash_bits` bits.
    pub fn new(probing: Probing, places_log2: u32, hash_bits: u32) -> Self {
        let places = 1_usize << places_log2.min(PLACES_LOG2_MAX);
        Self {
            probing,
            hash_bits,
            mask: places as u64 - 1,
            heads: vec![0; places],
            before: Vec::new(),
        }
    }

    /// Keys in the table.
    pub const fn len(&self) -> u64 {
        self.before.len() as u64
    }

    /// Whether there is no key.
    pub const fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// The places of the sequence of `hash`, without end.
    fn sequence(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.mask;
        // The upper half of the hash's bits, made odd to meet every place.
        let second = (hash >> (self.hash_bits / 2)) | 1;
        let probing = self.probing;
        let mut place = hash & mask;
        let mut step = 0;
        std::iter::from_fn(move || {
            let this = place;
            step += 1;
            place = place.wrapping_add(match probing {
                Probing::Linear => 1,
                Probing::Quadratic => step,
                Probing::DoubleHashing => second,
                Probing::Chaining => 0,
            }) & mask;
            Some(this as usize)
        })
    }

    /// Adds the next key, which is new, and returns its number; `None` if no place is left for it
    /// beside the one that ends searches.
    pub fn insert(&mut self, hash: u64) -> Option<u32> {
        let number = u32::try_from(self.before.len()).ok()?;
        let head = if self.probing == Probing::Chaining {
            (hash & self.mask) as usize
        } else {
            if self.len() >= self.mask {
                return None;
            }
            self.sequence(hash).find(|&place| self.heads[place] == 0)?
        };
        self.before.push(self.heads[head]);
        self.heads[head] = number + 1;
        Some(number)
    }

    /// Probes of the look-up of the key of that number, or of a key that is not there.
    pub fn probes(&self, hash: u64, number: Option<u32>) -> u64 {
        let wanted = number.map_or(0, |number| number + 1);
        if self.probing != Probing::Chaining {
            let mut places = self.sequence(hash).zip(1..);
            let ends = |link| link == wanted || link == 0;
            let end = places.find(|&(place, _)| ends(self.heads[place]));
            return end.map_or(0, |(_, probes)| probes);
        }
        let mut link = self.heads[(hash & self.mask) as usize];
        let mut probes = 0;
        while let Some(number) = link.checked_sub(1) {
            probes += 1;
            if link == wanted {
                break;
            }
            link = self.before[number as usize];
        }
        probes.max(1)
    }
}

/// Fills 2^`places_log2` places to `load_percent` hundredths with random keys of 16 bytes, looks up
/// each of them, and as many others.
///
/// The same seed gives the same keys for every way of probing and every hash function.
pub fn measure(
    probing: Probing,
    hash: HashFunction,
    places_log2: u32,
    load_percent: u64,
    seed: Seed,
) -> ProbeCounts {
    let mut table = ProbeTable::new(probing, places_log2, hash.bits());
    let keys = (table.mask + 1) * load_percent / 100;
    let stream = seed.stream("probing-keys");
    let hash_of = |number: u64| {
        let [low, high] = stream.at(0, number).0;
        let mut key = [0; 16];
        key[..8].copy_from_slice(&low.to_le_bytes());
        key[8..].copy_from_slice(&high.to_le_bytes());
        hash.hash(&key)
    };
    let hashes: Vec<u64> = (0..keys).map(hash_of).collect();
    let numbers: Vec<Option<u32>> = hashes.iter().map(|&hash| table.insert(hash)).collect();
    let mut counts = ProbeCounts::default();
    for (&hash, number) in hashes.iter().zip(numbers).filter(|(_, n)| n.is_some()) {
        counts.hits += 1;
        counts.hit_probes += table.probes(hash, number);
    }
    for number in keys..2 * keys {
        counts.misses += 1;
        counts.miss_probes += table.probes(hash_of(number), None);
    }
    counts
}

/// One point of the curve of probes against load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadPoint {
    /// Keys in a hundred places.
    pub load_percent: u64,
    /// What was counted.
    pub counts: ProbeCounts,
}

/// Probes against load, at [`LOADS_PERCENT`].
pub fn curve(probing: Probing, hash: HashFunction, places_log2: u32, seed: Seed) -> Vec<LoadPoint> {
    LOADS_PERCENT
        .iter()
        .map(|&load_percent| LoadPoint {
            load_percent,
            counts: measure(probing, hash, places_log2, load_percent, seed),
        })
        .collect()
}
