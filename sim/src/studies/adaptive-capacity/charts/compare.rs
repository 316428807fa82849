//! What is compared at a glance: lengths of ramps, and mechanisms by load.

use crate::studies::adaptive_capacity::outcome::{PointOutcome, ppm};
use crate::studies::drawing::{
    Drawn, Spread, axis, band_of, band_words, numbers, spread_columns, text,
};
use crate::study::ModelName;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, Style};
use kvrig_base::row::Row;
use kvrig_base::time::Span;
use std::collections::BTreeMap;

/// What is throttled against the length of a ramp, over the seeds.
pub(super) fn ramps(found: &[&PointOutcome], drawn: &mut Drawn) {
    const NAME: &str = "ramps";
    let mut shares: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for point in found.iter().filter(|point| point.axis("load") == "ramp") {
        let Ok(length) = point.axis("ramp").parse::<Span>() else {
            continue;
        };
        let books = &point.recorded.books;
        let held = shares.entry(length.as_nanos()).or_default();
        held.push(ppm(books.throttled(), books.attempts));
    }
    let (lengths, spreads): (Vec<i64>, Vec<Spread>) = shares
        .iter()
        .filter_map(|(&length, all)| Some((length.cast_signed(), Spread::of(all)?)))
        .unzip();
    let mut ends = lengths.iter().zip(&spreads);
    let (Some(first), Some(last)) = (ends.clone().next(), ends.next_back()) else {
        return;
    };
    let words = |(&length, spread): (&i64, &Spread)| {
        let length = format_value(Unit::Nanos, length);
        (length, format_value(Unit::Ppm, spread.mean))
    };
    let ((shortest, most), (longest, least)) = (words(first), words(last));
    let message = format!(
        "A ramp of {shortest} throttles {most} of the requests, one of {longest} throttles {least}{}",
        band_words("means", &spreads),
    );
    let mut columns = vec![
        text("line", vec!["over the seeds".to_owned(); lengths.len()]),
        numbers("length", "ns", lengths),
    ];
    columns.extend(spread_columns("throttled", "ppm", &spreads));
    drawn.series.push(Series {
        name: NAME.into(),
        columns,
    });
    let line = Layer {
        series: NAME.into(),
        x: "length".into(),
        y: "throttled".into(),
        upper: None,
        group: Some("line".into()),
        style: Style::Line,
        cells: None,
    };
    let mut layers = vec![line.clone()];
    layers.extend(band_of(&line, &spreads));
    drawn.charts.push(Chart {
        name: NAME.into(),
        title: "A new table on demand: the longer the ramp, the less is throttled".into(),
        alt: format!("A falling line of the throttled share against the length. {message}."),
        message,
        x: axis("length of the ramp", Quantity::Nanos, Scale::Linear),
        y: axis("requests throttled", Quantity::Ppm, Scale::Linear),
        panels: None,
        layers,
        marks: Vec::new(),
    });
}

/// What is throttled of each load under each model.
pub(super) fn matrix(rows: &[Row], drawn: &mut Drawn) {
    const NAME: &str = "mechanisms";
    const LOADS: [(&str, &str); 4] = [
        ("uneven", "uneven: 50/50/50/150"),
        ("saved reads", "200 reads on 150"),
        ("one key", "one hot key"),
        ("workload", "the workload"),
    ];
    let (mut loads, mut models, mut shares) = (vec![], vec![], vec![]);
    for (load, title) in LOADS {
        let mut seen: Vec<&str> = Vec::new();
        let mut of_load: Vec<&Row> = rows
            .iter()
            .filter(|row| {
                row.variant.is_empty()
                    && row.name == "throttled_share"
                    && row.cell.get("load").is_some_and(|name| name == load)
                    && row.cell.get("sort").is_none_or(|sort| sort == "random")
            })
            .collect();
        // In the order of years, and of delays.
        of_load.sort_by_key(|row| {
            let model = row.cell.get("model").map_or("", String::as_str);
            let year = ModelName::ALL.iter().position(|one| one.name() == model);
            let delay = row
                .cell
                .get("delay")
                .and_then(|text| text.parse::<Span>().ok());
            (year, delay)
        });
        for row in of_load {
            let Some(model) = row.cell.get("model") else {
                continue;
            };
            // Of one key the shortest delay stands for the model.
            if seen.contains(&model.as_str()) {
                continue;
            }
            seen.push(model);
            loads.push(title.to_owned());
            models.push(model.clone());
            shares.push(row.value);
        }
    }
    let Some(worst) = (0..shares.len()).max_by_key(|&place| shares[place]) else {
        return;
    };
    let message = format!(
        "Most is throttled of {} under {}: {}",
        loads[worst],
        models[worst],
        format_value(Unit::Ppm, shares[worst])
    );
    drawn.series.push(Series {
        name: NAME.into(),
        columns: vec![
            text("load", loads),
            text("model", models),
            numbers("throttled", "ppm", shares),
        ],
    });
    drawn.charts.push(Chart {
        name: NAME.into(),
        title: "What each generation throttles, by load".into(),
        alt: format!("Bars of the throttled share, by load and model. {message}."),
        message,
        x: axis("load", Quantity::Category, Scale::Linear),
        y: axis("requests throttled", Quantity::Ppm, Scale::Linear),
        panels: None,
        layers: vec![Layer {
            series: NAME.into(),
            x: "load".into(),
            y: "throttled".into(),
            upper: None,
            group: Some("model".into()),
            style: Style::Bars,
            cells: None,
        }],
        marks: Vec::new(),
    });
}
