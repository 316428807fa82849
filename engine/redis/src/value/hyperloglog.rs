//! HyperLogLog in the bytes of a string, laid out as Redis lays it out (`redis:src/hyperloglog.c`).
//!
//! ```text
//!   "HYLL"  encoding  3 unused bytes  cached cardinality (8 bytes, little-endian; top bit: stale)
//!
//!   dense   16,384 registers of 6 bits, the lowest bits first
//!   sparse  runs of registers:  00llllll           1 to 64 zeros
//!                               01llllll llllllll  1 to 16,384 zeros
//!                               1vvvvvll           1 to 4 registers of value 1 to 32
//! ```
//!
//! The estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017);
//! its standard error is 1.04 / sqrt(16,384), 0.81 %.

pub(crate) mod self_test;

use crate::keyspace::count_allocation;
use crate::memory::{capacity_when_grown, usable_capacity};
use kvrig_base::seam::{Counter, Work};

const INDEX_BITS: u32 = 14;
/// Registers of one HyperLogLog.
pub(crate) const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash behind the register's number; a rank is at most one more.
const RANK_BITS: u32 = u64::BITS - INDEX_BITS;
const REGISTER_BITS: usize = 6;
const REGISTER_MAX: u8 = (1 << REGISTER_BITS) - 1;
const HEADER_BYTES: usize = 16;
const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * REGISTER_BITS / 8;
const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
const CACHED_AT: usize = 8;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const STALE: u8 = 1 << 7;
/// Zeros that one byte stands for at most.
const SHORT_ZEROS_MAX: usize = 64;
/// Registers of one value that one byte stands for at most.
const VALUE_RUN_MAX: usize = 4;
/// The largest value of a sparse register.
const SPARSE_VALUE_MAX: u8 = 32;
/// Bytes that one change adds to the sparse form at most.
const CHANGE_BYTES_MAX: usize = 3;
/// Runs looked at for a merge after a change.
const RUNS_MERGED_MAX: u32 = 5;
/// The seed of the hash.
const SEED: u64 = 0xadc8_3b19;
/// 0.5 / ln 2.
const ALPHA_INFINITE: f64 = 0.721_347_520_444_481_7;

/// The sparse form does not stand for 16,384 registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupted;

/// A HyperLogLog of nothing, in the sparse form.
pub(crate) fn empty() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(usable_capacity(HEADER_BYTES + 2));
    bytes.extend_from_slice(MAGIC);
    bytes.resize(HEADER_BYTES, 0);
    bytes[ENCODING_AT] = SPARSE;
    push_zeros(&mut bytes, REGISTERS);
    bytes
}

/// Whether a string has the header of a HyperLogLog, and in the dense form its length
/// (isHLLObjectOrReply).
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES
        && bytes.starts_with(MAGIC)
        && match bytes[ENCODING_AT] {
            SPARSE => true,
            DENSE => bytes.len() == DENSE_BYTES,
            _ => false,
        }
}

/// Whether it is in the dense form.
pub(crate) fn is_dense(bytes: &[u8]) -> bool {
    bytes[ENCODING_AT] == DENSE
}

/// The cardinality that was stored, if nothing has changed since.
pub(crate) fn cached(bytes: &[u8]) -> Option<u64> {
    let stored = bytes[CACHED_AT..HEADER_BYTES].as_chunks::<8>().0.first()?;
    (bytes[HEADER_BYTES - 1] & STALE == 0).then_some(u64::from_le_bytes(*stored))
}

/// Stores a cardinality.
pub(crate) fn set_cached(bytes: &mut [u8], cardinality: u64) {
    bytes[CACHED_AT..HEADER_BYTES].copy_from_slice(&cardinality.to_le_bytes());
}

/// Says that the stored cardinality holds no longer.
pub(crate) fn invalidate(bytes: &mut [u8]) {
    bytes[HEADER_BYTES - 1] |= STALE;
}

