//! The table alone: its longest pause against its size.

use super::growth;
use super::outcome::{CurveOutcome, SizePoint};
use crate::cost::{Pricing, Profile};
use crate::run::RunError;
use kvrig_base::id::{ActorId, CoreId};
use kvrig_base::random::Seed;
use kvrig_base::seam::{Cause, Counts, Segment, Work};
use kvrig_base::time::{Span, Time};
use kvrig_tables::{Regions, Table, TableConfig, TableEventKind, TableKind};
use std::collections::BTreeMap;

/// Inserts between two questions whether the run shall stop.
const INSERTS_UNASKED: u64 = 65_536;

/// Keys that a table is told of ahead, so that this machine need not wait for each line by itself:
/// as many as their lines stay in the first cache. It changes no receipt.
pub(super) const KEYS_AHEAD: u64 = 32;

/// Buckets that Memcached's maintenance thread moves meanwhile: it does little else, and an insert
/// takes about as long.
const MOVES_BESIDE_AN_INSERT: u64 = 4;

/// Inserts keys into an empty table of `kind` until it has grown from each of `sizes` buckets, and
/// reads the longest pause of each growth off the priced receipts.
///
/// Each insert is one call; nothing else uses the core, and no timer helps. Memcached's table is
/// moved by a thread of its own, beside the inserts.
pub(super) fn run(
    kind: TableKind,
    sizes: &[u64],
    profile: &Profile,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<(CurveOutcome, u64), RunError> {
    let (pricing, meter) = Pricing::new(profile);
    pricing.add_core();
    pricing.enter(ActorId(0), 0, CoreId(0), Time::START);
    let mut work = Work::new(Box::new(meter));
    let hash_key = seed.stream("hash-key").at(0, 0).0;
    let config = TableConfig {
        regions: Regions::starting_at(0),
        hash_key,
    };
    let mut table: Box<dyn Table<u64>> = kvrig_tables::build(kind, config);
    let mut counts = Counts::default();
    let mut growth = Growing::default();
    let mut points = Vec::new();
    let mut inserted = 0_u64;
    let largest = sizes.iter().copied().max().unwrap_or(0);
    while points.len() < sizes.len() && inserted < largest.saturating_mul(4) {
        if inserted.is_multiple_of(KEYS_AHEAD) {
            let ahead: Vec<u64> = (inserted..inserted + KEYS_AHEAD).collect();
            table.prefetch(&mut ahead.iter());
        }
        if inserted.is_multiple_of(INSERTS_UNASKED) && cancelled() {
            return Err(RunError::Cancelled);
        }
        work.begin();
        table
            .insert(inserted, &mut work)
            .expect("each integer is inserted once");
        inserted += 1;
        counts.merge(&work.counts());
        growth.add(work.segments());
        if kind == TableKind::Memcached16 {
            // The maintenance thread, which checks and moves beside the inserts.
            work.begin();
            table.cron_resize(&mut work);
            table.maintain(MOVES_BESIDE_AN_INSERT, &mut work);
            counts.merge(&work.counts());
            growth.add(work.segments());
        }
        while let Some(event) = table.take_event() {
            match event.kind {
                TableEventKind::Started { from, .. } => {
                    growth = Growing {
                        from,
                        started_at: inserted,
                        ..Growing::default()
                    };
                    growth.add(work.segments());
                }
                TableEventKind::Ended { .. } => {
                    growth.ended_at = inserted;
                    // Without an old array to free, it is done when the last bucket is split.
                    if !growth::frees_an_old_array(kind) {
                        points.extend(growth.point(kind, sizes));
                    }
                }
                TableEventKind::Freed { .. } => {
                    growth.freed_at = Some(inserted);
                    points.extend(growth.point(kind, sizes));
                }
                TableEventKind::AllocationRefused { .. } => {}
            }
        }
    }
    let counters = counts
        .iter()
        .map(|(counter, n)| (counter.name().to_owned(), n))
        .collect();
    Ok((
        CurveOutcome {
            table: kind.name().to_owned(),
            sizes: points,
            counters,
        },
        inserted,
    ))
}

/// One growth that goes on.
#[derive(Debug, Default)]
struct Growing {
    from: u64,
    started_at: u64,
    ended_at: u64,
    freed_at: Option<u64>,
    longest: Span,
    /// Growth work of the longest call, by cause.
    causes: BTreeMap<Cause, Span>,
}

impl Growing {
    /// Takes the segments of one call, each of whose causes counts with its own time only.
    fn add(&mut self, segments: &[Segment]) {
        let mut causes: BTreeMap<Cause, Span> = BTreeMap::new();
        super::phases::own_times(segments, &mut Vec::new(), |segment, own| {
            *causes.entry(segment.cause).or_default() += own;
        });
        let total: Span = causes.values().copied().sum();
        if total > self.longest {
            self.longest = total;
            self.causes = causes;
        }
    }
    /// The point of the curve that this growth is, if its size was asked for.
    fn point(&self, kind: TableKind, sizes: &[u64]) -> Option<SizePoint> {
        let from = |size: &&u64| growth::buckets_before(kind, **size) == self.from;
        let &entries = sizes.iter().find(from)?;
        let cause = self
            .causes
            .iter()
            .max_by_key(|(_, span)| **span)
            .map(|(cause, _)| *cause);
        Some(SizePoint {
            entries,
            started_at: self.started_at,
            ended_at: self.ended_at,
            freed_at: self.freed_at,
            law: Some(growth::law(kind, entries)),
            longest_ns: self.longest.as_nanos(),
            cause: cause.unwrap_or(Cause::RehashStep).name().to_owned(),
        })
    }
}
