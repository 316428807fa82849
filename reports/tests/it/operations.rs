//! The table of operations, as `memtier_benchmark` prints it.

use crate::common;
use kvrig_base::result::{Column, OPERATIONS, Series, StudyResult, Values};
use kvrig_reports::operations::operations;

fn column(name: &str, values: Values) -> Column {
    Column {
        name: name.into(),
        unit: String::new(),
        values,
    }
}

fn texts(name: &str, values: [&str; 8]) -> Column {
    column(name, Values::Text(values.map(str::to_owned).to_vec()))
}

/// Two nodes with the same operations.
fn columns() -> Vec<Column> {
    let mut columns = vec![
        texts(
            "table",
            std::array::from_fn(|row| ["at-once", "kvrig · BGSAVE running"][row / 4]),
        ),
        texts("doubling", ["2^20"; 8]),
        texts(
            "operation",
            std::array::from_fn(|row| ["Sets", "Gets", "Others", "Totals"][row % 4]),
        ),
    ];
    for (name, of_kinds) in [
        ("operations", [5_000_129, 45_000_000, 0, 50_000_129]),
        ("hits", [0, 44_999_990, 0, 44_999_990]),
        ("misses", [0, 10, 0, 10]),
        ("response_mean", [210_004, 209_996, 0, 210_000]),
        ("response_p50", [200_000, 1_200_000, 0, 200_000]),
        ("response_p99", [12_345_678, 400_000, 0, 400_000]),
        ("response_p999", [480_123_456_789, 900_000, 0, 900_000]),
        ("bytes", [1_024_000, 2_048_000_000, 0, 2_049_024_000]),
    ] {
        columns.push(column(name, Values::Int([of_kinds, of_kinds].concat())));
    }
    columns
}

fn result_with(columns: Vec<Column>) -> StudyResult {
    let mut result = common::sample();
    result.series = vec![Series {
        name: OPERATIONS.into(),
        columns,
    }];
    result
}

#[test]
fn operations_are_listed_as_memtier_lists_them() {
    insta::assert_snapshot!(operations(&[result_with(columns())]));
}

#[test]
fn a_series_that_lacks_a_column_gives_no_table() {
    let mut cut = columns();
    cut.pop();
    assert_eq!(operations(&[result_with(cut)]), "");
    assert_eq!(operations(&[result_with(Vec::new())]), "");
    assert_eq!(operations(&[common::sample()]), "");
}
