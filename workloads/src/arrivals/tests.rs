//! Arrivals against what their rate says: exact where they are even, in distribution otherwise.

use super::*;
use crate::goodness::chi_square;
use kvrig_base::digest::Rolling;
use kvrig_base::quantity::Rate;
use kvrig_base::random::Seed;
use proptest::prelude::*;

fn arrivals(pacing: Pacing, profile: RateProfile) -> Arrivals {
    Arrivals::new(pacing, profile, Seed(42).stream("arrivals"), 0)
}

fn rate(per_second: u64) -> Rate {
    Rate::per_second(per_second)
}

fn count_within(arrivals: Arrivals, from: Span, to: Span) -> usize {
    let (from, to) = (Time::START + from, Time::START + to);
    arrivals
        .skip_while(|&at| at < from)
        .take_while(|&at| at < to)
        .count()
}

#[test]
fn even_arrivals_do_not_drift() {
    let third = RateProfile::constant(rate(3)).unwrap();
    for (n, at) in (1_u64..).zip(arrivals(Pacing::Constant, third).take(30_000)) {
        assert_eq!(at.as_picos(), n * 1_000_000_000_000 / 3);
    }
}

#[test]
fn poisson_gaps_are_exponential() {
    let mut last = Time::START;
    let mut observed = [0_u64; 20];
    let draws = 200_000;
    let process = arrivals(
        Pacing::Poisson,
        RateProfile::constant(rate(50_000)).unwrap(),
    );
    for at in process.take(draws) {
        // A gap's share of the exponential distribution is uniform.
        let share = 1.0 - libm::exp(-at.since(last).as_secs_f64() * 50_000.0);
        observed[(share * 20.0) as usize] += 1;
        last = at;
    }
    assert!(
        chi_square(&observed, &[draws as f64 / 20.0; 20]).p > 1e-4,
        "{observed:?}"
    );
    // 200,000 gaps of 20 us take 4 s, give or take four standard deviations of 8.9 ms.
    assert!(
        (3.964..4.036).contains(&last.since_start().as_secs_f64()),
        "{last}"
    );
}

#[test]
fn a_step_changes_the_rate_at_its_time() {
    let step = RateProfile::step(rate(1_000), Span::from_secs(2), rate(10_000)).unwrap();
    let even = arrivals(Pacing::Constant, step);
    assert_eq!(
        count_within(even.clone(), Span::ZERO, Span::from_secs(2)),
        1_999
    );
    assert_eq!(
        count_within(even, Span::from_secs(2), Span::from_secs(3)),
        10_000
    );
}

#[test]
fn nothing_arrives_while_a_cycle_is_off() {
    let (on, off) = (Span::from_millis(10), Span::from_millis(90));
    let bursts = RateProfile::on_off(on, off, rate(100_000), rate(0)).unwrap();
    assert_eq!(bursts.mean_rate(), rate(10_000));
    let mut in_bursts = 0_u32;
    for at in arrivals(Pacing::Poisson, bursts).take_while(|at| at.as_nanos() < 1_000_000_000) {
        assert!(at.as_nanos() % 100_000_000 < 10_000_000, "{at} is off");
        in_bursts += 1;
    }
    assert!((9_600..10_400).contains(&in_bursts), "{in_bursts}");
}

#[test]
fn a_ramp_brings_arrivals_in_proportion_to_the_square_of_time() {
    for (from, to) in [(0, 20_000), (20_000, 0), (5_000, 15_000)] {
        let ramp = RateProfile::once(
            vec![Phase::Between {
                length: Span::from_secs(10),
                from: rate(from),
                to: rate(to),
            }],
            rate(1),
        )
        .unwrap();
        let even = arrivals(Pacing::Constant, ramp);
        assert_eq!(
            count_within(even.clone(), Span::ZERO, Span::from_secs(10)),
            99_999
        );
        let half = count_within(even, Span::ZERO, Span::from_secs(5)) as u64;
        let expected = from * 5 + (to.abs_diff(from) * 25 / 20) * u64::from(to > from);
        let expected = if to > from {
            expected
        } else {
            from * 5 - from * 25 / 20
        };
        assert!(
            half.abs_diff(expected) <= 1,
            "{from} to {to}: {half} of {expected}"
        );
    }
}

#[test]
fn a_wave_is_highest_at_its_peak_and_averages_to_its_middle() {
    let (day, noon) = (Span::from_secs(86_400), Span::from_secs(43_200));
    let wave = RateProfile::wave(rate(10), rate(30), day, noon).unwrap();
    assert_eq!(wave.mean_rate(), rate(20));
    let even = arrivals(Pacing::Constant, wave);
    // A quarter of the day around the peak has 1/4 + 1/(pi sqrt 2) of the swing above the mean.
    let quarter = Span::from_secs(21_600);
    let around = |hour: u64| {
        let from = Span::from_secs(hour * 3_600 - 10_800);
        count_within(even.clone(), from, from + quarter) as f64
    };
    let swing = 10.0 * 86_400.0 / std::f64::consts::PI * libm::sin(std::f64::consts::PI / 4.0);
    assert!(
        (around(12) - (432_000.0 + swing)).abs() < 300.0,
        "{}",
        around(12)
    );
    assert!(
        (around(24) - (432_000.0 - swing)).abs() < 300.0,
        "{}",
        around(24)
    );
    assert_eq!(
        RateProfile::wave(rate(2), rate(1), day, noon),
        Err(Error::PhaseEmpty)
    );
}

