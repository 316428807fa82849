//! Random entries, as eviction and RANDOMKEY pick them (`redis:src/dict.c`, dictGetSomeKeys and
//! dictGetRandomKey), from one array or, while a rehash goes on, from two.

use crate::arena::{Arena, slot_at};
use crate::buckets::BucketArray;
use crate::table::{Entry, Slot};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Counter, Work};

/// Buckets visited for each entry that is wanted, at most.
const VISITS_PER_ENTRY: usize = 10;
/// Empty buckets in a row after which another place is drawn, if as many as are wanted.
const EMPTY_RUN_MIN: usize = 5;

/// An array and its first bucket that may have entries.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) array: &'a mut BucketArray,
    pub(crate) from: u64,
}

/// Adds up to `wanted` entries of buckets in a row, from a random one on, to `sample`.
pub(crate) fn run<E: Entry>(
    parts: &mut [Part<'_>],
    arena: &Arena<E>,
    wanted: usize,
    random: &mut Sequence,
    sample: &mut Vec<Slot>,
    work: &mut Work,
) {
    let wanted = usize::try_from(arena.len()).map_or(wanted, |len| wanted.min(len));
    if wanted == 0 {
        return;
    }
    let end = sample.len() + wanted;
    let largest = parts
        .iter()
        .map(|part| part.array.buckets())
        .max()
        .unwrap_or(0);
    let mut bucket = random.below(largest);
    let mut empty_run = 0;
    for _ in 0..wanted * VISITS_PER_ENTRY {
        for number in 0..parts.len() {
            if number == 0 && bucket < parts[0].from {
                // Nothing is left there. Where the other array has no such bucket either, the run
                // goes on at the first bucket that may have entries.
                if parts
                    .get(1)
                    .is_some_and(|other| bucket < other.array.buckets())
                {
                    continue;
                }
                bucket = parts[0].from;
            }
            if bucket >= parts[number].array.buckets() {
                continue;
            }
            let mut link = parts[number].array.probe(bucket as usize, work);
            if slot_at(link).is_none() {
                empty_run += 1;
                if empty_run >= EMPTY_RUN_MIN && empty_run > wanted {
                    bucket = random.below(largest);
                    empty_run = 0;
                }
                continue;
            }
            empty_run = 0;
            while let Some(slot) = slot_at(link) {
                work.count(Counter::EntriesVisited, 1);
                link = arena.visit(slot, work);
                sample.push(slot);
                if sample.len() == end {
                    return;
                }
            }
        }
        bucket = (bucket + 1) & (largest - 1);
    }
}

/// A random entry of a random bucket that has entries.
pub(crate) fn one<E: Entry>(
    parts: &mut [Part<'_>],
    arena: &Arena<E>,
    random: &mut Sequence,
    work: &mut Work,
) -> Option<Slot> {
    if arena.len() == 0 {
        return None;
    }
    let buckets: u64 = parts
        .iter()
        .map(|part| part.array.buckets() - part.from)
        .sum();
    loop {
        let mut drawn = random.below(buckets);
        for part in parts.iter_mut() {
            let here = part.array.buckets() - part.from;
            if drawn >= here {
                drawn -= here;
                continue;
            }
            let link = part.array.probe((part.from + drawn) as usize, work);
            if let Some(head) = slot_at(link) {
                return Some(one_of_chain(arena, head, random, work));
            }
            break;
        }
    }
}

/// A random entry of the chain that begins at `head`.
fn one_of_chain<E: Entry>(
    arena: &Arena<E>,
    head: Slot,
    random: &mut Sequence,
    work: &mut Work,
) -> Slot {
    let mut entries = 1;
    let mut link = arena.visit(head, work);
    while let Some(slot) = slot_at(link) {
        entries += 1;
        link = arena.visit(slot, work);
    }
    work.count(Counter::EntriesVisited, entries);
    let mut chosen = head;
    for _ in 0..random.below(entries) {
        chosen = slot_at(arena.word(chosen)).expect("below the chain's length");
    }
    chosen
}
