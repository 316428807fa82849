//! What a cell runs on, read once and shared by its points: store, profile, workload.

use crate::client::{OpenArrivals, RedisRequests};
use crate::cost::Profile;
use crate::studies::another_question;
use crate::studies::setup::{Setup, redis};
use crate::studies::workload::{WorkloadInputs, WorkloadReader};
use crate::study::{BigKeysKnobs, Cell, Files, RedisVersion, Study, StudyKind};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::digest::Digest;
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_redis::Config;
use kvrig_tables::TableKind;
use kvrig_workloads::popularity::KeySpace;
use kvrig_workloads::{KeyId, Operations, Workload};
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
    /// Files that it names, with the digest of their content.
    pub(super) files: Vec<(String, Digest)>,
    workload: WorkloadInputs,
}

/// Reads what cells name, each file once.
pub(super) struct Reader<'a> {
    setup: Setup<'a>,
    workloads: WorkloadReader,
}

impl<'a> Reader<'a> {
    pub(super) fn new(study: &'a Study, files: &'a dyn Files) -> Self {
        Self {
            setup: Setup::new(study, files),
            workloads: WorkloadReader::default(),
        }
    }

    /// Reads everything that `cell` names.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest, with its place in the study file.
    pub(super) fn inputs(&mut self, cell: &Cell) -> Result<Inputs, Diagnostic> {
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
        let profile = self.setup.machine(&cell.host)?;
        let config = self.setup.config(cell, |_, _| false)?;
        if config.maxmemory > 0 {
            return Err(Diagnostic::new(
                diagnostic::CONTRADICTION,
                "a memory limit would evict what the commands of this study work on",
            )
            .help("leave `maxmemory` out of `store.redis.conf`"));
        }
        let files = &self.setup.files;
        let workload = self.workloads.inputs(&cell.workload, files)?;
        Ok(Inputs {
            files: files.digests(),
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
}

/// Where a workload stands when the run begins.
#[derive(Debug)]
pub(super) struct Beginning {
    /// What clients ask from then on.
    pub(super) requests: RedisRequests,
    /// When, in an open loop.
    pub(super) arrivals: Option<OpenArrivals>,
    /// The workload, for filling the store with its keys.
    pub(super) workload: Arc<Workload>,
    /// Keys that are in the store already, in the order of filling.
    pub(super) present: Vec<KeyId>,
}

impl Inputs {
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
        let mut operations = Operations::new(Arc::clone(&workload));
        if workload.needs_time()
            && let Some(starts) = self.workload.starts(seed)
        {
            operations = operations.starting(starts);
        }
        let mut requests = RedisRequests::new(operations)
            .map_err(|error| Diagnostic::new(diagnostic::CONTRADICTION, error.to_string()))?;
        for &key in &present {
            requests.mark_stored(key);
        }
        let arrivals = self.workload.arrivals(&requests, 0, seed);
        Ok(Beginning {
            requests,
            arrivals,
            workload,
            present,
        })
    }
}
