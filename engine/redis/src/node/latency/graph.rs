//! LATENCY GRAPH: the samples of an event as lines of characters (`redis:src/latency.c`,
//! latencyCommandGenSparkeline; `sparkline.c`).
//!
//! ```text
//!    #_      4 rows of 3 steps; a column is a sample
//!   _||
//!  _|||
//! _||||
//!            then how long ago each was, downwards
//! ```

use super::Series;

/// Samples beside one another; more begin a graph below.
const COLUMNS: usize = 80;
const ROWS: usize = 4;
/// The steps that one row can show, from the lowest.
const STEPS_OF_ROW: [u8; 3] = *b"_o#";
const STEPS: usize = ROWS * STEPS_OF_ROW.len();
/// What stands below the highest step of a column.
const FILL: u8 = b'|';

/// The graph of an event that has samples.
pub(super) fn graph(event: &str, series: &Series, now_s: i64) -> String {
    let values = || series.samples.iter().map(|sample| sample.took_ms);
    let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.longest_ms,
        "-".repeat(COLUMNS)
    );
    let range = (high - low).max(1);
    let columns: Vec<(usize, String)> = series
        .samples
        .iter()
        .map(|sample| {
            let step = (sample.took_ms - low) as f64 * STEPS as f64 / range as f64;
            (
                (step as usize).min(STEPS - 1),
                age((now_s - sample.unix_s).max(0)),
            )
        })
        .collect();
    for (number, part) in columns.chunks(COLUMNS).enumerate() {
        if number > 0 {
            text.push('\n');
        }
        draw(part, &mut text);
    }
    text
}

/// How long ago a sample is, in the largest unit of which it is one or more.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn draw(columns: &[(usize, String)], text: &mut String) {
    let mut line = |character: &dyn Fn(&(usize, String)) -> u8| {
        text.extend(columns.iter().map(|column| char::from(character(column))));
        text.push('\n');
    };
    for row in (0..ROWS).rev() {
        let lowest = row * STEPS_OF_ROW.len();
        line(&|(step, _)| match step.checked_sub(lowest) {
            None => b' ',
            Some(within) => STEPS_OF_ROW.get(within).copied().unwrap_or(FILL),
        });
    }
    line(&|_| b' ');
    let longest = columns.iter().map(|(_, age)| age.len()).max().unwrap_or(0);
    for place in 0..longest {
        line(&|(_, age)| age.as_bytes().get(place).copied().unwrap_or(b' '));
    }
}
