//! The study `cost`: where do the prices of DynamoDB's capacity modes cross?
//!
//! A **curve** (`curve`) says how demand changes over a month: the workload's own arrivals, an even
//! load, days and bursts of some peak-to-mean ratio. `demand` draws how many requests begin in each
//! second; what one of them consumes is measured on tables of the engine (`requests`). The same
//! requests go to several **tables** (`month`): provisioned, scaled by target tracking (`scaler`), on
//! demand. What is throttled comes again (`waiting`). `bill` prices what was provisioned or consumed,
//! under every price table of the region. Beside this, `article` redoes a published bill.

mod article;
mod bill;
mod card;
mod charts;
mod curve;
mod demand;
mod findings;
mod inputs;
mod month;
mod outcome;
mod requests;
mod scaler;
mod summary;
#[cfg(test)]
mod tests;
mod waiting;

use crate::cost::Profile;
use crate::run::{Point, RunError};
use crate::studies::question::{self, Planned, Question, Told};
use crate::studies::setup::Setup;
use crate::study::Cell;
use curve::{Curve, Shape, ratio_text};
use demand::Demand;
use inputs::Inputs;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::{Bytes, Share, exact};
use kvrig_base::random::Seed;
use kvrig_base::result::StudyResult;
use kvrig_base::row::Row;
use kvrig_base::time::Span;
use month::{Capacity, Ledger, Minute, TableRun};
use outcome::{AS_CREATED, AUTO_SCALED, ON_DEMAND, PROVISIONED, PointOutcome, TableOutcome};
use std::collections::BTreeMap;

/// This study as `kvrig list` shows it.
pub(super) const BUILT_IN: super::BuiltIn = super::BuiltIn {
    name: "cost",
    question: "Where do the prices of DynamoDB's capacity modes cross?",
    toml: include_str!("study.toml"),
    plan: question::plan::<Cost>,
};

/// CPU time of one second of demand, and of one second of one table. For estimates.
const SECOND_CPU: Span = Span::from_nanos(250);
const TABLE_SECOND_CPU: Span = Span::from_nanos(100);
/// Memory of a point: the hours of its tables, and minutes for charts. For estimates.
const POINT_BYTES: u64 = 1 << 20;
/// Minutes are drawn of the second day where there is one: the first begins with full buckets.
const DAY_SECS: u64 = 24 * 3_600;
const WATCHED_FROM_SECS: u64 = DAY_SECS;
/// Seconds between two questions whether the run is cancelled.
const ASK_EVERY: u64 = 8_192;

/// The study.
struct Cost;

/// What a point runs: one curve with all its tables, under one seed.
#[derive(Clone, Copy, Debug)]
struct Spec {
    cell: usize,
    replication: u32,
    shape: Shape,
}

/// A table of a point and its place in the cell.
struct Named {
    table: &'static str,
    used: Option<String>,
    of_peak: Option<String>,
    /// One run for each table that requests go to.
    runs: Vec<TableRun>,
}

/// A share as an axis shows it: `14.4%`.
fn share_text(share: Share) -> String {
    exact(&share)
}

