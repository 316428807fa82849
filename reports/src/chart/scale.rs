//! Where a value lies on an axis, and which values get a tick.

use kvrig_base::result::{Axis, Quantity, Scale};

/// One labelled position of an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The value.
    pub at: i64,
    /// Its label, or empty for a grid line without one.
    pub label: String,
}

/// An axis with its range, in pixels.
///
/// The range covers every value that is drawn, so nothing needs to be clipped; only values below
/// one on a logarithmic axis have no place and go to the lower edge.
#[derive(Clone, Debug)]
pub struct AxisScale {
    quantity: Quantity,
    scale: Scale,
    low: i64,
    high: i64,
    from: f64,
    to: f64,
}

impl AxisScale {
    /// A vertical axis for values in `extent`: from a round number to a round number.
    pub fn vertical(axis: &Axis, extent: (i64, i64), from_zero: bool) -> Self {
        let (mut low, mut high) = extent;
        match axis.scale {
            Scale::Log => {
                let wide = high.max(1) / low.max(1) >= 30;
                low = round_down(low.max(1), wide);
                high = round_up(high.max(1), wide);
                if low == high {
                    high = high.saturating_mul(10);
                }
            }
            Scale::Linear => {
                if from_zero || (low >= 0 && low < high / 2) {
                    low = low.min(0);
                }
                let step = linear_step(axis.quantity, low, high, 5);
                low = low.div_euclid(step).saturating_mul(step);
                high = high
                    .div_euclid(step)
                    .saturating_add(i64::from(high.rem_euclid(step) != 0));
                high = high.saturating_mul(step);
                if low == high {
                    high = low.saturating_add(step);
                }
            }
        }
        Self {
            quantity: axis.quantity,
            scale: axis.scale,
            low,
            high,
            from: 0.0,
            to: 1.0,
        }
    }

    /// A horizontal axis for values in `extent`: as wide as they are, with a small margin inside.
    pub fn horizontal(axis: &Axis, extent: (i64, i64)) -> Self {
        let (mut low, mut high) = extent;
        match (axis.scale, axis.quantity) {
            (Scale::Log, Quantity::PowerOfTwo) => {
                low = (low.max(1) / 4).saturating_mul(3).max(1);
                high = high.max(1).saturating_add(high.max(4) / 4);
            }
            (Scale::Log, _) => {
                low = low.max(1);
                high = high.max(low.saturating_add(1));
            }
            (Scale::Linear, _) => {
                // Time lines that begin near zero begin at zero.
                let width = high.saturating_sub(low).max(1);
                if low >= 0 && low < width / 4 {
                    low = 0;
                } else {
                    low = low.saturating_sub(width / 50);
                }
                high = high.saturating_add((width / 100).max(1));
            }
        }
        Self {
            quantity: axis.quantity,
            scale: axis.scale,
            low,
            high,
            from: 0.0,
            to: 1.0,
        }
    }

    /// The same axis laid from pixel `from` (its low end) to pixel `to`.
    #[must_use]
    pub fn laid(mut self, from: f64, to: f64) -> Self {
        self.from = from;
        self.to = to;
        self
    }

