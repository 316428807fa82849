//! What cells of any study name and that is read from elsewhere: cost profile, configuration,
//! workload, files.

use super::traffic::SharedDraws;
use super::workload::{NamedFiles, WorkloadInputs, WorkloadReader};
use crate::cost::Profile;
use crate::study::{Cell, Conf, Files, Host, Placed, Redis, Study};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_redis::Config;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The node of a study of Redis.
///
/// # Errors
/// If the cell is about another store.
pub(super) fn redis(cell: &Cell) -> Result<&Redis, Diagnostic> {
    cell.redis
        .as_ref()
        .ok_or_else(|| super::another_question(cell))
}

/// Reads what cells name, each file once.
pub(super) struct Setup<'a> {
    /// The files of the study.
    pub(super) files: NamedFiles<'a>,
    /// What points of the study draw once for all.
    pub(super) draws: Arc<SharedDraws>,
    workloads: WorkloadReader,
    profiles: BTreeMap<String, Profile>,
}

impl<'a> Setup<'a> {
    pub(super) fn new(study: &'a Study, files: &'a dyn Files) -> Self {
        Self {
            files: NamedFiles::new(study, files),
            draws: Arc::default(),
            workloads: WorkloadReader::default(),
            profiles: BTreeMap::new(),
        }
    }

    /// The workload of a cell.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest, with its place in the study file.
    pub(super) fn workload(&mut self, cell: &Cell) -> Result<WorkloadInputs, Diagnostic> {
        self.workloads.inputs(&cell.workload, &self.files)
    }

    /// The cost profile of a machine, with what the study says of its link and disk.
    ///
    /// # Errors
    /// What cannot be read, with its place in the study file.
    pub(super) fn machine(&mut self, host: &Host) -> Result<Profile, Diagnostic> {
        let mut profile = self.profile(&host.profile)?;
        if let Some(latency) = host.link_latency {
            profile.link.latency = latency;
        }
        if let Some(bandwidth) = host.link_bandwidth {
            profile.link.bytes_per_second = bandwidth.0;
        }
        if let Some(sync) = host.disk_sync {
            profile.disk.sync = sync;
        }
        if let Some(bandwidth) = host.disk_bandwidth {
            profile.disk.bytes_per_second = bandwidth.0;
        }
        Ok(profile)
    }

    /// A built-in profile by its name, or one from a file by its path.
    fn profile(&mut self, name: &Placed<String>) -> Result<Profile, Diagnostic> {
        if let Some(profile) = self.profiles.get(&name.value) {
            return Ok(profile.clone());
        }
        let is_file = name.value.ends_with(".toml") || name.value.contains('/');
        let profile = match is_file {
            true => Profile::parse(&name.value, &self.files.read_text(name)?)?,
            false => Profile::embedded(&name.value).map_err(|error| {
                let mut placed = self.files.at(
                    diagnostic::UNKNOWN_NAME,
                    name.at,
                    error.message,
                    "no such profile",
                );
                placed.help = error.help;
                placed
            })?,
        };
        self.profiles.insert(name.value.clone(), profile.clone());
        Ok(profile)
    }

    /// The configuration of a cell's node; `is_own` takes the directives that only the study
    /// understands, or refuses one.
    ///
    /// # Errors
    /// A directive that the study refuses or that this version does not honour, with its place in the
    /// study file.
    pub(super) fn config(
        &self,
        cell: &Cell,
        mut is_own: impl FnMut(&Conf) -> Result<bool, Diagnostic>,
    ) -> Result<Config, Diagnostic> {
        let redis = redis(cell)?;
        let mut config = Config {
            growth_guard: redis.growth_guard,
            ..Config::default()
        };
        for directive in &redis.conf {
            if is_own(directive)? {
                continue;
            }
            let set = config.set(&directive.name.value, &directive.value.value);
            set.map_err(|error| {
                let mut placed = self.files.at(
                    diagnostic::STORE_DIRECTIVE,
                    directive.name.at,
                    error.message,
                    "not honoured",
                );
                placed.help = error.help;
                placed
            })?;
        }
        Ok(config)
    }
}
