//! A row of elements that grows at its end, and never moves one.

/// Elements of the first chunk, as a power of two. Each chunk has twice as many as the one before,
/// up to [`CHUNK_BYTES_MAX`].
const FIRST_SHIFT: u32 = 8;
/// Bytes of a chunk at most.
///
/// A chunk is reserved whole and touched as it fills, so growth stops for one page at a time. Large
/// chunks make a directory that stays in the nearest cache, and let the system back them with pages
/// of 2 MiB.
const CHUNK_BYTES_MAX: usize = 4 << 20;

/// A vector in chunks: [`Chunked::push`] never copies what is there.
pub(crate) struct Chunked<T> {
    /// All but the last are full.
    chunks: Vec<Vec<T>>,
    len: u32,
    /// Elements that the chunks have room for.
    room: u64,
}

impl<T> Chunked<T> {
    const LAST_SHIFT: u32 = (CHUNK_BYTES_MAX / size_of::<T>()).ilog2();

    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
            room: 0,
        }
    }

    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Elements that there is room for without another chunk.
    pub(crate) const fn room(&self) -> u64 {
        self.room
    }

    /// Chunks that are reserved.
    pub(crate) const fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Chunk and place in it. Counted from the size of the first chunk on, the highest bit of a
    /// number tells the chunk, and the bits below it the place.
    #[inline]
    const fn place_of(number: u32) -> (usize, usize) {
        let biased = number as u64 + (1 << FIRST_SHIFT);
        let highest = biased.ilog2();
        let shift = if highest < Self::LAST_SHIFT {
            highest
        } else {
            Self::LAST_SHIFT
        };
        let chunk = (shift - FIRST_SHIFT) as u64 + (biased >> shift) - 1;
        (chunk as usize, (biased & ((1 << shift) - 1)) as usize)
    }

    /// Elements that a chunk has room for.
    const fn chunk_len(chunk: usize) -> usize {
        let shift = FIRST_SHIFT as usize + chunk;
        if shift < Self::LAST_SHIFT as usize {
            1 << shift
        } else {
            1 << Self::LAST_SHIFT
        }
    }

    /// Adds a chunk where those that are there are full, and says how many bytes it takes.
    pub(crate) fn reserve(&mut self) -> Option<u64> {
        (u64::from(self.len) == self.room).then(|| {
            let len = Self::chunk_len(self.chunks.len());
            self.chunks.push(Vec::with_capacity(len));
            self.room += len as u64;
            (len * size_of::<T>()) as u64
        })
    }

    /// Adds an element at the end, for which there must be room, and says its number.
    #[inline]
    pub(crate) fn push(&mut self, element: T) -> u32 {
        debug_assert!(u64::from(self.len) < self.room, "a caller reserves first");
        let number = self.len;
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(element);
            self.len += 1;
        }
        number
    }

    /// The element of that number.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> &T {
        let (chunk, place) = Self::place_of(number);
        &self.chunks[chunk][place]
    }

    /// The element of that number, to be changed.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> &mut T {
        let (chunk, place) = Self::place_of(number);
        &mut self.chunks[chunk][place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_one_another_through_all_chunks() {
        // Elements so large that chunks stop growing at 2^10.
        type Large = [u8; 4 << 10];
        let mut expected = (0, 0);
        for number in 0..20_000 {
            assert_eq!(Chunked::<Large>::place_of(number), expected, "{number}");
            expected.1 += 1;
            if expected.1 == Chunked::<Large>::chunk_len(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(Chunked::<Large>::chunk_len(0), 256);
        assert_eq!(Chunked::<Large>::chunk_len(9), 1_024);
        let (chunk, place) = Chunked::<u64>::place_of(u32::MAX);
        assert!(place < Chunked::<u64>::chunk_len(chunk));
    }

    #[test]
    fn elements_stay_where_they_are_as_the_row_grows() {
        let mut row = Chunked::new();
        let mut reserved = Vec::new();
        let mut first = std::ptr::null();
        for number in 0..10_000 {
            reserved.extend(row.reserve());
            assert_eq!(row.push(number), number);
            if number == 0 {
                first = std::ptr::from_ref(row.get(0));
            }
        }
        assert_eq!(std::ptr::from_ref(row.get(0)), first);
        assert!((0..10_000).all(|number| *row.get(number) == number));
        *row.get_mut(700) = 7;
        assert_eq!(*row.get(700), 7);
        assert_eq!(
            reserved,
            [1, 2, 4, 8, 16, 32].map(|of_first| of_first * 1_024)
        );
        assert_eq!((row.len(), row.chunks(), row.room()), (10_000, 6, 256 * 63));
    }
}
