//! Predicted beside measured, bracket by bracket, and what follows.
//!
//! What a shared machine takes drifts from minute to minute. So a server is calibrated before and
//! after each measurement, and each such bracket is predicted with its own prices: what drifts slower
//! than a bracket is in both sides of its ratio and cancels. What drifts faster spreads the ratios of
//! the brackets, and a quantity whose ratios lie on both sides of its tolerance cannot be told.
//!
//! A bracket in which other processes had a part of the cores measures them as well. It is left out where
//! at least two others are left; where that is not so, nothing can be told.

use kvrig_base::calibration::Spread;
use kvrig_base::result::Table;

/// Range of a server's own runs, as a share of their median, beyond which nothing can be told.
pub const RANGE_MAX: f64 = 0.30;

/// One measurement with what the calibrations on both sides of it predict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// Predicted.
    pub predicted: f64,
    /// Measured.
    pub measured: f64,
    /// Other processes had so much of the cores meanwhile that the measurement is theirs too.
    pub is_disturbed: bool,
}

impl Bracket {
    /// One that others left alone, or whose unit does not know them.
    pub const fn new(predicted: f64, measured: f64) -> Self {
        Self {
            predicted,
            measured,
            is_disturbed: false,
        }
    }
}

/// Brackets that others left alone from which on the others are left out.
const UNDISTURBED_MIN: usize = 2;

/// One quantity of one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The server, `redis-server`.
    pub server: String,
    /// The quantity with its unit, `LRANGE, CPU ns a request`.
    pub quantity: String,
    /// Its measurements.
    pub brackets: Vec<Bracket>,
    /// How far the ratio may be from one; without it, nothing hangs on it.
    pub tolerance: Option<f64>,
    /// What a miss would point at, a sentence without its full stop.
    pub points_at: &'static str,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The ratio is within its tolerance.
    Pass,
    /// Every bracket's ratio is beyond it, on the same side.
    Fail,
    /// The server's own range is too wide, others disturbed it, or the ratios of the brackets lie on both
    /// sides.
    CannotTell,
    /// Nothing hangs on it.
    Shown,
}

impl Verdict {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::CannotTell => "cannot tell",
            Self::Shown => "not gated",
        }
    }
}

const NOTHING: Spread = Spread {
    median: f64::NAN,
    min: f64::NAN,
    max: f64::NAN,
};

impl Comparison {
    /// How many of its brackets others disturbed.
    fn disturbed(&self) -> usize {
        let disturbed = self.brackets.iter().filter(|one| one.is_disturbed);
        disturbed.count()
    }
    /// Whether others disturbed so many brackets that nothing can be told.
    fn is_disturbed(&self) -> bool {
        let disturbed = self.disturbed();
        disturbed > 0 && self.brackets.len() - disturbed < UNDISTURBED_MIN
    }
    fn spread(&self, value: impl Fn(&Bracket) -> f64) -> Spread {
        let takes_all = self.is_disturbed();
        let taken = self.brackets.iter();
        let taken = taken.filter(|bracket| takes_all || !bracket.is_disturbed);
        let values: Vec<f64> = taken.map(value).collect();
        Spread::of(&values).unwrap_or(NOTHING)
    }
    /// What was predicted.
    pub fn predicted(&self) -> Spread {
        self.spread(|bracket| bracket.predicted)
    }
    /// What was measured.
    pub fn measured(&self) -> Spread {
        self.spread(|bracket| bracket.measured)
    }
    /// Predicted by measured, of each bracket.
    pub fn ratio(&self) -> Spread {
        self.spread(|bracket| bracket.predicted / bracket.measured)
    }
    /// What follows.
    pub fn verdict(&self) -> Verdict {
        let Some(tolerance) = self.tolerance else {
            return Verdict::Shown;
        };
        let ratio = self.ratio();
        let holds = (1.0 - tolerance)..=(1.0 + tolerance);
        let is_beyond = ratio.max < *holds.start() || ratio.min > *holds.end();
        match holds.contains(&ratio.median) {
            _ if self.is_disturbed() => Verdict::CannotTell,
            _ if self.measured().relative_range() > RANGE_MAX => Verdict::CannotTell,
            true => Verdict::Pass,
            false if is_beyond => Verdict::Fail,
            false => Verdict::CannotTell,
        }
    }
    /// Why it does not pass, where that is so.
    pub fn explanation(&self) -> Option<String> {
        let (ratio, measured) = (self.ratio(), self.measured());
        let Self {
            server, quantity, ..
        } = self;
        let off = (ratio.median - 1.0) * 100.0;
        let side = if off < 0.0 { "below" } else { "above" };
        let what = format!("{server}, {quantity}");
        match self.verdict() {
            Verdict::Pass => None,
            Verdict::CannotTell if self.is_disturbed() => Some(format!(
                "{what}: other processes or the host disturbed {} of its {} runs, so nothing can be told",
                self.disturbed(),
                self.brackets.len()
            )),
            Verdict::CannotTell if measured.relative_range() > RANGE_MAX => Some(format!(
                "{what}: its own runs range over {:.0} % of their median, so nothing can be told",
                measured.relative_range() * 100.0
            )),
            Verdict::CannotTell => Some(format!(
                "{what}: the machine drifts between calibration and measurement, the brackets' \
                 ratios are {:.2} to {:.2}, so nothing can be told",
                ratio.min, ratio.max
            )),
            Verdict::Shown if off.abs() < NEAR_PERCENT => None,
            Verdict::Fail | Verdict::Shown => Some(format!(
                "{what}: predicted {:.0} % {side} what is measured; {}",
                off.abs(),
                self.points_at
            )),
        }
    }
    fn cells(&self) -> Vec<String> {
        let (predicted, measured, ratio) = (self.predicted(), self.measured(), self.ratio());
        vec![
            self.server.clone(),
            self.quantity.clone(),
            number(predicted.median),
            number(measured.median),
            range(&measured, number),
            format!("{:.3}", ratio.median),
            range(&ratio, |value| format!("{value:.2}")),
            self.tolerance
                .map_or_else(String::new, |within| format!("{:.0} %", within * 100.0)),
            self.verdict().name().to_owned(),
        ]
    }
}

