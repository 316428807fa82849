//! Which partition an item lies in: ranges of hashes, and within one item collection of sort keys.

use crate::key::{KeyHash, KeyValue};
use std::fmt;

/// Where a partition begins: at a hash, and if it begins inside an item collection, at a sort key.
///
/// Two partition keys with one hash of 128 bits are taken for one item collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boundary {
    /// The hash of the partition key.
    pub hash: KeyHash,
    /// The sort key; nothing stands before all of them.
    pub sort: Option<KeyValue>,
}

/// A partition, numbered in the order of creation; numbers of those that were split stay unused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub u32);

/// A partition with its beginning and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its number.
    pub id: PartitionId,
    /// Where it begins; it ends where the next one does.
    pub start: Boundary,
    /// The partition that it was split from.
    pub parent: Option<PartitionId>,
}

impl Partition {
    const fn word(&self) -> u64 {
        self.start.hash.upper_word()
    }
}

/// All partitions of a table or index, which divide the whole space. They are split, never merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMap {
    /// In ascending order of their beginnings; the first begins at the very start.
    partitions: Vec<Partition>,
    /// The upper words of the hashes where they begin: small enough to be searched in a cache.
    words: Vec<u64>,
    created: u32,
}

/// Partitions of one table at most: with 10 GB each, 10 PB.
pub const PARTITIONS_MAX: u32 = 1 << 20;

/// Why a partition cannot be split there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitError {
    /// There is no such partition, or no longer.
    NoSuchPartition,
    /// The place is not inside the partition.
    Outside,
    /// There are [`PARTITIONS_MAX`] partitions, or all numbers are used up.
    TooMany,
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchPartition => "there is no such partition",
            Self::Outside => "the split point is not inside the partition",
            Self::TooMany => "there are as many partitions as there can be",
        })
    }
}
impl std::error::Error for SplitError {}

impl PartitionMap {
    /// `count` partitions that divide the space of hashes evenly: at least one, and at most
    /// [`PARTITIONS_MAX`].
    pub fn even(count: u32) -> Self {
        let count = count.clamp(1, PARTITIONS_MAX);
        let share = u128::MAX / u128::from(count);
        let partitions = (0..count).map(|number| Partition {
            id: PartitionId(number),
            start: Boundary {
                hash: KeyHash::new(share * u128::from(number)),
                sort: None,
            },
            parent: None,
        });
        let partitions: Vec<Partition> = partitions.collect();
        Self {
            words: partitions.iter().map(Partition::word).collect(),
            partitions,
            created: count,
        }
    }
    /// All partitions in the order of their beginnings.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }
    /// The partition that an item lies in, by its place in [`PartitionMap::partitions`].
    pub fn index_of(&self, hash: KeyHash, sort: Option<&KeyValue>) -> usize {
        let word = hash.upper_word();
        let first = self.words.partition_point(|start| *start < word);
        let shared = self.words[first..].partition_point(|start| *start == word);
        let behind = first
            + self.partitions[first..first + shared].partition_point(|partition| {
                let start = &partition.start;
                (start.hash, start.sort.as_ref()) <= (hash, sort)
            });
        // The first partition begins before everything, so at least one is not behind the item.
        behind.saturating_sub(1)
    }
    /// The partition that an item lies in.
    pub fn find(&self, hash: KeyHash, sort: Option<&KeyValue>) -> &Partition {
        &self.partitions[self.index_of(hash, sort)]
    }
    /// Splits a partition in two that replace it; the second begins at `at`.
    ///
    /// # Errors
    /// [`SplitError`]; then nothing changes.
    pub fn split(&mut self, id: PartitionId, at: Boundary) -> Result<[PartitionId; 2], SplitError> {
        let index = self
            .partitions
            .iter()
            .position(|partition| partition.id == id)
            .ok_or(SplitError::NoSuchPartition)?;
        let start = self.partitions[index].start.clone();
        let end = self.partitions.get(index + 1).map(|next| &next.start);
        if at <= start || end.is_some_and(|end| at >= *end) {
            return Err(SplitError::Outside);
        }
        if self.partitions.len() >= PARTITIONS_MAX as usize {
            return Err(SplitError::TooMany);
        }
        let created = self.created.checked_add(2).ok_or(SplitError::TooMany)?;
        let children = [PartitionId(self.created), PartitionId(self.created + 1)];
        let parent = Some(id);
        let halves = [start, at]
            .into_iter()
            .zip(children)
            .map(|(start, id)| Partition { id, start, parent });
        self.partitions.splice(index..=index, halves);
        self.words
            .insert(index + 1, self.partitions[index + 1].word());
        self.created = created;
        Ok(children)
    }
    /// The middle of a partition's range of hashes, where it can be split without looking at its
    /// keys; nothing for one that lies inside an item collection.
    pub fn middle(&self, id: PartitionId) -> Option<Boundary> {
        let index = self
            .partitions
            .iter()
            .position(|partition| partition.id == id)?;
        let start = self.partitions[index].start.hash.place();
        let end = match self.partitions.get(index + 1) {
            Some(next) => next.start.hash.place(),
            None => u128::MAX,
        };
        let middle = start + (end - start) / 2;
        (middle > start).then(|| Boundary {
            hash: KeyHash::new(middle),
            sort: None,
        })
    }
}
