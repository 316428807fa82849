//! Developers' tasks: `cargo xtask ci | test | bench | loom | soak | docs`.
//!
//! This crate depends on nothing but std, so that it compiles in seconds on any machine that has
//! Rust; the tasks need a C compiler besides, for the linker.

mod ci;
mod dependencies;
mod docs;
mod folders;
mod shell;
mod tidy;

use shell::{Failure, Outcome, cargo};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask TASK

Tasks:
  ci     everything that a change must pass: style, builds, repeatability, baseline, tests
  test   all tests: cargo nextest where it is installed, else cargo test
  docs   write docs/ again from the tables that the program prints
  bench  wall-clock measurements, each beside its peer
  loom   the models of shared stores under every interleaving
  soak   what takes long: tests marked `ignored`, many seeds with debug assertions
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace");
    let outcome = match (
        arguments.first().map(String::as_str),
        std::env::set_current_dir(root),
    ) {
        (_, Err(error)) => Err(Failure::new(format!("{}: {error}", root.display()))),
        (Some("ci"), _) => ci::ci(),
        (Some("test"), _) => test(),
        (Some("docs"), _) => docs::write(),
        (Some("bench"), _) => bench(&arguments[1..]),
        (Some("loom"), _) => loom(),
        (Some("soak"), _) => soak(),
        (Some("help" | "--help" | "-h"), _) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// All tests, documentation examples first, so that the runner's closing lines end the log.
fn test() -> Outcome {
    if cargo(["nextest", "--version"]).quiet_success() {
        cargo(["test", "--workspace", "--doc", "--quiet"]).run()?;
        cargo(["nextest", "run", "--workspace", "--no-fail-fast"]).run()
    } else {
        cargo(["test", "--workspace", "--no-fail-fast"]).run()
    }
}

/// Builds all tests, and the program as they run it.
fn build_tests() -> Outcome {
    if cargo(["nextest", "--version"]).quiet_success() {
        cargo(["nextest", "run", "--workspace", "--no-run"]).run()
    } else {
        cargo(["test", "--workspace", "--no-run"]).run()
    }
}

/// Every program of `benches`, in the order of their names, or those that are named.
fn bench(chosen: &[String]) -> Outcome {
    let programs = Path::new("benches/src/bin");
    let names = folders::names(programs)
        .map_err(|error| Failure::new(format!("{}: {error}", programs.display())))?;
    let known = || names.iter().map(|name| name.trim_end_matches(".rs"));
    if let Some(unknown) = chosen
        .iter()
        .find(|name| !known().any(|known| known == *name))
    {
        let known: Vec<_> = known().collect();
        return Err(Failure::new(format!(
            "{unknown} is not one of {}",
            known.join(", ")
        )));
    }
    for name in known().filter(|name| chosen.is_empty() || chosen.iter().any(|one| one == name)) {
        cargo([
            "run",
            "--release",
            "--package",
            "kvrig-benches",
            "--bin",
            name,
        ])
        .run()?;
    }
    Ok(())
}

/// Every test file with `loom` as a word of its name, compiled against loom's stand-ins for std.
///
/// They have a target directory of their own: the flag would make every other build start afresh.
fn loom() -> Outcome {
    let mut models = Vec::new();
    for package in dependencies::packages()? {
        let tests = Path::new(&package.folder).join("tests");
        for name in folders::names(&tests).unwrap_or_default() {
            if let Some(target) = name
                .strip_suffix(".rs")
                .filter(|name| name.split('_').any(|word| word == "loom"))
            {
                models.push((package.name.clone(), target.to_owned()));
            }
        }
    }
    if models.is_empty() {
        return Err(Failure::new("no test file has `loom` in its name"));
    }
    for (package, target) in models {
        cargo(["test", "--package", &package, "--test", &target])
            .env("RUSTFLAGS", "--cfg loom")
            .env("CARGO_TARGET_DIR", shell::target_folder().join("loom"))
            .run()?;
    }
    Ok(())
}

/// Roots of the random streams that `soak` runs the quick studies with.
const SOAK_SEEDS: std::ops::RangeInclusive<u32> = 1..=20;

/// What takes too long for every change.
fn soak() -> Outcome {
    cargo([
        "test",
        "--profile",
        "checked",
        "--workspace",
        "--",
        "--ignored",
    ])
    .run()?;
    cargo(["build", "--profile", "checked", "--package", "kvrig-cli"]).run()?;
    let kvrig = shell::target_folder().join("checked").join("kvrig");
    let out = shell::target_folder().join("soak");
    for seed in SOAK_SEEDS {
        folders::remove(&out)?;
        shell::program(&kvrig)
            .args([
                "run",
                "all",
                "--quick",
                "--quiet",
                "--seed",
                &seed.to_string(),
            ])
            .args([Path::new("-o"), &out])
            .run()?;
    }
    shell::program(&kvrig).args(["validate", "queueing"]).run()
}
