//! Charts of a realistic result: every one is drawn, the same way each time.

use crate::common;
use kvrig_base::result::{Layer, Quantity, Scale, Style, Values};
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
