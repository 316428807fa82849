//! The clocks of this machine, what reading one costs, and how still the machine can be.

use crate::distribution::Distribution;
use kvrig_base::measured::ClockFacts;
use kvrig_base::result::HistogramData;
use kvrig_base::time::{Time, Wall};
use rustix::time::{ClockId, clock_gettime};
use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What a host tells its actors of time. Tests hand in one that follows a script.
pub trait Clock: fmt::Debug {
    /// Monotonic time since the clock was made.
    fn now(&self) -> Time;
    /// Civil time at `now`, a reading of this clock: a host that has read it need not do so again.
    fn wall_at(&self, now: Time) -> Wall;
    /// Civil time.
    fn wall(&self) -> Wall {
        self.wall_at(self.now())
    }
}

/// The system's clocks. Civil time is read once and then goes on with the monotonic clock, so that
/// no correction of the system's date moves expiry or timers within a measurement.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    origin: Instant,
    wall: Wall,
}

impl RealClock {
    /// A clock that begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this host is the one that lives on real time"
    )]
    pub fn start() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            origin: Instant::now(),
            wall: Wall::from_unix_nanos(u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX)),
        }
    }
    /// Nanoseconds since the clock was made.
    #[inline]
    fn nanos(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Clock for RealClock {
    #[inline]
    fn now(&self) -> Time {
        Time::from_picos(self.nanos().saturating_mul(1_000))
    }
    #[inline]
    fn wall_at(&self, now: Time) -> Wall {
        let since = now.since_start().as_nanos();
        Wall::from_unix_nanos(self.wall.unix_nanos().saturating_add(since))
    }
}

/// CPU time that this thread has used, in nanoseconds (`CLOCK_THREAD_CPUTIME_ID`).
///
/// A pause is measured by it and not by elapsed time, because neighbours on the same cores take
/// elapsed time away.
#[inline]
pub fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds * 1_000_000_000 + nanos
}

/// From this length on a call is timed by CPU time. A thread that loses its core and gets it back
/// is away for longer.
const LONG_NS: u64 = 10_000;
/// Calls between two readings of CPU time where all are short: few, so that what the two clocks
/// disagree by cannot add up.
const CALLS_UNCHECKED: u32 = 64;

/// Times calls that follow one another, each from the end of the one before.
///
/// A short call is timed by the monotonic clock, which is cheap to read; a long one by the CPU time
/// of the thread: what has passed of it since it was read last, without the short calls since.
#[derive(Debug)]
pub struct Stopwatch {
    clock: RealClock,
    last_ns: u64,
    cpu_ns: u64,
    short_ns: u64,
    short_calls: u32,
}

impl Stopwatch {
    /// A stopwatch that reads `clock` and begins now.
    pub fn start(clock: RealClock) -> Self {
        let mut stopwatch = Self {
            clock,
            last_ns: 0,
            cpu_ns: 0,
            short_ns: 0,
            short_calls: 0,
        };
        stopwatch.restart();
        stopwatch
    }
    /// Begins a call now: what has passed since the last one is not to be timed.
    pub fn restart(&mut self) {
        self.check(thread_cpu_ns());
    }
    fn check(&mut self, cpu_ns: u64) {
        self.cpu_ns = cpu_ns;
        self.short_ns = 0;
        self.short_calls = 0;
        self.last_ns = self.clock.nanos();
    }
    /// When the call began that is being timed.
    #[inline]
    pub fn began(&self) -> Time {
        Time::from_picos(self.last_ns.saturating_mul(1_000))
    }
    /// Ends a call, begins the next, and says how many nanoseconds the one that ended has taken.
    #[inline]
    pub fn lap(&mut self) -> u64 {
        let now = self.clock.nanos();
        let gap = now - self.last_ns;
        if gap < LONG_NS && self.short_calls < CALLS_UNCHECKED {
            self.last_ns = now;
            self.short_ns += gap;
            self.short_calls += 1;
            return gap;
        }
        self.checked_lap(gap)
    }
    #[inline(never)]
    fn checked_lap(&mut self, gap: u64) -> u64 {
        let cpu = thread_cpu_ns();
        let used = (cpu - self.cpu_ns).saturating_sub(self.short_ns);
        self.check(cpu);
        match gap < LONG_NS {
            true => gap,
            false => used.min(gap),
        }
    }
}