/// Adds an element, and says whether a register changed.
pub(crate) fn add(
    bytes: &mut Vec<u8>,
    element: &[u8],
    sparse_bytes_max: usize,
    work: &mut Work,
) -> Result<bool, Corrupted> {
    work.count(Counter::BytesHashed, element.len() as u64);
    let hash = murmur_64a(element, SEED);
    let index = (hash & (REGISTERS as u64 - 1)) as usize;
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    let rank = rest.trailing_zeros() as u8 + 1;
    raise(bytes, index, rank, sparse_bytes_max, work)
}

/// Raises a register to a value, and says whether it was lower. The sparse form becomes dense where
/// it would be longer than `sparse_bytes_max` or cannot hold the value.
pub(crate) fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    value: u8,
    sparse_bytes_max: usize,
    work: &mut Work,
) -> Result<bool, Corrupted> {
    if is_dense(bytes) {
        return Ok(raise_dense(bytes, index, value));
    }
    if value > SPARSE_VALUE_MAX {
        make_dense(bytes, work)?;
        return Ok(raise_dense(bytes, index, value));
    }
    make_room(bytes, work);
    let (mut at, mut first, mut previous) = (HEADER_BYTES, 0, HEADER_BYTES);
    let run = loop {
        let run = Run::at(bytes, at)?;
        if index < first + run.len {
            break run;
        }
        previous = at;
        at += run.bytes;
        first += run.len;
    };
    work.count(Counter::BytesScanned, (at - HEADER_BYTES) as u64);
    if run.value >= value {
        return Ok(false);
    }
    if run.len == 1 && run.bytes == 1 {
        bytes[at] = value_run(value, 1);
    } else {
        let mut runs = Vec::with_capacity(5);
        run.push_part(&mut runs, index - first);
        runs.push(value_run(value, 1));
        run.push_part(&mut runs, first + run.len - 1 - index);
        let length = bytes.len() + runs.len() - run.bytes;
        if runs.len() > run.bytes && length > sparse_bytes_max {
            make_dense(bytes, work)?;
            return Ok(raise_dense(bytes, index, value));
        }
        work.count(Counter::BytesCopied, (bytes.len() - at) as u64);
        bytes.splice(at..at + run.bytes, runs);
    }
    merge_runs(bytes, previous);
    invalidate(bytes);
    Ok(true)
}

/// A run of the sparse form.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Registers.
    len: usize,
    /// The value of each.
    value: u8,
    /// Bytes that stand for it.
    bytes: usize,
}

impl Run {
    fn at(bytes: &[u8], at: usize) -> Result<Self, Corrupted> {
        let byte = *bytes.get(at).ok_or(Corrupted)?;
        let low = usize::from(byte & 0x3f);
        match byte >> 6 {
            0 => Ok(Self {
                len: low + 1,
                value: 0,
                bytes: 1,
            }),
            1 => Ok(Self {
                len: (low << 8 | usize::from(*bytes.get(at + 1).ok_or(Corrupted)?)) + 1,
                value: 0,
                bytes: 2,
            }),
            _ => Ok(Self {
                len: usize::from(byte & 3) + 1,
                value: (byte >> 2 & 0x1f) + 1,
                bytes: 1,
            }),
        }
    }
    /// Adds a run of `len` registers of the same value, if `len` is not zero.
    fn push_part(self, runs: &mut Vec<u8>, len: usize) {
        match (len, self.value) {
            (0, _) => {}
            (_, 0) => push_zeros(runs, len),
            (_, value) => runs.push(value_run(value, len)),
        }
    }
}

