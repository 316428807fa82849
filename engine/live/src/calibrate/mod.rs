//! What the parts of this machine take: memory, calls of the system, connections, forks, files.
//!
//! Every run measures every part once, so that what neighbours do to a shared machine at one moment
//! is in one run of each and moves no median. CPU time of the thread and elapsed time are both kept;
//! which of them is the price depends on the part ([`Part::is_waiting`]).
//!
//! All blocks of memory are larger than what the allocators of glibc and musl keep for themselves,
//! so that they come from the system and go back to it, in pages of 4 KiB: larger ones are switched
//! off for this process ([`use_small_pages`]), as Redis does (`disable-thp yes`).

mod calls;
mod files;
mod memory;
mod processes;
mod timing;

pub use files::why_not_durable;
pub use memory::Chase;
pub use timing::fastest;

use kvrig_base::calibration::{MachineRuns, Part, PartRuns, Timing, Unmeasured};
use std::io::{self, ErrorKind};
use std::path::Path;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort<'a> {
    /// Runs; the median of them counts.
    pub runs: u32,
    /// Whether each run does a tenth of the work, and on less memory.
    pub is_quick: bool,
    /// The folder whose file system is measured.
    pub directory: &'a Path,
}

impl Effort<'_> {
    /// So many repetitions, or a tenth of them.
    const fn repetitions(&self, full: u32) -> u32 {
        match self.is_quick {
            true => full.div_ceil(10),
            false => full,
        }
    }
}

/// Timings with the parts that they are of.
type Timings = Vec<(Part, Timing)>;

/// A measurement of one or several parts at once.
struct Probe {
    parts: &'static [Part],
    measure: fn(&Effort<'_>) -> io::Result<Timings>,
}

const PROBES: &[Probe] = &[
    Probe {
        parts: &[Part::Copy],
        measure: memory::copy,
    },
    Probe {
        parts: &[Part::PageFault, Part::PageRelease],
        measure: memory::pages,
    },
    Probe {
        parts: &[Part::LargeAllocation],
        measure: memory::large_allocation,
    },
    Probe {
        parts: &[Part::SystemCall],
        measure: calls::system_call,
    },
    Probe {
        parts: &[Part::Send, Part::Receive],
        measure: calls::send_and_receive,
    },
    Probe {
        parts: &[Part::Turn],
        measure: calls::turn,
    },
    Probe {
        parts: &[Part::WakeUp],
        measure: calls::wake_up,
    },
    Probe {
        parts: &[Part::Fork],
        measure: processes::fork_by_size,
    },
    Probe {
        parts: &[Part::PageCopy],
        measure: processes::page_copy,
    },
    Probe {
        parts: &[Part::Append],
        measure: files::append,
    },
    Probe {
        parts: &[Part::Sync, Part::SyncAll, Part::WriteOut],
        measure: files::sync,
    },
];

/// Measures all parts; `check` is asked between two of them whether to stop.
///
/// A part that the system refuses is left out of the result, with the reason.
///
/// # Errors
/// What `check` answers.
pub fn machine(effort: &Effort<'_>, check: &dyn Fn() -> io::Result<()>) -> io::Result<MachineRuns> {
    let mut measured = MachineRuns::default();
    for probe in PROBES {
        measured
            .parts
            .extend(probe.parts.iter().map(|&part| PartRuns {
                part,
                runs: Vec::new(),
            }));
    }
    for _ in 0..effort.runs {
        for probe in PROBES {
            check()?;
            let is_refused = |part: &Part| measured.unmeasured.iter().any(|un| un.part == *part);
            if probe.parts.iter().any(is_refused) {
                continue;
            }
            match (probe.measure)(effort) {
                Ok(timings) => keep(&mut measured, &timings),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    let refused = probe.parts.iter().map(|&part| Unmeasured {
                        part,
                        why: error.to_string(),
                    });
                    measured.unmeasured.extend(refused);
                }
            }
        }
    }
    let MachineRuns { parts, unmeasured } = &mut measured;
    parts.retain(|runs| !unmeasured.iter().any(|un| un.part == runs.part));
    Ok(measured)
}

fn keep(measured: &mut MachineRuns, timings: &[(Part, Timing)]) {
    for runs in &mut measured.parts {
        let of_part = timings.iter().filter(|(part, _)| *part == runs.part);
        let run: Vec<Timing> = of_part.map(|(_, timing)| *timing).collect();
        if !run.is_empty() {
            runs.runs.push(run);
        }
    }
}

/// Lets this process use pages of 4 KiB only, from here on; says whether the system does.
pub fn use_small_pages() -> bool {
    rustix::thread::disable_transparent_huge_pages(true).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_measured_or_says_why_not() {
        let directory = std::env::temp_dir();
        let effort = Effort {
            runs: 2,
            is_quick: true,
            directory: &directory,
        };
        let measured = machine(&effort, &|| Ok(())).expect("nobody interrupts");
        for probe in PROBES {
            for part in probe.parts {
                let runs = measured.parts.iter().find(|runs| runs.part == *part);
                let refused = measured.unmeasured.iter().find(|un| un.part == *part);
                assert_ne!(runs.is_some(), refused.is_some(), "{part:?}");
                if let Some(runs) = runs {
                    assert_eq!(runs.runs.len(), 2, "{part:?}");
                    let timings = runs.runs.iter().flatten();
                    for timing in timings {
                        assert!(timing.cpu_ns >= 0.0 && timing.elapsed_ns > 0.0, "{part:?}");
                    }
                }
            }
        }
        let cpu_ns = |part| {
            let runs = measured.parts.iter().find(|runs| runs.part == part);
            runs.expect("it needs no file system").runs[0][0].cpu_ns
        };
        assert!(cpu_ns(Part::PageFault) > cpu_ns(Part::PageRelease) / 10.0);
        assert!(cpu_ns(Part::Send) > cpu_ns(Part::SystemCall));
    }

    #[test]
    fn an_interrupted_measurement_says_so() {
        let directory = std::env::temp_dir();
        let effort = Effort {
            runs: 1,
            is_quick: true,
            directory: &directory,
        };
        let stopped = machine(&effort, &|| Err(ErrorKind::Interrupted.into()));
        let error = stopped.expect_err("it was asked to stop");
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }
}
