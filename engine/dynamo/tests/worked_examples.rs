//! The worked examples that AWS publishes come out here as AWS says.

use kvrig_dynamo::examples::worked_examples;

#[test]
fn every_worked_example_comes_out_as_published() {
    let wrong: Vec<String> = worked_examples()
        .filter(|example| !example.holds())
        .map(|example| {
            let actual = (example.actual)();
            format!("{}: {}, not {actual}", example.case, example.expected)
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn there_are_many_and_each_is_told_once_with_its_source() {
    let mut cases: Vec<_> = worked_examples()
        .map(|example| (example.source, example.case))
        .collect();
    assert!(cases.len() >= 60, "{}", cases.len());
    assert!(
        cases
            .iter()
            .all(|(source, case)| !source.is_empty() && !case.is_empty())
    );
    cases.sort_unstable();
    let count = cases.len();
    cases.dedup();
    assert_eq!(cases.len(), count);
}
