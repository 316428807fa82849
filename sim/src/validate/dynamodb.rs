//! `kvrig validate dynamodb`: what AWS publishes about requests, capacity and prices, carried out here.

use kvrig_base::result::Table;
use kvrig_dynamo::examples::worked_examples;

/// One published example beside what comes of it here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Where it is published.
    pub source: &'static str,
    /// What is done.
    pub case: &'static str,
    /// What must come of it.
    pub expected: &'static str,
    /// What does.
    pub actual: String,
}

impl Check {
    /// Whether they are the same.
    pub fn holds(&self) -> bool {
        self.actual == self.expected
    }
}

/// Carries all worked examples out.
pub fn dynamodb() -> Vec<Check> {
    worked_examples()
        .map(|example| Check {
            source: example.source,
            case: example.case,
            expected: example.expected,
            actual: (example.actual)(),
        })
        .collect()
}

/// The examples as a table.
pub fn table(checks: &[Check]) -> Table {
    let head = ["source", "case", "expected", "here", "verdict"];
    let row = |check: &Check| {
        let verdict = if check.holds() { "pass" } else { "FAIL" };
        let cells = [
            check.source,
            check.case,
            check.expected,
            &check.actual,
            verdict,
        ];
        cells.map(str::to_owned).to_vec()
    };
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: checks.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_example_holds_and_there_are_more_than_sixty() {
        let checks = dynamodb();
        assert!(checks.len() >= 60, "{}", checks.len());
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.holds()).collect();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(table(&checks).rows.len(), checks.len());
    }
}
