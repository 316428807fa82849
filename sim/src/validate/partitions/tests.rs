//! Experiments as tests.

use super::*;

fn check(is_long: bool) {
    let (table, all_hold) = table(|one| one.is_long == is_long).unwrap();
    assert!(all_hold, "{:#?}", table.rows);
}

#[test]
fn short_experiments_have_the_published_shapes() {
    check(false);
}

#[test]
#[ignore = "a minute of CPU time without optimisation; `cargo xtask soak` runs it"]
fn long_experiments_have_the_published_shapes() {
    check(true);
}

#[test]
fn every_target_is_there_once_and_what_is_not_modelled_says_why() {
    let ids: Vec<&str> = PUBLISHED.iter().map(|one| one.id).collect();
    let expected: Vec<String> = (1..=21).map(|n| format!("V{n}")).collect();
    assert_eq!(ids, expected);
    for one in PUBLISHED.iter().filter(|one| one.run.is_none()) {
        assert!(one.expected.starts_with("not modelled: "), "{}", one.id);
    }
}
