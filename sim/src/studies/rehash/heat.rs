//! Responses over time: how many requests, by when they were meant to start and how long they took.

use super::outcome::HeatCell;
use kvrig_base::time::{Span, Time};

/// Width of a column.
const COLUMN: Span = Span::from_millis(100);
/// Rows for each factor of two of the response, as a power of two.
const ROWS_LOG2: u32 = 2;
/// Rows of a column: responses of up to 2^40 ns, 18 minutes.
const ROWS: usize = 41 << ROWS_LOG2;

/// Counts by column and row; see the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Heat(Vec<[u32; ROWS]>);

impl Heat {
    /// Counts one request.
    pub(super) fn add(&mut self, intended: Time, response: Span) {
        let column = usize::try_from(intended.as_picos() / COLUMN.as_picos()).unwrap_or(usize::MAX);
        if column >= self.0.len() {
            self.0.resize(column + 1, [0; ROWS]);
        }
        self.0[column][row(response.as_nanos())] += 1;
    }

    /// The cells that hold something, column by column.
    pub(super) fn cells(&self) -> Vec<HeatCell> {
        let mut cells = Vec::new();
        for (column, counts) in self.0.iter().enumerate() {
            let from_ns = column as u64 * COLUMN.as_nanos();
            for (row, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                cells.push(HeatCell {
                    from_ns,
                    to_ns: from_ns + COLUMN.as_nanos(),
                    low_ns: lower_end(row),
                    high_ns: lower_end(row + 1),
                    count: u64::from(count),
                });
            }
        }
        cells
    }
}

/// The row of a response: its power of two, and the next bits below.
fn row(nanos: u64) -> usize {
    let nanos = nanos.max(1 << ROWS_LOG2);
    let power = nanos.ilog2();
    let below = (nanos >> (power - ROWS_LOG2)) as usize - (1 << ROWS_LOG2);
    (((power as usize) << ROWS_LOG2) + below).min(ROWS - 1)
}

/// The least response in nanoseconds that belongs to `row`.
fn lower_end(row: usize) -> u64 {
    let (power, below) = (row >> ROWS_LOG2, row & ((1 << ROWS_LOG2) - 1));
    (((1 << ROWS_LOG2) + below) as u64) << power >> ROWS_LOG2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_cover_all_responses_without_a_gap() {
        for nanos in [4, 5, 7, 8, 9, 1_000, 123_456, 1 << 30, (1 << 30) - 1] {
            let row = row(nanos);
            assert!(
                (lower_end(row)..lower_end(row + 1)).contains(&nanos),
                "{nanos}: row {row}"
            );
        }
        assert_eq!(row(u64::MAX), ROWS - 1);
    }

    #[test]
    fn requests_are_counted_where_they_were_meant_to_start() {
        let mut heat = Heat::default();
        heat.add(Time::START + Span::from_millis(250), Span::from_micros(100));
        heat.add(Time::START + Span::from_millis(299), Span::from_micros(101));
        let cells = heat.cells();
        assert_eq!(cells.len(), 1);
        assert_eq!((cells[0].from_ns, cells[0].count), (200_000_000, 2));
        assert!((cells[0].low_ns..cells[0].high_ns).contains(&100_000));
    }
}
