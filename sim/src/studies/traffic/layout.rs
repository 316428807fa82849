//! Where requests go by a design of partition keys.

use crate::dynamo::{Collection, Place};
use crate::study::{KeyDesign, KeyName, SortName};
use kvrig_base::random::{Stream, below};

/// Shares of the values of an attribute, in hundredths. The largest share of each is that of the
/// article that the study examines or of its reviewers' rule of thumb; the others are ours and none
/// of them alone exceeds what a partition takes at 10,000 writes a second.
const COUNTRIES: [(&str, u64); 15] = [
    ("US", 40),
    ("DE", 9),
    ("GB", 8),
    ("FR", 6),
    ("IN", 6),
    ("BR", 5),
    ("JP", 5),
    ("CA", 4),
    ("AU", 3),
    ("ES", 3),
    ("IT", 3),
    ("MX", 2),
    ("NL", 2),
    ("PL", 2),
    ("SE", 2),
];
const STATUSES: [(&str, u64); 5] = [
    ("delivered", 60),
    ("shipped", 20),
    ("pending", 10),
    ("cancelled", 7),
    ("returned", 3),
];
const DATES: [(&str, u64); 1] = [("2026-01-01", 100)];

/// The named values of an attribute with their shares in hundredths; nothing where it has as many
/// as the workload has keys.
pub(super) const fn values(key: KeyName) -> Option<&'static [(&'static str, u64)]> {
    match key {
        KeyName::Country => Some(&COUNTRIES),
        KeyName::Status => Some(&STATUSES),
        KeyName::Date => Some(&DATES),
        KeyName::UserId | KeyName::DeviceId | KeyName::OrderId => None,
    }
}

/// How requests spread over the item collections of a design.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    design: KeyDesign,
    /// The value of each hundredth of the requests, where values are named.
    values: Option<[u8; 100]>,
    /// Collections, where they are not.
    collections: u64,
}

impl Layout {
    pub(super) fn new(design: KeyDesign, keys: u64) -> Self {
        let by_hundredth = |values: &[(&str, u64)]| {
            let mut table = [0; 100];
            let all = values.iter().zip(0_u8..);
            let each = all.flat_map(|(&(_, share), value)| (0..share).map(move |_| value));
            for (place, value) in table.iter_mut().zip(each) {
                *place = value;
            }
            table
        };
        Self {
            design,
            values: values(design.key).map(by_hundredth),
            collections: keys.saturating_mul(u64::from(design.suffixes)),
        }
    }
    /// Whether collections are the keys that the workload draws.
    pub(super) fn follows_keys(&self) -> bool {
        self.design.key == KeyName::UserId
    }
    /// Where request `index` for `key`, if it is one that was there before, goes; `draws` at `entity`
    /// say what the key does not.
    #[inline]
    pub(super) fn place(&self, key: Option<u64>, draws: Stream, entity: u64, index: u64) -> Place {
        // Any collection stands for a new key: both lie anywhere.
        let key = key.filter(|_| self.follows_keys());
        let word = match (key, self.design.sort) {
            (Some(_), SortName::None | SortName::Increasing) => [0, 0],
            _ => draws.at(entity, index).0,
        };
        let sort = match self.design.sort {
            SortName::None => 0,
            SortName::Increasing => index,
            SortName::Random => word[1],
        };
        let collection = match (key, &self.values) {
            (Some(key), _) => key,
            (None, None) => below(word[0], self.collections),
            (None, Some(values)) => {
                // The upper part of the word chooses the value, what is left of it the suffix.
                let whole = u128::from(word[0]) * 100;
                let (hundredth, rest) = ((whole >> 64) as usize, whole as u64);
                let suffixes = u64::from(self.design.suffixes);
                u64::from(values[hundredth]) * suffixes + below(rest, suffixes)
            }
        };
        Place {
            collection: Collection(collection as u32),
            sort,
        }
    }
}
