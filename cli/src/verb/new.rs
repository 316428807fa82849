//! `kvrig new`: the file of a built-in study or workload, to be changed.

use crate::arguments::New;
use crate::failure::{Exit, Failure};
use crate::{output, study};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_workloads::presets;
use std::fs::File;
use std::io::Write;
use std::path::Path;

pub(crate) fn new(arguments: &New) -> Result<Exit, Failure> {
    let toml = match presets::find(&arguments.name) {
        Some(preset) => preset.toml,
        None => study::built_in(&arguments.name)?.toml,
    };
    print_or_write(toml, arguments.output.as_deref())?;
    Ok(Exit::Pass)
}

/// Writes a text to standard output, or to a file that must not exist.
pub(crate) fn print_or_write(text: &str, path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else {
        return output::print(text);
    };
    let mut file = File::create_new(path).map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Diagnostic::new(diagnostic::USAGE, message).help("choose a new file with `-o`")
    })?;
    file.write_all(text.as_bytes())
        .map_err(Failure::system(path.display()))
}
