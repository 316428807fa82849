//! From the longest inserts of several runs to one pause, and from a pause to a verdict.

use kvrig_base::measured::{ClockFacts, GrowthPauses, Judgement, MeasuredPause, Pause};

/// Spread of the runs, as a share of their median in per cent, from which nothing can be told.
const SPREAD_PERCENT_MAX: u64 = 30;
/// A profile is of a typical machine and not of this one, and the tables that are measured have
/// buckets of 4 bytes where the products' have 8: within this factor a pause is as predicted.
const AGREEMENT_FACTOR: u64 = 2;
/// One run's longest pause may owe this share of itself to the machine, if it is to count.
const FLOORS_MIN: u64 = 2;
/// Chance that an insert stands on all lists by accident is kept below one in so many.
const ACCIDENT_ODDS: u64 = 100;

/// The insert that was long in every run: of those on all lists, the one whose shortest time is
/// greatest.
///
/// `runs` are the longest inserts of one growth, a list a run. Lists are cut to a length k at which
/// an insert is unlikely to stand on all by accident: k^runs / inserts^(runs - 1) is the expected
/// number of such.
pub(super) fn common_pause(runs: &[&GrowthPauses]) -> Option<MeasuredPause> {
    let (first, others) = runs.split_first()?;
    let growth = &first.growth;
    let until = growth.freed.or(growth.ended).unwrap_or(growth.started);
    let inserts = until - growth.started + 1;
    let kept = list_length(inserts, runs.len());
    let find = |pauses: &GrowthPauses, at: u64| {
        let mut list = pauses.longest.iter().take(kept);
        list.find(|pause| pause.at == at).cloned()
    };
    let on_all_lists = |pause: &Pause| -> Option<Vec<Pause>> {
        let mut of_runs = vec![pause.clone()];
        for run in others {
            of_runs.push(find(run, pause.at)?);
        }
        Some(of_runs)
    };
    let candidates = first.longest.iter().take(kept).filter_map(on_all_lists);
    let least = |of_runs: &Vec<Pause>| of_runs.iter().map(|pause| pause.ns).min();
    candidates
        .max_by_key(least)
        .map(|of_runs| of_runs_of(&of_runs))
}

/// The longest call of each run, whichever insert that was: for a node, whose timer falls on another
/// insert in every run.
pub(super) fn longest_pause(runs: &[&GrowthPauses]) -> Option<MeasuredPause> {
    let longest: Option<Vec<Pause>> = runs
        .iter()
        .map(|run| run.longest.first().cloned())
        .collect();
    longest
        .filter(|longest| !longest.is_empty())
        .map(|longest| of_runs_of(&longest))
}

/// Puts the pauses of the runs together.
fn of_runs_of(pauses: &[Pause]) -> MeasuredPause {
    let mut sorted: Vec<&Pause> = pauses.iter().collect();
    sorted.sort_by_key(|pause| pause.ns);
    let median = sorted[sorted.len() / 2];
    MeasuredPause {
        at: median.at,
        cause: median.cause.clone(),
        ns: pauses.iter().map(|pause| pause.ns).collect(),
        median_ns: median.ns,
    }
}

