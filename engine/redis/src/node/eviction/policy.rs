//! What is done at the memory limit, by the names of `maxmemory-policy`.

use crate::keyspace::TableRole;

/// What is done at the limit (`maxmemory-policy`).
///
/// The `Allkeys` policies choose among all keys, the `Volatile` ones among those that expire; where
/// there is none to be chosen, commands that may take memory are refused, as under
/// [`Policy::NoEviction`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Commands that may take memory are refused.
    #[default]
    NoEviction,
    /// Of few sampled keys, the longest unused.
    AllkeysLru,
    /// Of few sampled keys, the least used.
    AllkeysLfu,
    /// Any key.
    AllkeysRandom,
    /// Of few sampled keys that expire, the longest unused.
    VolatileLru,
    /// Of few sampled keys that expire, the least used.
    VolatileLfu,
    /// Any key that expires.
    VolatileRandom,
    /// Of few sampled keys that expire, the one that expires first.
    VolatileTtl,
}

/// What sampled keys are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// How long they were not used.
    Idle,
    /// How seldom they are used.
    Frequency,
    /// How soon they expire.
    Expiry,
}

impl Policy {
    /// The policies by name, in the order in which Redis lists them.
    pub(crate) const NAMED: [(&str, Self); 8] = [
        ("volatile-lru", Self::VolatileLru),
        ("volatile-lfu", Self::VolatileLfu),
        ("volatile-random", Self::VolatileRandom),
        ("volatile-ttl", Self::VolatileTtl),
        ("allkeys-lru", Self::AllkeysLru),
        ("allkeys-lfu", Self::AllkeysLfu),
        ("allkeys-random", Self::AllkeysRandom),
        ("noeviction", Self::NoEviction),
    ];

    /// Its name in redis.conf.
    pub fn name(self) -> &'static str {
        let named = |(_, policy): &&(&str, Self)| *policy == self;
        Self::NAMED.iter().find(named).map_or("", |(name, _)| name)
    }
    /// Whether it asks how often keys are used (MAXMEMORY_FLAG_LFU).
    pub(crate) const fn counts_uses(self) -> bool {
        matches!(self, Self::AllkeysLfu | Self::VolatileLfu)
    }
    /// Whether it asks when keys are used, or how often: keys then cannot share the object of an
    /// integer (MAXMEMORY_FLAG_NO_SHARED_INTEGERS).
    pub(crate) const fn asks_for_uses(self) -> bool {
        self.counts_uses() || matches!(self, Self::AllkeysLru | Self::VolatileLru)
    }
    /// The table that it chooses from.
    pub(super) const fn table(self) -> TableRole {
        match self {
            Self::NoEviction | Self::AllkeysLru | Self::AllkeysLfu | Self::AllkeysRandom => {
                TableRole::Keys
            }
            _ => TableRole::Expires,
        }
    }
    /// What it ranks sampled keys by, if it does.
    pub(super) const fn rank(self) -> Option<Rank> {
        match self {
            Self::AllkeysLru | Self::VolatileLru => Some(Rank::Idle),
            Self::AllkeysLfu | Self::VolatileLfu => Some(Rank::Frequency),
            Self::VolatileTtl => Some(Rank::Expiry),
            Self::NoEviction | Self::AllkeysRandom | Self::VolatileRandom => None,
        }
    }
}
