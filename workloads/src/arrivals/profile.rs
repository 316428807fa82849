//! How a rate of arrivals changes over time.

use super::Mass;
use crate::error::Error;
use kvrig_base::limits::{ARRIVAL_RATE_MAX, RUN_SPAN_MAX};
use kvrig_base::quantity::Rate;
use kvrig_base::time::Span;

/// A rate over time: phases one after another, then over again or the last rate for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateProfile {
    phases: Vec<Phase>,
    /// Length and expected arrivals of one cycle, if the phases repeat.
    cycle: Option<(Span, Mass)>,
}

/// A stretch of time over which a rate is constant or changes in proportion to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// From one rate to another within a length of time.
    Between {
        /// How long.
        length: Span,
        /// Rate at the beginning.
        from: Rate,
        /// Rate at the end.
        to: Rate,
    },
    /// One rate for good.
    Forever(Rate),
}

/// Straight stretches of one period of a wave: a quarter of an hour each if it lasts a day.
pub const WAVE_STRETCHES: u64 = 96;

/// Rates are averaged in parts of 2^-16 of a millionth per second.
const AVERAGE_BITS: u32 = 16;

const _: () = {
    // The largest intermediate value of `rising_mass` fits 128 bits.
    let widest = (ARRIVAL_RATE_MAX.0 as u128).leading_zeros()
        + (RUN_SPAN_MAX.as_picos() as u128).leading_zeros();
    assert!(widest >= u128::BITS + AVERAGE_BITS);
};

impl Phase {
    /// A constant rate for a length of time.
    pub const fn constant(length: Span, rate: Rate) -> Self {
        Self::Between {
            length,
            from: rate,
            to: rate,
        }
    }
    /// How long the phase lasts, if it ends.
    pub(super) const fn length(&self) -> Option<Span> {
        match self {
            Self::Between { length, .. } => Some(*length),
            Self::Forever(_) => None,
        }
    }
    const fn rates(&self) -> [Rate; 2] {
        match self {
            Self::Between { from, to, .. } => [*from, *to],
            Self::Forever(rate) => [*rate, *rate],
        }
    }
    /// Expected arrivals in the first `elapsed` of the phase, which is no longer than the phase.
    pub(super) fn mass_until(&self, elapsed: Span) -> Mass {
        match *self {
            Self::Between { length, from, to } => mass_between(from, to, length, elapsed),
            Self::Forever(rate) => Mass::from(rate.0) * Mass::from(elapsed.as_picos()),
        }
    }
    /// Expected arrivals in all, if the phase ends.
    fn mass(&self) -> Mass {
        match *self {
            Self::Between { length, from, to } => mass_between(from, to, length, length),
            Self::Forever(_) => 0,
        }
    }
    /// The time, since the beginning of the phase, up to which `due` arrivals are expected beyond
    /// those expected up to `elapsed`, and what is left of `due` then (less than one picosecond's
    /// worth); or what is left of `due` when the phase ends, should it end before.
    #[inline]
    pub(super) fn reach(&self, elapsed: Span, due: Mass) -> Result<(Span, Mass), Mass> {
        match *self {
            Self::Between { length, from, to } if from == to => {
                match reach_constant(from, elapsed, due) {
                    Some((at, carry)) if at < length => Ok((at, carry)),
                    _ => {
                        let rest = length.as_picos() - elapsed.as_picos();
                        Err(due - Mass::from(from.0) * Mass::from(rest))
                    }
                }
            }
            Self::Between { length, from, to } => {
                let due = due + mass_between(from, to, length, elapsed);
                let whole = mass_between(from, to, length, length);
                match due.checked_sub(whole) {
                    Some(rest) => Err(rest),
                    None => {
                        let at = invert(from, to, length, elapsed, due);
                        Ok((at, due - mass_between(from, to, length, at)))
                    }
                }
            }
            Self::Forever(rate) => reach_constant(rate, elapsed, due).ok_or(due),
        }
    }
}

/// The time at which a constant rate has brought `due` beyond `elapsed`, and the remainder.
#[inline]
fn reach_constant(rate: Rate, elapsed: Span, due: Mass) -> Option<(Span, Mass)> {
    // One arrival nearly always fits 64 bits, where division is several times faster.
    let (more, carry) = match u64::try_from(due) {
        Ok(due) => (due.checked_div(rate.0)?, Mass::from(due % rate.0)),
        Err(_) => {
            let more = due.checked_div(Mass::from(rate.0))?;
            (u64::try_from(more).ok()?, due % Mass::from(rate.0))
        }
    };
    Some((elapsed.checked_add(Span::from_picos(more))?, carry))
}

