//! Habits of the sources that no compiler checks.

use crate::folders;
use crate::shell::{Failure, Outcome};
use std::fs;
use std::path::Path;

/// Folders whose sources are read.
const SOURCES: &[&str] = &[
    "engine",
    "workloads",
    "sim",
    "reports",
    "cli",
    "benches",
    "xtask",
    "docs",
    ".ci",
];
/// Endings of the files that are read.
const TEXTS: &[&str] = &["rs", "toml", "md", "sh"];
/// Files above this length tell more than one story. The habit is 100 to 400 lines.
const LINES_MAX: usize = 700;

/// Words that announce unfinished work: what cannot be done is left out whole.
///
/// They are written in halves here so that this file passes its own check.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("for ", "now"),
];
/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
];

/// Fails at the first untidy lines, and lists them.
pub(crate) fn check() -> Outcome {
    let mut complaints = Vec::new();
    let mut read = 0;
    for folder in SOURCES
        .iter()
        .map(Path::new)
        .filter(|folder| folder.is_dir())
    {
        for path in folders::files(folder)? {
            let path = folder.join(path);
            if path
                .extension()
                .is_some_and(|ending| TEXTS.iter().any(|text| ending == *text))
            {
                let text = fs::read_to_string(&path)
                    .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
                complaints.extend(untidy(&path.display().to_string(), &text));
                read += 1;
            }
        }
    }
    if read == 0 {
        return Err(Failure::new("no source file found"));
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    match complaints.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} untidy lines"))),
    }
}

/// What is untidy in one file, as `file:line: what`.
fn untidy(name: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut complain = |what: &str| complaints.push(format!("{name}:{}: {what}", index + 1));
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            complain(&format!("`{word}` announces unfinished work"));
        }
        if let Some(path) = MACHINE_PATHS.iter().find(|path| line.contains(**path)) {
            complain(&format!("`{path}` exists on one machine only"));
        }
        if line.ends_with([' ', '\t']) {
            complain("blanks at the end of the line");
        }
    }
    if name.ends_with(".rs") && text.lines().count() > LINES_MAX {
        complaints.push(format!(
            "{name}: longer than {LINES_MAX} lines; split it by idea"
        ));
    }
    if name.ends_with("Cargo.toml") && !text.contains("[lints]\nworkspace = true") {
        complaints.push(format!("{name}: does not take the lints of the workspace"));
    }
    complaints
}

/// Whether `line` has `word` with no letter, digit or underscore beside it.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_and_paths_of_a_machine_are_found_with_their_line() {
        let text = format!(
            "fn main() {{}}\n// {}: later\nlet p = \"{}me\";\n",
            "TO".to_owned() + "DO",
            MACHINE_PATHS[0]
        );
        let complaints = untidy("a.rs", &text);
        assert_eq!(complaints.len(), 2);
        assert!(complaints[0].starts_with("a.rs:2:"));
        assert!(complaints[1].starts_with("a.rs:3:"));
    }

    #[test]
    fn longer_words_are_not_mistaken_for_shorter_ones() {
        assert!(!has_word("a TOD", "TO"));
        assert!(has_word("(TO)", "TO"));
        assert!(!has_word("TO_", "TO"));
    }

    #[test]
    fn a_manifest_without_the_lints_of_the_workspace_is_found() {
        assert_eq!(untidy("x/Cargo.toml", "[package]\n").len(), 1);
        assert!(untidy("x/Cargo.toml", "[lints]\nworkspace = true\n").is_empty());
    }
}