/// The longest list at which accidents stay rare, at least one.
fn list_length(inserts: u64, runs: usize) -> usize {
    if runs < 2 {
        return 1;
    }
    let runs = u32::try_from(runs).unwrap_or(u32::MAX).min(8);
    let places = u128::from(inserts).saturating_pow(runs - 1) / u128::from(ACCIDENT_ODDS);
    let mut length = 1_u64;
    while u128::from(length + 1).saturating_pow(runs) <= places && length < inserts {
        length += 1;
    }
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// What a pause says of its prediction, and why it says nothing if so.
pub(super) fn judge(
    predicted_ns: u64,
    measured: Option<&MeasuredPause>,
    is_common: bool,
    clock: &ClockFacts,
) -> (Judgement, String) {
    let cannot = |reason: String| (Judgement::CannotTell, reason);
    let Some(measured) = measured else {
        return cannot("no insert stood out in every run".into());
    };
    let (lo, hi) = (
        measured.ns.iter().copied().min().unwrap_or(0),
        measured.ns.iter().copied().max().unwrap_or(0),
    );
    let median = measured.median_ns.max(1);
    let spread = (hi - lo) * 100 / median;
    if spread > SPREAD_PERCENT_MAX {
        return cannot(format!("the runs differ by {spread} %"));
    }
    let tells_by_repetition = is_common && measured.ns.len() > 1;
    if !tells_by_repetition && median < clock.floor_ns * FLOORS_MIN {
        return cannot("it is not twice as long as the idle machine's own gaps".into());
    }
    let judgement = match () {
        () if median > predicted_ns.saturating_mul(AGREEMENT_FACTOR) => Judgement::Longer,
        () if median.saturating_mul(AGREEMENT_FACTOR) < predicted_ns => Judgement::Shorter,
        () => Judgement::Agrees,
    };
    (judgement, String::new())
}

/// How long a pause is beside its prediction, in parts per million.
pub(super) fn ratio_ppm(measured_ns: u64, predicted_ns: u64) -> Option<i64> {
    let scaled = u128::from(measured_ns) * 1_000_000;
    i64::try_from(scaled.checked_div(u128::from(predicted_ns))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::measured::Growth;

    fn run(longest: &[(u64, u64)]) -> GrowthPauses {
        let pause = |&(ns, at): &(u64, u64)| Pause {
            ns,
            at,
            cause: "step".into(),
        };
        GrowthPauses {
            growth: Growth {
                from: 1 << 20,
                to: 1 << 21,
                started: 1 << 20,
                ended: Some(1_700_000),
                freed: Some(1_700_000),
            },
            longest: longest.iter().map(pause).collect(),
        }
    }

    const CLOCK: ClockFacts = ClockFacts {
        reading_ns: 30,
        floor_ns: 50_000,
        spun_ns: 1_000_000_000,
    };

    #[test]
    fn what_only_one_run_saw_is_not_the_pause() {
        let runs = [
            run(&[(9_000, 1), (800, 7), (300, 9)]),
            run(&[(5_000, 2), (700, 7), (310, 9)]),
            run(&[(900, 7), (400, 9), (100, 3)]),
        ];
        let pause = common_pause(&runs.each_ref()).expect("7 and 9 are on all lists");
        assert_eq!((pause.at, pause.median_ns), (7, 800));
        assert_eq!(pause.ns, [800, 700, 900]);
    }

    #[test]
    fn where_no_insert_is_on_all_lists_nothing_can_be_told() {
        let runs = [run(&[(9, 1)]), run(&[(9, 2)]), run(&[(9, 1)])];
        let pause = common_pause(&runs.each_ref());
        assert_eq!(pause, None);
        let (judgement, reason) = judge(9, pause.as_ref(), true, &CLOCK);
        assert_eq!(judgement, Judgement::CannotTell);
        assert!(reason.contains("every run"), "{reason}");
    }

    #[test]
    fn lists_are_as_long_as_accidents_stay_rare() {
        // k^3 / n^2 is below one in a hundred, and for k + 1 no longer.
        for (inserts, length) in [(1, 1), (10, 1), (2_700, 41), (43_000, 264)] {
            assert_eq!(list_length(inserts, 3), length, "{inserts}");
        }
        assert_eq!(list_length(1 << 20, 1), 1);
    }

    fn pause(ns: &[u64]) -> MeasuredPause {
        let runs: Vec<GrowthPauses> = ns.iter().map(|&ns| run(&[(ns, 7)])).collect();
        longest_pause(&runs.iter().collect::<Vec<_>>()).expect("there are runs")
    }

    #[test]
    fn a_verdict_needs_runs_that_agree_with_one_another() {
        let says = |predicted, ns: &[u64]| judge(predicted, Some(&pause(ns)), true, &CLOCK).0;
        assert_eq!(says(100, &[100, 110, 120]), Judgement::Agrees);
        assert_eq!(says(100, &[80, 100, 111]), Judgement::CannotTell);
        assert_eq!(says(100, &[201, 202, 203]), Judgement::Longer);
        assert_eq!(says(410, &[201, 202, 203]), Judgement::Shorter);
    }

    #[test]
    fn without_repetition_a_pause_must_stand_out_from_the_floor() {
        let says = |ns: &[u64], is_common| judge(ns[0], Some(&pause(ns)), is_common, &CLOCK).0;
        assert_eq!(
            says(&[99_000, 99_000, 99_000], false),
            Judgement::CannotTell
        );
        assert_eq!(says(&[99_000, 99_000, 99_000], true), Judgement::Agrees);
        assert_eq!(says(&[99_000], true), Judgement::CannotTell);
        assert_eq!(says(&[100_000], true), Judgement::Agrees);
    }
}
