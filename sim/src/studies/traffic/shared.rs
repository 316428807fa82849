//! What points of a study have in common and is drawn once: where keys lie, and when requests come.
//!
//! What is kept follows from its seed and its parameters, whoever comes first.

use crate::dynamo::Places;
use kvrig_base::quantity::Bytes;
use kvrig_base::random::Seed;
use kvrig_workloads::arrivals::{FollowedArrivals, Room, SharedArrivals};
use kvrig_workloads::{Arrivals, KeyFormat, Pacing, RateProfile, Sizes};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of arrivals that are kept: nearly two hours at 10,000 a second. Later ones are drawn by each
/// point for itself.
const ARRIVALS_MAX: Bytes = Bytes(256 << 20);
/// Keys whose places are kept.
const KEYS_MAX: usize = 6 << 20;
/// Bytes of the place of a key: its hash and the number of its partition.
const KEY_BYTES: u64 = 20;

/// Keys that lie alike: as many, called alike, placed by the same hasher among as many partitions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) seed: Seed,
    pub(super) keys: u64,
    pub(super) suffixes: u32,
    pub(super) format: KeyFormat,
    pub(super) sizes: Sizes,
    pub(super) partitions: u32,
}

/// Arrivals that are the same.
#[derive(Clone, Debug, PartialEq)]
struct Starts {
    seed: Seed,
    pacing: Pacing,
    profile: RateProfile,
}

/// What is kept for all points of a study.
#[derive(Debug)]
pub(in crate::studies) struct SharedDraws {
    places: Mutex<Vec<(Placed, Places)>>,
    arrivals: Mutex<Vec<(Starts, SharedArrivals)>>,
    room: Arc<Room>,
}

impl Default for SharedDraws {
    fn default() -> Self {
        Self {
            places: Mutex::default(),
            arrivals: Mutex::default(),
            room: Arc::new(Room::of(ARRIVALS_MAX)),
        }
    }
}

impl SharedDraws {
    /// Bytes that so many arrivals and keys take which are kept.
    pub(super) fn bytes(arrivals: u64, keys: u64) -> Bytes {
        let places = keys.min(KEYS_MAX as u64) * KEY_BYTES;
        Bytes(Room::bytes(arrivals).min(ARRIVALS_MAX).0 + places)
    }
    /// The places of keys: those that were kept, or else those that `make` makes.
    pub(super) fn places(&self, placed: Placed, make: impl FnOnce() -> Places) -> Places {
        // Who needs the same at the same time waits for them instead of making them too.
        let mut kept = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, places)) = kept.iter().find(|(known, _)| *known == placed) {
            return places.clone();
        }
        let places = make();
        let before: usize = kept.iter().map(|(_, places)| places.len()).sum();
        if before + places.len() <= KEYS_MAX {
            kept.push((placed, places.clone()));
        }
        places
    }
    /// When requests start under a seed.
    pub(super) fn starts(
        &self,
        seed: Seed,
        pacing: Pacing,
        profile: RateProfile,
    ) -> FollowedArrivals {
        let starts = Starts {
            seed,
            pacing,
            profile,
        };
        let mut kept = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, shared)) = kept.iter().find(|(known, _)| *known == starts) {
            return shared.follow();
        }
        let arrivals = arrivals(seed, starts.pacing, starts.profile.clone());
        let shared = SharedArrivals::new(arrivals, Arc::clone(&self.room));
        let followed = shared.follow();
        kept.push((starts, shared));
        followed
    }
}

/// When requests start under a seed, to who draws them for itself.
pub(super) fn arrivals(seed: Seed, pacing: Pacing, profile: RateProfile) -> Arrivals {
    Arrivals::new(pacing, profile, seed.stream("arrivals"), 0)
}
