//! Which studies the user means, and what was put over them on the command line.

use crate::arguments::Settings;
use crate::failure::Failure;
use crate::files::{self, Files};
use crate::output;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::STUDY_FILE_BYTES_MAX;
use kvrig_base::result::StudyResult;
use kvrig_sim::run::Plan;
use kvrig_sim::studies::{self, BUILT_IN, BuiltIn};
use kvrig_sim::study::{self, Flags, Layers, Source, Study, WorkloadFlag};
use kvrig_workloads::presets;
use kvrig_workloads::ycsb::YcsbWorkload;
use std::path::Path;

/// A study that is ready to run.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Its name.
    pub(crate) name: String,
    /// The canonical document.
    pub(crate) document: String,
    /// Its points.
    pub(crate) plan: Plan,
}

/// Reads and plans the studies that `words` name; prints warnings.
pub(crate) fn ready(
    words: &[String],
    settings: &Settings,
    quick: bool,
) -> Result<Vec<Ready>, Failure> {
    let mut ready = Vec::new();
    for word in expand(words) {
        let study = load(&word, settings, quick)?;
        for warning in &study.warnings {
            crate::failure::show(warning);
        }
        let (name, document) = (study.name.to_owned(), study.document.clone());
        let plan = studies::plan(study, &Files::of_study(&word))?;
        ready.push(Ready {
            name,
            document,
            plan,
        });
    }
    Ok(ready)
}

/// `all` stands for every built-in study.
fn expand(words: &[String]) -> Vec<String> {
    let all = || BUILT_IN.iter().map(|study| study.name.to_owned());
    words
        .iter()
        .flat_map(|word| {
            if word == "all" {
                all().collect()
            } else {
                vec![word.clone()]
            }
        })
        .collect()
}

fn load(word: &str, settings: &Settings, quick: bool) -> Result<Study, Failure> {
    let file = if is_file_name(word) {
        Source {
            name: word.to_owned(),
            text: read_study(Path::new(word))?,
        }
    } else {
        let study = built_in(word)?;
        Source {
            name: format!("{word} (built in)"),
            text: study.toml.to_owned(),
        }
    };
    let flags = Flags {
        seed: settings.seed,
        seeds: settings.seeds,
        quick,
        workload: settings.workload.as_deref().map(workload).transpose()?,
        profile: settings.profile.clone(),
    };
    Ok(study::load(&layers(file, &settings.set, flags))?)
}

/// What `--workload` names: a built-in workload, a file with a `[workload]` table, YCSB properties,
/// a report of Contributor Insights (JSON), or else a recorded trace.
fn workload(word: &str) -> Result<WorkloadFlag, Failure> {
    if let Some(preset) = presets::find(word) {
        return Ok(WorkloadFlag::Settings(Source {
            name: format!("{word} (built in)"),
            text: preset.toml.to_owned(),
        }));
    }
    let path = Path::new(word);
    let ending = path.extension().and_then(|ending| ending.to_str());
    // The files that YCSB ships are called `workloada` and so on, without an ending.
    let stem = path.file_name().and_then(|name| name.to_str());
    let is_ycsb = ending == Some("properties")
        || (ending.is_none() && stem.is_some_and(|stem| stem.starts_with("workload")));
    if is_ycsb {
        let ycsb = YcsbWorkload::read(word, &read_study(path)?)?;
        return Ok(WorkloadFlag::Settings(Source {
            name: format!("{word} (YCSB)"),
            text: ycsb.to_toml(),
        }));
    }
    if ending == Some("json") {
        return Ok(WorkloadFlag::Insights(word.to_owned()));
    }
    if ending == Some("toml") {
        return Ok(WorkloadFlag::Settings(Source {
            name: word.to_owned(),
            text: read_study(path)?,
        }));
    }
    if ending.is_none() && !word.contains(['/', '\\']) && !path.is_file() {
        let names = || presets::PRESETS.iter().map(|preset| preset.name);
        let help = match output::nearest(word, names()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`kvrig list` shows the built-in workloads; files end in .toml, .properties, \
                     .json or in what tells a trace's format"
                .to_owned(),
        };
        let message = format!("no workload is called `{word}`");
        return Err(Diagnostic::new(diagnostic::UNKNOWN_NAME, message)
            .help(help)
            .into());
    }
    Ok(WorkloadFlag::Trace(word.to_owned()))
}

fn layers(file: Source, sets: &[String], flags: Flags) -> Layers<'_> {
    Layers {
        file,
        builtin: |name| studies::find(name).map(|study| study.toml),
        sets,
        flags,
    }
}

/// The built-in study called `name`.
pub(crate) fn built_in(name: &str) -> Result<&'static BuiltIn, Diagnostic> {
    studies::find(name).ok_or_else(|| {
        let names: Vec<&str> = BUILT_IN.iter().map(|study| study.name).collect();
        let help = match output::nearest(name, names.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("built in: {}; a study file ends in .toml", names.join(", ")),
        };
        let message = format!("no built-in study is called `{name}`");
        Diagnostic::new(diagnostic::UNKNOWN_NAME, message).help(help)
    })
}

/// Whether a word on the command line names a file and not a built-in study.
fn is_file_name(word: &str) -> bool {
    studies::find(word).is_none()
        && (Path::new(word)
            .extension()
            .is_some_and(|ending| ending == "toml")
            || word.contains(['/', '\\'])
            || Path::new(word).is_file())
}

/// The text of a study file, or of what is made into one.
pub(crate) fn read_study(path: &Path) -> Result<String, Diagnostic> {
    String::from_utf8(files::read(path, STUDY_FILE_BYTES_MAX)?).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let message = format!("{} is not a text: byte {byte} is not UTF-8", path.display());
        Diagnostic::new(diagnostic::UNREADABLE, message)
    })
}

/// A built-in study as it is, nothing put over it.
pub(crate) fn plain(name: &str) -> Result<Study, Failure> {
    load(name, &Settings::default(), false)
}

/// The study that a stored result was run from.
pub(crate) fn of_document(result: &StudyResult) -> Result<Study, Failure> {
    let file = Source {
        name: format!("{}/study.toml", result.study),
        text: result.document.clone(),
    };
    Ok(study::load(&layers(file, &[], Flags::default()))?)
}

/// The message about something to compare that is not there: it is input, not the baseline.
pub(crate) fn not_a_baseline(mut error: Diagnostic) -> Diagnostic {
    if error.code == diagnostic::BASELINE_MISSING.name {
        error.code = diagnostic::RESULT_UNREADABLE.name;
        error.help = Some("`kvrig bench` and `kvrig run` write what can be compared".to_owned());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_stands_for_every_built_in_study() {
        let all = expand(&["all".to_owned()]);
        assert_eq!(all.len(), BUILT_IN.len());
        assert!(all.contains(&"rehash".to_owned()));
    }

    #[test]
    fn a_word_with_an_ending_or_a_folder_is_a_file() {
        assert!(is_file_name("mine.toml"));
        assert!(is_file_name("studies/mine"));
        assert!(!is_file_name("rehash"));
        assert!(!is_file_name("rehahs"));
    }
}
