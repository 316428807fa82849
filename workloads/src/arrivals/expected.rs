//! How many arrivals a profile expects in each of equal steps, and a draw of how many come.
//!
//! For runs that are too long to look at single arrivals: numbers of arrivals of a Poisson process in
//! steps that do not overlap are independent, each a Poisson number with the arrivals expected there
//! as its mean. So a draw for each step has the law of single arrivals counted by step.

use super::profile::Phase;
use super::{Mass, ONE_ARRIVAL, RateProfile};
use kvrig_base::random::{Draws, open_unit};
use kvrig_base::time::Span;

/// Expected arrivals in equal steps from the start of a profile on.
#[derive(Clone, Debug)]
pub struct ExpectedArrivals<'a> {
    profile: &'a RateProfile,
    step: Span,
    phase: usize,
    /// Time in the phase.
    elapsed: Span,
}

impl<'a> ExpectedArrivals<'a> {
    /// Steps of `step` under `profile`.
    pub const fn new(profile: &'a RateProfile, step: Span) -> Self {
        Self {
            profile,
            step,
            phase: 0,
            elapsed: Span::ZERO,
        }
    }
    /// What the phase expects in `more` from here on.
    fn mass_of(&self, phase: &Phase, more: Span) -> Mass {
        phase.mass_until(self.elapsed + more) - phase.mass_until(self.elapsed)
    }
}

/// Never ends: a profile repeats, or keeps its last rate for good.
impl Iterator for ExpectedArrivals<'_> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let mut left = self.step;
        let mut mass: Mass = 0;
        while !left.is_zero() {
            let phase = self.profile.phase(self.phase)?;
            let rest = phase.length().map(|length| length - self.elapsed);
            let part = rest.map_or(left, |rest| rest.min(left));
            mass += self.mass_of(&phase, part);
            left -= part;
            match rest {
                Some(rest) if rest == part => {
                    self.elapsed = Span::ZERO;
                    self.phase = self.profile.after(self.phase);
                }
                // A rate for good is the same at all times.
                None => {}
                Some(_) => self.elapsed += part,
            }
        }
        Some(mass as f64 / ONE_ARRIVAL as f64)
    }
}

/// Means from which the transformed rejection holds.
const REJECTION_FROM: f64 = 10.0;

/// A Poisson number with this mean, by draws from one address; 0 where the mean is not above zero.
///
/// Small means are inverted. Larger ones are drawn by transformed rejection (Hörmann, "The transformed
/// rejection method for generating Poisson random variables", 1993, algorithm PTRS), which is exact and
/// needs little more than two words a draw.
pub fn poisson(mean: f64, draws: &mut Draws) -> u64 {
    match mean {
        mean if mean >= REJECTION_FROM => by_rejection(mean, draws),
        mean if mean > 0.0 => by_inversion(mean, open_unit(draws.next_u64())),
        _ => 0,
    }
}

fn by_inversion(mean: f64, uniform: f64) -> u64 {
    let (mut number, mut part) = (0_u64, libm::exp(-mean));
    let mut sum = part;
    // What the sum of rounded parts cannot reach is rarer than one draw in 2^50.
    while uniform > sum && part > 0.0 {
        number += 1;
        part *= mean / number as f64;
        sum += part;
    }
    number
}

