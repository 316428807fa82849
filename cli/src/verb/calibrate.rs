//! `kvrig calibrate`: measures this machine and writes a cost profile.

use crate::arguments::{Calibrate, CalibrationFormat};
use crate::calibration::{Asked, QUICK_RUNS, RUNS};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::{ending, output};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_reports::text;
use kvrig_sim::calibrate::profile_text::left_out;
use kvrig_sim::calibrate::report;
use kvrig_sim::cost::Profile;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Keys of nodes in a quick calibration.
const QUICK_KEYS_MAX: u64 = 100_000;

pub(crate) fn calibrate(arguments: &Calibrate, quiet: bool) -> Result<Exit, Failure> {
    let file = arguments.output.as_path();
    check(arguments)?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => stem(file)?,
    };
    let interrupt = Interrupt::listen();
    let asked = Asked {
        is_quick: arguments.quick,
        runs: arguments
            .runs
            .unwrap_or(if arguments.quick { QUICK_RUNS } else { RUNS }),
        keys_max: match arguments.quick {
            true => arguments.keys.min(QUICK_KEYS_MAX),
            false => arguments.keys,
        },
        directory: &arguments.dir,
        quiet,
        interrupt: &interrupt,
    };
    let found = asked.measure()?;
    let text = found.text(&name, arguments.name_machine);
    // What is written is what is read: a profile that `run` would refuse is never left behind.
    Profile::parse(&file.display().to_string(), &text)?;
    let mut created =
        File::create_new(file).map_err(|error| not_written(file, &error.to_string()))?;
    created
        .write_all(text.as_bytes())
        .map_err(Failure::system(file.display()))?;

    let calibration = &found.calibration;
    let left_out = left_out(calibration, &found.given);
    if arguments.format == CalibrationFormat::Json {
        output::print(&report::json(calibration, &left_out))?;
        return Ok(Exit::Pass);
    }
    let mut lines = Vec::new();
    for table in [
        report::parts(calibration),
        report::fitted(calibration),
        report::points(calibration),
    ] {
        let table = text::table(&table.head, &table.rows, ending::width());
        lines.extend(table.iter().map(|line| line.trim_end().to_owned()));
        lines.push(String::new());
    }
    let sentences = report::residuals(calibration).into_iter().chain(left_out);
    let unoptimised = cfg!(debug_assertions).then(|| UNOPTIMISED.to_owned());
    let sentences = sentences.chain(unoptimised);
    lines.extend(sentences.map(|sentence| format!("- {sentence}")));
    lines.push(format!(
        "\nwrote {}\ntry: kvrig run rehash --quick --profile {}\n",
        file.display(),
        file.display()
    ));
    output::print(&lines.join("\n"))?;
    Ok(Exit::Pass)
}

const UNOPTIMISED: &str =
    "this kvrig is built without optimisation, and so are the prices of its commands";

/// Refuses what cannot be carried out before anything is measured.
fn check(arguments: &Calibrate) -> Result<(), Diagnostic> {
    if arguments.output.exists() {
        return Err(not_written(&arguments.output, "it is there already"));
    }
    if !arguments.dir.is_dir() {
        let message = format!("`--dir {}` is no folder", arguments.dir.display());
        return Err(Diagnostic::new(diagnostic::UNREADABLE, message)
            .help("name a folder of the file system that a store would write to"));
    }
    if arguments
        .name
        .as_deref()
        .is_some_and(|name| name.trim().is_empty())
    {
        let message = "`--name` is empty".to_owned();
        return Err(Diagnostic::new(diagnostic::USAGE, message)
            .help("results show the profile by this name"));
    }
    Ok(())
}

fn not_written(file: &Path, why: &str) -> Diagnostic {
    let message = format!("{} cannot be written: {why}", file.display());
    Diagnostic::new(diagnostic::USAGE, message).help("choose a new file with `-o`")
}

/// The name of a file without its ending.
fn stem(file: &Path) -> Result<String, Diagnostic> {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    stem.map(str::to_owned)
        .ok_or_else(|| not_written(file, "it has no name that is text"))
}
