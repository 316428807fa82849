//! Curves of demand: the workload's own, an even one, days with one peak, and bursts.

use crate::study::Millionths;
use kvrig_base::quantity::Rate;
use kvrig_base::random::{Seed, below};
use kvrig_base::time::Span;
use kvrig_workloads::arrivals::Phase;
use kvrig_workloads::{Error, Pacing, RateProfile};

const DAY: Span = Span::from_secs(24 * 3600);
/// Straight stretches of a day: a quarter of an hour each.
const STRETCHES: u64 = 96;
/// Bursts stand on this share of the mean rate, in percent.
const BURST_BASE_PERCENT: u64 = 50;
const MILLION: u128 = 1_000_000;

/// How demand changes over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The mean rate at all times.
    Even,
    /// The workload's own arrivals.
    Own,
    /// A day with one peak in its middle, so many times the mean.
    Day(Millionths),
    /// Half of the mean, and bursts at drawn times of so many times the mean.
    Bursts(Millionths),
}

impl Shape {
    /// The value of the axis `curve`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Own => "own",
            Self::Day(_) => "day",
            Self::Bursts(_) => "bursts",
        }
    }
    /// Peak-to-mean ratio, where it belongs to the shape.
    pub(super) const fn ratio(self) -> Option<Millionths> {
        match self {
            Self::Even | Self::Own => None,
            Self::Day(ratio) | Self::Bursts(ratio) => Some(ratio),
        }
    }
}

/// A ratio as an axis shows it: `1.5`, `12`.
pub(super) fn ratio_text(ratio: Millionths) -> String {
    let (whole, rest) = (ratio.0 / 1_000_000, ratio.0 % 1_000_000);
    match rest {
        0 => whole.to_string(),
        _ => format!("{whole}.{rest:06}")
            .trim_end_matches('0')
            .to_owned(),
    }
}

/// A curve and how requests follow it.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) profile: RateProfile,
    /// Whether requests come evenly instead of at random.
    pub(super) is_even: bool,
    /// The highest rate.
    pub(super) peak: Rate,
    /// The mean rate.
    pub(super) mean: Rate,
}

impl Curve {
    /// The curve of a shape with the mean of the workload's `own` arrivals, over `duration`.
    ///
    /// # Errors
    /// Rates that are out of range.
    pub(super) fn new(
        shape: Shape,
        own: &(Pacing, RateProfile),
        burst: Span,
        duration: Span,
        seed: Seed,
    ) -> Result<Self, Error> {
        let (pacing, profile) = own;
        let mean = profile.mean_rate();
        let profile = match shape {
            Shape::Own => profile.clone(),
            Shape::Even => RateProfile::constant(mean)?,
            Shape::Day(ratio) => day(mean, ratio)?,
            Shape::Bursts(ratio) => bursts(mean, ratio, burst, duration, seed)?,
        };
        let mean = match shape {
            Shape::Own => profile.mean_rate(),
            _ => mean,
        };
        Ok(Self {
            is_even: matches!(pacing, Pacing::Constant),
            peak: profile.highest_rate(),
            mean,
            profile,
        })
    }
}

/// `rate` times `ratio`.
fn times(rate: Rate, ratio: Millionths) -> Rate {
    let product = u128::from(rate.0) * u128::from(ratio.0) / MILLION;
    Rate(u64::try_from(product).unwrap_or(u64::MAX))
}

