//! What clients asked and got, by kind of request: the figures that `memtier_benchmark` prints.

use super::{Drawn, numbers, text};
use crate::client::RequestKind;
use crate::run::histograms;
use crate::studies::rehash::label;
use crate::studies::rehash::outcome::{KindOfRequest, NodeOutcome, Operations};
use kvrig_base::result::{HistogramData, OPERATIONS, Series};

/// Requests of one kind, over all seeds of a cell.
struct Asked {
    name: &'static str,
    response: HistogramData,
    /// Reads that found a value, and that did not.
    hits: u64,
    misses: u64,
    bytes: u64,
}

impl Asked {
    fn of_kind(kind: RequestKind, seeds: &[&Operations]) -> Self {
        let parts: Vec<&KindOfRequest> = seeds
            .iter()
            .map(|operations| &operations.kinds[kind as usize])
            .collect();
        let response = histograms::merge(kind.name(), parts.iter().map(|part| &part.response));
        let misses = parts.iter().map(|part| part.misses).sum();
        let hits = match kind {
            RequestKind::Get => histograms::count(&response) - misses,
            RequestKind::Set | RequestKind::Other => 0,
        };
        Self {
            name: kind.name(),
            response,
            hits,
            misses,
            bytes: parts.iter().map(|part| part.bytes).sum(),
        }
    }
    fn totals(kinds: &[Self]) -> Self {
        Self {
            name: "Totals",
            response: histograms::merge("Totals", kinds.iter().map(|kind| &kind.response)),
            hits: kinds.iter().map(|kind| kind.hits).sum(),
            misses: kinds.iter().map(|kind| kind.misses).sum(),
            bytes: kinds.iter().map(|kind| kind.bytes).sum(),
        }
    }
}

/// So many within so many nanoseconds, as thousandths a second.
fn milli_per_second(count: u64, span_ns: u64) -> i64 {
    let rate = u128::from(count) * 1_000_000_000_000 / u128::from(span_ns.max(1));
    i64::try_from(rate).unwrap_or(i64::MAX)
}

impl Drawn {
    /// Lists the operations of every node, all seeds of a cell together.
    pub(super) fn operations(&mut self, nodes: &[NodeOutcome]) {
        let mut cells: Vec<(String, String, Vec<&Operations>)> = Vec::new();
        for node in nodes {
            let (name, doubling) = (label(&node.variant, &node.cell), &node.cell["doubling"]);
            let known = cells
                .iter_mut()
                .find(|cell| (&cell.0, &cell.1) == (&name, doubling));
            match known {
                Some(cell) => cell.2.push(&node.operations),
                None => cells.push((name, doubling.clone(), vec![&node.operations])),
            }
        }
        if cells.is_empty() {
            return;
        }
        let (mut names, mut doublings, mut kinds) = (vec![], vec![], vec![]);
        let (mut rates, mut latencies) = ([const { vec![] }; 4], [const { vec![] }; 4]);
        for (name, doubling, seeds) in cells {
            let span = seeds.iter().map(|operations| operations.run_ns).sum();
            let mut lines: Vec<Asked> = RequestKind::ALL
                .iter()
                .map(|&kind| Asked::of_kind(kind, &seeds))
                .collect();
            lines.push(Asked::totals(&lines));
            for asked in lines {
                names.push(name.clone());
                doublings.push(doubling.clone());
                kinds.push(asked.name.to_owned());
                let answered = histograms::count(&asked.response);
                let counts = [answered, asked.hits, asked.misses, asked.bytes];
                for (column, count) in rates.iter_mut().zip(counts) {
                    column.push(milli_per_second(count, span));
                }
                let quantile = |millionths| histograms::quantile(&asked.response, millionths);
                let spans = [
                    histograms::mean(&asked.response),
                    quantile(500_000),
                    quantile(990_000),
                    quantile(999_000),
                ];
                for (column, span) in latencies.iter_mut().zip(spans) {
                    column.push(span.cast_signed());
                }
            }
        }
        let [operations, hits, misses, bytes] = rates;
        let [mean, p50, p99, p999] = latencies;
        self.series.push(Series {
            name: OPERATIONS.into(),
            columns: vec![
                text("table", names),
                text("doubling", doublings),
                text("operation", kinds),
                numbers("operations", "1/1000 per s", operations),
                numbers("hits", "1/1000 per s", hits),
                numbers("misses", "1/1000 per s", misses),
                numbers("response_mean", "ns", mean),
                numbers("response_p50", "ns", p50),
                numbers("response_p99", "ns", p99),
                numbers("response_p999", "ns", p999),
                numbers("bytes", "1/1000 B per s", bytes),
            ],
        });
    }
}
