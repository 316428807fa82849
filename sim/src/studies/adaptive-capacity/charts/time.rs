//! What happens over time: throttling and shares, saved tokens, splits, auto scaling.

use crate::dynamo::{HEAT_WINDOW, Recorded, Second};
use crate::studies::adaptive_capacity::outcome::{PointOutcome, ppm};
use crate::studies::drawing::{
    Drawn, Spread, axis, band_of, band_words, numbers, spread_columns, text,
};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::{format_value, grouped};
use kvrig_base::result::{Chart, Layer, Mark, Quantity, Scale, Series, Style};
use kvrig_dynamo::partition::PARTITION_WRITES_MAX;
use std::collections::BTreeMap;

const SECOND_NS: u64 = 1_000_000_000;

/// Points of lines, by panel and line.
#[derive(Default)]
struct Lines {
    panels: Vec<String>,
    lines: Vec<String>,
    at: Vec<i64>,
    values: Vec<i64>,
}

impl Lines {
    fn add(&mut self, panel: &str, line: &str, at_ns: u64, value: i64) {
        self.panels.push(panel.to_owned());
        self.lines.push(line.to_owned());
        self.at.push(at_ns.cast_signed());
        self.values.push(value);
    }
    fn series(self, name: &str, value: &str, unit: &str) -> Series {
        Series {
            name: name.to_owned(),
            columns: vec![
                text("panel", self.panels),
                text("line", self.lines),
                numbers("time", "ns", self.at),
                numbers(value, unit, self.values),
            ],
        }
    }
}

fn layer(series: &str, value: &str, style: Style) -> Layer {
    Layer {
        series: series.to_owned(),
        x: "time".into(),
        y: value.to_owned(),
        upper: None,
        group: Some("line".into()),
        style,
        cells: None,
    }
}

/// The sums of so many seconds each, with when they begin.
fn joined(recorded: &Recorded, seconds: usize) -> impl Iterator<Item = (u64, Second, u64)> + '_ {
    let chunks = recorded.seconds.chunks(seconds).enumerate();
    chunks.map(move |(place, chunk)| {
        let sum = chunk
            .iter()
            .fold(Second::default(), |sum, second| sum.plus(*second));
        (
            (place * seconds) as u64 * SECOND_NS,
            sum,
            chunk.len() as u64,
        )
    })
}

fn of_load<'a>(
    found: &'a [&PointOutcome],
    load: &'a str,
) -> impl Iterator<Item = &'a PointOutcome> + 'a {
    found
        .iter()
        .copied()
        .filter(move |point| point.axis("load") == load && point.replication == 0)
}

/// The uneven load under each model: what is throttled, and the largest share of a partition.
pub(super) fn generations(found: &[&PointOutcome], drawn: &mut Drawn) {
    const NAME: &str = "uneven-over-time";
    const JOINED: usize = 30;
    let (mut lines, mut words, mut marks) = (Lines::default(), Vec::new(), Vec::new());
    for point in of_load(found, "uneven") {
        let (panel, recorded) = (point.axis("model"), &point.recorded);
        for (at, sum, seconds) in joined(recorded, JOINED) {
            let rate = |count: u64| (count / seconds).cast_signed();
            lines.add(
                panel,
                "requests throttled per second",
                at,
                rate(sum.throttled()),
            );
        }
        for (window, tokens) in recorded.tokens.iter().enumerate() {
            if let Some(share) = tokens.share_written {
                let at = (window as u64 + 1) * HEAT_WINDOW.as_nanos();
                let share = share.cast_signed();
                lines.add(panel, "largest share of a partition, WCU/s", at, share);
            }
        }
        if let Some(first) = recorded.first_throttled_ns {
            marks.push(Mark::Vertical {
                at: first.cast_signed(),
                label: "its saved tokens are spent".into(),
                panel: Some(panel.to_owned()),
            });
        }
        let share = ppm(recorded.books.throttled(), recorded.books.attempts);
        words.push(format!("{panel} {}", format_value(Unit::Ppm, share)));
    }
    if words.is_empty() {
        return;
    }
    drawn.series.push(lines.series(NAME, "rate", "1/s"));
    let message = format!("Throttled of all requests: {}", words.join(", "));
    drawn.charts.push(Chart {
        name: NAME.into(),
        title: "Four generations under the same uneven load".into(),
        alt: format!("Lines over time, one panel a model. {message}."),
        message,
        x: axis("time", Quantity::Nanos, Scale::Linear),
        y: axis("per second", Quantity::Count, Scale::Linear),
        panels: Some("panel".into()),
        layers: vec![layer(NAME, "rate", Style::Line)],
        marks,
    });
}

/// Saved read units under the load that needs them.
pub(super) fn saved(found: &[&PointOutcome], drawn: &mut Drawn) {
    const NAME: &str = "saved-reads";
    let mut lines = Lines::default();
    let mut first = None;
    for point in of_load(found, "saved reads") {
        let recorded = &point.recorded;
        for (window, tokens) in recorded.tokens.iter().enumerate() {
            let at = (window as u64 + 1) * HEAT_WINDOW.as_nanos();
            // Reads are counted in halves.
            lines.add("", point.axis("model"), at, tokens.saved_read.max(0) / 2);
        }
        first = first.or(recorded.first_throttled_ns);
    }
    let Some(first) = first else {
        return;
    };
    drawn.series.push(lines.series(NAME, "saved", ""));
    let message = format!(
        "What was saved lasts {}; from then on what comes beyond the provisioned rate is throttled",
        format_value(Unit::Nanos, first.cast_signed())
    );
    drawn.charts.push(Chart {
        name: NAME.into(),
        title: "Saved read units draining".into(),
        alt: format!("Falling lines of saved units over time. {message}."),
        message,
        x: axis("time", Quantity::Nanos, Scale::Linear),
        y: axis("read units saved", Quantity::Count, Scale::Linear),
        panels: None,
        layers: vec![layer(NAME, "saved", Style::Line)],
        marks: vec![Mark::Vertical {
            at: first.cast_signed(),
            label: "first throttled read".into(),
            panel: None,
        }],
    });
}

