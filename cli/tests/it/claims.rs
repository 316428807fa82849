//! `claims.toml`: everything that it refers to exists and says what it is quoted for.

use crate::{contents, run};
use kvrig_reports::claims::{Claim, ClaimVerdict, Claims, RowEvidence};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn claims() -> Vec<Claim> {
    let claims = Claims::embedded().expect("the file that comes with the program");
    assert_eq!(claims.schema, 1);
    claims.claims
}

/// Study, variant, metric and cell to the value as it is printed.
type Printed = BTreeMap<(String, String, String, BTreeMap<String, String>), String>;

fn key(row: &RowEvidence) -> (String, String, String, BTreeMap<String, String>) {
    let [study, variant, metric] = [&row.study, &row.variant, &row.metric].map(Clone::clone);
    (study, variant, metric, row.cell.clone())
}

fn insert(printed: &mut Printed, row: &serde_json::Value) {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let cell = row["cell"].as_object().unwrap();
    let cell = cell
        .iter()
        .map(|(axis, value)| (axis.clone(), value.as_str().unwrap().to_owned()));
    let metric = kvrig_base::metric::find(row["name"].as_str().unwrap()).unwrap();
    let value = kvrig_base::quantity::format_value(metric.unit, row["value"].as_i64().unwrap());
    let key = (text("study"), text("variant"), text("name"), cell.collect());
    printed.insert(key, value);
}

/// The accepted rows of quick runs.
fn accepted() -> Printed {
    let text = std::fs::read_to_string(root().join("kvrig-baseline.json")).unwrap();
    let mut printed = Printed::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(row) = line.get("row") {
            insert(&mut printed, row);
        }
    }
    printed
}

/// The rows of a quick run of a study.
fn quick(study: &str) -> Printed {
    let folder = tempfile::tempdir().unwrap();
    run(
        folder.path(),
        &["run", study, "--quick", "-o", "out", "--quiet"],
        0,
    );
    let summary = std::fs::read(folder.path().join("out/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    let mut printed = Printed::new();
    for row in summary["rows"].as_array().unwrap() {
        insert(&mut printed, row);
    }
    printed
}

#[test]
fn rows_have_the_values_that_a_quick_run_prints() {
    // What the baseline does not have is printed by a quick run.
    let mut printed = accepted();
    let mut is_run = std::collections::BTreeSet::new();
    for claim in claims() {
        for row in &claim.rows {
            if !printed.contains_key(&key(row)) && is_run.insert(row.study.clone()) {
                printed.extend(quick(&row.study));
            }
            let found = printed.get(&key(row));
            assert_eq!(found, Some(&row.value), "{}: {row:?}", claim.claim);
        }
    }
}

#[test]
fn worked_examples_come_to_what_is_quoted() {
    let carried_out = kvrig_sim::validate::dynamodb::dynamodb();
    for claim in claims() {
        for example in &claim.examples {
            let found = carried_out.iter().find(|check| check.case == example.case);
            let found = found.unwrap_or_else(|| panic!("no example is {:?}", example.case));
            assert_eq!(found.actual, example.value, "{}", example.case);
        }
    }
}

#[test]
fn tests_that_are_named_exist() {
    for claim in claims() {
        for test in &claim.tests {
            let (path, name) = test.split_once("::").expect("path::name");
            let text = std::fs::read_to_string(root().join(path)).expect(path);
            let head = format!("fn {name}(");
            let at = text
                .find(&head)
                .unwrap_or_else(|| panic!("{path} has no test {name}"));
            let before = &text[..at];
            let attribute = before.rfind("#[test]").expect("a test");
            // Nothing but the head of the test lies between.
            assert!(!before[attribute..].contains('}'), "{name} is no test");
        }
    }
}

#[test]
fn every_claim_that_can_be_tested_has_evidence_and_a_source() {
    for claim in claims() {
        let evidence = claim.rows.len() + claim.examples.len() + claim.tests.len();
        let is_testable = claim.verdict != ClaimVerdict::NotTestable;
        assert_eq!(evidence > 0, is_testable, "{}", claim.claim);
        for text in [&claim.section, &claim.finds, &claim.source] {
            assert!(!text.trim().is_empty(), "{}", claim.claim);
        }
        // Money in a verdict is money in its evidence.
        let quoted: Vec<&str> = claim.rows.iter().map(|row| row.value.as_str()).collect();
        let amounts = claim
            .finds
            .split([' ', ',', ';', ':'])
            .filter(|word| word.starts_with('$'));
        for amount in amounts.map(|word| word.trim_end_matches('.')) {
            let in_examples = claim.examples.iter().any(|example| example.value == amount);
            let is_price = matches!(amount, "$0.625" | "$0.125");
            assert!(
                quoted.contains(&amount) || in_examples || is_price,
                "{amount} in {}",
                claim.claim
            );
        }
    }
}

#[test]
fn a_book_has_the_page_of_claims() {
    let folder = crate::folder_with_tiny_study();
    run(
        folder.path(),
        &["run", "tiny.toml", "tiny.toml", "-o", "out"],
        0,
    );
    let files = contents(&folder.path().join("out"));
    let page = files
        .iter()
        .find(|(name, _)| name == "claims.html")
        .expect("the page");
    let page = String::from_utf8(page.1.clone()).unwrap();
    for claim in claims() {
        let first = claim
            .claim
            .split(['&', '<', '"', '>', '\''])
            .next()
            .unwrap();
        assert!(page.contains(first), "{first}");
    }
}
