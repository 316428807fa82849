//! Prices of the parts of a machine, each from its own timings.

use super::nnls;
use kvrig_base::calibration::{MachineRuns, Part, PartRuns, Spread, Timing};

/// What is made of the timings of a part.
#[derive(Clone, Copy)]
enum Form {
    /// One of it.
    Each(Option<&'static str>),
    /// A fixed share, and one for each unit of its size.
    Line(Option<&'static str>, Option<&'static str>),
    /// Units of its size a second.
    Rate(&'static str),
}

/// The keys of a profile that a part's timings give.
const fn form(part: Part) -> Form {
    match part {
        Part::Copy => Form::Line(None, Some("price_ps.bytes_copied")),
        Part::PageFault => Form::Each(Some("price_ps.pages_faulted")),
        Part::PageRelease => Form::Each(Some("price_ps.pages_released")),
        Part::LargeAllocation => Form::Each(Some("price_ps.allocations_large")),
        Part::SystemCall | Part::SyncAll => Form::Each(None),
        Part::Turn => Form::Each(Some("host.turn_ps")),
        Part::Receive => Form::Line(Some("host.read_ps"), Some("host.read_byte_ps")),
        Part::Send => Form::Line(Some("host.write_ps"), Some("host.write_byte_ps")),
        Part::WakeUp => Form::Each(Some("host.wake_up_ps")),
        Part::Fork => Form::Line(Some("host.fork_ps"), Some("host.fork_mib_ps")),
        Part::PageCopy => Form::Each(Some("host.page_copy_ps")),
        Part::Append => Form::Line(Some("disk.call_ps"), Some("disk.append_byte_ps")),
        Part::Sync => Form::Each(Some("disk.sync_ps")),
        Part::WriteOut => Form::Rate("disk.bytes_per_second"),
    }
}

/// The keys that a part would have given.
pub(super) fn keys(part: Part) -> Vec<&'static str> {
    let both = match form(part) {
        Form::Each(key) => [key, None],
        Form::Line(fixed, each) => [fixed, each],
        Form::Rate(key) => [Some(key), None],
    };
    both.into_iter().flatten().collect()
}

/// One measured quantity of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The part that it is of.
    pub part: Part,
    /// What of the part, `fork, each MiB`.
    pub name: String,
    /// The key of the profile that it is the price of, if it is one.
    pub key: Option<&'static str>,
    /// Whether it is a rate, a second, and not a time, in picoseconds.
    pub is_rate: bool,
    /// By the clock that prices the part, over the runs.
    pub price: Spread,
    /// By the other clock: elapsed where CPU time is the price, and the other way round.
    pub beside: Spread,
    /// The sizes that were measured, smallest and largest.
    pub sizes: (u64, u64),
    /// How far the line is from the medians of the timings, in parts per million of them at worst.
    pub residual_ppm: Option<u64>,
}

impl Figure {
    /// The number that a profile has.
    pub fn rounded(&self) -> u64 {
        self.price.median.round().max(0.0) as u64
    }
}

/// The clock of a timing: that which prices the part, or the other.
fn nanos(timing: &Timing, by_elapsed: bool) -> f64 {
    match by_elapsed {
        true => timing.elapsed_ns,
        false => timing.cpu_ns,
    }
}

/// A fixed share and one a unit, neither below zero, relative differences weighing alike; in
/// nanoseconds.
fn line(timings: &[(f64, f64)]) -> (f64, f64) {
    let weight = |nanos: f64| 1.0 / nanos.max(1e-3);
    let rows: Vec<Vec<f64>> = timings
        .iter()
        .map(|&(size, nanos)| vec![weight(nanos), size * weight(nanos)])
        .collect();
    let right: Vec<f64> = timings.iter().map(|&(_, ns)| ns * weight(ns)).collect();
    let solved = nnls::solve(&rows, &right);
    (solved[0], solved[1])
}

fn points(run: &[Timing], by_elapsed: bool) -> Vec<(f64, f64)> {
    let point = |timing: &Timing| (timing.size as f64, nanos(timing, by_elapsed));
    run.iter().map(point).collect()
}

/// The spreads of several numbers of each run.
fn spreads<const N: usize>(
    runs: &[Vec<Timing>],
    by_elapsed: bool,
    numbers: impl Fn(&[(f64, f64)]) -> [f64; N],
) -> Option<[Spread; N]> {
    let of_runs: Vec<[f64; N]> = runs
        .iter()
        .map(|run| numbers(&points(run, by_elapsed)))
        .collect();
    let mut spreads = Vec::new();
    for number in 0..N {
        let values: Vec<f64> = of_runs.iter().map(|numbers| numbers[number]).collect();
        spreads.push(Spread::of(&values)?);
    }
    spreads.try_into().ok()
}

/// Medians over the runs, size by size.
fn medians(runs: &[Vec<Timing>], by_elapsed: bool) -> Vec<(f64, f64)> {
    let sizes = runs.iter().map(Vec::len).min().unwrap_or(0);
    let median = |place: usize| {
        let values: Vec<f64> = runs
            .iter()
            .map(|run| nanos(&run[place], by_elapsed))
            .collect();
        let spread = Spread::of(&values)?;
        Some((runs[0][place].size as f64, spread.median))
    };
    (0..sizes).filter_map(median).collect()
}

fn worst_residual_ppm(runs: &[Vec<Timing>], by_elapsed: bool) -> u64 {
    let medians = medians(runs, by_elapsed);
    let (fixed, each) = line(&medians);
    let off = |&(size, nanos): &(f64, f64)| ((fixed + each * size) / nanos.max(1e-3) - 1.0).abs();
    let worst = medians.iter().map(off).fold(0.0, f64::max);
    (worst * 1e6).round() as u64
}