/// The byte of `len` registers of a value.
const fn value_run(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// Adds a run of zeros.
fn push_zeros(runs: &mut Vec<u8>, len: usize) {
    let less_one = len - 1;
    if len > SHORT_ZEROS_MAX {
        runs.push(0x40 | (less_one >> 8) as u8);
    }
    runs.push(less_one as u8);
}

/// Merges neighbouring runs of the same value, among a few from `at` on.
fn merge_runs(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..RUNS_MERGED_MAX {
        let (Ok(run), next) = (Run::at(bytes, at), at + 1) else {
            return;
        };
        if run.value > 0
            && let Ok(other) = Run::at(bytes, next)
            && other.value == run.value
            && run.len + other.len <= VALUE_RUN_MAX
        {
            bytes[next] = value_run(run.value, run.len + other.len);
            bytes.remove(at);
        } else {
            at += run.bytes;
        }
    }
}

/// Makes room for the bytes of one change, as Redis does before it looks whether it needs any.
fn make_room(bytes: &mut Vec<u8>, work: &mut Work) {
    let needed = bytes.len() + CHANGE_BYTES_MAX;
    if needed > bytes.capacity() {
        let mut larger = Vec::with_capacity(capacity_when_grown(needed));
        larger.extend_from_slice(bytes);
        count_allocation(larger.capacity(), work);
        work.count(Counter::BytesCopied, bytes.len() as u64);
        work.count(Counter::Frees, 1);
        *bytes = larger;
    }
}

/// The runs of the sparse form as PFDEBUG DECODE tells them: `z:` and `Z:` zeros in one byte and in
/// two, `v:` a value and its registers.
pub(crate) fn runs(bytes: &[u8], work: &mut Work) -> Result<String, Corrupted> {
    work.count(Counter::BytesScanned, bytes.len() as u64);
    let (mut text, mut at) = (String::new(), HEADER_BYTES);
    while at < bytes.len() {
        let Run {
            len,
            value,
            bytes: taken,
        } = Run::at(bytes, at)?;
        let space = if text.is_empty() { "" } else { " " };
        text += &match (value, taken) {
            (0, 1) => format!("{space}z:{len}"),
            (0, _) => format!("{space}Z:{len}"),
            _ => format!("{space}v:{value},{len}"),
        };
        at += taken;
    }
    Ok(text)
}

/// Puts it into the dense form, if it is not.
pub(crate) fn make_dense(bytes: &mut Vec<u8>, work: &mut Work) -> Result<(), Corrupted> {
    if is_dense(bytes) {
        return Ok(());
    }
    let mut registers = [0; REGISTERS];
    merge_into(&mut registers, bytes, work)?;
    let mut dense = Vec::with_capacity(usable_capacity(DENSE_BYTES));
    dense.extend_from_slice(&bytes[..HEADER_BYTES]);
    dense.resize(DENSE_BYTES, 0);
    dense[ENCODING_AT] = DENSE;
    for (index, &value) in registers
        .iter()
        .enumerate()
        .filter(|(_, value)| **value > 0)
    {
        raise_dense(&mut dense, index, value);
    }
    count_allocation(DENSE_BYTES, work);
    work.count(Counter::Frees, 1);
    *bytes = dense;
    Ok(())
}

/// The place of a dense register: its first byte, and the bit in it.
const fn place_of(index: usize) -> (usize, usize) {
    let bit = index * REGISTER_BITS;
    (HEADER_BYTES + bit / 8, bit % 8)
}

fn dense_register(bytes: &[u8], index: usize) -> u8 {
    let (at, shift) = place_of(index);
    let next = bytes.get(at + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([bytes[at], next]) >> shift) as u8 & REGISTER_MAX
}

fn raise_dense(bytes: &mut [u8], index: usize, value: u8) -> bool {
    let is_raised = dense_register(bytes, index) < value;
    if is_raised {
        set_dense(bytes, index, value);
    }
    is_raised
}

fn set_dense(bytes: &mut [u8], index: usize, value: u8) {
    let (at, shift) = place_of(index);
    let (mask, value) = (u16::from(REGISTER_MAX) << shift, u16::from(value) << shift);
    let [low, high] = mask.to_le_bytes();
    let [value_low, value_high] = value.to_le_bytes();
    bytes[at] = bytes[at] & !low | value_low;
    if let Some(next) = bytes.get_mut(at + 1) {
        *next = *next & !high | value_high;
    }
}

/// Raises each of `registers` to what it is here.
pub(crate) fn merge_into(
    registers: &mut [u8; REGISTERS],
    bytes: &[u8],
    work: &mut Work,
) -> Result<(), Corrupted> {
    work.count(Counter::BytesScanned, bytes.len() as u64);
    if is_dense(bytes) {
        for (index, all) in registers.iter_mut().enumerate() {
            *all = (*all).max(dense_register(bytes, index));
        }
        return Ok(());
    }
    let (mut at, mut index) = (HEADER_BYTES, 0);
    while at < bytes.len() {
        let run = Run::at(bytes, at)?;
        let covered = registers.get_mut(index..index + run.len).ok_or(Corrupted)?;
        for all in covered {
            *all = (*all).max(run.value);
        }
        index += run.len;
        at += run.bytes;
    }
    match index {
        REGISTERS => Ok(()),
        _ => Err(Corrupted),
    }
}

/// The estimated cardinality of registers.
pub(crate) fn estimate(registers: &[u8; REGISTERS]) -> u64 {
    let mut histogram = [0_u32; 1 << REGISTER_BITS];
    for &value in registers {
        histogram[usize::from(value & REGISTER_MAX)] += 1;
    }
    let all = REGISTERS as f64;
    let full = f64::from(histogram[RANK_BITS as usize + 1]);
    let mut sum = all * tau((all - full) / all);
    for &count in histogram[1..=RANK_BITS as usize].iter().rev() {
        sum = (sum + f64::from(count)) * 0.5;
    }
    sum += all * sigma(f64::from(histogram[0]) / all);
    (ALPHA_INFINITE * all * all / sum).round() as u64
}

/// Ertl's sigma, which corrects for registers at zero.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum == before {
            return sum;
        }
    }
}