/// One hot key: what is served, step by step, with how far the seeds lie apart.
pub(super) fn staircase(found: &[&PointOutcome], drawn: &mut Drawn) {
    const NAME: &str = "one-key-staircase";
    const JOINED: usize = 20;
    // Rates of the seeds, in their order, by line and time.
    let mut lines: Vec<(String, BTreeMap<u64, Vec<i64>>)> = Vec::new();
    let mut words = Vec::new();
    let shown = found
        .iter()
        .filter(|point| point.axis("model") == "gac-2022" && point.axis("load") == "one key");
    for point in shown {
        let line = match point.axis("sort") {
            "random" => format!("splits after about {}", point.axis("delay")),
            sort => format!("never split: sort keys {sort}"),
        };
        let place = lines.iter().position(|(held, _)| *held == line);
        let place = place.unwrap_or_else(|| {
            lines.push((line, BTreeMap::new()));
            lines.len() - 1
        });
        for (at, sum, seconds) in joined(&point.recorded, JOINED) {
            let rates = lines[place].1.entry(at).or_default();
            rates.push((sum.served / seconds).cast_signed());
        }
        if point.replication == 0 && point.axis("sort") == "random" {
            let partitions = grouped(i64::from(point.recorded.partitions));
            words.push(format!("{partitions} with {}", point.axis("delay")));
        }
    }
    if words.is_empty() {
        return;
    }
    let (mut names, mut times, mut firsts, mut spreads) = (vec![], vec![], vec![], vec![]);
    for (line, rates) in &lines {
        for (at, rates) in rates {
            let (Some(&first), Some(spread)) = (rates.first(), Spread::of(rates)) else {
                continue;
            };
            names.push(line.clone());
            times.push(at.cast_signed());
            firsts.push(first);
            spreads.push(spread);
        }
    }
    let [_, lowest, highest] = spread_columns("rate", "1/s", &spreads);
    drawn.series.push(Series {
        name: NAME.to_owned(),
        columns: vec![
            text("line", names),
            numbers("time", "ns", times),
            numbers("rate", "1/s", firsts),
            lowest,
            highest,
        ],
    });
    let message = format!(
        "One key gains what a partition takes with each split; at the end its partitions are {}{}",
        words.join(", "),
        band_words("the first seed", &spreads),
    );
    let line = layer(NAME, "rate", Style::Line);
    let mut layers = vec![line.clone()];
    layers.extend(band_of(&line, &spreads));
    drawn.charts.push(Chart {
        name: NAME.into(),
        title: "One partition key under 4,000 writes a second".into(),
        alt: format!("Staircases of writes served per second over time. {message}."),
        message,
        x: axis("time", Quantity::Nanos, Scale::Linear),
        y: axis("writes served per second", Quantity::Count, Scale::Linear),
        panels: None,
        layers,
        marks: vec![Mark::Horizontal {
            at: PARTITION_WRITES_MAX.cast_signed(),
            label: "limit of one partition".into(),
        }],
    });
}

/// Auto scaling: used, provisioned, and when the alarm went off.
pub(super) fn step(found: &[&PointOutcome], drawn: &mut Drawn) {
    const NAME: &str = "auto-scaling-step";
    const JOINED: usize = 10;
    let Some(point) = of_load(found, "step").next() else {
        return;
    };
    let recorded = &point.recorded;
    let (mut used, mut provisioned, mut marks) = (Lines::default(), Lines::default(), Vec::new());
    for (at, sum, seconds) in joined(recorded, JOINED) {
        used.add("", "requested", at, (sum.attempts / seconds).cast_signed());
        used.add("", "served", at, (sum.served / seconds).cast_signed());
    }
    let end = recorded.seconds.len() as u64 * SECOND_NS;
    let mut units = 100;
    provisioned.add("", "provisioned", 0, units);
    for (number, step) in recorded.scaling.iter().enumerate() {
        provisioned.add("", "provisioned", step.done_ns, step.units.cast_signed());
        units = step.units.cast_signed();
        if number == 0 {
            for (at, label) in [
                (step.decided_ns, "two minutes above the target"),
                (step.alarm_ns, "alarm"),
                (step.done_ns, "capacity raised"),
            ] {
                marks.push(Mark::Vertical {
                    at: at.cast_signed(),
                    label: label.into(),
                    panel: None,
                });
            }
        }
    }
    provisioned.add("", "provisioned", end, units);
    let steps = format!("{NAME}-provisioned");
    drawn.series.push(used.series(NAME, "rate", "1/s"));
    drawn.series.push(provisioned.series(&steps, "rate", "1/s"));
    let message = format!(
        "{} of {} writes are throttled before and while capacity follows",
        grouped(recorded.books.throttled().cast_signed()),
        grouped(recorded.books.offered.cast_signed())
    );
    drawn.charts.push(Chart {
        name: NAME.into(),
        title: "A step of the load under auto scaling".into(),
        alt: format!("Lines of requested, served and provisioned writes per second. {message}."),
        message,
        x: axis("time", Quantity::Nanos, Scale::Linear),
        y: axis("writes per second", Quantity::Count, Scale::Linear),
        panels: None,
        layers: vec![
            layer(NAME, "rate", Style::Line),
            layer(&steps, "rate", Style::Steps),
        ],
        marks,
    });
}
