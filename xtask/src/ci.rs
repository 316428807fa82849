//! Everything that a change must pass, in the order in which a mistake is cheapest to find.

use crate::shell::{Failure, Outcome, cargo, now, program, seconds, step, target_folder};
use crate::{dependencies, docs, folders, tidy};
use std::path::PathBuf;

/// The file that may differ between two runs of one study: times and host facts live there alone.
const MAY_DIFFER: &str = "run-meta.json";

/// Runs every step; the first failure ends it. Tests come last, so that the closing lines of their
/// runner end the log.
///
/// Most of its time goes to compilers: everything is compiled once for clippy, once as released and
/// once as tested, and the program of the tests is the one that other steps run with assertions.
pub(crate) fn ci() -> Outcome {
    let begin = now();
    step("format", || cargo(["fmt", "--all", "--check"]).run())?;
    step("tidy", tidy::check)?;
    step("clippy", || {
        cargo([
            "clippy",
            "--workspace",
            "--all-targets",
            "--keep-going",
            "--locked",
        ])
        .args(["--", "--deny", "warnings"])
        .run()
    })?;
    step("dependency directions", dependencies::check)?;
    step("documentation", || {
        cargo([
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()
    })?;
    step("release build", || {
        cargo(["build", "--release", "--package", "kvrig-cli"]).run()
    })?;
    step("generated documentation is current", docs::check)?;
    step(
        "results do not depend on the number of jobs",
        same_for_any_jobs,
    )?;
    step(
        "results are those of the accepted baseline",
        same_as_baseline,
    )?;
    step("loom models", crate::loom)?;
    step("build of the tests", crate::build_tests)?;
    step(
        "results do not depend on the build profile",
        same_for_any_profile,
    )?;
    println!("== tests ({} so far)", seconds(begin.elapsed()));
    crate::test()
}

fn kvrig(profile: &str) -> PathBuf {
    target_folder().join(profile).join("kvrig")
}

/// An empty place for what a step leaves.
fn place(name: &str) -> Result<PathBuf, Failure> {
    let place = target_folder().join("ci").join(name);
    folders::remove(&place)?;
    Ok(place)
}

fn same_for_any_jobs() -> Outcome {
    let run = |jobs: &str| -> Result<PathBuf, Failure> {
        let out = place(&format!("jobs-{jobs}"))?;
        program(&kvrig("release"))
            .args(["run", "all", "--quick", "--jobs", jobs, "-o"])
            .args([&out])
            .run()?;
        Ok(out)
    };
    folders::same(&run("1")?, &run("2")?, MAY_DIFFER)
}

/// The folder that was run with one job has the same quick studies as `kvrig bench` runs.
fn same_as_baseline() -> Outcome {
    program(&kvrig("release"))
        .args(["compare", "--exact"])
        .args([&target_folder().join("ci").join("jobs-1")])
        .run()
}

/// Runs a study as released and as tested: there with fewer optimisations, and with debug assertions
/// and overflow checks.
fn same_for_any_profile() -> Outcome {
    let run = |profile: &str| -> Result<PathBuf, Failure> {
        let out = place(profile)?;
        program(&kvrig(profile))
            .args(["run", "rehash", "--quick", "-o"])
            .args([&out])
            .run()?;
        Ok(out)
    };
    folders::same(&run("release")?, &run("debug")?, MAY_DIFFER)
}