/// The tables that the requests of a curve go to.
fn tables_of(inputs: &Inputs, shape: Shape, curve: &Curve, seed: Seed) -> Vec<Named> {
    let named = |table, used, of_peak, capacity: &dyn Fn(usize) -> Capacity| Named {
        table,
        used,
        of_peak,
        runs: (0..inputs.tables.len())
            .map(|number| {
                let consumption = inputs.tables[number];
                let start = inputs.cell.start;
                let run = TableRun::new(
                    capacity(number),
                    consumption,
                    inputs.retries(),
                    start,
                    seed.replication(number as u32),
                );
                run.watched(match inputs.run_secs > WATCHED_FROM_SECS {
                    true => WATCHED_FROM_SECS,
                    false => 0,
                })
            })
            .collect(),
    };
    // Units of table `number` when so many requests begin in a second: whole, and at least one.
    let units = |number: usize, rate| {
        let [eventual, strong, write] = Inputs::prices_of(&inputs.tables[number]);
        let halves = inputs.kinds.units(rate, [eventual, strong, 0]);
        let writes = inputs.kinds.units(rate, [0, 0, write]);
        [halves.div_ceil(2).max(1), writes.max(1)]
    };
    let at_share = |number, rate, share: Share| {
        let whole = u128::from(Share::ONE.0);
        units(number, rate).map(|units| {
            let part = (u128::from(units) * u128::from(share.0)).div_ceil(whole);
            u64::try_from(part).unwrap_or(units).max(1)
        })
    };
    let on_demand = || named(ON_DEMAND, None, None, &|_| Capacity::OnDemand);
    let scaled = || {
        let first = curve_start(curve);
        named(AUTO_SCALED, None, None, &|number| {
            Capacity::Scaled(inputs.knobs.scaling, units(number, first))
        })
    };
    let for_peak = |share: Share| {
        let of_peak = Some(share_text(share));
        named(PROVISIONED, None, of_peak, &|number| {
            Capacity::Provisioned(at_share(number, curve.peak, share))
        })
    };
    match shape {
        Shape::Even => {
            let shares = inputs.knobs.utilisations.iter();
            let provisioned = shares.map(|&share| {
                named(PROVISIONED, Some(share_text(share)), None, &|number| {
                    let whole = u128::from(Share::ONE.0);
                    let units = units(number, curve.mean).map(|units| {
                        let more = (u128::from(units) * whole).div_ceil(u128::from(share.0));
                        u64::try_from(more).unwrap_or(u64::MAX)
                    });
                    Capacity::Provisioned(units)
                })
            });
            provisioned.chain([on_demand()]).collect()
        }
        Shape::Own => {
            let shares = inputs.knobs.peak_shares.iter();
            let created = inputs.knobs.provisioned.map(|(read, write)| {
                named(AS_CREATED, None, None, &|_| {
                    Capacity::Provisioned([read, write])
                })
            });
            shares
                .map(|&share| for_peak(share))
                .chain([scaled(), on_demand()])
                .chain(created)
                .collect()
        }
        Shape::Day(_) | Shape::Bursts(_) => {
            vec![for_peak(Share::ONE), scaled(), on_demand()]
        }
    }
}

/// The rate of the first second, by which a scaled table is provisioned at the start.
fn curve_start(curve: &Curve) -> kvrig_base::quantity::Rate {
    let mut seconds =
        kvrig_workloads::arrivals::ExpectedArrivals::new(&curve.profile, demand::STEP);
    let expected = seconds.next().unwrap_or(0.0);
    kvrig_base::quantity::Rate((expected * 1e6) as u64)
}

/// Bills what became of a table's requests.
fn end(inputs: &Inputs, named: Named) -> Result<TableOutcome, Diagnostic> {
    let mut ledger = Ledger::default();
    let mut minutes: Vec<Minute> = Vec::new();
    for run in named.runs {
        let (one, seen) = run.end()?;
        ledger.add(&one);
        minutes.resize(minutes.len().max(seen.len()), Minute::default());
        for (minute, more) in minutes.iter_mut().zip(seen) {
            minute.asked += more.asked;
            minute.consumed += more.consumed;
            minute.capacity += more.capacity;
        }
    }
    let is_on_demand = named.table == ON_DEMAND;
    let bills = inputs.prices.iter().flat_map(|prices| match is_on_demand {
        true => vec![bill::on_demand(prices, &ledger, inputs.run_secs)],
        false => bill::provisioned(prices, &ledger, inputs.run_secs),
    });
    let bills = bills.collect();
    // What units cost beside one another changed in no table of a region.
    let used_ppm = match (is_on_demand, inputs.prices.first()) {
        (false, Some(prices)) => Some(bill::used_ppm(prices, &ledger)),
        _ => None,
    };
    // Hours are billed; nobody else reads them.
    (ledger.hours, ledger.hours_max) = (Vec::new(), Vec::new());
    Ok(TableOutcome {
        table: named.table.to_owned(),
        used: named.used,
        of_peak: named.of_peak,
        used_ppm,
        bills,
        ledger,
        minutes,
    })
}

impl Question for Cost {
    const BUILT_IN: super::BuiltIn = BUILT_IN;
    const TO_LOWER: &'static str = "lower run.duration or shorten study.cost.peak_to_mean";
    type Inputs = Inputs;
    type Spec = Spec;
    type Found = PointOutcome;

    fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Inputs, Diagnostic> {
        Inputs::read(cell, setup)
    }

    fn profile(inputs: &Inputs) -> &Profile {
        &inputs.profile
    }

