//! Charts of a realistic result: every one is drawn, the same way each time.

use crate::common;
use kvrig_base::result::{Layer, Quantity, Scale, Series, Style, Values};
use kvrig_reports::chart::plot::Plot;
use kvrig_reports::chart::{Artist, ChartError};

/// The charts are left in the test's folder, to be looked at.
fn folder() -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("charts");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_same_result_is_drawn_byte_for_byte_the_same() {
    let result = common::sample();
    for chart in &result.charts {
        let caption = "rehash · typical-2026 · seed 1, 3 replications · results 0123456789abcdef";
        let first = Artist::new()
            .unwrap()
            .draw(chart, &result.series, caption)
            .unwrap();
        let second = Artist::new()
            .unwrap()
            .draw(chart, &result.series, caption)
            .unwrap();
        assert_eq!(first.svg, second.svg);
        assert_eq!(first.png, second.png);
        assert!(
            first.svg.len() < 300_000,
            "{}: {} bytes",
            chart.name,
            first.svg.len()
        );
        std::fs::write(folder().join(format!("{}.svg", chart.name)), &first.svg).unwrap();
        std::fs::write(folder().join(format!("{}.png", chart.name)), &first.png).unwrap();
    }
}

#[test]
fn bars_and_steps_over_categories_are_drawn() {
    let result = common::sample();
    let mut chart = common::bars();
    let drawn = Artist::new()
        .unwrap()
        .draw(&chart, &result.series, "caption")
        .unwrap();
    std::fs::write(folder().join("bars.png"), &drawn.png).unwrap();

    chart.name = "steps".to_owned();
    chart.x.quantity = Quantity::PowerOfTwo;
    chart.x.scale = Scale::Log;
    chart.layers[0] = Layer {
        x: "size".to_owned(),
        group: Some("table".to_owned()),
        style: Style::Steps,
        ..chart.layers[0].clone()
    };
    let drawn = Artist::new()
        .unwrap()
        .draw(&chart, &result.series, "caption")
        .unwrap();
    std::fs::write(folder().join("steps.png"), &drawn.png).unwrap();
}

#[test]
fn a_chart_that_names_an_unknown_column_is_refused() {
    let mut result = common::sample();
    result.charts[0].layers[0].y = "lenght".to_owned();
    let error = Artist::new()
        .unwrap()
        .draw(&result.charts[0], &result.series, "caption")
        .unwrap_err();
    assert_eq!(
        error,
        ChartError::NoColumn {
            chart: "pause-timeline".to_owned(),
            series: "pauses".to_owned(),
            column: "lenght".to_owned()
        }
    );
}

#[test]
fn texts_cannot_leave_their_place_in_a_drawing() {
    let mut result = common::sample();
    let hostile = "</text><script>alert('\"&')</script>";
    result.charts[0].title = hostile.to_owned();
    result.charts[0].alt = hostile.to_owned();
    let drawn = Artist::new()
        .unwrap()
        .draw(&result.charts[0], &result.series, hostile)
        .unwrap();
    assert!(!drawn.svg.contains("<script"));
    assert!(!drawn.svg_inline.contains("<script"));
}

#[test]
fn a_chart_without_points_says_so() {
    let mut result = common::sample();
    for column in &mut result.series[0].columns {
        match &mut column.values {
            Values::Int(values) => values.clear(),
            Values::Text(values) => values.clear(),
        }
    }
    let drawn = Artist::new()
        .unwrap()
        .draw(&result.charts[0], &result.series, "caption")
        .unwrap();
    assert!(drawn.svg.contains("Nothing of this kind was recorded."));
}

/// Where a text first stands in a drawing.
fn place_of(svg: &str, text: &str) -> usize {
    svg.find(text)
        .unwrap_or_else(|| panic!("no {text} in {svg}"))
}

#[test]
fn a_band_lies_behind_the_line_of_its_group_and_shares_its_head() {
    let (chart, series) = common::band();
    let drawn = Artist::new()
        .unwrap()
        .draw(&chart, &[series], "caption")
        .unwrap();
    std::fs::write(folder().join("band.png"), &drawn.png).unwrap();
    let svg = &drawn.svg_inline;
    // The legend has a swatch of each; behind them come the bands, then the lines.
    for (table, colour) in [("at-once", "#0072B2"), ("redis-7.0", "#D55E00")] {
        assert_eq!(svg.matches(&format!(">\n{table}\n<")).count(), 1, "{svg}");
        let band = format!("<polygon opacity=\"0.2\" fill=\"{colour}\"");
        let line = format!("stroke=\"{colour}\"");
        assert_eq!(svg.matches(&band).count(), 2, "{svg}");
        let last_line = svg.rfind(&line).unwrap();
        assert!(place_of(svg, &band) < last_line && svg.rfind(&band).unwrap() < last_line);
    }
}