#[test]
fn a_table_gives_every_part_of_its_period_a_rate() {
    let rates = [rate(100), rate(0), rate(400)];
    let table = RateProfile::table(&rates, Span::from_secs(3)).unwrap();
    let even = arrivals(Pacing::Constant, table);
    let second = |n: u64| count_within(even.clone(), Span::from_secs(n), Span::from_secs(n + 1));
    assert_eq!(
        [second(0), second(1), second(2), second(5)],
        [99, 0, 400, 400]
    );
    assert!(RateProfile::table(&[], Span::from_secs(3)).is_err());
    assert!(RateProfile::table(&rates, Span::ZERO).is_err());
}

/// The inter-arrival law of the ETC workload, under its own rate.
fn etc_gaps() -> (Pacing, RateProfile) {
    let law = Law::GPareto {
        location: 0.0,
        scale: 16.0292,
        shape: 0.154_971,
    };
    let per_second = 1e6 / law.mean();
    (
        Pacing::Renewal(Gaps::new(law).unwrap()),
        RateProfile::constant(Rate((per_second * 1e6) as u64)).unwrap(),
    )
}

#[test]
fn gaps_of_a_renewal_process_follow_their_law() {
    let (pacing, profile) = etc_gaps();
    let mut last = Time::START;
    let mut gaps: Vec<f64> = arrivals(pacing, profile)
        .take(200_000)
        .map(|at| {
            let gap = at.since(last).as_secs_f64() * 1e6;
            last = at;
            gap
        })
        .collect();
    gaps.sort_unstable_by(f64::total_cmp);
    for (share, expected) in [(0.5, 11.73), (0.9, 44.35), (0.99, 107.72)] {
        let got = gaps[(share * 200_000.0) as usize];
        assert!((got / expected - 1.0).abs() < 0.02, "{share}: {got}");
    }
    let negative = Law::Normal {
        mean: 1.0,
        deviation: 1.0,
    };
    assert_eq!(Gaps::new(negative), Err(Error::NegativeGaps));
}

#[test]
fn golden_arrivals_of_waves_tables_and_gaps_hold() {
    let second = Span::from_secs(1);
    let (gaps, constant) = etc_gaps();
    let wave = RateProfile::wave(rate(1_000), rate(9_000), second, Span::from_millis(250)).unwrap();
    let table = RateProfile::table(&[rate(5_000), rate(100), rate(7_000)], second).unwrap();
    let mut digests = String::new();
    for (name, pacing, profile) in [
        ("wave", Pacing::Poisson, wave),
        ("table", Pacing::Poisson, table),
        ("gpareto", gaps, constant),
    ] {
        let mut digest = Rolling::default();
        for at in arrivals(pacing, profile).take(10_000) {
            digest.fold(at.as_picos());
        }
        digests += &format!("{name} {:016x}\n", digest.value());
    }
    assert_eq!(
        digests,
        "wave 5cc2a1249652febe\ntable 81ea373f691c040f\ngpareto a7732146bc15c73c\n"
    );
}

#[test]
fn arrivals_end_where_the_rate_does() {
    let step = RateProfile::step(rate(10), Span::from_secs(1), rate(0)).unwrap();
    assert_eq!(arrivals(Pacing::Constant, step).count(), 9);
    let rare = RateProfile::constant(Rate(1)).unwrap();
    assert_eq!(
        arrivals(Pacing::Constant, rare).next(),
        Some(Time::from_picos(10_u64.pow(18)))
    );
    let never = RateProfile::constant(rate(0));
    assert_eq!(never, Err(Error::NoArrivals));
}

/// One arrival in 10^12 cycles is found at once, not cycle by cycle.
#[test]
fn many_empty_cycles_are_leapt_over() {
    let micro = Span::from_micros(1);
    let rare = RateProfile::on_off(micro, micro, Rate(2), Rate(0)).unwrap();
    let at = arrivals(Pacing::Constant, rare).next().unwrap();
    // The count of one falls due as a burst ends; the time that fits it best is the next burst.
    assert_eq!(at.as_picos(), 10_u64.pow(18));
}

