//! The last lines of a run: what to open, how to reproduce it, what to try next.

use crate::arguments::{Report, Run, Settings};
use kvrig_base::result::{Outcome, StudyResult};
use kvrig_reports::text::{self, Ending};
use std::io;
use std::path::Path;
use terminal_size::{Width, terminal_size_of};

/// Columns where standard output is no terminal.
const COLUMNS: usize = 100;

/// The ending of a run.
pub(crate) fn after_run(results: &[StudyResult], run: &Run) -> String {
    print(
        results,
        &run.output,
        &command(run, run.quick),
        &next(results, run),
    )
}

/// The ending after pages were drawn again.
pub(crate) fn after_report(results: &[StudyResult], report: &Report) -> String {
    let folder = quoted(&report.folder.to_string_lossy());
    let mut again = format!("kvrig report {folder}");
    if let Some(baseline) = &report.baseline {
        again.push_str(&format!(
            " --baseline {}",
            quoted(&baseline.to_string_lossy())
        ));
    }
    print(
        results,
        &report.folder,
        &again,
        &format!("kvrig bench {folder}"),
    )
}

fn print(results: &[StudyResult], folder: &Path, reproduce: &str, next: &str) -> String {
    let page = folder.join("index.html").display().to_string();
    text::ending(
        results,
        &Ending {
            page: &page,
            reproduce,
            next,
            width: width(),
        },
    )
}

/// Columns of the terminal.
pub(crate) fn width() -> usize {
    terminal_size_of(io::stdout()).map_or(COLUMNS, |(Width(columns), _)| usize::from(columns))
}

/// The command line that gives the same results: what changes none is left out.
fn command(run: &Run, quick: bool) -> String {
    let mut words = vec!["kvrig".to_owned(), "run".to_owned()];
    words.extend(run.studies.iter().cloned());
    if quick {
        words.push("--quick".to_owned());
    }
    let Settings {
        workload,
        seed,
        seeds,
        profile,
        set,
    } = &run.settings;
    let mut flag = |name: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    };
    flag("--workload", workload.clone());
    flag("--seed", seed.map(|seed| seed.to_string()));
    flag("--seeds", seeds.map(|seeds| seeds.to_string()));
    flag("--profile", profile.clone());
    for setting in set {
        flag("--set", Some(setting.clone()));
    }
    flag("-o", Some(run.output.display().to_string()));
    words
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The most useful next step after these results.
fn next(results: &[StudyResult], run: &Run) -> String {
    let mut verdicts = results.iter().flat_map(|result| &result.verdicts);
    if let Some(failed) = verdicts.find(|verdict| verdict.verdict == Outcome::Fail) {
        return format!("kvrig explain {}", failed.metric);
    }
    if run.quick {
        return command(run, false);
    }
    let studies: Vec<String> = run.studies.iter().map(|study| quoted(study)).collect();
    match results {
        // Who runs a file of their own has no need of ours: intervals come next, then a baseline.
        [only] if run.studies != [only.study.as_str()] => match only.seeds {
            1 => format!("kvrig run {} --seeds 5", studies.join(" ")),
            _ => format!("kvrig bench {}", studies.join(" ")),
        },
        [only] => format!("kvrig new {0} -o my-{0}.toml", only.study),
        _ => format!("kvrig bench {}", quoted(&run.output.to_string_lossy())),
    }
}

/// A word as a POSIX shell needs it written.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(quoted("run.seeds=5"), "run.seeds=5");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
