//! The study's charts and the series behind them.

use super::outcome::{PointOutcome, REDIS, REFERENCE};
use super::replays::{BELADY, FIFO, LRU};
use super::summary::workload_name;
use crate::studies::drawing::Drawn;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Axis, Chart, Column, Layer, Quantity, Scale, Series, Style, Values};

/// One point of a line.
struct Dot<'a> {
    panel: String,
    policy: &'a str,
    memory: i64,
    value: i64,
}

/// Draws everything there is to draw, of the first seed.
pub(super) fn draw(found: &[PointOutcome]) -> Drawn {
    let firsts: Vec<&PointOutcome> = found
        .iter()
        .filter(|point| point.replication == 0)
        .collect();
    let mut drawn = Drawn::default();
    let curves = stretch(&firsts, |point| {
        // The longest stretch of a workload is the curve; a shorter one stands beside the node.
        let same = firsts.iter().filter(|other| panel(other) == panel(point));
        same.map(|other| other.requests).max() == Some(point.requests) && point.engine == REFERENCE
    });
    drawn.hit_ratios(
        "hit-ratio",
        "Hit ratio against memory, reference caches",
        &curves,
    );
    drawn.gains(&curves);
    let nodes = stretch(&firsts, |point| {
        firsts.iter().any(|node| {
            node.engine == REDIS
                && panel(node) == panel(point)
                && (node.requests, node.size) == (point.requests, point.size)
        })
    });
    if !nodes.is_empty() {
        drawn.hit_ratios(
            "node-hit-ratio",
            "Hit ratio against memory, policies of a Redis node",
            &nodes,
        );
        drawn.bars(&nodes);
    }
    drawn
}

fn stretch<'a>(
    firsts: &[&'a PointOutcome],
    is_meant: impl Fn(&PointOutcome) -> bool,
) -> Vec<&'a PointOutcome> {
    let meant = firsts.iter().copied().filter(|point| is_meant(point));
    meant.collect()
}

/// The panel of a point: its workload, and its place in a sweep.
fn panel(point: &PointOutcome) -> String {
    let mut parts = vec![workload_name(&point.variant).to_owned()];
    let axes = point.axes.iter();
    parts.extend(axes.map(|(axis, value)| format!("{axis}={value}")));
    parts.join(" · ")
}

fn dots<'a>(points: &[&'a PointOutcome]) -> Vec<Dot<'a>> {
    let mut dots: Vec<Dot<'_>> = points
        .iter()
        .flat_map(|point| {
            let lines = point.lines.iter();
            // Beside the node's policies stand the dashed references alone.
            let shown = lines.filter(|line| {
                let is_beside_node = points.iter().any(|other| other.engine == REDIS);
                !is_beside_node || point.engine == REDIS || is_reference(&line.policy)
            });
            shown.map(|line| Dot {
                panel: panel(point),
                policy: &line.policy,
                memory: point.memory.cast_signed(),
                value: line.hit_ppm,
            })
        })
        .collect();
    dots.sort_by(|a, b| (&a.panel, a.memory).cmp(&(&b.panel, b.memory)));
    dots
}

/// What references are dashed.
fn is_reference(policy: &str) -> bool {
    [LRU, FIFO, BELADY].contains(&policy)
}

impl Drawn {
    fn hit_ratios(&mut self, name: &str, title: &str, points: &[&PointOutcome]) {
        let dots = dots(points);
        let references = format!("{name}-references");
        let (dashed, lines): (Vec<&Dot<'_>>, Vec<&Dot<'_>>) =
            dots.iter().partition(|dot| is_reference(dot.policy));
        let mut layers = Vec::new();
        for (series, dots, style) in [
            (&references, dashed, Style::Dashed),
            (&name.to_owned(), lines, Style::Line),
        ] {
            if !dots.is_empty() {
                self.series
                    .push(series_of(series, "hit ratio", "ppm", &dots));
                layers.push(layer(series, "hit ratio", style));
            }
        }
        let message = apart(points);
        self.charts.push(Chart {
            name: name.to_owned(),
            title: title.to_owned(),
            alt: format!("Lines of hit ratio against memory, one a policy. {message}."),
            message,
            x: axis(
                "memory in use with so many keys, an empty node's included",
                Quantity::Bytes,
                Scale::Log,
            ),
            y: axis("requests that find their key", Quantity::Ppm, Scale::Linear),
            panels: Some("workload".into()),
            layers,
            marks: Vec::new(),
        });
    }

