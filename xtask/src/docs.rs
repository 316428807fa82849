//! The parts of `docs/` that are printed by the program, from the same tables that it uses.

use crate::shell::{self, Failure, Outcome, cargo};
use std::fs;
use std::path::Path;

/// File below `docs/`, and the arguments that make `kvrig` print it.
const GENERATED: &[(&str, &[&str])] = &[
    ("metrics.md", &["explain", "metrics", "--format", "md"]),
    ("errors.md", &["explain", "codes", "--format", "md"]),
    ("study.schema.json", &["schema", "study"]),
];

/// Writes them again.
pub(crate) fn write() -> Outcome {
    cargo(["build", "--release", "--package", "kvrig-cli"]).run()?;
    fs::create_dir_all("docs").map_err(|error| Failure::new(format!("docs: {error}")))?;
    for (name, arguments) in GENERATED {
        let path = Path::new("docs").join(name);
        fs::write(&path, print(arguments)?)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

/// Fails if one of them is not what the program that is built prints.
pub(crate) fn check() -> Outcome {
    for (name, arguments) in GENERATED {
        let path = Path::new("docs").join(name);
        if fs::read_to_string(&path).ok() != Some(print(arguments)?) {
            let path = path.display();
            return Err(Failure::new(format!(
                "{path} is not current; run `cargo xtask docs`"
            )));
        }
    }
    Ok(())
}

fn print(arguments: &[&str]) -> Result<String, Failure> {
    let kvrig = shell::target_folder().join("release").join("kvrig");
    shell::program(&kvrig).args(arguments).output()
}
