//! What a cell runs on, read once and shared by its points: store, profile, workload.

use crate::client::OpenArrivals;
use crate::cost::Profile;
use crate::studies::another_question;
use crate::studies::beginning::Beginning;
use crate::studies::setup::Setup;
use crate::studies::workload::WorkloadInputs;
use crate::study::{Cell, RehashKnobs, StudyKind};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::{Bytes, Rate, Share};
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_redis::Config;
use kvrig_workloads::popularity::KeySpace;
use kvrig_workloads::trace::Replay;
use kvrig_workloads::{OpKind, Workload};
use std::sync::Arc;

/// The value of `maxmemory` that stands for the memory in use just before the table grows.
const AT_DOUBLING: &str = "at-doubling";

/// No growth is waited for longer than a day.
const LONGEST_GROWTH: Span = Span::from_secs(24 * 3600);

/// A cell with everything read that it names.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) cell: Cell,
    pub(super) knobs: RehashKnobs,
    pub(super) profile: Profile,
    pub(super) config: Config,
    /// Whether the memory limit is to be what is in use when the table grows.
    pub(super) limit_at_doubling: bool,
    workload: WorkloadInputs,
}

impl Inputs {
    /// Reads everything that `cell` names.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest, with its place in the study file.
    pub(super) fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Self, Diagnostic> {
        let StudyKind::Rehash(knobs) = &cell.kind else {
            return Err(another_question(cell));
        };
        let profile = setup.machine(&cell.host)?;
        let mut limit_at_doubling = false;
        let config = setup.config(cell, |directive| {
            let (name, value) = (&directive.name.value, &directive.value.value);
            let is_own = name == "maxmemory" && value == AT_DOUBLING;
            limit_at_doubling |= is_own;
            Ok(is_own)
        })?;
        let workload = setup.workload(cell)?;
        if workload.replay().is_none() && workload.insert_share() == Share(0) {
            return Err(Diagnostic::new(
                diagnostic::CONTRADICTION,
                "the mix makes no new keys, so the table never grows",
            )
            .help(
                "give `insert` a share in `workload.mix`, or `workload.inserts`, or a trace in \
                 `workload.trace`",
            ));
        }
        Ok(Self {
            cell: cell.clone(),
            knobs: knobs.clone(),
            profile,
            config,
            limit_at_doubling,
            workload,
        })
    }

    /// Requests a second, on average.
    pub(super) fn rate(&self) -> Rate {
        self.workload.rate(&self.cell.workload.load)
    }
    /// Requests expected within `span`.
    pub(super) fn requests_within(&self, span: Span) -> u64 {
        self.workload
            .requests_within(span, &self.cell.workload.load)
    }
    /// The time that so many requests take.
    pub(super) fn span_of_requests(&self, requests: u64) -> Span {
        let picos =
            u128::from(requests) * 1_000_000_000_000_000_000 / u128::from(self.rate().0.max(1));
        Span::from_picos(u64::try_from(picos).unwrap_or(u64::MAX)).min(LONGEST_GROWTH)
    }
    /// Keys inserted within `span`, where keys are drawn.
    pub(super) fn inserts_within(&self, span: Span) -> u64 {
        let share = self.workload.insert_share();
        let inserts = u128::from(self.requests_within(span)) * u128::from(share.0);
        u64::try_from(inserts / u128::from(Share::ONE.0)).unwrap_or(u64::MAX)
    }
    /// Mean bytes of a key and its value, for estimates.
    pub(super) fn entry_bytes(&self) -> Bytes {
        Bytes(self.key_bytes().0 + self.value_bytes().0)
    }
    /// Mean bytes of a key.
    pub(super) fn key_bytes(&self) -> Bytes {
        self.workload.mean_bytes().0
    }
    /// Mean bytes of a value.
    pub(super) fn value_bytes(&self) -> Bytes {
        self.workload.mean_bytes().1
    }

