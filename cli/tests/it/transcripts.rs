//! What a terminal would show, word for word: help, lists, explanations and errors.

#[test]
fn transcripts_are_what_the_program_prints() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
