//! Which kind of operation comes next.

use crate::error::Error;
use kvrig_base::quantity::Share;
use kvrig_base::random::below;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(, $alias:literal)*;)*) => {
        /// What an operation does, in terms that every key-value store has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum OpKind { $($(#[$doc])* $name),* }

        impl OpKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in study files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
            /// The kind called `name` in a study file or a trace, in upper or lower case.
            pub fn parse(name: &str) -> Option<Self> {
                match name.to_ascii_lowercase().as_str() {
                    $($text $(| $alias)* => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

// The aliases are the operations of the Twitter and CacheBench traces and of other stores.
kinds! {
    /// Read a key.
    Get = "get", "gets", "read";
    /// Write a key, whether it exists or not.
    Set = "set", "put", "update", "write";
    /// Write a key that does not exist yet: the next new one of the key space.
    Insert = "insert";
    /// Write a key only if it does not exist.
    Add = "add";
    /// Write a key only if it exists.
    Replace = "replace";
    /// Write a key only if it is unchanged since it was read.
    CompareAndSet = "cas";
    /// Add bytes to the end of a value.
    Append = "append";
    /// Add bytes to the beginning of a value.
    Prepend = "prepend";
    /// Remove a key.
    Delete = "delete", "del";
    /// Add one to a number.
    Increment = "incr", "increment";
    /// Take one from a number.
    Decrement = "decr", "decrement";
    /// Ask whether a key exists.
    Exists = "exists";
    /// Read a key, then write it: one operation of two steps.
    ReadModifyWrite = "read-modify-write", "readmodifywrite", "rmw";
    /// Read a number of keys in the order of keys, from one on.
    Scan = "scan";
    /// Give a key its time to live anew.
    Touch = "touch", "expire";
    /// Write one field of a hash.
    HashSet = "hset";
    /// Read all fields of a hash.
    HashGetAll = "hgetall";
    /// Remove one field of a hash.
    HashDelete = "hdel";
    /// Give a member of a sorted set its score.
    SortedSetAdd = "zadd";
    /// Read the members with the highest scores.
    SortedSetTop = "zrevrange";
    /// Ask for the rank of a member by its score.
    SortedSetRank = "zrevrank";
    /// Add a member to a count of distinct members.
    DistinctAdd = "pfadd";
    /// Ask how many distinct members there are.
    DistinctCount = "pfcount";
}

impl OpKind {
    /// The data type that the value must have, if it is more than bytes.
    pub const fn collection(self) -> Option<&'static str> {
        match self {
            Self::HashSet | Self::HashGetAll | Self::HashDelete => Some("hashes"),
            Self::SortedSetAdd | Self::SortedSetTop | Self::SortedSetRank => Some("sorted sets"),
            Self::DistinctAdd | Self::DistinctCount => Some("HyperLogLogs"),
            _ => None,
        }
    }
    /// Whether the operation names one member or field of the collection under its key.
    pub const fn names_member(self) -> bool {
        matches!(
            self,
            Self::HashSet
                | Self::HashDelete
                | Self::SortedSetAdd
                | Self::SortedSetRank
                | Self::DistinctAdd
        )
    }
    /// Whether the operation reads a number of keys or members.
    pub const fn has_length(self) -> bool {
        matches!(self, Self::Scan | Self::SortedSetTop)
    }
}

/// Operations with their shares, which make up exactly the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// The end of each kind's interval in parts per billion.
    ends: Vec<(u64, OpKind)>,
}

impl Mix {
    /// The mix of `shares`; kinds with a share of zero are left out.
    ///
    /// # Errors
    /// If a kind comes twice or the shares do not add up to 100 %.
    pub fn new(shares: &[(OpKind, Share)]) -> Result<Self, Error> {
        let mut ends: Vec<(u64, OpKind)> = Vec::with_capacity(shares.len());
        let mut end = 0_u64;
        for (place, &(kind, share)) in shares.iter().enumerate() {
            if shares[..place].iter().any(|&(other, _)| other == kind) {
                return Err(Error::MixRepeats(kind.name()));
            }
            end = end.saturating_add(share.0);
            if share.0 > 0 {
                ends.push((end, kind));
            }
        }
        match end == Share::ONE.0 {
            true => Ok(Self { ends }),
            false => Err(Error::MixNotWhole {
                parts_per_billion: end,
            }),
        }
    }
    /// Nothing but `kind`.
    pub fn only(kind: OpKind) -> Self {
        Self {
            ends: vec![(Share::ONE.0, kind)],
        }
    }
    /// The one kind there is, if there is only one: then no draw is needed.
    #[inline]
    pub fn single(&self) -> Option<OpKind> {
        match self.ends.as_slice() {
            [(_, kind)] => Some(*kind),
            _ => None,
        }
    }
    /// The kind that `word` stands for.
    #[inline]
    pub fn kind(&self, word: u64) -> OpKind {
        let at = below(word, Share::ONE.0);
        self.ends
            .iter()
            .find(|&&(end, _)| at < end)
            .expect("the last interval ends at the whole")
            .1
    }
    /// The share of `kind`.
    pub fn share(&self, kind: OpKind) -> Share {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&(end, _)| end));
        starts
            .zip(&self.ends)
            .find(|&(_, &(_, other))| other == kind)
            .map_or(Share(0), |(start, &(end, _))| Share(end - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::digest::Rolling;
    use kvrig_base::random::Seed;

    fn example() -> Mix {
        Mix::new(&[
            (OpKind::Get, Share::percent(90)),
            (OpKind::Delete, Share(0)),
            (OpKind::Set, Share::percent(7)),
            (OpKind::Increment, Share::percent(3)),
        ])
        .unwrap()
    }

    #[test]
    fn kinds_come_in_their_shares() {
        let stream = Seed(1).stream("kinds");
        let mut counts = [0_u32; OpKind::ALL.len()];
        for index in 0..100_000 {
            counts[example().kind(stream.at(0, index).0[0]) as usize] += 1;
        }
        assert!(
            (89_600..90_400).contains(&counts[OpKind::Get as usize]),
            "{counts:?}"
        );
        assert!(
            (6_700..7_300).contains(&counts[OpKind::Set as usize]),
            "{counts:?}"
        );
        assert_eq!(counts[OpKind::Delete as usize], 0);
        assert_eq!(example().share(OpKind::Set), Share::percent(7));
        assert_eq!(example().share(OpKind::Exists), Share(0));
    }

    #[test]
    fn shares_must_make_up_the_whole() {
        let half = Share::percent(50);
        let repeated = Mix::new(&[(OpKind::Get, half), (OpKind::Get, half)]);
        assert_eq!(repeated, Err(Error::MixRepeats("get")));
        let short = Mix::new(&[(OpKind::Get, half)]);
        assert_eq!(
            short,
            Err(Error::MixNotWhole {
                parts_per_billion: 500_000_000
            })
        );
        assert_eq!(Mix::only(OpKind::Get).single(), Some(OpKind::Get));
        assert_eq!(example().single(), None);
    }

    #[test]
    fn names_of_traces_are_understood() {
        assert_eq!(OpKind::parse("GETS"), Some(OpKind::Get));
        assert_eq!(OpKind::parse("put"), Some(OpKind::Set));
        assert_eq!(OpKind::parse("frobnicate"), None);
        for &kind in OpKind::ALL {
            assert_eq!(OpKind::parse(kind.name()), Some(kind));
        }
    }

    #[test]
    fn golden_kinds_hold() {
        let stream = Seed(42).stream("kinds");
        let mut digest = Rolling::default();
        for index in 0..1_000 {
            digest.fold(example().kind(stream.at(0, index).0[0]) as u64);
        }
        assert_eq!(format!("{:016x}", digest.value()), "7251390ef0228636");
    }
}