fn by_rejection(mean: f64, draws: &mut Draws) -> u64 {
    let b = 0.931 + 2.53 * mean.sqrt();
    let a = -0.059 + 0.024_83 * b;
    let inverse_alpha = 1.123_9 + 1.132_8 / (b - 3.4);
    let quick = 0.927_7 - 3.622_4 / (b - 2.0);
    loop {
        let u = open_unit(draws.next_u64()) - 0.5;
        let v = open_unit(draws.next_u64());
        let edge = 0.5 - libm::fabs(u);
        let number = libm::floor((2.0 * a / edge + b) * u + mean + 0.43);
        if edge >= 0.07 && v <= quick {
            return number as u64;
        }
        if number < 0.0 || (edge < 0.013 && v > edge) {
            continue;
        }
        let ratio = libm::log(v * inverse_alpha / (a / (edge * edge) + b));
        if ratio <= number * libm::log(mean) - mean - libm::lgamma(number + 1.0) {
            return number as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::{Arrivals, Pacing};
    use crate::goodness::chi_square;
    use kvrig_base::quantity::Rate;
    use kvrig_base::random::Seed;

    fn day() -> RateProfile {
        let [low, high] = [50, 500].map(Rate::per_second);
        let hours = |hours: u64| Span::from_secs(hours * 3_600);
        RateProfile::wave(low, high, hours(24), hours(20)).unwrap()
    }

    #[test]
    fn steps_add_up_to_the_mean_of_a_cycle() {
        let profile = day();
        let sum: f64 = ExpectedArrivals::new(&profile, Span::from_secs(7))
            .take(86_400)
            .sum();
        let expected = profile.mean_rate().per_second_f64() * 7.0 * 86_400.0;
        assert!((sum / expected - 1.0).abs() < 1e-9, "{sum} {expected}");
    }

    #[test]
    fn a_step_across_phases_expects_what_each_phase_does() {
        let second = Span::from_secs(1);
        let [low, high] = [10, 40].map(Rate::per_second);
        let profile = RateProfile::once(
            vec![Phase::constant(second, low), Phase::constant(second, high)],
            low,
        );
        let profile = profile.unwrap();
        let steps: Vec<f64> = ExpectedArrivals::new(&profile, Span::from_millis(1_500))
            .take(3)
            .collect();
        assert_eq!(steps, [30.0, 30.0, 15.0]);
    }

    /// Frequencies of draws beside the probabilities of the law, tails put together.
    fn p_value(mean: f64, draws: u64) -> f64 {
        let stream = Seed(3).stream("poisson");
        let spread = 4.0 * mean.sqrt();
        let (low, high) = ((mean - spread).max(0.0) as u64, (mean + spread) as u64 + 1);
        let mut observed = vec![0_u64; (high - low + 1) as usize];
        for index in 0..draws {
            let number = poisson(mean, &mut stream.draws(7, index)).clamp(low, high);
            observed[(number - low) as usize] += 1;
        }
        let probability = |number: u64| {
            let number = number as f64;
            libm::exp(number * libm::log(mean) - mean - libm::lgamma(number + 1.0))
        };
        let below: f64 = (0..low).map(probability).sum();
        let mut expected: Vec<f64> = (low..=high).map(probability).collect();
        expected[0] += below;
        let rest = 1.0 - expected.iter().sum::<f64>();
        *expected.last_mut().unwrap() += rest;
        let expected: Vec<f64> = expected.iter().map(|p| p * draws as f64).collect();
        // Bins that expect too little are left to their neighbours.
        let (mut counts, mut means) = (vec![0_u64], vec![0.0]);
        for (count, mean) in observed.into_iter().zip(expected) {
            if means.last().is_some_and(|&mean| mean >= 20.0) {
                counts.push(0);
                means.push(0.0);
            }
            *counts.last_mut().unwrap() += count;
            *means.last_mut().unwrap() += mean;
        }
        chi_square(&counts, &means).p
    }

    #[test]
    fn draws_follow_the_law_on_both_sides_of_the_threshold() {
        for mean in [0.05, 1.0, 9.9, 10.1, 80.0, 500.0] {
            let p = p_value(mean, 200_000);
            assert!(p > 1e-3, "mean {mean}: p = {p}");
        }
        assert_eq!(poisson(0.0, &mut Seed(1).stream("none").draws(0, 0)), 0);
    }

    #[test]
    fn counts_by_step_vary_as_single_arrivals_do() {
        let profile = RateProfile::constant(Rate::per_second(40)).unwrap();
        let steps = 4_000;
        let mut counted = vec![0_u64; steps];
        let stream = Seed(5).stream("arrivals");
        let arrivals = Arrivals::new(Pacing::Poisson, profile.clone(), stream, 0);
        let second = |arrival: kvrig_base::time::Time| {
            (arrival.since(kvrig_base::time::Time::START).as_nanos() / 1_000_000_000) as usize
        };
        for step in arrivals.map(second).take_while(|&step| step < steps) {
            counted[step] += 1;
        }
        let draws = Seed(5).stream("counts");
        let drawn: Vec<u64> = ExpectedArrivals::new(&profile, Span::from_secs(1))
            .take(steps)
            .enumerate()
            .map(|(step, mean)| poisson(mean, &mut draws.draws(0, step as u64)))
            .collect();
        let moments = |counts: &[u64]| {
            let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
            let squares = counts
                .iter()
                .map(|&n| (n as f64 - mean) * (n as f64 - mean));
            (mean, squares.sum::<f64>() / counts.len() as f64)
        };
        let ((mean, variance), (drawn_mean, drawn_variance)) = (moments(&counted), moments(&drawn));
        assert!((mean - drawn_mean).abs() < 0.5, "{mean} {drawn_mean}");
        assert!(
            (variance / drawn_variance - 1.0).abs() < 0.12,
            "{variance} {drawn_variance}"
        );
    }
}
