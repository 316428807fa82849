//! When operations are meant to start.
//!
//! A profile says how the rate changes over time; pacing says whether operations come evenly or at
//! random. Both meet in the expected number of arrivals, which is counted in integers: 10^-18 of an
//! arrival, which is what a rate of a millionth per second expects in a picosecond. The n-th
//! arrival is due when that count reaches the sum of n steps: each of one arrival for even pacing,
//! each exponentially distributed with that mean for a Poisson process (the inversion of the
//! cumulative rate: Çinlar, "Introduction to Stochastic Processes", 1975, section 4.7), each drawn
//! from a law with that mean for a renewal process. Nothing is rounded from one arrival to the next,
//! so times do not drift.

mod expected;
mod profile;
mod shared;

pub use expected::{ExpectedArrivals, poisson};
pub use profile::{Phase, RateProfile, WAVE_STRETCHES};
pub use shared::{FollowedArrivals, Room, SharedArrivals};

use crate::error::Error;
use crate::law::Law;
use kvrig_base::limits::RUN_SPAN_MAX;
use kvrig_base::random::{Stream, open_unit};
use kvrig_base::time::{Span, Time};

/// Expected arrivals in units of 10^-18.
type Mass = u128;
const ONE_ARRIVAL: Mass = 1_000_000_000_000_000_000;

/// 2^63, in the same units: some nine arrivals.
const SHORT_STEP: f64 = 9_223_372_036_854_775_808.0;
/// Steps that are drawn in a row.
const STEPS_IN_A_ROW: usize = 64;

/// How arrivals are spread under a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pacing {
    /// At random, independently of one another.
    Poisson,
    /// Evenly.
    Constant,
    /// A renewal process: gaps are drawn from a law, independently of one another.
    Renewal(Gaps),
}

/// The law of the gaps of a renewal process, in units of the mean gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gaps {
    law: Law,
    mean: f64,
}

impl Gaps {
    /// Gaps in proportion to `law`; the rate decides how long a mean gap is.
    ///
    /// # Errors
    /// If the law is none, has a mean that is not positive, or draws negative gaps.
    pub fn new(law: Law) -> Result<Self, Error> {
        let law = law.checked()?;
        let mean = law.mean();
        // The smallest gap that a draw can give.
        match law.quantile(open_unit(0)) >= 0.0 && mean > 0.0 {
            true => Ok(Self { law, mean }),
            false => Err(Error::NegativeGaps),
        }
    }
}

/// What is due before an arrival, whatever the rate: expected arrivals, in units of 10^-18.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step(f64);

/// The intended starts of one stream of operations, in order.
///
/// The steps are addressed by the number of the arrival, so that the same seed gives the same
/// arrivals whatever else is drawn; where they fall is a fold over the steps.
#[derive(Clone, Debug)]
pub struct Arrivals {
    pacing: Pacing,
    profile: RateProfile,
    steps: Stream,
    entity: u64,
    /// Number of the next arrival.
    index: u64,
    /// The phase of the profile that the last arrival fell in, and when that phase began.
    phase: usize,
    phase_start: Span,
    /// Time of the last arrival since then.
    elapsed: Span,
    /// What the last arrival was due beyond the count reached at `elapsed`.
    carry: Mass,
}

