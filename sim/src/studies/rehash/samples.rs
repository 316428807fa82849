//! The metrics of one node, cell by cell.

use super::phases::{PhaseTimes, Recorder};
use super::watch::Watch;
use crate::studies::samples::Samples;
use kvrig_base::seam::Cause;
use kvrig_base::time::Time;

impl Samples<'_> {
    /// Pauses by cause, and who waited.
    pub(super) fn of_pauses(&mut self, recorder: &Recorder) {
        for (name, cause) in [
            ("pause_step_max", Cause::RehashStep),
            ("pause_cron_max", Cause::RehashCron),
            ("pause_rehash_max", Cause::RehashAll),
            ("pause_allocate_max", Cause::AllocateTable),
            ("pause_free_max", Cause::FreeTable),
        ] {
            self.add(name, recorder.longest(cause).as_nanos());
        }
        for (name, cause) in [
            ("pause_step_sum", Cause::RehashStep),
            ("pause_cron_sum", Cause::RehashCron),
        ] {
            self.add(name, recorder.sum(cause).as_nanos());
        }
        self.add("pause_longest_max", recorder.longest_call().as_nanos());
        self.add("pause_total_sum", recorder.total().as_nanos());
        self.add("requests_waiting_max", recorder.most_waiting());
    }
    /// The growth under study: its pauses, positions and memory.
    pub(super) fn of_growth(&mut self, watch: &Watch, end: Time) {
        let recorder = &watch.recorder;
        self.of_pauses(recorder);
        self.add("memory_table_max", watch.memory_table_max);
        self.add("memory_used_max", watch.memory_used_max);
        self.add("rehash_start_position", watch.started_at_entries);
        // What goes on beyond the run has no end to tell of.
        if watch.grows_in_parts {
            return;
        }
        self.add("rehash_end_position", watch.ended_at_entries);
        if let Some(started) = recorder.started() {
            let freed = recorder.freed().unwrap_or(end);
            self.add("rehash_duration_max", freed.since(started).as_nanos());
        }
    }
    /// What eviction did, where memory has a limit.
    pub(super) fn of_eviction(&mut self, watch: &Watch, evicted: u64, end: Time) {
        self.add("keys_evicted_count", evicted);
        self.add("pause_evict_max", watch.longest_eviction.as_nanos());
        if let Some(burst) = watch.burst {
            let until = burst.until.unwrap_or(end);
            self.add("eviction_burst_count", burst.keys());
            self.add("eviction_burst_max", until.since(burst.since).as_nanos());
        }
    }
    /// What forking did, where a child lived.
    pub(super) fn of_children(&mut self, watch: &Watch, end: Time) {
        let recorder = &watch.recorder;
        if watch.children.is_empty() {
            return;
        }
        let growth = (
            recorder.started().unwrap_or(end).as_nanos(),
            recorder.freed().unwrap_or(end).as_nanos(),
        );
        let (mut life, mut frozen, mut pages) = (0, 0, 0);
        for child in &watch.children {
            life = life.max(child.exited_ns - child.forked_ns);
            let (from, to) = (child.forked_ns.max(growth.0), child.exited_ns.min(growth.1));
            frozen = frozen.max(to.saturating_sub(from));
            pages += child.pages_copied;
        }
        self.add("child_life_max", life);
        self.add("child_overlap_max", frozen);
        self.add("pages_copied_count", pages);
        self.add("pause_fork_max", watch.longest_fork.as_nanos());
    }
    /// Responses and services of one phase.
    pub(super) fn of_phase(&mut self, times: &PhaseTimes) {
        let service = &times.service;
        self.of_responses(&times.response());
        if service.count() == 0 {
            return;
        }
        self.add("service_mean", service.mean().as_nanos());
        self.add("service_p99", service.quantile(99, 100).as_nanos());
        self.add("service_p999", service.quantile(999, 1_000).as_nanos());
        self.add("service_max", service.max().as_nanos());
    }
}
