//! A calibration in tables and as JSON.

use super::{Calibration, Line, Role};
use kvrig_base::calibration::Spread;
use kvrig_base::result::Table;
use serde_json::{Value, json};

/// A time in the unit that suits it, three digits: `1.25 us`.
pub fn picos_text(ps: f64) -> String {
    scaled(
        ps,
        &[(1e12, "s"), (1e9, "ms"), (1e6, "us"), (1e3, "ns")],
        "ps",
    )
}

/// A rate in the unit that suits it: `1.05 G/s`.
pub fn rate_text(a_second: f64) -> String {
    scaled(a_second, &[(1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s")], "/s")
}

fn scaled(value: f64, units: &[(f64, &str)], smallest: &str) -> String {
    let unit = units.iter().find(|(size, _)| value.abs() >= *size);
    let (number, unit) = unit.map_or((value, smallest), |(size, unit)| (value / size, *unit));
    let digits = match number.abs() {
        number if number >= 100.0 || unit == smallest => 0,
        number if number >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.digits$} {unit}")
}

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn range(spread: &Spread, text: fn(f64) -> String) -> String {
    format!("{} .. {}", text(spread.min), text(spread.max))
}

/// The measured parts of the machine.
pub fn parts(calibration: &Calibration) -> Table {
    let row = |figure: &super::Figure| {
        let text = match figure.is_rate {
            true => rate_text,
            false => picos_text,
        };
        let clock = match figure.part.is_waiting() {
            true => "elapsed",
            false => "CPU",
        };
        vec![
            figure.name.clone(),
            text(figure.price.median),
            range(&figure.price, text),
            clock.to_owned(),
            text(figure.beside.median),
            figure.key.unwrap_or("").to_owned(),
        ]
    };
    Table {
        head: head(&[
            "part",
            "median",
            "range of the runs",
            "clock",
            "by the other clock",
            "price",
        ]),
        rows: calibration.figures.iter().map(row).collect(),
    }
}

/// The fitted prices.
pub fn fitted(calibration: &Calibration) -> Table {
    let row = |price: &super::FittedPrice| {
        vec![
            price.key.clone(),
            picos_text(price.ps as f64),
            range(&price.runs, picos_text),
        ]
    };
    Table {
        head: head(&["fitted price", "all runs", "range of single runs"]),
        rows: calibration.fitted.iter().map(row).collect(),
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Fitted => "fitted",
        Role::Chased => "chased",
        Role::LeftOut => "left out",
    }
}

/// Measured beside fitted: memory by its footprint, and the commands that were left out of the fit.
pub fn points(calibration: &Calibration) -> Table {
    let row = |line: &Line| {
        vec![
            line.name.clone(),
            picos_text(line.cpu_ns.median * 1e3),
            range(&line.cpu_ns, |ns| picos_text(ns * 1e3)),
            picos_text(line.fitted_ns * 1e3),
            format!("{:.3}", line.ratio()),
            role(line.role).to_owned(),
        ]
    };
    Table {
        head: head(&[
            "one of",
            "CPU time",
            "range of the runs",
            "by the prices",
            "ratio",
            "in the fit",
        ]),
        rows: calibration
            .lines
            .iter()
            .filter(|line| line.role != Role::Fitted)
            .map(row)
            .collect(),
    }
}

/// How well the prices fit, in sentences.
pub fn residuals(calibration: &Calibration) -> Vec<String> {
    let percent = |ppm: u64| format!("{:.1} %", ppm as f64 / 1e4);
    [
        ("the replayed commands", calibration.residual),
        ("the chases", calibration.residual_of_chases),
        (
            "the commands left out of the fit",
            calibration.residual_left_out,
        ),
    ]
    .map(|(what, residual)| {
        format!(
            "from {what} the prices are {} off on average, {} at worst",
            percent(residual.mean_ppm),
            percent(residual.max_ppm)
        )
    })
    .into_iter()
    .chain(worst(calibration))
    .collect()
}

/// The replayed command that the prices are farthest from.
fn worst(calibration: &Calibration) -> Option<String> {
    let off = |line: &&Line| (line.ratio() - 1.0).abs();
    let fitted = calibration.lines.iter();
    let worst = fitted
        .filter(|line| line.role == Role::Fitted)
        .max_by(|one, other| off(one).total_cmp(&off(other)))?;
    Some(format!(
        "the worst of them is {}: {} measured, {} by the prices",
        worst.name,
        picos_text(worst.cpu_ns.median * 1e3),
        picos_text(worst.fitted_ns * 1e3)
    ))
}

fn spread(spread: &Spread) -> Value {
    json!({ "median": spread.median, "min": spread.min, "max": spread.max })
}

/// Everything, for programs. Times are picoseconds, of points nanoseconds.
pub fn json(calibration: &Calibration, left_out: &[String]) -> String {
    let parts = calibration.figures.iter().map(|figure| {
        json!({
            "part": figure.name,
            "price": figure.key,
            "unit": if figure.is_rate { "1/s" } else { "ps" },
            "clock": if figure.part.is_waiting() { "elapsed" } else { "cpu" },
            "runs": spread(&figure.price),
            "other_clock": spread(&figure.beside),
            "sizes": [figure.sizes.0, figure.sizes.1],
            "size_unit": figure.part.size_unit(),
            "residual_ppm": figure.residual_ppm,
        })
    });
    let fitted = calibration
        .fitted
        .iter()
        .map(|price| json!({ "price": price.key, "ps": price.ps, "runs": spread(&price.runs) }));
    let points = calibration.lines.iter().map(|line| {
        json!({
            "name": line.name,
            "role": role(line.role),
            "cpu_ns": spread(&line.cpu_ns),
            "elapsed_ns": spread(&line.elapsed_ns),
            "fitted_ns": line.fitted_ns,
            "ratio": line.ratio(),
        })
    });
    let residual = |residual: super::Residual| json!({ "mean_ppm": residual.mean_ppm, "max_ppm": residual.max_ppm });
    let all = json!({
        "schema": 1,
        "runs": calibration.runs,
        "parts": parts.collect::<Vec<_>>(),
        "fitted": fitted.collect::<Vec<_>>(),
        "points": points.collect::<Vec<_>>(),
        "residual": residual(calibration.residual),
        "residual_of_chases": residual(calibration.residual_of_chases),
        "residual_left_out": residual(calibration.residual_left_out),
        "range": {
            "resident_bytes": calibration.resident_bytes,
            "bytes_copied": calibration.bytes_copied,
        },
        "left_out": left_out,
    });
    format!("{all:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_and_a_unit() {
        let times = [0.0, 21.4, 999.0, 1_250.0, 41_234.0, 312_345_678.0, 2.5e9];
        let texts = times.map(picos_text);
        assert_eq!(
            texts,
            [
                "0 ps", "21 ps", "999 ps", "1.25 ns", "41.2 ns", "312 us", "2.50 ms"
            ]
        );
        assert_eq!([12.0, 1.05e9].map(rate_text), ["12 /s", "1.05 G/s"]);
    }
}