impl Arrivals {
    /// Arrivals from the start of the run; `entity` tells apart clients that share a stream.
    ///
    /// The first arrival comes one step after the start.
    pub const fn new(pacing: Pacing, profile: RateProfile, steps: Stream, entity: u64) -> Self {
        Self {
            pacing,
            profile,
            steps,
            entity,
            index: 0,
            phase: 0,
            phase_start: Span::ZERO,
            elapsed: Span::ZERO,
            carry: 0,
        }
    }
    /// The next `count` arrivals, or as many as there are, behind what `times` holds.
    ///
    /// They are those that as many calls of [`Iterator::next`] give. Steps depend on their numbers
    /// alone, so drawing many of them in a row keeps a processor's units busy that wait in between
    /// where each is added before the next is drawn.
    pub fn next_block(&mut self, count: usize, times: &mut Vec<Time>) {
        let mut steps = [0; STEPS_IN_A_ROW];
        let mut left = count;
        while left > 0 {
            let drawn = &mut steps[..left.min(STEPS_IN_A_ROW)];
            for (step, index) in drawn.iter_mut().zip(self.index..) {
                *step = self.step(index);
            }
            left -= drawn.len();
            if !self.take(drawn, times) {
                return;
            }
        }
    }
    /// The next arrivals, one for each of `steps`, behind what `times` holds: the same as before where
    /// the steps are those that [`Arrivals::next_steps`] gave of arrivals that differ in their rates
    /// alone.
    pub fn next_block_of(&mut self, steps: &[Step], times: &mut Vec<Time>) {
        let mut row = [0; STEPS_IN_A_ROW];
        for steps in steps.chunks(STEPS_IN_A_ROW) {
            for (due, step) in row.iter_mut().zip(steps) {
                *due = mass(step.0);
            }
            if !self.take(&row[..steps.len()], times) {
                return;
            }
        }
    }
    /// The steps before `count` arrivals from number `from` on, behind what `steps` holds. They do not
    /// depend on the rate.
    pub fn next_steps(&self, from: u64, count: usize, steps: &mut Vec<Step>) {
        let numbers = (from..).take(count);
        steps.extend(numbers.map(|index| self.step_before(index)));
    }
    /// Takes these steps; whether there was an arrival after each.
    #[inline]
    fn take(&mut self, steps: &[Mass], times: &mut Vec<Time>) -> bool {
        for step in steps {
            self.index += 1;
            let Some(at) = self.start_after(*step) else {
                return false;
            };
            times.push(at);
        }
        true
    }
    /// The step before arrival `index`.
    #[inline]
    fn step(&self, index: u64) -> Mass {
        match self.pacing {
            Pacing::Constant => ONE_ARRIVAL,
            Pacing::Poisson | Pacing::Renewal(_) => mass(self.step_before(index).0),
        }
    }
    #[inline]
    fn step_before(&self, index: u64) -> Step {
        let uniform = || open_unit(self.steps.at(self.entity, index).0[0]);
        let arrivals = match self.pacing {
            Pacing::Constant => 1.0,
            Pacing::Poisson => -libm::log(uniform()),
            Pacing::Renewal(Gaps { law, mean }) => law.quantile(uniform()) / mean,
        };
        Step(arrivals * ONE_ARRIVAL as f64)
    }
    /// When the next arrival comes that is due so much after the last one.
    #[inline]
    fn start_after(&mut self, due: Mass) -> Option<Time> {
        let at = self.advance(due).filter(|&at| at <= RUN_SPAN_MAX)?;
        Some(Time::START + at)
    }
    /// Where the count has grown by `due` beyond the last arrival, if it ever has.
    #[inline]
    fn advance(&mut self, due: Mass) -> Option<Span> {
        let mut due = due + self.carry;
        loop {
            if self.phase == 0 && self.elapsed.is_zero() {
                due = self.skip_cycles(due)?;
            }
            let phase = self.profile.phase(self.phase)?;
            match phase.reach(self.elapsed, due) {
                Ok((elapsed, carry)) => {
                    (self.elapsed, self.carry) = (elapsed, carry);
                    return self.phase_start.checked_add(elapsed);
                }
                Err(rest) => {
                    due = rest;
                    self.phase_start = self.phase_start.checked_add(phase.length()?)?;
                    self.elapsed = Span::ZERO;
                    self.phase = self.profile.after(self.phase);
                }
            }
        }
    }
    /// Leaps over whole repetitions of the profile, however many one step takes.
    fn skip_cycles(&mut self, due: Mass) -> Option<Mass> {
        let Some((length, mass)) = self.profile.cycle() else {
            return Some(due);
        };
        let cycles = u64::try_from(due / mass).ok()?;
        self.phase_start = self.phase_start.checked_add(length.checked_mul(cycles)?)?;
        Some(due % mass)
    }
}

/// Ends where the rate is zero for good, or the longest run is over.
impl Iterator for Arrivals {
    type Item = Time;

    #[inline]
    fn next(&mut self) -> Option<Time> {
        let due = self.step(self.index);
        self.index += 1;
        self.start_after(due)
    }
}

/// Rounded down; what is less than none is none.
#[inline]
fn mass(arrivals: f64) -> Mass {
    // Nearly all steps fit 64 bits, to which a processor converts by itself.
    match arrivals < SHORT_STEP {
        true => Mass::from(arrivals as u64),
        false => arrivals as Mass,
    }
}

#[cfg(test)]
mod tests;