/// A quantity that nothing hangs on is explained from so many per cent on.
const NEAR_PERCENT: f64 = 15.0;

fn range(spread: &Spread, text: impl Fn(f64) -> String) -> String {
    match spread.min < spread.max {
        true => format!("{} .. {}", text(spread.min), text(spread.max)),
        false => String::new(),
    }
}

/// A number with as many digits as its size makes sensible.
fn number(value: f64) -> String {
    match value {
        value if value < 100.0 => format!("{value:.2}"),
        value => format!("{value:.0}"),
    }
}

/// All comparisons, one a line.
pub fn table(comparisons: &[Comparison]) -> Table {
    let head = [
        "server",
        "quantity",
        "predicted",
        "measured",
        "its range",
        "ratio",
        "ratio by bracket",
        "within",
        "verdict",
    ];
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: comparisons.iter().map(Comparison::cells).collect(),
    }
}

/// What two servers under the same load tell together: whether a miss is of the model or of the
/// engine's work. Where nothing can be told of one of them, they tell nothing.
pub fn attribution(comparisons: &[Comparison], real: &str, own: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let is_off = |comparison: &Comparison| (comparison.ratio().median - 1.0).abs() > OFF;
    for comparison in comparisons.iter().filter(|c| c.server == real) {
        let beside = comparisons
            .iter()
            .find(|other| other.server == own && other.quantity == comparison.quantity);
        let is_told = |comparison: &Comparison| comparison.verdict() != Verdict::CannotTell;
        let Some(beside) = beside.filter(|_| is_off(comparison)) else {
            continue;
        };
        if !is_told(comparison) || !is_told(beside) {
            continue;
        }
        let (there, here) = (comparison.ratio().median, beside.ratio().median);
        let is_same_side = (there < 1.0) == (here < 1.0);
        let says = match is_off(beside) && is_same_side {
            true => "so it is the model, or a price that both lack",
            false => "so it is what the two engines do for the request that differs, not the model",
        };
        sentences.push(format!(
            "{}: {there:.2} at {real}, {here:.2} at {own}, {says}",
            comparison.quantity
        ));
    }
    sentences
}

