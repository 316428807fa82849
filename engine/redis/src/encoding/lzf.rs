//! LZF, by which Redis shortens strings in snapshots and payloads, and listpacks inside lists.
//!
//! The stream is a row of literal runs and references to what came before
//! (`redis:src/lzf_c.c` and `lzf_d.c`, liblzf 3.6 with HLOG 16 and VERY_FAST):
//!
//! ```text
//!   000LLLLL                     L + 1 bytes follow as they are
//!   LLLooooo oooooooo            L + 2 bytes from o + 1 back, L from 1 to 6
//!   111ooooo LLLLLLLL oooooooo   L + 9 bytes from o + 1 back
//! ```
//!
//! Which of the possible references are taken is decided by the table of the compressor, so the table
//! here is Redis's: the bytes are the same. Redis leaves its table uninitialised, and now and then finds
//! a reference through a place that an earlier string has left there; here each string begins anew.

/// Places of the table (HLOG).
const PLACES: usize = 1 << 16;
/// Longest run of literals.
const LITERALS_MAX: usize = 1 << 5;
/// Farthest that a reference reaches back.
const DISTANCE_MAX: usize = 1 << 13;
/// Longest match that is looked for.
const MATCH_MAX: usize = (1 << 8) + (1 << 3);
/// Lengths from here on take a byte of their own.
const LONG_MATCH: usize = 7;
/// Bytes up to which matches are compared without a look at the limit.
const UNROLLED_MATCH: usize = 19;
/// What one byte of a stream gives at most, rounded up: three bytes give 264.
const EXPANSION_MAX: u64 = 88;

/// Compresses strings one after the other with one table.
#[derive(Default)]
pub(crate) struct Compressor {
    /// Behind `base`, where the three bytes of this place were seen last; empty until it is needed.
    table: Vec<u32>,
    /// Positions of earlier strings lie below it, and count as none.
    base: u32,
    /// See [`Compressor::looked_up`].
    looked_up: u64,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// The place of three bytes (FRST, NEXT and IDX).
fn place(bytes: &[u8]) -> usize {
    let word = u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]);
    ((word >> 8).wrapping_sub(word.wrapping_mul(5))) as usize & (PLACES - 1)
}

/// A stream that is written within a limit of bytes.
struct Stream<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    /// Bytes at most, from `start` on.
    room: usize,
    /// Literals of the run that is being written; its length byte is there already.
    literals: usize,
}

impl Stream<'_> {
    /// Bytes so far, the length byte of the present run included.
    fn len(&self) -> usize {
        self.out.len() - self.start
    }
    fn begin_run(&mut self) {
        self.out.push(0);
        self.literals = 0;
    }
    /// Writes the length of the present run, or takes its length byte back where it is empty.
    fn end_run(&mut self) {
        match self.literals {
            0 => {
                self.out.pop();
            }
            literals => {
                let at = self.out.len() - literals - 1;
                self.out[at] = (literals - 1) as u8;
            }
        }
    }
    fn literal(&mut self, byte: u8) {
        self.out.push(byte);
        self.literals += 1;
        if self.literals == LITERALS_MAX {
            self.end_run();
            self.begin_run();
        }
    }
    /// `distance` is counted from 0, `length` without the two bytes that every match has.
    fn reference(&mut self, distance: usize, length: usize) {
        let high = (distance >> 8) as u8;
        match length < LONG_MATCH {
            true => self.out.push(high | (length << 5) as u8),
            false => {
                let rest = (length - LONG_MATCH) as u8;
                self.out.extend_from_slice(&[high | 0xE0, rest]);
            }
        }
        self.out.push(distance as u8);
    }
}

impl Compressor {
    /// Appends the compressed form of `input` to `out` and says so, unless it would take more than
    /// `room` bytes; `out` is then as it was.
    pub(crate) fn compress(&mut self, input: &[u8], room: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        self.looked_up = 0;
        let Some(base) = self.next_base(input.len()) else {
            return false;
        };
        let done = !input.is_empty() && room > 0 && self.compress_from(base, input, room, out);
        if !done {
            out.truncate(start);
        }
        done
    }

    /// How many positions of the last string were looked up in the table, which is most of the work.
    pub(crate) fn looked_up(&self) -> u64 {
        self.looked_up
    }

    /// Makes the table, and numbers the positions of a further string of so many bytes; `None` for one
    /// that is too long to be numbered.
    fn next_base(&mut self, length: usize) -> Option<u32> {
        let length = u32::try_from(length).ok()?.checked_add(1)?;
        if self.table.is_empty() || self.base.checked_add(length).is_none() {
            self.table = vec![0; PLACES];
            // Zero stands for no position.
            self.base = 1;
        }
        let base = self.base;
        self.base = base.checked_add(length)?;
        Some(base)
    }