    /// Where the workload stands one lead-in before the store holds `entries` keys.
    ///
    /// # Errors
    /// If the workload never makes so many keys, or asks for what Redis has no command for.
    pub(super) fn beginning(&self, entries: u64, seed: Seed) -> Result<Beginning, Diagnostic> {
        let lead_in = self.knobs.lead_in;
        let start = entries.saturating_sub(self.inserts_within(lead_in)).max(1);
        let space = KeySpace {
            initial: start,
            max: entries.saturating_mul(8),
        };
        let workload = self.workload.workload(space, seed).map_err(out_of_range)?;
        let workload = Arc::new(workload);
        let (first, present) = match self.workload.replay() {
            Some(replay) => recorded(replay, entries, self.requests_within(lead_in))?,
            None => (0, workload.initial().collect()),
        };
        Beginning::new(&self.workload, workload, first, present, seed)
    }
    /// The workload over a key space of its own, for clients that count keys themselves as `knob`
    /// asks for: a swing, or a fleet.
    ///
    /// # Errors
    /// If keys are read from a trace, or there are several key spaces, or an operation takes two
    /// commands.
    pub(super) fn workload_over(
        &self,
        knob: &str,
        space: KeySpace,
        seed: Seed,
    ) -> Result<Arc<Workload>, Diagnostic> {
        let refuse = |what: &str| {
            let message = format!("{what}, which cannot follow `study.rehash.{knob}`");
            Err(Diagnostic::new(diagnostic::CONTRADICTION, message))
        };
        if self.is_recorded() {
            return refuse("a trace has a course of its own");
        }
        let workload = self.workload.workload(space, seed).map_err(out_of_range)?;
        if workload.plans().len() > 1 {
            return refuse("several key spaces have courses of their own");
        }
        if workload.plan().mix.share(OpKind::ReadModifyWrite) > Share(0) {
            return refuse("a read-modify-write is two commands");
        }
        Ok(Arc::new(workload))
    }
    /// The trace that keys are read from, if they are.
    pub(super) const fn replay(&self) -> Option<&Replay> {
        self.workload.replay()
    }
    /// Whether keys are read from a trace.
    pub(super) const fn is_recorded(&self) -> bool {
        self.replay().is_some()
    }
    /// When requests of an open loop are meant to start, by the cell's rate.
    pub(super) fn drawn_arrivals(&self, seed: Seed) -> Option<OpenArrivals> {
        self.workload.starts(seed).map(OpenArrivals::Drawn)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` hands over"
)]
fn out_of_range(error: kvrig_workloads::Error) -> Diagnostic {
    Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string())
}

/// The operation of a replay that comes `lead_in` operations before the one that makes the store
/// hold `entries` keys, and the keys that are in the store by then.
fn recorded(
    replay: &Replay,
    entries: u64,
    lead_in: u64,
) -> Result<(u64, Vec<kvrig_workloads::KeyId>), Diagnostic> {
    if replay.keys() < entries {
        let message = format!(
            "the trace has {} keys in {} copies and never fills a table of {entries} entries",
            replay.keys(),
            replay.copies()
        );
        return Err(Diagnostic::new(diagnostic::OUT_OF_RANGE, message)
            .help("raise `workload.trace_copies`, or lower `study.rehash.doublings`"));
    }
    let mut seen = crate::client::Bits::new(replay.keys());
    let mut firsts = Vec::with_capacity(usize::try_from(entries).unwrap_or(0));
    let mut index = 0;
    while (firsts.len() as u64) < entries {
        let (key, _) = replay.request(index);
        if seen.insert(key.0) {
            firsts.push((index, key));
        }
        index += 1;
    }
    let first = index.saturating_sub(lead_in);
    let present = firsts
        .into_iter()
        .take_while(|&(at, _)| at < first)
        .map(|(_, key)| key)
        .collect();
    Ok((first, present))
}