/// A ratio so far from one is worth a sentence.
const OFF: f64 = 0.15;

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(server: &str, brackets: &[(f64, f64)], tolerance: Option<f64>) -> Comparison {
        let bracket = |&(predicted, measured): &(f64, f64)| Bracket::new(predicted, measured);
        Comparison {
            server: server.to_owned(),
            quantity: "response p50, us".to_owned(),
            brackets: brackets.iter().map(bracket).collect(),
            tolerance,
            points_at: "the price of a wake-up",
        }
    }

    #[test]
    fn drift_that_both_sides_of_a_bracket_see_cancels() {
        let drifting = [(20.0, 20.0), (23.0, 23.2), (25.0, 24.8)];
        let compared = comparison("a", &drifting, Some(0.05));
        assert_eq!(compared.verdict(), Verdict::Pass);
        assert!(compared.ratio().relative_range() < 0.02);
        assert_eq!(compared.explanation(), None);
    }

    #[test]
    fn a_miss_is_one_only_where_every_bracket_sees_it() {
        let all = [(30.0, 20.0), (31.0, 21.0), (29.0, 20.0)];
        assert_eq!(comparison("a", &all, Some(0.25)).verdict(), Verdict::Fail);
        let some = [(30.0, 20.0), (31.0, 21.0), (22.0, 20.0)];
        let told = comparison("a", &some, Some(0.25));
        assert_eq!(told.verdict(), Verdict::CannotTell);
        assert!(
            told.explanation()
                .expect("it does not pass")
                .contains("1.10 to 1.50")
        );
    }

    #[test]
    fn a_server_with_a_wide_range_of_its_own_proves_nothing() {
        let wide = [(20.0, 20.0), (30.0, 30.0), (25.0, 25.0)];
        let told = comparison("a", &wide, Some(0.25));
        assert_eq!(told.verdict(), Verdict::CannotTell);
        assert!(
            told.explanation()
                .expect("it does not pass")
                .contains("40 %")
        );
        assert_eq!(comparison("a", &wide, None).verdict(), Verdict::Shown);
    }

    #[test]
    fn runs_that_others_disturbed_are_left_out_or_prove_nothing() {
        let all = [(20.0, 20.0), (20.0, 21.0), (20.0, 90.0), (20.0, 80.0)];
        let with_disturbed = |from: usize| {
            let mut compared = comparison("a", &all, Some(0.25));
            for bracket in &mut compared.brackets[from..] {
                bracket.is_disturbed = true;
            }
            compared
        };
        let two_left = with_disturbed(2);
        assert_eq!(two_left.verdict(), Verdict::Pass);
        assert_eq!(two_left.measured().max, 21.0);
        let one_left = with_disturbed(1);
        assert_eq!(one_left.verdict(), Verdict::CannotTell);
        assert!(
            one_left
                .explanation()
                .expect("it does not pass")
                .contains("disturbed 3 of its 4 runs")
        );
        assert_eq!(one_left.measured().max, 90.0);
    }

    #[test]
    fn what_must_be_exact_is() {
        let exact = comparison("a", &[(16_385.0, 16_385.0)], Some(0.0));
        assert_eq!(exact.verdict(), Verdict::Pass);
        let one_off = comparison("a", &[(16_386.0, 16_385.0)], Some(0.0));
        assert_eq!(one_off.verdict(), Verdict::Fail);
        assert_eq!(
            comparison("a", &[], Some(0.0)).verdict(),
            Verdict::CannotTell
        );
    }

    #[test]
    fn two_servers_tell_the_engine_from_the_model() {
        let real = comparison("redis-server", &[(13.0, 20.0)], None);
        let good = comparison("kvrig", &[(19.0, 20.0)], None);
        let bad = comparison("kvrig", &[(14.0, 20.0)], None);
        let told = |own| attribution(&[real.clone(), own], "redis-server", "kvrig");
        assert!(told(good)[0].contains("engines do"), "engine");
        assert!(told(bad)[0].contains("the model"), "model");
        assert!(attribution(std::slice::from_ref(&real), "redis-server", "kvrig").is_empty());
        let near = comparison("redis-server", &[(19.0, 20.0)], None);
        assert!(attribution(&[near.clone(), near], "redis-server", "kvrig").is_empty());
        let restless = [(13.0, 20.0), (13.0, 40.0), (13.0, 26.0)];
        let untold =
            ["redis-server", "kvrig"].map(|server| comparison(server, &restless, Some(0.15)));
        assert!(attribution(&untold, "redis-server", "kvrig").is_empty());
    }
}
