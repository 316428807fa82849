//! What tables with chains have in common: looking through a chain, and visiting all of them.

use crate::arena::{Arena, END, Link, slot_at};
use crate::buckets::BucketArray;
use crate::table::{Entry, Key, Position, Slot};
use kvrig_base::seam::{Counter, Work};

/// Entries of a chain that are asked for ahead; at load 1 few chains are longer.
const ENTRIES_PREFETCHED: usize = 3;

/// An entry in its chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) slot: Slot,
    /// The entry before it, or none where it is the head.
    pub(crate) before: Option<Slot>,
}

/// Looks for `key` in the chain that begins at `link`.
#[inline]
pub(crate) fn find<E: Entry>(
    arena: &Arena<E>,
    mut link: Link,
    key: &E::Key,
    work: &mut Work,
) -> Option<Found> {
    let mut before = None;
    while let Some(slot) = slot_at(link) {
        let (present, next) = arena.visit_key(slot, work);
        work.count(Counter::EntriesVisited, 1);
        if present == key {
            work.count(Counter::BytesScanned, key.byte_len());
            return Some(Found { slot, before });
        }
        before = Some(slot);
        link = next;
    }
    None
}

/// Looks for `key` without a receipt.
pub(crate) fn peek<E: Entry>(arena: &Arena<E>, mut link: Link, key: &E::Key) -> Option<Slot> {
    while let Some(slot) = slot_at(link) {
        if arena.entry(slot).key() == key {
            return Some(slot);
        }
        link = arena.word(slot);
    }
    None
}

/// Asks for the lines of these buckets, then for those of the entries of their chains in turn, and
/// for what lies outside the first ones.
pub(crate) fn prefetch<E: Entry>(array: &BucketArray, arena: &Arena<E>, buckets: &[usize]) {
    buckets.iter().for_each(|&bucket| array.prefetch(bucket));
    let mut links: Vec<Link> = buckets.iter().map(|&bucket| array.peek(bucket)).collect();
    for number in 0..ENTRIES_PREFETCHED {
        let slots = links.iter().filter_map(|&link| slot_at(link));
        slots.for_each(|slot| arena.prefetch(slot));
        for link in &mut links {
            *link = slot_at(*link).map_or(END, |slot| {
                if number == 0 {
                    arena.entry(slot).prefetch_outside();
                }
                arena.word(slot)
            });
        }
    }
}

/// Adds `entry` before the chain of `bucket`.
#[inline]
pub(crate) fn push<E: Entry>(
    array: &mut BucketArray,
    arena: &mut Arena<E>,
    bucket: usize,
    entry: E,
    work: &mut Work,
) -> Slot {
    let slot = arena.insert(entry, array.peek(bucket), work);
    array.push(bucket, slot, work);
    slot
}

/// Takes a found entry out of its chain and out of the arena.
pub(crate) fn remove<E: Entry>(
    array: &mut BucketArray,
    arena: &mut Arena<E>,
    bucket: usize,
    found: Found,
    work: &mut Work,
) -> E {
    let next = arena.word(found.slot);
    match found.before {
        None => array.pop(bucket, next, work),
        Some(before) => {
            arena.set_word(before, next, work);
            array.lose_inner();
        }
    }
    arena.remove(found.slot, work)
}

/// Visits a whole chain.
fn visit_chain<E: Entry>(
    array: &BucketArray,
    arena: &Arena<E>,
    bucket: usize,
    visit: &mut dyn FnMut(Slot, &E),
    work: &mut Work,
) {
    let mut link = array.probe_shared(bucket, work);
    while let Some(slot) = slot_at(link) {
        work.count(Counter::EntriesVisited, 1);
        link = arena.visit(slot, work);
        visit(slot, arena.entry(slot));
    }
}

/// One step of SCAN over the array, or over both while a rehash goes on.
pub(crate) fn scan<E: Entry>(
    arrays: (&BucketArray, Option<&BucketArray>),
    arena: &Arena<E>,
    cursor: u64,
    visit: &mut dyn FnMut(Slot, &E),
    work: &mut Work,
) -> u64 {
    let sizes = (arrays.0.buckets(), arrays.1.map(BucketArray::buckets));
    scan_buckets(sizes, cursor, &mut |which, bucket| {
        let array = match which {
            Which::One => arrays.0,
            Which::Other => arrays.1.expect("it has buckets"),
        };
        visit_chain(array, arena, bucket, visit, work);
    })
}

/// One of two arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    One,
    Other,
}

/// The buckets that one step of SCAN visits in an array, or in both while a rehash goes on, given
/// their numbers of buckets; returns the next cursor.
///
/// The cursor counts with its highest masked bit first. A table of another size splits or joins
/// buckets by their higher bits, so a cursor that has dealt with the buckets ending in given low
/// bits has dealt with them for every size (`redis:src/dict.c`, dictScan, by Pieter Noordhuis).
/// With two arrays, the bucket of the smaller is visited, then all buckets of the larger that it
/// stands for.
pub(crate) fn scan_buckets(
    sizes: (u64, Option<u64>),
    mut cursor: u64,
    visit: &mut dyn FnMut(Which, usize),
) -> u64 {
    let (one, Some(other)) = sizes else {
        let mask = sizes.0 - 1;
        visit(Which::One, (cursor & mask) as usize);
        return next_cursor(cursor, mask);
    };
    let ((small, small_mask), (large, large_mask)) = if one <= other {
        ((Which::One, one - 1), (Which::Other, other - 1))
    } else {
        ((Which::Other, other - 1), (Which::One, one - 1))
    };
    visit(small, (cursor & small_mask) as usize);
    loop {
        visit(large, (cursor & large_mask) as usize);
        cursor = next_cursor(cursor, large_mask);
        if cursor & (large_mask ^ small_mask) == 0 {
            return cursor;
        }
    }
}

/// Adds one to the reversed bits of the cursor that `mask` covers; the others become zero.
pub(crate) const fn next_cursor(cursor: u64, mask: u64) -> u64 {
    (cursor | !mask)
        .reverse_bits()
        .wrapping_add(1)
        .reverse_bits()
}

/// The next entry of a walk over the arrays, one after the other.
pub(crate) fn walk<E: Entry>(
    arrays: [Option<&BucketArray>; 2],
    arena: &Arena<E>,
    position: &mut Position,
    work: &mut Work,
) -> Option<Slot> {
    loop {
        if let Some(slot) = slot_at(position.next) {
            work.count(Counter::EntriesVisited, 1);
            position.next = arena.visit(slot, work);
            return Some(slot);
        }
        let array = (*arrays.get(position.table as usize)?)?;
        if position.bucket < array.buckets() {
            position.next = array.probe_shared(position.bucket as usize, work);
            position.bucket += 1;
        } else {
            position.table += 1;
            position.bucket = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_visits_every_bucket_once_and_ends_at_zero() {
        for buckets in [1_u64, 2, 4, 64, 1_024] {
            let (mut cursor, mut visited) = (0, Vec::new());
            loop {
                visited.push(cursor & (buckets - 1));
                cursor = next_cursor(cursor, buckets - 1);
                if cursor == 0 {
                    break;
                }
            }
            visited.sort_unstable();
            assert_eq!(visited, (0..buckets).collect::<Vec<_>>());
        }
    }
}
