//! Timing a piece of work by CPU time and by elapsed time at once.

use crate::clock::{Clock, RealClock, thread_cpu_ns};
use kvrig_base::calibration::Timing;
use std::io;

/// Times `work`, which does something of this size `repetitions` times.
///
/// # Errors
/// Those of `work`.
pub(super) fn timed(
    size: u64,
    repetitions: u32,
    work: impl FnOnce() -> io::Result<()>,
) -> io::Result<Timing> {
    let mut laps = Laps::start();
    work()?;
    laps.lap();
    Ok(laps.timing(size, repetitions))
}

/// Times equal parts of one piece of work and keeps the one with the least CPU time: a part is short
/// enough that some are not interrupted on a busy machine.
pub fn fastest(parts: usize, size: u64, repetitions: u32, mut work: impl FnMut(usize)) -> Timing {
    let timings = (0..parts).map(|part| {
        let mut laps = Laps::start();
        work(part);
        laps.lap();
        laps.timing(size, repetitions)
    });
    let fastest = timings.min_by(|one, other| one.cpu_ns.total_cmp(&other.cpu_ns));
    fastest.unwrap_or(Timing {
        size,
        cpu_ns: 0.0,
        elapsed_ns: 0.0,
    })
}

/// Sums the times of pieces of work with others in between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laps {
    clock: RealClock,
    cpu_ns: u64,
    elapsed_ns: u64,
    began_cpu_ns: u64,
    began_ns: u64,
}

impl Laps {
    /// Begins the first piece.
    pub(super) fn start() -> Self {
        let mut laps = Self {
            clock: RealClock::start(),
            cpu_ns: 0,
            elapsed_ns: 0,
            began_cpu_ns: 0,
            began_ns: 0,
        };
        laps.resume();
        laps
    }
    /// Begins a piece.
    pub(super) fn resume(&mut self) {
        self.began_ns = self.now_ns();
        self.began_cpu_ns = thread_cpu_ns();
    }
    /// Ends a piece.
    pub(super) fn lap(&mut self) {
        self.cpu_ns += thread_cpu_ns() - self.began_cpu_ns;
        self.elapsed_ns += self.now_ns() - self.began_ns;
    }
    fn now_ns(&self) -> u64 {
        self.clock.now().as_picos() / 1_000
    }
    /// What one of so many took on average.
    pub(super) fn timing(&self, size: u64, repetitions: u32) -> Timing {
        let each = |ns: u64| ns as f64 / f64::from(repetitions.max(1));
        Timing {
            size,
            cpu_ns: each(self.cpu_ns),
            elapsed_ns: each(self.elapsed_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn sleep_passes_time_and_takes_none_of_the_processor() {
        let timing = timed(1, 2, || {
            std::thread::sleep(Duration::from_millis(20));
            Ok(())
        });
        let timing = timing.expect("sleeping does not fail");
        assert!(timing.elapsed_ns >= 10_000_000.0, "{timing:?}");
        assert!(timing.cpu_ns < timing.elapsed_ns / 2.0, "{timing:?}");
    }

    #[test]
    fn what_lies_between_pieces_does_not_count() {
        let mut laps = Laps::start();
        laps.lap();
        std::thread::sleep(Duration::from_millis(20));
        laps.resume();
        laps.lap();
        assert!(laps.timing(1, 1).elapsed_ns < 20_000_000.0);
    }
}
