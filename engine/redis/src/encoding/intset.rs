//! Intset: a sorted array of integers of one width.
//!
//! The layout is that of Redis (`redis:src/intset.c`): the width in bytes and the number of
//! integers, 32 bits each, then the integers, all little endian. The width is that of the widest
//! integer ever added: 2, 4 or 8 bytes.

/// Width and number of integers.
const HEADER_BYTES: usize = 8;

/// A sorted array of integers.
#[derive(Clone, PartialEq, Eq)]
pub struct Intset {
    width: usize,
    /// The integers, sorted, in bytes of that width.
    bytes: Vec<u8>,
}

impl Default for Intset {
    fn default() -> Self {
        Self {
            width: 2,
            bytes: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

const fn width_of(number: i64) -> usize {
    match number {
        -0x8000..=0x7FFF => 2,
        -0x8000_0000..=0x7FFF_FFFF => 4,
        _ => 8,
    }
}

impl Intset {
    /// Reads a serialised form (intsetValidateIntegrity, deep).
    ///
    /// # Errors
    /// What is wrong with it, in a few words: its size, its order, or that nothing is in it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let Some((header, content)) = bytes.split_at_checked(HEADER_BYTES) else {
            return Err("an intset without room for its header");
        };
        let word = |at: usize| {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            u32::from_le_bytes(bytes) as usize
        };
        let (width, count) = (word(0), word(4));
        if !matches!(width, 2 | 4 | 8) {
            return Err("an intset of integers that are not 2, 4 or 8 bytes wide");
        }
        if count == 0 || count.checked_mul(width) != Some(content.len()) {
            return Err(
                "an intset that is empty, or states another number of integers than it has",
            );
        }
        let set = Self {
            width,
            bytes: content.to_vec(),
        };
        let is_in_order = set.iter().is_sorted_by(|one, next| one < next);
        match is_in_order {
            true => Ok(set),
            false => Err("an intset that is not in order"),
        }
    }
    /// Number of integers.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.width
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
    /// Number of bytes of the serialised form.
    pub fn byte_len(&self) -> usize {
        HEADER_BYTES + self.bytes.len()
    }
    /// The serialised form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.byte_len());
        bytes.extend_from_slice(&(self.width as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.bytes);
        bytes
    }
    /// The integer with this index, counted from the smallest.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }
    fn at(&self, index: usize) -> i64 {
        let bytes = &self.bytes[index * self.width..][..self.width];
        match *bytes {
            [a, b] => i16::from_le_bytes([a, b]).into(),
            [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
            _ => {
                let mut all = [0; 8];
                all.copy_from_slice(bytes);
                i64::from_le_bytes(all)
            }
        }
    }
    /// Where `number` is, or where it would be added.
    fn search(&self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle).cmp(&number) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
    /// Whether `number` is there.
    pub fn contains(&self, number: i64) -> bool {
        self.search(number).is_ok()
    }
    /// Adds `number` and says whether it was absent; a wider one widens all.
    pub fn insert(&mut self, number: i64) -> bool {
        let Err(index) = self.search(number) else {
            return false;
        };
        let width = width_of(number);
        if width > self.width {
            let numbers: Vec<i64> = self.iter().collect();
            self.width = width;
            self.bytes = numbers
                .iter()
                .flat_map(|number| number.to_le_bytes().into_iter().take(width))
                .collect();
        }
        let at = index * self.width;
        let bytes = number.to_le_bytes();
        self.bytes
            .splice(at..at, bytes.into_iter().take(self.width));
        true
    }
    /// Removes `number` and says whether it was there.
    pub fn remove(&mut self, number: i64) -> bool {
        let Ok(index) = self.search(number) else {
            return false;
        };
        let at = index * self.width;
        self.bytes.drain(at..at + self.width);
        true
    }
    /// All integers, from the smallest.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.len()).map(|index| self.at(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_bytes_are_those_of_redis() {
        let mut set = Intset::default();
        for number in [5, -1, 300] {
            set.insert(number);
        }
        assert_eq!(
            set.to_bytes(),
            [2, 0, 0, 0, 3, 0, 0, 0, 0xFF, 0xFF, 5, 0, 44, 1]
        );
    }

    #[test]
    fn a_serialised_form_reads_back_where_it_is_true() {
        let mut set = Intset::default();
        for number in [5, -1, 300] {
            set.insert(number);
        }
        let bytes = set.to_bytes();
        assert_eq!(Intset::from_bytes(&bytes), Ok(set));
        for length in 0..bytes.len() {
            assert!(Intset::from_bytes(&bytes[..length]).is_err());
        }
        for wrong in [
            [2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 5, 0],
            [2, 0, 0, 0, 2, 0, 0, 0, 6, 0, 5, 0],
            [3, 0, 0, 0, 2, 0, 0, 0, 5, 0, 6, 0],
            [2, 0, 0, 0, 0, 0, 0, 0, 5, 0, 6, 0],
        ] {
            assert!(Intset::from_bytes(&wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_sorted_set(changes in vec((any::<bool>(), prop_oneof![-40..40_i64, -70_000..70_000_i64, any::<i64>()]), 0..200)) {
            let (mut set, mut model) = (Intset::default(), BTreeSet::new());
            for (adds, number) in changes {
                match adds {
                    true => prop_assert_eq!(set.insert(number), model.insert(number)),
                    false => prop_assert_eq!(set.remove(number), model.remove(&number)),
                }
                prop_assert_eq!(set.contains(number), adds);
                prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            }
        }
    }
}
