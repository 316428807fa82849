//! Responses predicted and measured, beside what an idle loop on the same machine saw.

use crate::run::histograms;
use kvrig_base::result::{
    Axis, Chart, Column, HistogramData, Layer, Quantity, Scale, Series, Style, Values,
};

/// Points of a percentile curve for each factor of ten in 1/(1-q).
const POINTS_PER_NINE: u32 = 24;
const NAME: &str = "response-by-nines";

/// The responses of one open loop on one server.
#[derive(Clone, Debug)]
pub struct Responses {
    /// The server.
    pub server: String,
    /// The load, as a share of what the server can do, in per cent.
    pub load_percent: u32,
    /// Measured, all rounds.
    pub measured: HistogramData,
    /// Predicted, all rounds.
    pub predicted: HistogramData,
}

/// The gap that an instant falls into which is as likely as any other: long gaps take more of the
/// time than their number says, and a request that arrives in one waits for its end.
fn by_instant(gaps: &HistogramData) -> HistogramData {
    let weighted = gaps
        .buckets
        .iter()
        .map(|&(ns, count)| (ns, ns.saturating_mul(count)));
    HistogramData {
        buckets: weighted.collect(),
        ..gaps.clone()
    }
}

fn retain<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| kept.next().copied().unwrap_or(false));
}

/// The percentile curves of all responses, a panel a server, with the idle loop's gaps in each.
pub fn responses(all: &[Responses], idle: &HistogramData) -> (Chart, Series) {
    let idle = by_instant(idle);
    let (mut servers, mut curves, mut nines, mut values) = (vec![], vec![], vec![], vec![]);
    let mut add = |server: &str, curve: String, histogram: &HistogramData| {
        for (place, ns) in histograms::nines(histogram, POINTS_PER_NINE) {
            servers.push(server.to_owned());
            curves.push(curve.clone());
            nines.push(place.cast_signed());
            values.push(ns.cast_signed());
        }
    };
    let mut panels: Vec<&str> = Vec::new();
    for responses in all {
        let Responses {
            server,
            load_percent,
            measured,
            predicted,
        } = responses;
        add(server, format!("measured at {load_percent} %"), measured);
        add(server, format!("predicted at {load_percent} %"), predicted);
        if !panels.contains(&server.as_str()) {
            panels.push(server);
        }
    }
    for server in panels {
        add(server, "idle loop".to_owned(), &idle);
    }
    // An idle loop sees far more instants than there are requests; beyond those it compares with
    // nothing.
    let is_response = |curve: &String| curve != "idle loop";
    let of_responses = curves
        .iter()
        .zip(&nines)
        .filter(|(curve, _)| is_response(curve));
    let last = of_responses.map(|(_, place)| *place).max().unwrap_or(0);
    let kept: Vec<bool> = nines.iter().map(|place| *place <= last).collect();
    retain(&mut servers, &kept);
    retain(&mut curves, &kept);
    retain(&mut nines, &kept);
    retain(&mut values, &kept);
    let text = |name: &str, values| Column {
        name: name.to_owned(),
        unit: String::new(),
        values: Values::Text(values),
    };
    let numbers = |name: &str, unit: &str, values| Column {
        name: name.to_owned(),
        unit: unit.to_owned(),
        values: Values::Int(values),
    };
    let series = Series {
        name: NAME.to_owned(),
        columns: vec![
            text("server", servers),
            text("curve", curves),
            numbers("nines", "1/(1-q) in millionths", nines),
            numbers("time", "ns", values),
        ],
    };
    let medians = all.iter().map(|responses| {
        let median = |of: &HistogramData| histograms::quantile(of, 500_000) as f64 / 1e3;
        format!(
            "{} at {} %: {:.1} us measured, {:.1} us predicted",
            responses.server,
            responses.load_percent,
            median(&responses.measured),
            median(&responses.predicted)
        )
    });
    let message = format!("Medians: {}.", medians.collect::<Vec<_>>().join("; "));
    let axis = |label: &str, quantity| Axis {
        label: label.to_owned(),
        quantity,
        scale: Scale::Log,
    };
    let chart = Chart {
        name: NAME.to_owned(),
        title: "Responses, predicted and measured, beside an idle loop".to_owned(),
        alt: format!("Percentile curves, one panel a server. {message}"),
        message,
        x: axis("quantile", Quantity::Nines),
        y: axis("response, or gap of the idle loop", Quantity::Nanos),
        panels: Some("server".to_owned()),
        layers: vec![Layer {
            series: NAME.to_owned(),
            x: "nines".to_owned(),
            y: "time".to_owned(),
            upper: None,
            group: Some("curve".to_owned()),
            style: Style::Line,
            cells: None,
        }],
        marks: Vec::new(),
    };
    (chart, series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: &[(u64, u64)]) -> HistogramData {
        HistogramData {
            name: "any".to_owned(),
            buckets: buckets.to_vec(),
            sum: buckets
                .iter()
                .map(|&(ns, n)| u128::from(ns) * u128::from(n))
                .sum(),
            max: buckets.last().map_or(0, |bucket| bucket.0),
        }
    }

    #[test]
    fn every_curve_stands_in_the_panel_of_its_server_and_the_idle_loop_in_all() {
        let one = |server: &str| Responses {
            server: server.to_owned(),
            load_percent: 30,
            measured: histogram(&[(20_000, 90), (40_000, 10)]),
            predicted: histogram(&[(22_000, 100)]),
        };
        let idle = histogram(&[(40, 1_000_000), (4_000_000, 10)]);
        let (chart, series) = responses(&[one("a"), one("b")], &idle);
        let column = |name: &str| {
            let found = series.columns.iter().find(|column| column.name == name);
            found.expect("the chart needs it").values.clone()
        };
        let (Values::Text(servers), Values::Text(curves)) = (column("server"), column("curve"))
        else {
            panic!("they are texts")
        };
        for server in ["a", "b"] {
            for curve in ["measured at 30 %", "predicted at 30 %", "idle loop"] {
                let has = servers
                    .iter()
                    .zip(&curves)
                    .any(|(s, c)| s == server && c == curve);
                assert!(has, "{server}, {curve}");
            }
        }
        assert!(
            chart
                .message
                .contains("a at 30 %: 20.0 us measured, 22.0 us predicted")
        );
    }

    #[test]
    fn a_long_gap_counts_by_the_time_that_it_takes() {
        let gaps = histogram(&[(40, 1_000_000), (40_000_000, 1)]);
        let by_instant = by_instant(&gaps);
        assert_eq!(histograms::quantile(&gaps, 999_000), 40);
        assert_eq!(histograms::quantile(&by_instant, 499_000), 40);
        assert_eq!(histograms::quantile(&by_instant, 510_000), 40_000_000);
    }
}