    /// Hits gained by the next MiB: the slope from each size to the next, of the reference policies.
    fn gains(&mut self, points: &[&PointOutcome]) {
        let dots = dots(points);
        let mut slopes = Vec::new();
        for dot in dots.iter().filter(|dot| is_reference(dot.policy)) {
            let next = dots.iter().find(|next| {
                (&next.panel, next.policy) == (&dot.panel, dot.policy) && next.memory > dot.memory
            });
            if let Some(next) = next {
                let bytes = i128::from(next.memory - dot.memory);
                let slope = i128::from(next.value - dot.value) * (1 << 20) / bytes;
                slopes.push(Dot {
                    panel: dot.panel.clone(),
                    policy: dot.policy,
                    memory: dot.memory,
                    value: i64::try_from(slope).unwrap_or(i64::MAX),
                });
            }
        }
        let of_lru: Vec<&Dot<'_>> = slopes.iter().filter(|dot| dot.policy == LRU).collect();
        let Some(first) = of_lru.first() else {
            return;
        };
        let in_panel = |dot: &&&Dot<'_>| dot.panel == first.panel;
        let last = of_lru.iter().rfind(in_panel).unwrap_or(first);
        let message = format!(
            "On {}, a MiB more gains exact LRU {} a million requests from {} on, and {} from {} on",
            first.panel,
            hits(first.value),
            format_value(Unit::Bytes, first.memory),
            hits(last.value),
            format_value(Unit::Bytes, last.memory),
        );
        let all: Vec<&Dot<'_>> = slopes.iter().collect();
        let name = "marginal-hits";
        self.series
            .push(series_of(name, "hits per MiB", "1/M", &all));
        self.charts.push(Chart {
            name: name.into(),
            title: "Hits in a million requests that one more MiB gains".into(),
            alt: format!("Falling lines of hits gained against memory. {message}."),
            message,
            x: axis(
                "memory in use with so many keys, an empty node's included",
                Quantity::Bytes,
                Scale::Log,
            ),
            y: axis(
                "hits gained by the next MiB, of a million",
                Quantity::Count,
                Scale::Log,
            ),
            panels: Some("workload".into()),
            layers: vec![layer(name, "hits per MiB", Style::Line)],
            marks: Vec::new(),
        });
    }

    /// All policies at the middle size of the node.
    fn bars(&mut self, points: &[&PointOutcome]) {
        let mut sizes: Vec<u32> = points.iter().map(|point| point.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let Some(&size) = sizes.get(sizes.len() / 2) else {
            return;
        };
        let at_size: Vec<&PointOutcome> = stretch(points, |point| point.size == size);
        let mut dots = dots(&at_size);
        dots.sort_by(|a, b| {
            let of = |dot: &Dot<'_>| std::cmp::Reverse(dot.value);
            (&a.panel, of(a)).cmp(&(&b.panel, of(b)))
        });
        let all: Vec<&Dot<'_>> = dots.iter().collect();
        let name = "policies";
        self.series.push(series_of(name, "hit ratio", "ppm", &all));
        let message = apart(&at_size);
        self.charts.push(Chart {
            name: name.into(),
            title: format!("All policies with the memory of {size} keys"),
            alt: format!("Bars of hit ratio, one a policy. {message}."),
            message,
            x: axis("policy", Quantity::Category, Scale::Linear),
            y: axis("requests that find their key", Quantity::Ppm, Scale::Linear),
            panels: Some("workload".into()),
            layers: vec![Layer {
                x: "policy".into(),
                group: None,
                ..layer(name, "hit ratio", Style::Bars)
            }],
            marks: Vec::new(),
        });
    }
}

/// `12,000 hits`.
fn hits(count: i64) -> String {
    format!(
        "{} hits",
        format_value(Unit::Ops, count).trim_end_matches(" ops")
    )
}

/// How far exact LRU and Belady are apart at most, in a sentence without its full stop.
fn apart(points: &[&PointOutcome]) -> String {
    let ratio = |point: &PointOutcome, policy: &str| {
        let line = point.lines.iter().find(|line| line.policy == policy)?;
        Some(line.hit_ppm)
    };
    let furthest = points
        .iter()
        .filter_map(|point| Some((ratio(point, BELADY)? - ratio(point, LRU)?, point)))
        .max_by_key(|&(apart, _)| apart);
    furthest.map_or_else(
        || "No reference policy was replayed".to_owned(),
        |(apart, point)| {
            format!(
                "Exact LRU is at most {} points of a hundred below the optimum: on {}, with {}",
                format_value(Unit::Ppm, apart).trim_end_matches(" %"),
                panel(point),
                format_value(Unit::Bytes, point.memory.cast_signed()),
            )
        },
    )
}

fn axis(label: &str, quantity: Quantity, scale: Scale) -> Axis {
    Axis {
        label: label.into(),
        quantity,
        scale,
    }
}

fn layer(series: &str, y: &str, style: Style) -> Layer {
    Layer {
        series: series.into(),
        x: "memory".into(),
        y: y.into(),
        upper: None,
        group: Some("policy".into()),
        style,
        cells: None,
    }
}

fn series_of(name: &str, value: &str, unit: &str, dots: &[&Dot<'_>]) -> Series {
    let text = |name: &str, values: Vec<String>| Column {
        name: name.into(),
        unit: String::new(),
        values: Values::Text(values),
    };
    let numbers = |name: &str, unit: &str, values: Vec<i64>| Column {
        name: name.into(),
        unit: unit.into(),
        values: Values::Int(values),
    };
    Series {
        name: name.to_owned(),
        columns: vec![
            text(
                "workload",
                dots.iter().map(|dot| dot.panel.clone()).collect(),
            ),
            text(
                "policy",
                dots.iter().map(|dot| dot.policy.to_owned()).collect(),
            ),
            numbers("memory", "B", dots.iter().map(|dot| dot.memory).collect()),
            numbers(value, unit, dots.iter().map(|dot| dot.value).collect()),
        ],
    }
}