#[test]
fn profiles_out_of_range_are_refused() {
    let day = Span::from_secs(86_400);
    assert_eq!(
        RateProfile::constant(rate(2_000_000_000)),
        Err(Error::RateTooHigh)
    );
    assert_eq!(
        RateProfile::ramp(rate(1), rate(2), day * 31),
        Err(Error::PhaseTooLong)
    );
    assert_eq!(
        RateProfile::on_off(day, day, rate(0), rate(0)),
        Err(Error::NoArrivals)
    );
    assert_eq!(
        RateProfile::on_off(Span::ZERO, Span::ZERO, rate(1), rate(1)),
        Err(Error::PhaseEmpty)
    );
}

#[test]
fn clients_that_share_a_stream_arrive_independently() {
    let constant = RateProfile::constant(rate(1_000)).unwrap();
    let stream = Seed(42).stream("arrivals");
    let [first, second] = [0, 1].map(|client| {
        Arrivals::new(Pacing::Poisson, constant.clone(), stream, client)
            .take(3)
            .collect::<Vec<_>>()
    });
    assert_ne!(first, second);
}

proptest! {
    /// Arrivals never go back in time, and even ones lie where the count says, phase by phase.
    #[test]
    fn arrivals_are_in_order(
        rates in prop::collection::vec((0_u64..3, 0_u64..5_000, 0_u64..5_000), 1..6),
        poisson: bool,
        repeats: bool,
    ) {
        let phases: Vec<Phase> = rates
            .into_iter()
            .map(|(seconds, from, to)| {
                Phase::Between { length: Span::from_secs(seconds), from: rate(from), to: rate(to) }
            })
            .collect();
        let profile = match repeats {
            true => RateProfile::repeating(phases),
            false => RateProfile::once(phases, rate(1)),
        };
        prop_assume!(profile.is_ok());
        let pacing = if poisson { Pacing::Poisson } else { Pacing::Constant };
        let mut last = Time::START;
        for at in arrivals(pacing, profile.unwrap()).take(2_000) {
            prop_assert!(at >= last, "{at} after {last}");
            last = at;
        }
    }
}

#[test]
fn golden_arrivals_hold() {
    let mut digest = Rolling::default();
    let second = Span::from_secs(1);
    for profile in [
        RateProfile::constant(rate(50_000)),
        RateProfile::on_off(second, second, rate(3_000), rate(10)),
        RateProfile::step(rate(100), second, rate(7_000)),
        RateProfile::ramp(rate(0), rate(9_000), second),
        RateProfile::ramp(rate(9_000), rate(7), second),
    ] {
        for at in arrivals(Pacing::Poisson, profile.unwrap()).take(5_000) {
            digest.fold(at.as_picos());
        }
    }
    assert_eq!(format!("{:016x}", digest.value()), "9a21c17e478c0f7d");
}

proptest! {
    /// Drawn in blocks of any lengths, arrivals are those that come one by one.
    #[test]
    fn blocks_hold_the_arrivals_that_come_one_by_one(
        pacing in prop_oneof![Just(Pacing::Poisson), Just(Pacing::Constant)],
        lengths in prop::collection::vec(0_usize..200, 1..6),
        which in 0_u8..3,
    ) {
        let second = Span::from_secs(1);
        let profile = match which {
            0 => RateProfile::constant(rate(700)),
            1 => RateProfile::step(rate(90), second, Rate(0)),
            _ => RateProfile::ramp(rate(10), rate(500), second),
        };
        let mut blocks = arrivals(pacing, profile.unwrap());
        let singles = blocks.clone();
        let mut times = Vec::new();
        for &length in &lengths {
            blocks.next_block(length, &mut times);
        }
        let expected: Vec<Time> = singles.take(lengths.iter().sum()).collect();
        prop_assert_eq!(times, expected);
    }
}

#[test]
fn long_and_short_steps_are_rounded_alike() {
    for arrivals in [
        0.0,
        -1.0,
        0.7,
        1e18,
        9_223_372_036_854_774_784.0,
        SHORT_STEP,
        4e19,
    ] {
        assert_eq!(mass(arrivals), arrivals as Mass, "{arrivals}");
    }
}

#[test]
fn steps_that_are_drawn_once_give_the_arrivals_of_any_rate() {
    for pacing in [Pacing::Poisson, Pacing::Constant] {
        let at_rate = |per_second| {
            let profile = RateProfile::constant(rate(per_second)).unwrap();
            Arrivals::new(pacing, profile, Seed(5).stream("arrivals"), 2)
        };
        let mut steps = Vec::new();
        at_rate(1).next_steps(0, 300, &mut steps);
        at_rate(1).next_steps(300, 200, &mut steps);
        for per_second in [7, 10_000, 16_641] {
            let (mut arrivals, mut times) = (at_rate(per_second), Vec::new());
            arrivals.next_block_of(&steps[..130], &mut times);
            arrivals.next_block_of(&steps[130..], &mut times);
            let expected: Vec<Time> = at_rate(per_second).take(500).collect();
            assert_eq!(times, expected, "{pacing:?} at {per_second}/s");
        }
    }
}