/// Ertl's tau, which corrects for registers at their maximum.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * y;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// MurmurHash64A (Appleby, public domain), read as a little-endian machine does.
fn murmur_64a(bytes: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        word = (word ^ word >> SHIFT).wrapping_mul(FACTOR);
        hash = (hash ^ word).wrapping_mul(FACTOR);
    }
    if !tail.is_empty() {
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements that are added, and the length of the sparse form at most.
    fn filled(elements: u64, sparse_bytes_max: usize) -> Vec<u8> {
        let (mut bytes, work) = (empty(), &mut Work::unpriced());
        for number in 0..elements {
            add(&mut bytes, &number.to_le_bytes(), sparse_bytes_max, work).expect("it is whole");
        }
        bytes
    }
    fn registers(bytes: &[u8]) -> [u8; REGISTERS] {
        let mut registers = [0; REGISTERS];
        merge_into(&mut registers, bytes, &mut Work::unpriced()).expect("it is whole");
        registers
    }

    #[test]
    fn both_forms_hold_the_same_registers() {
        for elements in [0, 1, 2, 100, 1_000, 5_000] {
            let (sparse, dense) = (filled(elements, usize::MAX), filled(elements, 0));
            assert!(!is_dense(&sparse));
            assert_eq!(registers(&sparse), registers(&dense), "{elements}");
        }
    }

    /// Within four standard errors of 0.81 %, or half an element.
    #[test]
    fn estimates_are_near_the_number_of_elements() {
        for elements in [0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] {
            let estimate = estimate(&registers(&filled(elements, 3_000)));
            let error = estimate.abs_diff(elements) as f64;
            assert!(
                error <= 0.5 + 0.0324 * elements as f64,
                "{elements}: {estimate}"
            );
        }
    }

    #[test]
    fn a_form_that_does_not_cover_all_registers_is_refused() {
        let work = &mut Work::unpriced();
        let mut short = empty();
        short.truncate(HEADER_BYTES + 1);
        assert_eq!(add(&mut short, b"a", 3_000, work), Err(Corrupted));
        let mut long = empty();
        long.push(0xff);
        assert_eq!(make_dense(&mut long, work), Err(Corrupted));
    }
}
