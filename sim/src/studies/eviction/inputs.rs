//! What a cell runs on, read once and shared by its points.

use crate::cost::Profile;
use crate::studies::another_question;
use crate::studies::setup::Setup;
use crate::studies::workload::WorkloadInputs;
use crate::study::{
    Cell, Conf, EvictionKnobs, Millionths, PolicyName, Popularity, Selection, StudyKind,
};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::Bytes;
use kvrig_base::time::Span;
use kvrig_redis::Config;

/// Directives that the study sets itself, with the knob that they follow.
const OWN: [(&str, &str); 3] = [
    ("maxmemory", "node_sizes"),
    ("maxmemory-policy", "policies"),
    ("maxmemory-samples", "samples"),
];
/// Directives of which only one value makes sense without a disk.
const NO_DISK: [(&str, &str); 2] = [("save", ""), ("appendonly", "no")];
const PICOS_PER_SECOND: u128 = 1_000_000_000_000;
const MICRO: u128 = 1_000_000;

/// A cell with everything read that it names.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) cell: Cell,
    pub(super) knobs: EvictionKnobs,
    pub(super) profile: Profile,
    /// The node's configuration but for its limit and policy.
    pub(super) config: Config,
    pub(super) workload: WorkloadInputs,
    /// Time between two requests.
    pub(super) gap: Span,
}

impl Inputs {
    /// Reads everything that `cell` names.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest.
    pub(super) fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Self, Diagnostic> {
        let StudyKind::Eviction(knobs) = &cell.kind else {
            return Err(another_question(cell));
        };
        let profile = setup.machine(&cell.host)?;
        let mut config = setup.config(cell, |directive| refuse(directive, setup))?;
        config.set("maxmemory-samples", &knobs.samples.to_string())?;
        let workload = setup.workload(cell)?;
        let Some((_, arrivals)) = &workload.pacing else {
            return Err(contradiction(
                "a closed loop does not say how many requests share a second",
            )
            .help("give `workload.arrivals` a rate"));
        };
        // A rate is in millionths of a request a second.
        let rate = u128::from(arrivals.mean_rate().0.max(1));
        let picos = u64::try_from(PICOS_PER_SECOND * MICRO / rate).unwrap_or(u64::MAX);
        let longest = Span::from_secs(3_600);
        Ok(Self {
            cell: cell.clone(),
            knobs: knobs.clone(),
            profile,
            config,
            gap: Span::from_picos(picos).min(longest),
            workload,
        })
    }
    /// The requests that share a second of the node's clock, at least one.
    pub(super) fn requests_per_second(&self) -> u64 {
        let gap = self.gap.as_picos().max(1);
        (Span::from_secs(1).as_picos() / gap).max(1)
    }
    /// The exponent of Zipf's law, where the workload has a single space of keys that follows it.
    pub(super) fn exponent(&self) -> Option<Millionths> {
        match self.cell.workload.spaces.as_slice() {
            [space] => match &space.selection {
                Selection::Drawn(Popularity::Zipf(exponent)) => Some(*exponent),
                _ => None,
            },
            _ => None,
        }
    }
    /// Mean bytes of an entry, for estimates.
    pub(super) fn entry_bytes(&self) -> Bytes {
        let (key, value) = self.workload.mean_bytes();
        Bytes(key.0.saturating_add(value.0))
    }
    /// The configuration of a node with a limit and a policy.
    ///
    /// # Errors
    /// If the node knows no such policy.
    pub(super) fn limited(&self, policy: PolicyName, bytes: u64) -> Result<Config, Diagnostic> {
        let mut config = self.config.clone();
        config.set("maxmemory-policy", policy.name())?;
        config.maxmemory = bytes;
        Ok(config)
    }
}

fn contradiction(message: &str) -> Diagnostic {
    Diagnostic::new(diagnostic::CONTRADICTION, message)
}

/// Whether the study takes a directive for itself: none, but it refuses those that it sets and those
/// that need a disk.
fn refuse(directive: &Conf, setup: &Setup<'_>) -> Result<bool, Diagnostic> {
    let (name, value) = (&directive.name.value, &directive.value.value);
    let refuse = |message: String| {
        let (code, at) = (diagnostic::CONTRADICTION, directive.name.at);
        Err(setup.files.at(code, at, message, "not here"))
    };
    if let Some((_, knob)) = OWN.iter().find(|(own, _)| own == name) {
        return refuse(format!("`{name}` follows `study.eviction.{knob}`"));
    }
    if let Some((_, only)) = NO_DISK.iter().find(|(own, _)| own == name)
        && only != value
    {
        return refuse(format!("`{name}` needs a disk, which this study has not"));
    }
    Ok(false)
}