    fn specs(planned: &Planned<Self>) -> Result<Vec<Spec>, Diagnostic> {
        let mut specs = Vec::new();
        for (cell, inputs) in planned.cells.iter().enumerate() {
            let ratios = inputs.knobs.peak_to_mean.iter();
            let days = ratios.clone().map(|&ratio| Shape::Day(ratio));
            let bursts = ratios.map(|&ratio| Shape::Bursts(ratio));
            let even = (!inputs.knobs.utilisations.is_empty()).then_some(Shape::Even);
            let shapes: Vec<Shape> = std::iter::once(Shape::Own)
                .chain(even)
                .chain(days)
                .chain(bursts)
                .collect();
            for replication in 0..planned.study.seeds {
                specs.extend(shapes.iter().map(|&shape| Spec {
                    cell,
                    replication,
                    shape,
                }));
            }
        }
        Ok(specs)
    }

    fn point(planned: &Planned<Self>, spec: &Spec) -> Point {
        let inputs = &planned.cells[spec.cell];
        let ratio = spec.shape.ratio().map(ratio_text);
        let parts = std::iter::once(format!("curve={}", spec.shape.name()))
            .chain(ratio.map(|ratio| format!("peak_to_mean={ratio}")));
        let tables = match spec.shape {
            Shape::Own => 3 + inputs.knobs.peak_shares.len(),
            Shape::Even => 1 + inputs.knobs.utilisations.len(),
            Shape::Day(_) | Shape::Bursts(_) => 3,
        };
        let runs = (tables * inputs.tables.len()) as u64;
        Point {
            label: question::label(&inputs.cell, parts, spec.replication),
            identity: planned.identity(format!("{:?}", spec.shape), spec.cell, spec.replication),
            events: inputs.run_secs,
            memory: Bytes(POINT_BYTES),
            cpu: (SECOND_CPU + TABLE_SECOND_CPU * runs) * inputs.run_secs,
        }
    }

    fn run(
        planned: &Planned<Self>,
        spec: &Spec,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(PointOutcome, u64), RunError> {
        let inputs = &planned.cells[spec.cell];
        let seed = planned.seed(spec.replication);
        let curve = Curve::new(
            spec.shape,
            &inputs.own,
            inputs.knobs.burst,
            inputs.duration(),
            seed,
        )
        .map_err(|error| Diagnostic::new(diagnostic::CONTRADICTION, error.to_string()))?;
        let mut tables = tables_of(inputs, spec.shape, &curve, seed);
        let demand = Demand::new(&curve, inputs.kinds, seed);
        for (second, fresh) in (0..inputs.run_secs).zip(demand) {
            if second.is_multiple_of(ASK_EVERY) && cancelled() {
                return Err(RunError::Cancelled);
            }
            for run in tables.iter_mut().flat_map(|named| &mut named.runs) {
                run.second(fresh);
            }
        }
        let ended = tables
            .into_iter()
            .map(|named| end(inputs, named))
            .collect::<Result<Vec<_>, _>>()?;
        let outcome = PointOutcome {
            variant: inputs.cell.variant.clone(),
            axes: inputs.cell.axes.clone(),
            replication: spec.replication,
            curve: spec.shape.name().to_owned(),
            ratio: spec.shape.ratio().map(|ratio| ratio.0),
            peak_to_mean: spec.shape.ratio().map(ratio_text),
            seconds: inputs.run_secs,
            tables: ended,
        };
        Ok((outcome, inputs.run_secs))
    }

    fn answer(planned: &Planned<Self>, found: Vec<PointOutcome>) -> Result<StudyResult, RunError> {
        let mut samples = outcome::samples(&found, &planned.cells);
        let of_article = article::samples("")
            .map_err(|error| Diagnostic::new(diagnostic::CONTRADICTION, error.to_string()))?;
        samples.extend(of_article);
        let judged = planned.judge(&samples)?;
        let rows = &judged.rows;
        let beyond_quota = planned.cells.iter().filter_map(Inputs::beyond_quota);
        let mut warnings: Vec<String> = beyond_quota.collect();
        warnings.extend(judged.left_out.iter().cloned());
        let ledgers = found.iter().flat_map(|point| &point.tables);
        let ledgers = ledgers.map(|table| &table.ledger);
        let requests = ledgers.clone().map(|ledger| ledger.requests).sum();
        let attempts = ledgers.map(|ledger| ledger.attempts).sum();
        let told = Told {
            findings: findings::findings(rows, &warnings),
            table: summary::table(rows),
            drawn: charts::draw(&found, rows, &samples),
            model_card: card::model_card(&planned.cells, &warnings),
            counters: BTreeMap::from([
                ("requests".to_owned(), requests),
                ("attempts".to_owned(), attempts),
            ]),
            windows: Vec::new(),
        };
        Ok(planned.result(judged, told))
    }

    fn is_cited(row: &Row) -> bool {
        row.name.starts_with("law_") || row.name == "bill_article_mean"
    }
}
