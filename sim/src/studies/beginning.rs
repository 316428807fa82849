//! Where a workload of Redis stands when a run begins.

use super::workload::WorkloadInputs;
use crate::client::{OpenArrivals, RedisRequests};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::Seed;
use kvrig_workloads::{KeyId, Operations, Workload};
use std::sync::Arc;

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

impl Beginning {
    /// The beginning of `workload`, made of `inputs`, with the operation numbered `first` and with the
    /// keys `present` in the store.
    ///
    /// # Errors
    /// If the workload asks for what Redis has no command for.
    pub(super) fn new(
        inputs: &WorkloadInputs,
        workload: Arc<Workload>,
        first: u64,
        present: Vec<KeyId>,
        seed: Seed,
    ) -> Result<Self, Diagnostic> {
        let mut operations = Operations::new(Arc::clone(&workload)).from_index(first);
        if workload.needs_time()
            && let Some(starts) = inputs.starts(seed)
        {
            operations = operations.starting(starts);
        }
        let mut requests = RedisRequests::new(operations)
            .map_err(|error| Diagnostic::new(diagnostic::CONTRADICTION, error.to_string()))?;
        for &key in &present {
            requests.mark_stored(key);
        }
        Ok(Self {
            arrivals: inputs.arrivals(&requests, first, seed),
            requests,
            workload,
            present,
        })
    }
}