    fn compress_from(&mut self, base: u32, input: &[u8], room: usize, out: &mut Vec<u8>) -> bool {
        let (start, end) = (out.len(), input.len());
        let mut stream = Stream {
            out,
            start,
            room,
            literals: 0,
        };
        stream.begin_run();
        let mut at = 0;
        while at + 2 < end {
            self.looked_up += 1;
            let slot = &mut self.table[place(&input[at..])];
            // A position of this string, and not its first: Redis never refers to that.
            let seen = slot.checked_sub(base).filter(|seen| *seen > 0);
            *slot = base + at as u32;
            let seen = seen.map(|seen| seen as usize).filter(|&seen| {
                at - seen <= DISTANCE_MAX && input[seen..seen + 3] == input[at..at + 3]
            });
            let Some(seen) = seen else {
                if stream.len() >= stream.room {
                    return false;
                }
                stream.literal(input[at]);
                at += 1;
                continue;
            };
            let is_empty = usize::from(stream.literals == 0);
            if stream.len() + 4 - is_empty >= stream.room {
                return false;
            }
            stream.end_run();
            let length = match_length(input, seen, at);
            stream.reference(at - seen - 1, length - 2);
            stream.begin_run();
            at += length;
            if at + 2 >= end {
                break;
            }
            self.looked_up += 2;
            for inside in [at - 2, at - 1] {
                self.table[place(&input[inside..])] = base + inside as u32;
            }
        }
        if stream.len() + 3 > stream.room {
            return false;
        }
        input[at..].iter().for_each(|&byte| stream.literal(byte));
        stream.end_run();
        true
    }
}

/// How many bytes from `seen` and from `at` on are the same, of which three are known to be.
fn match_length(input: &[u8], seen: usize, at: usize) -> usize {
    let left = input.len() - at;
    let most = (left - 2).min(MATCH_MAX);
    // The first 16 comparisons are unrolled in Redis where more may follow, and look at no limit.
    let most = match most > UNROLLED_MATCH - 3 {
        true => most.max(UNROLLED_MATCH),
        false => most.max(3),
    };
    let pairs = input[seen + 3..].iter().zip(&input[at + 3..at + most]);
    3 + pairs.take_while(|(one, other)| one == other).count()
}

/// The bytes that a stream stands for, which must be `length` many; `None` where the stream is none,
/// or stands for another number.
pub(crate) fn decompress(stream: &[u8], length: u64) -> Option<Vec<u8>> {
    decompress_counting(stream, length).map(|(bytes, _)| bytes)
}

/// The same, with the number of runs and references that the stream has.
pub(crate) fn decompress_counting(stream: &[u8], length: u64) -> Option<(Vec<u8>, u64)> {
    if length > EXPANSION_MAX * stream.len() as u64 {
        return None;
    }
    let length = usize::try_from(length).ok()?;
    let mut out = Vec::with_capacity(length);
    let (mut at, mut parts) = (0, 0);
    while let Some(&control) = stream.get(at) {
        at += 1;
        parts += 1;
        let control = usize::from(control);
        if control < LITERALS_MAX {
            let run = stream.get(at..at + control + 1)?;
            at += run.len();
            if out.len() + run.len() > length {
                return None;
            }
            out.extend_from_slice(run);
            continue;
        }
        let mut matched = control >> 5;
        if matched == LONG_MATCH {
            matched += usize::from(*stream.get(at)?);
            at += 1;
        }
        let distance = (control & 0x1F) << 8 | usize::from(*stream.get(at)?);
        at += 1;
        let from = out.len().checked_sub(distance + 1)?;
        if out.len() + matched + 2 > length {
            return None;
        }
        // It may overlap with what it gives.
        for index in from..from + matched + 2 {
            out.push(out[index]);
        }
    }
    (out.len() == length && !out.is_empty()).then_some((out, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn compressed(input: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let room = input.len().saturating_sub(4);
        Compressor::default()
            .compress(input, room, &mut out)
            .then_some(out)
    }

    /// What DUMP of a redis-server 7.0.15 has of these strings.
    #[test]
    fn streams_are_those_of_redis() {
        assert_eq!(
            compressed(&[b'a'; 100]).as_deref(),
            Some(&b"\x01aa\xe0\x57\x00\x01aa"[..])
        );
        let words = "the quick brown fox the quick brown dog the quick".as_bytes();
        assert_eq!(
            compressed(words).as_deref(),
            Some(&b"\x14the quick brown fox t\xe0\x06\x13\x02dog\xc0\x13\x01ck"[..])
        );
        assert_eq!(compressed(b"abcdefghijklmnopqrstuvwxyz"), None);
    }

    #[test]
    fn a_stream_that_is_cut_or_reaches_too_far_back_is_refused() {
        let stream = compressed(&[b'a'; 100]).expect("it is shorter");
        for length in 0..stream.len() {
            assert_eq!(decompress(&stream[..length], 100), None, "{length}");
        }
        assert_eq!(decompress(&stream, 99), None);
        assert_eq!(decompress(&stream, 101), None);
        assert_eq!(decompress(b"\x20\x05", 3), None);
        assert_eq!(decompress(b"\x00", u64::MAX), None);
        assert_eq!(decompress(b"", 0), None);
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            vec(any::<u8>(), 0..300),
            vec(0..3_u8, 0..3_000),
            (vec(any::<u8>(), 1..40), 1..400_usize).prop_map(|(part, times)| part.repeat(times)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_compressed_reads_back(texts in vec(text(), 1..4)) {
            let mut compressor = Compressor::default();
            for text in texts {
                let mut out = b"before".to_vec();
                let room = text.len().saturating_sub(4);
                if compressor.compress(&text, room, &mut out) {
                    let stream = out.split_off(6);
                    prop_assert!(stream.len() <= room);
                    prop_assert_eq!(decompress(&stream, text.len() as u64), Some(text.clone()));
                    // One table for many strings finds what a new one finds.
                    prop_assert_eq!(compressed(&text), Some(stream));
                }
                prop_assert_eq!(&out[..], b"before");
            }
        }
        #[test]
        fn any_bytes_are_read_or_refused(stream in vec(any::<u8>(), 0..200), length in 0..5_000_u64) {
            if let Some(bytes) = decompress(&stream, length) {
                prop_assert_eq!(bytes.len() as u64, length);
            }
        }
    }
}