/// The quantities that the runs of a machine come to, in the order of the parts.
pub fn figures(machine: &MachineRuns) -> Vec<Figure> {
    machine.parts.iter().flat_map(of_part).collect()
}

fn of_part(PartRuns { part, runs }: &PartRuns) -> Vec<Figure> {
    let by_elapsed = part.is_waiting();
    let all = || runs.iter().flatten().map(|timing| timing.size);
    let sizes = (all().min().unwrap_or(0), all().max().unwrap_or(0));
    let figure = |what: &str, key, is_rate, price, beside, residual_ppm| Figure {
        part: *part,
        name: format!("{}{what}", part.name()),
        key,
        is_rate,
        price,
        beside,
        sizes,
        residual_ppm,
    };
    let both = |numbers: fn(&[(f64, f64)]) -> [f64; 1]| {
        let [price] = spreads(runs, by_elapsed, numbers)?;
        let [beside] = spreads(runs, !by_elapsed, numbers)?;
        Some((price, beside))
    };
    let found = match form(*part) {
        Form::Each(key) => both(|points| [points.first().map_or(0.0, |point| point.1 * 1e3)])
            .map(|(price, beside)| vec![figure("", key, false, price, beside, None)]),
        Form::Rate(key) => both(|points| {
            let rate = |&(size, nanos): &(f64, f64)| size * 1e9 / nanos.max(1.0);
            [points.first().map_or(0.0, rate)]
        })
        .map(|(price, beside)| vec![figure("", Some(key), true, price, beside, None)]),
        Form::Line(fixed, each) => {
            let numbers = |points: &[(f64, f64)]| {
                let (fixed, each) = line(points);
                [fixed * 1e3, each * 1e3]
            };
            let residual = Some(worst_residual_ppm(runs, by_elapsed));
            let price = spreads(runs, by_elapsed, numbers);
            price
                .zip(spreads(runs, !by_elapsed, numbers))
                .map(|([a, b], [c, d])| {
                    let unit = format!(", each {}", part.size_unit());
                    vec![
                        figure("", fixed, false, a, c, residual),
                        figure(&unit, each, false, b, d, residual),
                    ]
                })
        }
    };
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(part: Part, timings: &[&[(u64, f64, f64)]]) -> MachineRuns {
        let timing = |&(size, cpu_ns, elapsed_ns): &(u64, f64, f64)| Timing {
            size,
            cpu_ns,
            elapsed_ns,
        };
        let runs = timings.iter().map(|run| run.iter().map(timing).collect());
        MachineRuns {
            parts: vec![PartRuns {
                part,
                runs: runs.collect(),
            }],
            unmeasured: Vec::new(),
        }
    }

    #[test]
    fn a_fork_has_a_fixed_share_and_one_for_each_mib() {
        let fork = |mib: u64, extra: f64| {
            let cpu = 100_000.0 + 12_000.0 * mib as f64 + extra;
            (mib, cpu, 2.0 * cpu)
        };
        let exact = [fork(10, 0.0), fork(100, 0.0), fork(300, 0.0)];
        let slow = [fork(10, 50.0), fork(100, 50.0), fork(300, 50.0)];
        let found = figures(&runs(Part::Fork, &[&exact, &slow, &exact]));
        let [fixed, each] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (fixed.key, each.key),
            (Some("host.fork_ps"), Some("host.fork_mib_ps"))
        );
        assert_eq!((fixed.rounded(), each.rounded()), (100_000_000, 12_000_000));
        assert!((fixed.price.max - 100_050_000.0).abs() < 1.0, "{fixed:?}");
        assert!((each.beside.median - 24_000_000.0).abs() < 1.0);
        assert_eq!((each.sizes, each.residual_ppm), ((10, 300), Some(0)));
    }

    #[test]
    fn a_share_that_would_be_negative_is_none() {
        let found = figures(&runs(
            Part::Send,
            &[&[(100, 50.0, 50.0), (200, 110.0, 110.0)]],
        ));
        assert_eq!(found[0].rounded(), 0);
        assert!(found[0].residual_ppm > Some(0));
    }

    #[test]
    fn what_sleeps_is_priced_by_elapsed_time_and_rates_are_sizes_a_second() {
        let sync = figures(&runs(Part::Sync, &[&[(4_096, 5_000.0, 2e6)]]));
        assert_eq!(
            (sync[0].rounded(), sync[0].beside.median),
            (2_000_000_000, 5e6)
        );
        let rate = figures(&runs(Part::WriteOut, &[&[(1 << 20, 1e5, 1e6)]]));
        assert_eq!((rate[0].is_rate, rate[0].rounded()), (true, 1_048_576_000));
    }

    #[test]
    fn every_priced_part_names_a_key_that_profiles_have() {
        let profile = crate::cost::embedded_profiles()[0].1;
        let table: toml::Table = profile.parse().expect("it is embedded");
        for part in [
            Part::Copy,
            Part::PageFault,
            Part::PageRelease,
            Part::LargeAllocation,
            Part::Turn,
            Part::Receive,
            Part::Send,
            Part::WakeUp,
            Part::Fork,
            Part::PageCopy,
            Part::Append,
            Part::Sync,
            Part::WriteOut,
        ] {
            for key in keys(part) {
                let (section, name) = key.split_once('.').expect("a section and a name");
                assert!(table[section].get(name).is_some(), "{key}");
            }
        }
        assert!(keys(Part::SystemCall).is_empty());
    }
}
