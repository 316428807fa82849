//! What a cell runs on, read once and shared by its points: store, profile, workload.

use crate::cost::Profile;
use crate::studies::another_question;
use crate::studies::beginning::Beginning;
use crate::studies::setup::{Setup, redis};
use crate::studies::workload::WorkloadInputs;
use crate::study::{BigKeysKnobs, Cell, RedisVersion, StudyKind};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_redis::Config;
use kvrig_tables::TableKind;
use kvrig_workloads::popularity::KeySpace;
use std::sync::Arc;

/// How many times its first keys a key space may hold in the end: room for a workload that inserts.
const GROWTH_MAX: u64 = 8;

/// A cell with everything read that it names.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) cell: Cell,
    pub(super) knobs: BigKeysKnobs,
    pub(super) profile: Profile,
    pub(super) config: Config,
    pub(super) version: RedisVersion,
    /// The table of all keys: that of the version.
    pub(super) table: TableKind,
    workload: WorkloadInputs,
}

impl Inputs {
    /// Reads everything that `cell` names.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest, with its place in the study file.
    pub(super) fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Self, Diagnostic> {
        let StudyKind::BigKeys(knobs) = &cell.kind else {
            return Err(another_question(cell));
        };
        if !cell.events.is_empty() {
            return Err(Diagnostic::new(
                diagnostic::CONTRADICTION,
                "the study `big-keys` has no events beside its commands",
            )
            .help("leave `event` out"));
        }
        let version = redis(cell)?.version;
        let profile = setup.machine(&cell.host)?;
        let config = setup.config(cell, |_| Ok(false))?;
        if config.maxmemory > 0 {
            return Err(Diagnostic::new(
                diagnostic::CONTRADICTION,
                "a memory limit would evict what the commands of this study work on",
            )
            .help("leave `maxmemory` out of `store.redis.conf`"));
        }
        let workload = setup.workload(cell)?;
        Ok(Self {
            cell: cell.clone(),
            knobs: knobs.clone(),
            profile,
            config,
            version,
            table: match version {
                RedisVersion::V70 => TableKind::Redis70,
                RedisVersion::V74 => TableKind::Redis74,
            },
            workload,
        })
    }

    /// Requests expected within `span`.
    pub(super) fn requests_within(&self, span: Span) -> u64 {
        self.workload
            .requests_within(span, &self.cell.workload.load)
    }
    /// Mean bytes of a small key and its value, for estimates.
    pub(super) fn entry_bytes(&self) -> u64 {
        let (key, value) = self.workload.mean_bytes();
        key.0.saturating_add(value.0)
    }
    /// The workload over `keys` keys, from its first operation on. A trace brings its own keys, of
    /// which those that it names first are in the store.
    ///
    /// # Errors
    /// If a parameter is out of range, or the workload asks for what Redis has no command for.
    pub(super) fn beginning(&self, keys: u64, seed: Seed) -> Result<Beginning, Diagnostic> {
        let space = KeySpace {
            initial: keys,
            max: keys.saturating_mul(GROWTH_MAX),
        };
        let workload = self
            .workload
            .workload(space, seed)
            .map_err(|error| Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string()))?;
        let workload = Arc::new(workload);
        let present = match self.workload.replay() {
            None => workload.initial().collect(),
            Some(replay) => {
                let wanted = keys.min(replay.keys());
                let mut seen = crate::client::Bits::new(replay.keys());
                let mut firsts = Vec::new();
                let mut index = 0;
                while (firsts.len() as u64) < wanted {
                    let (key, _) = replay.request(index);
                    if seen.insert(key.0) {
                        firsts.push(key);
                    }
                    index += 1;
                }
                firsts
            }
        };
        Beginning::new(&self.workload, workload, 0, present, seed)
    }
}
