//! What a person reads in the terminal, and rows in the formats that tools read.

use crate::common;
use kvrig_base::result::{Finding, Outcome, StudyResult};
use kvrig_reports::rows;
use kvrig_reports::text::{Ending, LINES_MAX, ending};
use proptest::prelude::*;

const ENDING: Ending<'static> = Ending {
    page: "kvrig-out/index.html",
    reproduce: "kvrig run kvrig-out/study.toml",
    next: "kvrig compare kvrig-out --baseline old",
    width: 100,
};

#[test]
fn the_ending_says_verdict_findings_table_page_and_what_is_next() {
    insta::assert_snapshot!(ending(&[common::sample()], &ENDING));
}

#[test]
fn the_ending_of_several_studies_has_a_line_for_each() {
    let mut failed = common::sample();
    failed.study = "loss-windows".to_owned();
    failed.quick = true;
    failed.verdicts[0].verdict = Outcome::Fail;
    insta::assert_snapshot!(ending(&[common::sample(), failed], &ENDING));
}

#[test]
fn rows_as_csv() {
    insta::assert_snapshot!(rows::csv(&[common::sample()]));
}

#[test]
fn rows_as_markdown() {
    insta::assert_snapshot!(rows::markdown(&[common::sample()]));
}

#[test]
fn rows_as_json_carry_schema_version_and_no_windows() {
    let text = rows::json(&[common::sample()]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema"], 1);
    assert_eq!(value["verdicts"][0]["verdict"], "pass");
    assert_eq!(value["fingerprint"]["windows"], serde_json::json!([]));
    assert_eq!(value["rows"][0]["unit"], "ns");
}

fn any_result() -> impl Strategy<Value = StudyResult> {
    let text = "[ -~\\n\"<>&|,µ…]{0,240}";
    let cells = proptest::collection::vec(text, 0..4);
    (
        proptest::collection::vec(text, 0..12),
        proptest::collection::vec(cells, 0..40),
        0..12_usize,
        text,
    )
        .prop_map(|(findings, table, verdicts, title)| {
            let mut result = common::sample();
            result.title.clone_from(&title);
            result.question = title;
            let finding = |text| Finding {
                text,
                rows: vec![0],
                warning: false,
            };
            result.findings = findings.into_iter().map(finding).collect();
            result.table.rows = table;
            result.verdicts = vec![result.verdicts[0].clone(); verdicts];
            result
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_ending_never_exceeds_its_lines(
        results in proptest::collection::vec(any_result(), 1..4),
        width in 40_usize..160,
    ) {
        let text = ending(&results, &Ending { width, ..ENDING });
        prop_assert!(text.lines().count() <= LINES_MAX, "{text}");
        prop_assert!(text.contains("reproduce  kvrig run"));
    }

    #[test]
    fn csv_keeps_every_text(variant in "[ -~\\n\"<>&|,;µ…]{0,60}") {
        let mut result = common::sample();
        result.rows[0].variant.clone_from(&variant);
        let text = rows::csv(&[result]);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        prop_assert_eq!(&record[1], variant.as_str());
    }

    #[test]
    fn markdown_text_opens_no_markup(text in "\\PC{0,80}") {
        let safe = rows::markdown_text(&text);
        prop_assert!(!safe.contains('<') && !safe.contains('\n'));
    }
}