/// Expected arrivals in the first `elapsed` of a phase of `length`; never falls as time passes.
fn mass_between(from: Rate, to: Rate, length: Span, elapsed: Span) -> Mass {
    match from <= to {
        true => rising_mass(from, to, length, elapsed),
        // A falling rate is a rising one seen from its end.
        false => {
            rising_mass(to, from, length, length)
                - rising_mass(to, from, length, length.saturating_sub(elapsed))
        }
    }
}

fn rising_mass(from: Rate, to: Rate, length: Span, elapsed: Span) -> Mass {
    let [low, high] = [from, to].map(|rate| u128::from(rate.0));
    let [length, elapsed] = [length, elapsed].map(|span| u128::from(span.as_picos()));
    if elapsed == 0 {
        return 0;
    }
    let gained = (((high - low) * elapsed) << AVERAGE_BITS) / (2 * length);
    (((low << AVERAGE_BITS) + gained) * elapsed) >> AVERAGE_BITS
}

/// The latest time, at least `earliest`, up to which no more than `due` arrivals are expected.
///
/// The quadratic formula in floats gives a guess; integer bisection around it decides.
fn invert(from: Rate, to: Rate, length: Span, earliest: Span, due: Mass) -> Span {
    let fits = |at: u64| mass_between(from, to, length, Span::from_picos(at)) <= due;
    let (first, last) = (earliest.as_picos(), length.as_picos());
    let [start, end] = [from.0, to.0].map(|rate| rate as f64);
    let slope = (end - start) / last as f64;
    let discriminant = start * start + 2.0 * slope * due as f64;
    let guess = 2.0 * due as f64 / (start + discriminant.max(0.0).sqrt());
    let guess = (guess as u64).clamp(first, last);
    // Widen from the guess until `low` fits and `high` does not; `first` does and `last` does not.
    let (mut low, mut high, mut width) = (guess, guess, 1_u64);
    while low > first && !fits(low) {
        (high, low) = (low, low.saturating_sub(width).max(first));
        width = width.saturating_mul(4);
    }
    while high < last && fits(high) {
        (low, high) = (high, high.saturating_add(width).min(last));
        width = width.saturating_mul(4);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Span::from_picos(low)
}

impl RateProfile {
    /// One rate at all times.
    ///
    /// # Errors
    /// If the rate is zero or too high.
    pub fn constant(rate: Rate) -> Result<Self, Error> {
        Self::once(vec![], rate)
    }
    /// `on` at `rate_on`, then `off` at `rate_off`, over and over.
    ///
    /// # Errors
    /// If nothing ever arrives, or a rate or length is out of range.
    pub fn on_off(on: Span, off: Span, rate_on: Rate, rate_off: Rate) -> Result<Self, Error> {
        Self::repeating(vec![
            Phase::constant(on, rate_on),
            Phase::constant(off, rate_off),
        ])
    }
    /// `before` up to the time `at`, `after` from then on.
    ///
    /// # Errors
    /// If nothing ever arrives, or a rate or time is out of range.
    pub fn step(before: Rate, at: Span, after: Rate) -> Result<Self, Error> {
        Self::once(vec![Phase::constant(at, before)], after)
    }
    /// From one rate to another in proportion to time, then that rate for good.
    ///
    /// # Errors
    /// If nothing ever arrives, or a rate or length is out of range.
    pub fn ramp(from: Rate, to: Rate, length: Span) -> Result<Self, Error> {
        Self::once(vec![Phase::Between { length, from, to }], to)
    }
    /// A sine wave between `low` and `high` that is highest at `peak_at` of every `period`, as the
    /// days of a service near its users are.
    ///
    /// The wave is drawn in straight stretches, [`WAVE_STRETCHES`] a period: none of its rates is
    /// off by more than 0.03 % of the difference between high and low.
    ///
    /// # Errors
    /// If nothing ever arrives, no time passes, or a rate or length is out of range.
    pub fn wave(low: Rate, high: Rate, period: Span, peak_at: Span) -> Result<Self, Error> {
        let picos = period.as_picos();
        if picos < WAVE_STRETCHES || low > high {
            return Err(Error::PhaseEmpty);
        }
        let turn = 2.0 * std::f64::consts::PI;
        let ahead = (peak_at.as_picos() % picos) as f64 / picos as f64;
        let middle = (low.0 as f64 + high.0 as f64) / 2.0;
        let swing = (high.0 as f64 - low.0 as f64) / 2.0;
        let rate = |stretch: u64| {
            let place = stretch as f64 / WAVE_STRETCHES as f64 - ahead;
            let rate = middle + swing * libm::cos(turn * place);
            Rate(((rate + 0.5) as u64).clamp(low.0, high.0))
        };
        let end = |stretch: u64| {
            u64::try_from(u128::from(picos) * u128::from(stretch) / u128::from(WAVE_STRETCHES))
                .unwrap_or(picos)
        };
        let stretches = (0..WAVE_STRETCHES).map(|stretch| Phase::Between {
            length: Span::from_picos(end(stretch + 1) - end(stretch)),
            from: rate(stretch),
            to: rate((stretch + 1) % WAVE_STRETCHES),
        });
        Self::repeating(stretches.collect())
    }
    /// A rate for each of equal parts of `period`, over and over: a table by the hour, say.
    ///
    /// # Errors
    /// If nothing ever arrives, no time passes, or a rate or length is out of range.
    pub fn table(rates: &[Rate], period: Span) -> Result<Self, Error> {
        let parts = rates.len() as u128;
        let end = |part: usize| {
            let picos = u128::from(period.as_picos()) * part as u128 / parts.max(1);
            u64::try_from(picos).unwrap_or(u64::MAX)
        };
        let phases = rates.iter().enumerate().map(|(part, &rate)| {
            Phase::constant(Span::from_picos(end(part + 1) - end(part)), rate)
        });
        Self::repeating(phases.collect())
    }
    /// `phases` one after another, then `last` for good.
    ///
    /// # Errors
    /// If nothing ever arrives, or a rate or length is out of range.
    pub fn once(mut phases: Vec<Phase>, last: Rate) -> Result<Self, Error> {
        phases.push(Phase::Forever(last));
        Self {
            phases,
            cycle: None,
        }
        .checked()
    }
    /// `phases` one after another, over and over.
    ///
    /// # Errors
    /// If nothing ever arrives, no time passes, or a rate or length is out of range.
    pub fn repeating(phases: Vec<Phase>) -> Result<Self, Error> {
        let profile = Self {
            phases,
            cycle: None,
        }
        .checked()?;
        let lengths: Option<Vec<Span>> = profile.phases.iter().map(Phase::length).collect();
        let length = lengths
            .ok_or(Error::PhaseTooLong)?
            .into_iter()
            .sum::<Span>();
        if length.is_zero() {
            return Err(Error::PhaseEmpty);
        }
        let mass = profile.phases.iter().map(Phase::mass).sum();
        match mass {
            0 => Err(Error::NoArrivals),
            _ => Ok(Self {
                cycle: Some((length, mass)),
                ..profile
            }),
        }
    }
    fn checked(self) -> Result<Self, Error> {
        let rates = || self.phases.iter().flat_map(|phase| phase.rates());
        let total = self
            .phases
            .iter()
            .filter_map(Phase::length)
            .try_fold(Span::ZERO, |sum, length| {
                sum.checked_add(length).filter(|&sum| sum <= RUN_SPAN_MAX)
            });
        if rates().any(|rate| rate > ARRIVAL_RATE_MAX) {
            return Err(Error::RateTooHigh);
        }
        if rates().all(|rate| rate == Rate(0)) {
            return Err(Error::NoArrivals);
        }
        match total {
            Some(_) => Ok(self),
            None => Err(Error::PhaseTooLong),
        }
    }
    pub(super) fn phase(&self, index: usize) -> Option<Phase> {
        self.phases.get(index).copied()
    }
    /// The phase after `index`, which is past the end where nothing follows.
    pub(super) const fn after(&self, index: usize) -> usize {
        match self.cycle {
            Some(_) if index + 1 == self.phases.len() => 0,
            _ => index + 1,
        }
    }
    pub(super) const fn cycle(&self) -> Option<(Span, Mass)> {
        self.cycle
    }
    /// The highest rate that it ever has.
    pub fn highest_rate(&self) -> Rate {
        let rates = self.phases.iter().flat_map(Phase::rates);
        rates.max().unwrap_or(Rate(0))
    }
    /// The mean rate: of one cycle, or of the rate for good, in millionths of an arrival per second.
    pub fn mean_rate(&self) -> Rate {
        match (self.cycle, self.phases.last()) {
            (Some((length, mass)), _) => Rate((mass / u128::from(length.as_picos())) as u64),
            (None, Some(phase)) => phase.rates()[1],
            (None, None) => Rate(0),
        }
    }
}
