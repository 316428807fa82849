//! CPU time of the measuring thread, and contenders measured in alternating rounds.
//!
//! CPU time, because neighbours on a shared machine take wall time away; alternating rounds and
//! medians, because they also thrash its caches, and then all contenders suffer alike.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// CPU time that this thread has used.
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("CPU time is not negative");
    let nanos = u32::try_from(time.tv_nsec).expect("nanoseconds are below a second");
    Duration::new(seconds, nanos)
}

/// One of several ways to do the same work.
pub struct Contender<'a> {
    /// What it is called in the table.
    pub name: &'a str,
    /// Does the work of one round and returns how many units that was.
    pub round: Box<dyn FnMut(u32) -> Round + 'a>,
}

/// One round of work, timed by the contender so that its preparation does not count.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Units of work done: events, draws, operations.
    pub units: u64,
    /// CPU time they took.
    pub time: Duration,
}

/// What the rounds of one contender come to.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The contender.
    pub name: String,
    /// Nanoseconds of CPU time per unit, the median of the rounds.
    pub nanos_median: f64,
    /// The best round.
    pub nanos_best: f64,
}

impl Measured {
    /// Millions of units per second of CPU time, by the median.
    pub fn millions_per_second(&self) -> f64 {
        1_000.0 / self.nanos_median
    }
    /// How many times as fast as `other` this is, by the medians.
    pub fn speed_over(&self, other: &Self) -> f64 {
        other.nanos_median / self.nanos_median
    }
}

/// Times `work`, which returns the number of units it has done.
pub fn timed(work: impl FnOnce() -> u64) -> Round {
    let start = thread_cpu_time();
    let units = work();
    Round {
        units,
        time: thread_cpu_time() - start,
    }
}

/// Runs every contender once a round, in turn, and takes the medians.
///
/// The number of the round is handed over as a seed.
///
/// # Panics
/// If there are no rounds.
pub fn alternate(rounds: u32, contenders: Vec<Contender<'_>>) -> Vec<Measured> {
    assert!(rounds > 0, "a median needs a round");
    let mut contenders = contenders;
    let mut nanos = vec![Vec::new(); contenders.len()];
    for round in 0..rounds {
        for (contender, nanos) in contenders.iter_mut().zip(&mut nanos) {
            let Round { units, time } = (contender.round)(round);
            nanos.push(time.as_secs_f64() * 1e9 / units as f64);
        }
    }
    let measured = contenders.iter().zip(nanos).map(|(contender, mut nanos)| {
        nanos.sort_by(f64::total_cmp);
        Measured {
            name: contender.name.to_owned(),
            nanos_median: nanos[nanos.len() / 2],
            nanos_best: nanos[0],
        }
    });
    measured.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contenders_take_turns_and_the_median_is_reported() {
        let order = std::cell::RefCell::new(Vec::new());
        let contender = |name: &'static str, nanos: [u64; 3]| Contender {
            name,
            round: Box::new({
                let order = &order;
                move |round| {
                    order.borrow_mut().push((round, name));
                    Round {
                        units: 2,
                        time: Duration::from_nanos(nanos[round as usize]),
                    }
                }
            }),
        };
        let measured = alternate(
            3,
            vec![contender("a", [20, 60, 40]), contender("b", [4, 4, 80])],
        );
        assert_eq!(
            *order.borrow(),
            [(0, "a"), (0, "b"), (1, "a"), (1, "b"), (2, "a"), (2, "b")]
        );
        assert_eq!(
            (measured[0].nanos_median, measured[0].nanos_best),
            (20.0, 10.0)
        );
        assert_eq!(measured[1].speed_over(&measured[0]), 10.0);
    }

    #[test]
    fn cpu_time_grows_with_work() {
        let start = thread_cpu_time();
        let mut sum = 0_u64;
        while thread_cpu_time() == start {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(thread_cpu_time() > start);
    }
}
