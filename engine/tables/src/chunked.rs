//! A row of elements that grows and shrinks at its end, and never moves one.

/// Elements of the first chunk, as a power of two. Each chunk has twice as many as the one before,
/// up to [`CHUNK_BYTES_MAX`].
const FIRST_SHIFT: u32 = 8;
/// Bytes of a chunk at most.
///
/// A chunk is reserved whole and touched as it fills, so growth stops for one page at a time. What
/// bounds its size is giving it back, which the system does page by page: 4 MiB take half a
/// millisecond. What asks for large chunks is look-ups: the system may back them with pages of
/// 2 MiB, and a directory of few chunks stays in the nearest cache.
const CHUNK_BYTES_MAX: usize = 4 << 20;

/// A vector in chunks: [`Chunked::push`] never copies what is there.
pub(crate) struct Chunked<T> {
    /// All but the last are full, and the last is not empty.
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

    /// Bytes of the chunk that the next element needs, where those that are there are full.
    #[inline]
    pub(crate) const fn next_chunk_bytes(&self) -> Option<u64> {
        if self.len as u64 == self.room {
            Some((Self::chunk_len(self.chunks.len()) * size_of::<T>()) as u64)
        } else {
            None
        }
    }

    /// Adds an element at the end, in a chunk of its own where the last one is full.
    #[inline]
    pub(crate) fn push(&mut self, element: T) {
        if u64::from(self.len) == self.room {
            self.add_chunk();
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(element);
            self.len += 1;
        }
    }

    #[cold]
    fn add_chunk(&mut self) {
        let len = Self::chunk_len(self.chunks.len());
        self.chunks.push(Vec::with_capacity(len));
        self.room += len as u64;
    }

    /// Whether the last element has a chunk of its own, which [`Chunked::pop`] gives back.
    pub(crate) fn is_last_of_chunk(&self) -> bool {
        self.chunks.last().is_some_and(|chunk| chunk.len() == 1)
    }

    /// Takes the last element away, and its chunk if nothing else is in it.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let chunk = self.chunks.last_mut()?;
        let element = chunk.pop()?;
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.pop();
            self.room -= Self::chunk_len(self.chunks.len()) as u64;
        }
        Some(element)
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
    fn elements_stay_where_they_are_as_the_row_grows_and_shrinks() {
        let mut row = Chunked::new();
        row.push(0);
        let first = std::ptr::from_ref(row.get(0));
        (1..10_000).for_each(|number| row.push(number));
        assert_eq!(std::ptr::from_ref(row.get(0)), first);
        assert!((0..10_000).all(|number| *row.get(number) == number));
        *row.get_mut(700) = 7;
        assert_eq!(*row.get(700), 7);
        assert_eq!(row.room(), 256 * 63);
        for number in (300..10_000).rev() {
            assert_eq!(
                row.is_last_of_chunk(),
                [256, 768, 1_792, 3_840, 7_936].contains(&number)
            );
            assert_eq!(row.pop(), Some(if number == 700 { 7 } else { number }));
        }
        assert_eq!((row.len(), row.chunks(), row.room()), (300, 2, 768));
        while row.pop().is_some() {}
        assert_eq!((row.len(), row.chunks(), row.room()), (0, 0, 0));
    }
}
