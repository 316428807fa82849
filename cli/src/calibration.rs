//! Measuring this machine for a calibration, in rounds.

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress;
use kvrig_base::calibration::StatedCache;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::measured::Machine;
use kvrig_live::calibrate::{self as live, Chase, Effort};
use kvrig_live::machine;
use kvrig_sim::calibrate::profile_text::{Identity, machine_in_words, render};
use kvrig_sim::calibrate::replays::SLICES;
use kvrig_sim::calibrate::{Calibration, Measured, Plan, Subjects, calibrate};
use kvrig_sim::cost::{Profile, TYPICAL_2026};
use std::io;
use std::path::Path;

/// Runs of a quick calibration.
pub(crate) const QUICK_RUNS: u32 = 3;
/// Runs of a whole one.
pub(crate) const RUNS: u32 = 7;

/// How a calibration is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) is_quick: bool,
    pub(crate) runs: u32,
    pub(crate) keys_max: u64,
    pub(crate) directory: &'a Path,
    pub(crate) quiet: bool,
    pub(crate) interrupt: &'a Interrupt,
}

/// What was found, and the machine that it was found on.
pub(crate) struct Found {
    pub(crate) calibration: Calibration,
    /// The profile whose prices stand where nothing was measured.
    pub(crate) given: Profile,
    machine: Machine,
    caches: Vec<StatedCache>,
}

impl Asked<'_> {
    /// Measures the machine and fits its prices.
    pub(crate) fn measure(&self) -> Result<Found, Failure> {
        let given = Profile::embedded(TYPICAL_2026)?;
        let (measured, plan, mut subjects) = self.rounds().map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return Failure::Interrupted("interrupted; nothing is written".to_owned());
            }
            let message = format!("this machine cannot be measured: {error}");
            Failure::from(Diagnostic::new(diagnostic::NOT_MEASURABLE, message))
        })?;
        Ok(Found {
            calibration: calibrate(&plan, &mut subjects, &measured, &given),
            given,
            machine: machine::describe(),
            caches: measured.caches,
        })
    }

    fn rounds(&self) -> io::Result<(Measured, Plan, Subjects)> {
        let check = || self.interrupt.check();
        // Where the system has no such switch it has no larger pages either.
        let _ = live::use_small_pages();
        let effort = Effort {
            runs: self.runs,
            is_quick: self.is_quick,
            directory: self.directory,
        };
        let bar = progress::rounds("calibrating", u64::from(self.runs) + 1, self.quiet);
        bar.set_message("the parts of the machine");
        bar.tick();
        // Forks are measured before the nodes are filled, so that they copy what is told to them.
        let machine = live::machine(&effort, &check)?;
        let plan = Plan::new(self.is_quick, self.keys_max);
        let mut subjects = Subjects::new(&plan);
        let mut replays = vec![Vec::new(); subjects.len()];
        let mut chases = vec![Vec::new(); plan.rings.len()];
        for run in 1..=self.runs {
            bar.inc(1);
            bar.set_message(format!("commands and memory, run {run} of {}", self.runs));
            bar.tick();
            for (replay, timings) in replays.iter_mut().enumerate() {
                check()?;
                subjects.warm_up(replay);
                let commands = subjects.slice_commands(replay);
                timings.push(live::fastest(SLICES, 1, commands, |slice| {
                    subjects.slice(replay, slice);
                }));
            }
            for (ring, timings) in plan.rings.iter().zip(&mut chases) {
                check()?;
                timings.push(Chase::new(&Plan::order(ring)).time(plan.chase_steps));
            }
        }
        bar.finish_and_clear();
        let measured = Measured {
            machine,
            // Where the system states no caches, those of the given profile stand.
            caches: machine::caches().unwrap_or_default(),
            replays,
            chases,
        };
        Ok((measured, plan, subjects))
    }
}

impl Found {
    /// The profile as a file has it.
    pub(crate) fn text(&self, name: &str, names_machine: bool) -> String {
        let stated = machine_in_words(self.machine.cores, self.machine.is_virtual, &self.caches);
        let identity = Identity {
            name: name.to_owned(),
            machine: match names_machine {
                true => format!(
                    "{}, {}: {stated}",
                    self.machine.processor, self.machine.system
                ),
                false => stated,
            },
            date: self.machine.date.clone(),
        };
        render(&self.calibration, &identity, &self.given)
    }
}
