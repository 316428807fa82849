//! Each growth is where theory puts it.

mod common;

use common::{insert_all, integer_set};
use kvrig_base::seam::Work;
use kvrig_tables::law::{GrowthLaw, growth};
use kvrig_tables::{TableEvent, TableEventKind as Kind, TableKind};

const SIZES: [u64; 3] = [1 << 14, 1 << 16, 1 << 18];
/// How far a mean over keys may be from theory, in thousandths, at each size.
const MEAN_TOLERANCE: [u64; 3] = [20, 10, 5];

/// The insertions at which the growth from `buckets` started, ended and freed its old array.
fn observed(events: &[(u64, TableEvent)], buckets: u64) -> [Option<u64>; 3] {
    let at = |is_wanted: fn(Kind, u64) -> bool| {
        let event = events.iter().find(|(_, e)| is_wanted(e.kind, buckets));
        event.map(|(insertion, _)| *insertion)
    };
    [
        at(|kind, buckets| matches!(kind, Kind::Started { from, .. } if from == buckets)),
        at(|kind, buckets| matches!(kind, Kind::Ended { from, .. } if from == buckets)),
        at(|kind, buckets| matches!(kind, Kind::Freed { buckets: freed, .. } if freed == buckets)),
    ]
}

/// Memcached is left out: nothing grows it without its clock and its thread.
fn tables() -> impl Iterator<Item = TableKind> {
    let all = TableKind::ALL.iter().copied();
    all.filter(|&kind| kind != TableKind::Memcached16)
}

#[test]
fn growth_starts_ends_and_frees_where_theory_says() {
    for kind in tables() {
        let work = &mut Work::unpriced();
        let mut table = integer_set(kind);
        let events = insert_all(&mut *table, 0..2 * SIZES[2] + 2, work);
        for (size, mean_tolerance) in SIZES.into_iter().zip(MEAN_TOLERANCE) {
            let law = growth(kind, size);
            let theory = [Some(law.started), law.ended, law.freed];
            for (theory, observed) in theory.into_iter().zip(observed(&events, law.buckets)) {
                let Some(theory) = theory else {
                    continue;
                };
                let observed = observed.expect("it happened by then");
                let off = observed.abs_diff(theory);
                let tolerance = if law.is_exact { 0 } else { mean_tolerance };
                assert!(
                    off * 1_000 <= tolerance * theory,
                    "{kind} {size}: {observed}, theory {law:?}"
                );
            }
        }
    }
}

#[test]
fn the_growth_of_a_nominal_size_is_the_nearest_to_it() {
    for kind in tables() {
        for size in SIZES {
            let GrowthLaw { entries, .. } = growth(kind, size);
            // The next growths before and after it are at half and at twice as many entries.
            assert!(
                entries.abs_diff(size) <= (entries / 2).abs_diff(size),
                "{kind}"
            );
            assert!(
                entries.abs_diff(size) <= (2 * entries).abs_diff(size),
                "{kind}"
            );
        }
    }
}

/// What was observed of the real servers and of the code of the real tables, run alone.
#[test]
fn the_laws_are_those_of_the_products() {
    for (kind, size, ended, off_max) in [
        (TableKind::Redis70, 1 << 22, 6_845_801, 200),
        (TableKind::Redis70, 1 << 23, 13_691_123, 200),
        // Counted from zero.
        (TableKind::Valkey81, 1 << 23, 8_388_608, 1),
    ] {
        let law = growth(kind, size).ended.expect("theory knows");
        assert!(law.abs_diff(ended) <= off_max, "{kind} {size}: {law}");
    }
}