    /// The pixel of a value.
    pub fn pixel(&self, value: i64) -> f64 {
        let (low, high) = (self.place(self.low), self.place(self.high));
        let share = (self.place(value) - low) / (high - low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// The pixel of the low end.
    pub fn low_edge(&self) -> f64 {
        self.from
    }

    /// First and last value of the axis.
    pub fn range(&self) -> (i64, i64) {
        (self.low, self.high)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "pixels are far coarser than 2^-53"
    )]
    fn place(&self, value: i64) -> f64 {
        match self.scale {
            Scale::Linear => value as f64,
            Scale::Log => libm::log10(value.max(1) as f64),
        }
    }

    /// Ticks at least `apart` pixels from one another.
    pub fn ticks(&self, apart: f64) -> Vec<Tick> {
        let length = (self.to - self.from).abs();
        let most = (length / apart).max(2.0);
        let values = match self.scale {
            Scale::Linear => self.linear_ticks(most),
            Scale::Log => self.log_ticks(most),
        };
        values
            .into_iter()
            .map(|at| Tick {
                at,
                label: self.label(at),
            })
            .collect()
    }

    /// A zero needs no unit beside ticks that have one, unless it is a share.
    fn label(&self, at: i64) -> String {
        match self.quantity {
            Quantity::Ppm | Quantity::Nines => crate::number::quantity(self.quantity, at),
            _ if at == 0 => "0".to_owned(),
            _ => crate::number::quantity(self.quantity, at),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a tick count is small and positive"
    )]
    fn linear_ticks(&self, most: f64) -> Vec<i64> {
        let step = linear_step(self.quantity, self.low, self.high, most as i64);
        let mut at = self.low.div_euclid(step).saturating_mul(step);
        if at < self.low {
            at = at.saturating_add(step);
        }
        let mut ticks = Vec::new();
        while at <= self.high {
            ticks.push(at);
            match at.checked_add(step) {
                Some(next) => at = next,
                None => break,
            }
        }
        ticks
    }

    /// Powers of the base, thinned evenly; one, two, five within decades where there are few.
    fn log_ticks(&self, most: f64) -> Vec<i64> {
        let base: i64 = match self.quantity {
            Quantity::PowerOfTwo => 2,
            Quantity::Bytes => 4,
            _ => 10,
        };
        let mut powers = Vec::new();
        let mut power = 1_i64;
        loop {
            if power >= self.low && power <= self.high {
                powers.push(power);
            }
            match power.checked_mul(base) {
                Some(next) if next <= self.high => power = next,
                _ => break,
            }
        }
        if base == 10 && powers.len() <= 2 && self.quantity != Quantity::Nines {
            return self.within_decades();
        }
        let stride = (1..).find(|stride| powers.len().div_ceil(*stride) as f64 <= most);
        powers.into_iter().step_by(stride.unwrap_or(1)).collect()
    }

    fn within_decades(&self) -> Vec<i64> {
        let mut ticks = Vec::new();
        let mut power = 1_i64;
        loop {
            for factor in [1, 2, 5] {
                let at = power.saturating_mul(factor);
                if at >= self.low && at <= self.high && ticks.last() != Some(&at) {
                    ticks.push(at);
                }
            }
            match power.checked_mul(10) {
                Some(next) if next <= self.high => power = next,
                _ => return ticks,
            }
        }
    }
}

/// The smallest round step that gives at most `most` intervals.
fn linear_step(quantity: Quantity, low: i64, high: i64, most: i64) -> i64 {
    let width = high.saturating_sub(low).max(1);
    let least = (width / most.max(1)).max(1);
    let mut step = 1_i64;
    let binary = quantity == Quantity::Bytes;
    let mut round = [2, 5, 10].into_iter();
    let mut decade = 1_i64;
    while step < least || width / step > most.max(1) {
        let next = if binary {
            step.checked_mul(2)
        } else {
            match round.next() {
                Some(factor) => {
                    let next = decade.checked_mul(factor);
                    if factor == 10 {
                        decade = decade.saturating_mul(10);
                        round = [2, 5, 10].into_iter();
                    }
                    next
                }
                None => None,
            }
        };
        match next {
            Some(next) => step = next,
            None => break,
        }
    }
    step
}

/// The power of ten (or, unless `wide`, one, two or five of it) at or below `value`.
fn round_down(value: i64, wide: bool) -> i64 {
    let mut power = 1_i64;
    while power <= value / 10 {
        power *= 10;
    }
    match value / power {
        5.. if !wide => power * 5,
        2.. if !wide => power * 2,
        _ => power,
    }
}

/// The power of ten (or, unless `wide`, one, two or five of it) at or above `value`.
fn round_up(value: i64, wide: bool) -> i64 {
    let power = round_down(value, true);
    let factors: &[i64] = if wide { &[1, 10] } else { &[1, 2, 5, 10] };
    factors
        .iter()
        .filter_map(|factor| power.checked_mul(*factor))
        .find(|candidate| *candidate >= value)
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis(quantity: Quantity, scale: Scale) -> Axis {
        Axis {
            label: String::new(),
            quantity,
            scale,
        }
    }
    fn labels(scale: &AxisScale, apart: f64) -> Vec<String> {
        scale
            .ticks(apart)
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn a_wide_logarithmic_axis_has_one_tick_a_decade() {
        let scale = AxisScale::vertical(
            &axis(Quantity::Nanos, Scale::Log),
            (123, 480_000_000),
            false,
        )
        .laid(0.0, 200.0);
        assert_eq!(scale.range(), (100, 1_000_000_000));
        assert_eq!(
            labels(&scale, 22.0),
            [
                "100 ns", "1 us", "10 us", "100 us", "1 ms", "10 ms", "100 ms", "1 s"
            ]
        );
    }

    #[test]
    fn a_narrow_logarithmic_axis_has_ticks_within_decades() {
        let scale = AxisScale::vertical(&axis(Quantity::Nanos, Scale::Log), (1_300, 4_100), false)
            .laid(0.0, 200.0);
        assert_eq!(labels(&scale, 22.0), ["1 us", "2 us", "5 us"]);
    }

    #[test]
    fn sizes_are_powers_of_two() {
        let scale =
            AxisScale::horizontal(&axis(Quantity::PowerOfTwo, Scale::Log), (1 << 18, 1 << 21))
                .laid(0.0, 800.0);
        assert_eq!(labels(&scale, 60.0), ["2¹⁸", "2¹⁹", "2²⁰", "2²¹"]);
    }

    #[test]
    fn time_lines_have_round_steps() {
        let scale =
            AxisScale::horizontal(&axis(Quantity::Nanos, Scale::Linear), (0, 11_700_000_000))
                .laid(0.0, 800.0);
        assert_eq!(
            labels(&scale, 80.0),
            ["0", "2 s", "4 s", "6 s", "8 s", "10 s"]
        );
    }

    proptest! {
        #[test]
        fn every_value_of_the_extent_lies_on_the_axis(
            a: i64, b: i64, log: bool, kind in 0..5_usize,
        ) {
            let quantity = [Quantity::Nanos, Quantity::Bytes, Quantity::Count, Quantity::PowerOfTwo,
                            Quantity::Ppm][kind];
            let scale = if log { Scale::Log } else { Scale::Linear };
            let extent = (a.min(b), a.max(b));
            for scale in [
                AxisScale::vertical(&axis(quantity, scale), extent, false),
                AxisScale::horizontal(&axis(quantity, scale), extent),
            ] {
                let scale = scale.laid(0.0, 1_000.0);
                prop_assert!(scale.pixel(extent.0) >= 0.0 && scale.pixel(extent.1) <= 1_000.0);
                prop_assert!(scale.pixel(extent.0) <= scale.pixel(extent.1));
                let ticks = scale.ticks(50.0);
                prop_assert!(ticks.len() <= 64, "{} ticks", ticks.len());
                prop_assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
            }
        }
    }
}