#[test]
fn axes_reach_to_the_edges_of_a_band() {
    let (chart, series) = common::band();
    let edge = |name: &str| {
        let column = series.columns.iter().find(|column| column.name == name);
        match &column.unwrap().values {
            Values::Int(values) => values.clone(),
            Values::Text(_) => unreachable!(),
        }
    };
    let extent = Plot::new(&chart, std::slice::from_ref(&series))
        .unwrap()
        .y_extent;
    let least = edge("lowest").into_iter().min().unwrap();
    let most = edge("highest").into_iter().max().unwrap();
    assert_eq!(extent, (least, most));
}

#[test]
fn a_band_on_a_logarithmic_axis_counts_the_edges_that_have_no_place() {
    let (mut chart, mut series) = common::band();
    chart.y.scale = Scale::Log;
    let below = |series: &Series| {
        Plot::new(&chart, std::slice::from_ref(series))
            .unwrap()
            .below_scale()
    };
    assert_eq!(below(&series), 0);
    if let Values::Int(lowest) = &mut series.columns[3].values {
        lowest[..2].fill(0);
    }
    assert_eq!(below(&series), 2);
}

#[test]
fn a_band_without_an_upper_edge_is_refused() {
    let (mut chart, series) = common::band();
    chart.layers[1].upper = None;
    assert_eq!(
        Plot::new(&chart, &[series]).unwrap_err().to_string(),
        "chart pause-over-seeds: the band of series pause-over-seeds names no column of its upper edge"
    );
}

#[test]
fn a_band_whose_edges_cross_is_refused_with_the_row() {
    let (chart, mut series) = common::band();
    if let Values::Int(lowest) = &mut series.columns[3].values {
        lowest[2] = 40_000_000;
    }
    assert_eq!(
        Plot::new(&chart, &[series]).unwrap_err().to_string(),
        "chart pause-over-seeds: row 3 of series pause-over-seeds has 40000000 in lowest, above the \
         3774873 in highest: the lower edge of a band lies nowhere above its upper one"
    );
}

#[test]
fn a_band_of_texts_or_of_unequal_columns_is_refused() {
    let (mut chart, mut series) = common::band();
    chart.layers[1].upper = Some("table".to_owned());
    assert_eq!(
        Plot::new(&chart, std::slice::from_ref(&series)).unwrap_err(),
        ChartError::NotNumbers {
            chart: "pause-over-seeds".to_owned(),
            series: "pause-over-seeds".to_owned(),
            column: "table".to_owned(),
        }
    );
    chart.layers[1].upper = Some("highest".to_owned());
    if let Values::Int(highest) = &mut series.columns[4].values {
        highest.pop();
    }
    assert_eq!(
        Plot::new(&chart, &[series]).unwrap_err(),
        ChartError::Ragged {
            series: "pause-over-seeds".to_owned()
        }
    );
}

#[test]
fn a_band_of_one_place_has_the_width_of_a_marker() {
    let (chart, mut series) = common::band();
    for column in &mut series.columns {
        match &mut column.values {
            Values::Int(values) => values.truncate(1),
            Values::Text(values) => values.truncate(1),
        }
    }
    let drawn = Artist::new()
        .unwrap()
        .draw(&chart, &[series], "caption")
        .unwrap();
    let band = drawn.svg.rsplit_once("<polygon opacity=\"0.2\"").unwrap().1;
    let points = band.split("points=\"").nth(1).unwrap();
    let across = |corner: &str| corner.split(',').next().unwrap().parse::<i64>().unwrap();
    let corners = points.split('"').next().unwrap().split_whitespace();
    let places: Vec<i64> = corners.map(across).collect();
    // Six logical pixels on a canvas of four times the size.
    let width = places.iter().max().unwrap() - places.iter().min().unwrap();
    assert!((23..=25).contains(&width), "{width}");
}
