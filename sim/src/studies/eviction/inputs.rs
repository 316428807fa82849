//! What a cell runs on, read once and shared by its points.

use crate::cost::Profile;
use crate::studies::setup::redis;
use crate::studies::workload::{NamedFiles, WorkloadInputs, WorkloadReader};
use crate::study::{
    Cell, EvictionKnobs, Millionths, Placed, PolicyName, Popularity, Selection, StudyKind,
};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::digest::Digest;
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
    pub(super) files: Vec<(String, Digest)>,
}

impl Inputs {
    /// Reads everything that `cell` names.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest.
    pub(super) fn read(
        cell: &Cell,
        files: &NamedFiles<'_>,
        workloads: &mut WorkloadReader,
    ) -> Result<Self, Diagnostic> {
        let StudyKind::Eviction(knobs) = &cell.kind else {
            return Err(contradiction("the cells of a study have one question"));
        };
        let profile = profile(&cell.host.profile, files)?;
        let config = config(cell, knobs, files)?;
        let workload = workloads.inputs(&cell.workload, files)?;
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
            files: files.digests(),
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

fn profile(name: &Placed<String>, files: &NamedFiles<'_>) -> Result<Profile, Diagnostic> {
    if name.value.ends_with(".toml") || name.value.contains('/') {
        return Profile::parse(&name.value, &files.read_text(name)?);
    }
    Profile::embedded(&name.value).map_err(|error| {
        let mut placed = files.at(
            diagnostic::UNKNOWN_NAME,
            name.at,
            error.message,
            "no such profile",
        );
        placed.help = error.help;
        placed
    })
}

fn config(
    cell: &Cell,
    knobs: &EvictionKnobs,
    files: &NamedFiles<'_>,
) -> Result<Config, Diagnostic> {
    let redis = redis(cell)?;
    let mut config = Config {
        growth_guard: redis.growth_guard,
        ..Config::default()
    };
    for directive in &redis.conf {
        let (name, value) = (&directive.name.value, &directive.value.value);
        let refuse = |message: String| {
            let at = directive.name.at;
            files.at(diagnostic::CONTRADICTION, at, message, "not here")
        };
        if let Some((_, knob)) = OWN.iter().find(|(own, _)| own == name) {
            let message = format!("`{name}` follows `study.eviction.{knob}`");
            return Err(refuse(message));
        }
        if let Some((_, only)) = NO_DISK.iter().find(|(own, _)| own == name)
            && only != value
        {
            return Err(refuse(format!(
                "`{name}` needs a disk, which this study has not"
            )));
        }
        config.set(name, value).map_err(|error| {
            let mut placed = files.at(
                diagnostic::STORE_DIRECTIVE,
                directive.name.at,
                error.message,
                "not honoured",
            );
            placed.help = error.help;
            placed
        })?;
    }
    config.set("maxmemory-samples", &knobs.samples.to_string())?;
    Ok(config)
}
