//! Points of lines, with what the seeds come to at each.

use crate::studies::cost::findings::axis;
use crate::studies::cost::outcome::ON_DEMAND;
use crate::studies::drawing::{
    Spread, Spreads, band_of, band_words, numbers, seeds_of, spread_columns, text,
};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Layer, Mark, Series, Style};
use kvrig_base::row::Row;

/// One point of a line.
pub(super) struct Dot {
    pub(super) panel: String,
    pub(super) line: String,
    pub(super) x: i64,
    pub(super) y: Spread,
}

impl Dot {
    /// A point that no other seed has.
    pub(super) const fn alone(panel: String, line: String, x: i64, y: i64) -> Self {
        let y = Spread {
            lowest: y,
            mean: y,
            highest: y,
            seeds: 1,
        };
        Self { panel, line, x, y }
    }
}

/// Rows of the sweep, not of variants, of one metric and curve.
pub(super) fn of_sweep<'a>(
    rows: &'a [Row],
    name: &'a str,
    curve: &'a str,
) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| {
        row.variant.is_empty() && row.name == name && axis(row, "curve") == Some(curve)
    })
}

/// On-demand is told apart by its prices; provisioned capacity has the same in every table.
pub(super) fn line_of(row: &Row) -> Option<String> {
    let prices = axis(row, "prices")?;
    let table = axis(row, "table")?;
    Some(match table {
        ON_DEMAND => format!("on-demand from {prices}"),
        _ => table.to_owned(),
    })
}

/// A series of dots; with the ends of the seeds where there are several.
pub(super) fn series(name: &str, names: (&str, &str), dots: &[Dot], units: (&str, &str)) -> Series {
    let spreads: Vec<Spread> = dots.iter().map(|dot| dot.y).collect();
    let [mean, lowest, highest] = spread_columns(names.1, units.1, &spreads);
    let mut columns = vec![
        text("panel", dots.iter().map(|dot| dot.panel.clone()).collect()),
        text("line", dots.iter().map(|dot| dot.line.clone()).collect()),
        numbers(names.0, units.0, dots.iter().map(|dot| dot.x).collect()),
        mean,
    ];
    if seeds_of(&spreads).is_some() {
        columns.extend([lowest, highest]);
    }
    Series {
        name: name.to_owned(),
        columns,
    }
}

/// A layer of such a series.
pub(super) fn layer(series: &str, (x, y): (&str, &str), style: Style) -> Layer {
    Layer {
        series: series.to_owned(),
        x: x.to_owned(),
        y: y.to_owned(),
        upper: None,
        group: Some("line".to_owned()),
        style,
        cells: None,
    }
}

/// A band that is nowhere wider than a thousandth of its line would lie hidden below it.
const HIDDEN_PPM: i64 = 1_000;

/// By how much the seeds of a dot differ at most, in millionths of its mean.
fn widest(dots: &[Dot]) -> i64 {
    let width = |y: Spread| {
        let apart = i128::from(y.highest) - i128::from(y.lowest);
        match apart {
            0 => 0,
            apart => {
                let share = (apart * 1_000_000).checked_div(i128::from(y.mean).abs());
                share
                    .and_then(|ppm| i64::try_from(ppm).ok())
                    .unwrap_or(i64::MAX)
            }
        }
    };
    dots.iter().map(|dot| width(dot.y)).max().unwrap_or(0)
}

/// Lines through the dots of such a series, with their bands where the seeds can be told apart.
pub(super) fn lines_and_bands(series: &str, columns: (&str, &str), dots: &[Dot]) -> Vec<Layer> {
    let line = layer(series, columns, Style::Line);
    let band = band_of(&line, dots.iter().map(|dot| &dot.y));
    let band = band.filter(|_| widest(dots) > HIDDEN_PPM);
    std::iter::once(line).chain(band).collect()
}

/// What the bands of such lines are, or that the seeds make no difference to be seen.
pub(super) fn words_of(dots: &[Dot]) -> String {
    let spreads = || dots.iter().map(|dot| &dot.y);
    match (seeds_of(spreads()), widest(dots)) {
        (Some(seeds), ppm) if ppm <= HIDDEN_PPM => format!(
            ". Lines are means of {seeds} seeds, which differ by {} at most",
            format_value(Unit::Ppm, ppm)
        ),
        _ => band_words("means", spreads()),
    }
}

/// Keeps each (panel, line, x) once, by rising x.
pub(super) fn tidy(mut dots: Vec<Dot>) -> Vec<Dot> {
    dots.sort_by(|a, b| (&a.panel, &a.line, a.x).cmp(&(&b.panel, &b.line, b.x)));
    dots.dedup_by(|a, b| (&a.panel, &a.line, a.x) == (&b.panel, &b.line, b.x));
    dots
}

/// The rows of a law as vertical marks.
pub(super) fn laws(rows: &[Row], name: &str, words: &str) -> Vec<Mark> {
    let of_law = rows
        .iter()
        .filter(|row| row.name == name && row.variant.is_empty());
    of_law
        .map(|row| Mark::Vertical {
            at: row.value,
            label: format!(
                "{words} {} from {}",
                format_value(row.unit, row.value),
                axis(row, "prices").unwrap_or("-")
            ),
            panel: None,
        })
        .collect()
}

/// The value of a row and the ends of its seeds: `3.461 (3.46 to 3.462)`; the value alone where the
/// seeds agree in all digits that are shown.
pub(super) fn with_ends(row: &Row, spreads: &Spreads<'_>) -> String {
    let say = |value| format_value(row.unit, value);
    let mean = say(row.value);
    match spreads
        .at(row)
        .map(|spread| (say(spread.lowest), say(spread.highest)))
    {
        Some((lowest, highest)) if lowest != highest => format!("{mean} ({lowest} to {highest})"),
        _ => mean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(values: &[i64]) -> Dot {
        Dot {
            panel: String::new(),
            line: String::new(),
            x: 1,
            y: Spread::of(values).expect("a seed"),
        }
    }
    fn styles(dots: &[Dot]) -> Vec<Style> {
        let layers = lines_and_bands("series", ("x", "y"), dots);
        layers.iter().map(|layer| layer.style).collect()
    }

    #[test]
    fn seeds_that_differ_by_less_than_a_line_is_wide_are_told_instead_of_drawn() {
        let near = [dot(&[1_000_000, 1_000_400]), dot(&[7, 7])];
        assert_eq!(styles(&near), [Style::Line]);
        let words = words_of(&near);
        assert!(
            words.ends_with("2 seeds, which differ by 0.0399 % at most"),
            "{words}"
        );
        let far = [dot(&[1_000, 1_002]), dot(&[0, 0])];
        assert_eq!(styles(&far), [Style::Line, Style::Band]);
        assert!(words_of(&far).contains("bands reach"));
        // Of what is nothing in the mean any seed is far away.
        assert_eq!(styles(&[dot(&[-1, 0])]), [Style::Line, Style::Band]);
        assert_eq!(styles(&[dot(&[5])]), [Style::Line]);
        assert_eq!(words_of(&[dot(&[5])]), "");
    }
}
