//! What MEMORY USAGE says of a value (`redis:src/object.c`, objectComputeSize).
//!
//! It adds the sizes of structures, as they are declared, to the sizes of allocations, as the
//! allocator rounds them, and takes a few elements for all. That is less than a value takes: the
//! footprint rounds both and leaves nothing out.

use super::Value;
use crate::memory::{OBJECT_BYTES, size_class, value_bytes};
use kvrig_base::seam::Work;

/// struct dict of 7.0, not rounded.
pub(super) const DICT_BYTES: u64 = 56;
/// struct dictEntry.
pub(super) const ENTRY_BYTES: u64 = 24;
/// What a bucket of a table takes.
pub(super) const BUCKET_BYTES: u64 = 8;

/// Elements that were looked at, and what they take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) elements: usize,
    pub(super) bytes: u64,
}

impl Sample {
    /// Adds an element.
    pub(super) fn add(&mut self, bytes: u64) {
        self.elements += 1;
        self.bytes += bytes;
    }
    /// What `count` such elements take beside `fixed` bytes.
    pub(super) fn scaled(self, fixed: u64, count: usize) -> u64 {
        match self.elements {
            0 => fixed,
            elements => {
                let each = self.bytes as f64 / elements as f64;
                (fixed as f64 + each * count as f64) as u64
            }
        }
    }
}

impl Value {
    /// The bytes of the value, of whose elements up to `samples` are looked at.
    pub(crate) fn sampled_bytes(&self, samples: usize, work: &mut Work) -> u64 {
        let collection = match self {
            Self::String(_) => return value_bytes(self, false),
            Self::List(list) => list.sampled_bytes(samples),
            Self::Set(set) => match set.integers() {
                Some(integers) => size_class(integers.byte_len() as u64),
                None => set.sampled_bytes(samples, work),
            },
            Self::SortedSet(set) => match set.pack() {
                Some(pack) => size_class(pack.byte_len() as u64),
                None => set.sampled_bytes(samples),
            },
            Self::Stream(stream) => stream.sampled_bytes(samples, work),
            Self::Hash(hash) => match hash.pack() {
                Some(pack) => size_class(pack.byte_len() as u64),
                None => hash.sampled_bytes(samples, work),
            },
        };
        OBJECT_BYTES + collection
    }
}
