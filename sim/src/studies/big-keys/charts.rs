//! The study's charts and the series behind them.

use super::commands::{Family, described, named, size_name, title};
use super::outcome::PointOutcome;
use crate::run::histograms;
use crate::studies::drawing::{Drawn, axis, file_part, numbers, text};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::{exact, format_value};
use kvrig_base::result::{Chart, Layer, Mark, Quantity, Scale, Series, Style};
use kvrig_base::row::Row;
use kvrig_base::time::Span;

/// What the charts are drawn with.
pub(super) struct Drawing<'a> {
    pub(super) points: &'a [PointOutcome],
    pub(super) rows: &'a [Row],
    pub(super) sizes: &'a [u64],
    pub(super) limits: &'a [Span],
    pub(super) element_bytes: u64,
}

/// Commands whose neighbours are shown over time, the first of each list that was run.
const SHOWN_OVER_TIME: [&[&str]; 2] = [
    &["del-zset", "del-set", "del-hash", "del-list", "del-string"],
    &["keys", "sort", "smembers", "flushall"],
];

/// Draws everything there is to draw.
pub(super) fn draw(drawing: &Drawing<'_>) -> Drawn {
    let mut drawn = Drawn::default();
    stop_against_size(drawing, &mut drawn);
    response_over_time(drawing, &mut drawn);
    percentile_files(drawing, &mut drawn);
    drawn
}

/// Charts of the cells without a variant and without axes of a sweep of their own.
fn is_plain(row: &Row) -> bool {
    row.variant.is_empty() && row.cell.len() == 2
}

fn stop_against_size(drawing: &Drawing<'_>, drawn: &mut Drawn) {
    const NAME: &str = "stop-against-size";
    let (mut panels, mut commands, mut sizes, mut stops) = (vec![], vec![], vec![], vec![]);
    for family in Family::ALL {
        for &size in drawing.sizes {
            let name = size_name(size);
            let rows = drawing.rows.iter().filter(|row| {
                is_plain(row) && row.name == "pause_command_max" && row.cell["size"] == name
            });
            for row in rows {
                let command = named(&row.cell["command"]);
                if let Some(command) = command.filter(|&one| super::commands::family(one) == family)
                {
                    panels.push(family.title().to_owned());
                    commands.push(title(command).to_owned());
                    sizes.push(size.cast_signed());
                    stops.push(row.value);
                }
            }
        }
    }
    let Some(longest) = (0..stops.len()).max_by_key(|&place| stops[place]) else {
        return;
    };
    let message = format!(
        "The longest: {}, {} at {}",
        commands[longest],
        format_value(Unit::Nanos, stops[longest]),
        size_name(sizes[longest].cast_unsigned())
    );
    drawn.series.push(Series {
        name: NAME.into(),
        columns: vec![
            text("family", panels),
            text("command", commands),
            numbers("elements", "", sizes),
            numbers("stop", "ns", stops),
        ],
    });
    let mark = |limit: &Span| Mark::Horizontal {
        at: limit.as_nanos().cast_signed(),
        label: exact(limit),
    };
    let layer = |style| Layer {
        series: NAME.into(),
        x: "elements".into(),
        y: "stop".into(),
        upper: None,
        group: Some("command".into()),
        style,
        cells: None,
    };
    drawn.charts.push(Chart {
        name: NAME.into(),
        title: "How long one big command keeps the core, against its size".into(),
        alt: format!("Log-log chart of the stop against elements, one panel a family. {message}."),
        message,
        x: axis("elements, or keys", Quantity::Count, Scale::Log),
        y: axis("longest stop", Quantity::Nanos, Scale::Log),
        panels: Some("family".into()),
        layers: vec![layer(Style::Line), layer(Style::Points)],
        marks: drawing.limits.iter().map(mark).collect(),
    });
}

fn response_over_time(drawing: &Drawing<'_>, drawn: &mut Drawn) {
    const NAME: &str = "response-over-time";
    let largest = drawing.sizes.last().copied().unwrap_or(0);
    let point = |name: &str| {
        drawing.points.iter().find(|point| {
            point.variant.is_empty()
                && point.command == name
                && point.size == largest
                && !point.timeline.is_empty()
        })
    };
    let shown: Vec<&PointOutcome> = SHOWN_OVER_TIME
        .iter()
        .filter_map(|names| names.iter().find_map(|name| point(name)))
        .collect();
    if shown.is_empty() {
        return;
    }
    // What follows once the last queue has drained is as quiet as what was before.
    let end = shown
        .iter()
        .map(|point| point.settled_ns + point.began_ns / 2)
        .max()
        .unwrap_or(0);
    let (mut commands, mut times, mut responses) = (vec![], vec![], vec![]);
    let (mut marks, mut worst) = (vec![], vec![]);
    for point in shown {
        let Some(command) = named(&point.command) else {
            continue;
        };
        let name = described(command, point.size, drawing.element_bytes);
        let bins = point.timeline.iter().filter(|bin| bin.at_ns <= end);
        let mut longest = 0;
        for bin in bins {
            commands.push(name.clone());
            times.push(bin.at_ns.cast_signed());
            responses.push(bin.response_ns.cast_signed());
            longest = longest.max(bin.response_ns);
        }
        marks.push(Mark::Vertical {
            at: point.began_ns.cast_signed(),
            label: title(command).into(),
            panel: Some(name.clone()),
        });
        let longest = format_value(Unit::Nanos, longest.cast_signed());
        worst.push(format!("{name}: {longest} at worst"));
    }
    drawn.series.push(Series {
        name: NAME.into(),
        columns: vec![
            text("command", commands),
            numbers("intended_start", "ns", times),
            numbers("response", "ns", responses),
        ],
    });
    let message = worst.join("; ");
    drawn.charts.push(Chart {
        name: NAME.into(),
        title: "Everyone else's longest response in each millisecond, around one big command"
            .into(),
        alt: format!("Longest response over time, one panel a command. {message}."),
        message,
        x: axis(
            "intended start of the request",
            Quantity::Nanos,
            Scale::Linear,
        ),
        y: axis("longest response", Quantity::Nanos, Scale::Log),
        panels: Some("command".into()),
        layers: vec![Layer {
            series: NAME.into(),
            x: "intended_start".into(),
            y: "response".into(),
            upper: None,
            group: None,
            style: Style::Line,
            cells: None,
        }],
        marks,
    });
}

/// One file for each command at the largest size, over all seeds.
fn percentile_files(drawing: &Drawing<'_>, drawn: &mut Drawn) {
    let largest = drawing.sizes.last().copied().unwrap_or(0);
    let of_largest = |point: &&PointOutcome| point.variant.is_empty() && point.size == largest;
    let points: Vec<&PointOutcome> = drawing.points.iter().filter(of_largest).collect();
    let mut done: Vec<&str> = Vec::new();
    for point in &points {
        if done.contains(&point.command.as_str()) {
            continue;
        }
        done.push(&point.command);
        let same = points.iter().filter(|other| other.command == point.command);
        let file = format!("{}-{}-after", point.command, file_part(&size_name(largest)));
        let merged = histograms::merge(&file, same.map(|point| &point.after));
        drawn.histograms.push(merged);
    }
}
