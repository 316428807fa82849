//! Gates: how much worse a metric may become before a comparison fails.

use super::baseline::Value;
use kvrig_base::metric::Better;
use std::collections::BTreeMap;

/// How much worse is still accepted. A change fails only where it exceeds both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// Share of the old value, in parts per million.
    pub worse_ppm: u64,
    /// Absolute difference in the metric's base unit.
    pub floor: u64,
}

/// Gates by metric, and whether any change at all fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// Gates of single metrics. A metric without one may not become worse at all: simulated values
    /// have no noise.
    pub metrics: BTreeMap<String, Gate>,
    /// `--exact`: any change fails, for the better too.
    pub exact: bool,
}

/// What a gate says to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// Worse than the gate allows, or changed where nothing may change.
    Fail,
    /// Worse, but the gate allows it.
    Within,
    /// Better.
    Better,
    /// Changed in a metric without a better direction.
    Changed,
}

impl Gates {
    /// What the gate of `metric` says to a change from `old` to `new`.
    pub fn judge(&self, metric: &str, old: Value, new: Value) -> Judgement {
        if self.exact || old.unit != new.unit {
            return Judgement::Fail;
        }
        let worse_by = match new.better {
            Better::Lower => i128::from(new.value) - i128::from(old.value),
            Better::Higher => i128::from(old.value) - i128::from(new.value),
            Better::None => return Judgement::Changed,
        };
        if worse_by <= 0 {
            return Judgement::Better;
        }
        let gate = self.metrics.get(metric).copied().unwrap_or_default();
        let beyond_floor = worse_by > i128::from(gate.floor);
        let allowed = i128::from(old.value).abs() * i128::from(gate.worse_ppm);
        let beyond_share = worse_by * 1_000_000 > allowed;
        if beyond_floor && beyond_share {
            Judgement::Fail
        } else {
            Judgement::Within
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::metric::Unit;
    use proptest::prelude::*;

    fn value(value: i64, better: Better) -> Value {
        Value {
            value,
            unit: Unit::Nanos,
            better,
        }
    }
    fn gates(worse_ppm: u64, floor: u64) -> Gates {
        let metrics = [("pause_step_max".to_owned(), Gate { worse_ppm, floor })].into();
        Gates {
            metrics,
            exact: false,
        }
    }
    fn judge(gates: &Gates, old: i64, new: i64) -> Judgement {
        gates.judge(
            "pause_step_max",
            value(old, Better::Lower),
            value(new, Better::Lower),
        )
    }

    #[test]
    fn without_a_gate_any_worsening_fails() {
        let none = Gates::default();
        assert_eq!(judge(&none, 1_000, 1_001), Judgement::Fail);
        assert_eq!(judge(&none, 1_000, 999), Judgement::Better);
    }

    #[test]
    fn share_and_floor_must_both_be_passed() {
        let five_percent_and_50_us = gates(50_000, 50_000);
        assert_eq!(
            judge(&five_percent_and_50_us, 1_000_000, 1_050_000),
            Judgement::Within
        );
        assert_eq!(
            judge(&five_percent_and_50_us, 1_000_000, 1_050_001),
            Judgement::Fail
        );
        assert_eq!(
            judge(&five_percent_and_50_us, 1_000, 50_999),
            Judgement::Within
        );
        assert_eq!(
            judge(&five_percent_and_50_us, 100_000_000, 104_000_000),
            Judgement::Within
        );
    }

    #[test]
    fn where_more_is_better_less_is_worse() {
        let (old, new) = (value(100, Better::Higher), value(99, Better::Higher));
        assert_eq!(
            Gates::default().judge("throughput_mean", old, new),
            Judgement::Fail
        );
        assert_eq!(
            Gates::default().judge("throughput_mean", new, old),
            Judgement::Better
        );
    }

    #[test]
    fn exact_refuses_improvements_too() {
        let exact = Gates {
            exact: true,
            ..Gates::default()
        };
        assert_eq!(judge(&exact, 1_000, 999), Judgement::Fail);
    }

    proptest! {
        #[test]
        fn a_wider_gate_never_fails_what_a_narrower_one_lets_pass(
            old: i64, new: i64, ppm in 0..10_000_000_u64, floor in 0..1_000_000_u64,
        ) {
            if judge(&gates(ppm, floor), old, new) != Judgement::Fail {
                prop_assert_ne!(judge(&gates(ppm + 1, floor + 1), old, new), Judgement::Fail);
            }
        }
    }
}