/// Watches a loop that does nothing but read the clock, again and again.
#[derive(Debug)]
pub struct Stillness {
    stopwatch: Stopwatch,
    gaps: Distribution,
}

impl Default for Stillness {
    fn default() -> Self {
        Self {
            stopwatch: Stopwatch::start(RealClock::start()),
            gaps: Distribution::default(),
        }
    }
}

/// Readings between two looks at the time that has been spun, and gaps that are kept until then.
const READINGS: usize = 4_096;

impl Stillness {
    /// Spins for `ns` of CPU time.
    pub fn spin(&mut self, ns: u64) {
        let start = thread_cpu_ns();
        let mut gaps = [0; READINGS];
        while thread_cpu_ns() - start < ns {
            self.stopwatch.restart();
            for gap in &mut gaps {
                *gap = self.stopwatch.lap();
            }
            gaps.iter().for_each(|&gap| self.gaps.record(gap));
        }
    }
    /// The cost of one reading, and the longest gap between two.
    pub fn facts(&self) -> ClockFacts {
        ClockFacts {
            reading_ns: self.gaps.quantile(500_000),
            floor_ns: self.gaps.max(),
            spun_ns: self.gaps.sum(),
        }
    }
}

/// Elapsed time between two readings in a loop that does nothing else: what a request that comes in at
/// such a time would wait, whoever has the core meanwhile.
#[derive(Debug, Default)]
pub struct IdleLoop(Distribution);

impl IdleLoop {
    /// Spins for `ns` of elapsed time.
    pub fn spin(&mut self, ns: u64) {
        let clock = RealClock::start();
        let began = clock.nanos();
        let mut last = began;
        while last - began < ns {
            let now = clock.nanos();
            self.0.record(now - last);
            last = now;
        }
    }
    /// All gaps between two readings.
    pub fn gaps(&self, name: &str) -> HistogramData {
        self.0.to_data(name)
    }
    /// The longest of them, in nanoseconds.
    pub fn longest_ns(&self) -> u64 {
        self.0.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_and_monotonic_time_go_on() {
        let (clock, cpu) = (RealClock::start(), thread_cpu_ns());
        let start = clock.now();
        while thread_cpu_ns() == cpu || clock.now() == start {
            std::hint::spin_loop();
        }
        assert!(thread_cpu_ns() > cpu && clock.now() > start);
        assert!(clock.wall().unix_secs() > 1_700_000_000);
    }

    #[test]
    fn a_long_call_is_timed_by_cpu_time_and_sleep_is_none() {
        let mut stopwatch = Stopwatch::start(RealClock::start());
        let start = thread_cpu_ns();
        while thread_cpu_ns() - start < 3_000_000 {
            std::hint::spin_loop();
        }
        let worked = stopwatch.lap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let slept = stopwatch.lap();
        assert!(worked >= 3_000_000, "{worked} ns");
        assert!(slept < 20_000_000, "{slept} ns");
    }

    #[test]
    fn an_idle_loop_sees_all_the_time_that_it_spins() {
        let mut idle = IdleLoop::default();
        idle.spin(2_000_000);
        let gaps = idle.gaps("idle");
        assert!(gaps.sum >= 2_000_000 && gaps.max == idle.longest_ns());
    }

    #[test]
    fn the_floor_is_at_least_the_cost_of_a_reading() {
        let mut stillness = Stillness::default();
        stillness.spin(2_000_000);
        let facts = stillness.facts();
        assert!(facts.reading_ns > 0 && facts.reading_ns <= facts.floor_ns);
        assert!(facts.spun_ns > 0 && facts.spun_ns >= facts.floor_ns);
    }
}