/// A day whose rate is the peak times a power of a raised cosine: a smooth peak that is the higher the
/// narrower. Below a ratio of 2 it is a raised cosine on a base.
fn day(mean: Rate, ratio: Millionths) -> Result<RateProfile, Error> {
    let high = times(mean, ratio);
    if ratio <= Millionths(2_000_000) {
        let low = Rate(mean.0.saturating_mul(2).saturating_sub(high.0));
        return RateProfile::wave(low, high, DAY, Span::from_picos(DAY.as_picos() / 2));
    }
    let cosines: Vec<f64> = (0..STRETCHES)
        .map(|stretch| {
            let turn = 2.0 * std::f64::consts::PI * stretch as f64 / STRETCHES as f64;
            (1.0 - libm::cos(turn)) / 2.0
        })
        .collect();
    // The mean of straight stretches that close a circle is the mean of their corners.
    let mean_of = |power: f64| {
        let powers = cosines.iter().map(|&cosine| libm::pow(cosine, power));
        powers.sum::<f64>() / STRETCHES as f64
    };
    let wanted = 1.0 / ratio.as_f64();
    // A corner alone is the narrowest day there is; ratios beyond it get that one.
    let (mut wide, mut narrow) = (1.0, 1e6);
    for _ in 0..200 {
        let middle = f64::midpoint(wide, narrow);
        match mean_of(middle) > wanted {
            true => wide = middle,
            false => narrow = middle,
        }
    }
    let rates: Vec<Rate> = cosines
        .iter()
        .map(|&cosine| Rate((high.0 as f64 * libm::pow(cosine, wide) + 0.5) as u64))
        .collect();
    let length = Span::from_picos(DAY.as_picos() / STRETCHES);
    let corner = |stretch: usize| rates[stretch % rates.len()];
    let stretches = (0..rates.len()).map(|stretch| Phase::Between {
        length,
        from: corner(stretch),
        to: corner(stretch + 1),
    });
    RateProfile::repeating(stretches.collect())
}

/// Bursts on half of the mean. The run is divided into equal stretches with one burst each, at a drawn
/// place; the length of bursts is fitted so that mean and ratio are exact.
fn bursts(
    mean: Rate,
    ratio: Millionths,
    burst: Span,
    duration: Span,
    seed: Seed,
) -> Result<RateProfile, Error> {
    let base = Rate(mean.0 / 100 * BURST_BASE_PERCENT);
    let high = times(mean, ratio);
    // Share of time in bursts: what is missing to the mean by what a burst adds.
    let (missing, added) = (u128::from(mean.0 - base.0), u128::from(high.0 - base.0));
    let scaled = |span: Span, by: u128, of: u128| {
        let picos = u128::from(span.as_picos()) * by / of.max(1);
        Span::from_picos(u64::try_from(picos).unwrap_or(u64::MAX))
    };
    let wanted = scaled(burst, added, missing).as_picos().max(1);
    let half = wanted / 2;
    let stretches = (duration.as_picos().saturating_add(half) / wanted).max(1);
    let stretch = Span::from_picos(duration.as_picos() / stretches);
    let burst = scaled(stretch, missing, added).min(stretch);
    let room = stretch - burst;
    let places = seed.stream("bursts");
    let phases = (0..stretches).flat_map(|number| {
        let word = places.at(0, number).0[0];
        let before = Span::from_picos(below(word, room.as_picos() + 1));
        [
            Phase::constant(before, base),
            Phase::constant(burst, high),
            Phase::constant(room - before, base),
        ]
    });
    RateProfile::once(phases.collect(), base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_workloads::arrivals::ExpectedArrivals;

    fn own() -> (Pacing, RateProfile) {
        let profile = RateProfile::constant(Rate::per_second(200)).expect("a rate");
        (Pacing::Poisson, profile)
    }

    fn curve(shape: Shape) -> Curve {
        let month = Span::from_secs(30 * 24 * 3600);
        Curve::new(shape, &own(), Span::from_secs(900), month, Seed(4)).expect("a curve")
    }

    #[test]
    fn days_and_bursts_keep_mean_and_ratio() {
        for ratio in [1_200_000, 2_000_000, 3_500_000, 12_000_000].map(Millionths) {
            for shape in [Shape::Day(ratio), Shape::Bursts(ratio)] {
                let curve = curve(shape);
                let hours = ExpectedArrivals::new(&curve.profile, Span::from_secs(3_600));
                let sum: f64 = hours.take(30 * 24).sum();
                let mean = sum / (30.0 * 86_400.0);
                assert!((mean / 200.0 - 1.0).abs() < 1e-3, "{shape:?}: {mean}");
                let peak = curve.peak.per_second_f64();
                assert!((peak / 200.0 / ratio.as_f64() - 1.0).abs() < 1e-4, "{peak}");
            }
        }
    }

    #[test]
    fn ratios_read_as_they_were_written() {
        assert_eq!(ratio_text(Millionths(1_500_000)), "1.5");
        assert_eq!(ratio_text(Millionths(12_000_000)), "12");
    }
}
