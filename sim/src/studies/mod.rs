//! The studies that are built in: each a study file, cells, findings and charts of its own.
//!
//! A new study is a new folder here, which answers a `Question`, and a new line in [`BUILT_IN`]. Nothing is reserved to built-in
//! studies: `kvrig new` prints their files, and a changed copy runs the same way.

#[path = "adaptive-capacity/mod.rs"]
mod adaptive_capacity;
mod asks;
mod beginning;
#[path = "big-keys/mod.rs"]
mod big_keys;
mod cost;
mod drawing;
mod eviction;
mod hosting;
#[path = "hot-partitions/mod.rs"]
mod hot_partitions;
mod judging;
mod question;
pub mod rehash;
mod rows;
mod samples;
mod setup;
#[cfg(test)]
mod testing;
mod traffic;
mod workload;

use crate::run::Plan;
use crate::study::{Cell, Files, Study};
use kvrig_base::diagnostic::{self, Diagnostic};

/// A built-in study.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name on the command line.
    pub name: &'static str,
    /// The question that it answers.
    pub question: &'static str,
    /// Its study file.
    pub toml: &'static str,
    /// Makes a plan of a study file that asks its question.
    plan: fn(Study, &dyn Files) -> Result<Plan, Diagnostic>,
}

/// All built-in studies, in the order of the book.
pub const BUILT_IN: &[BuiltIn] = &[
    rehash::BUILT_IN,
    hot_partitions::BUILT_IN,
    adaptive_capacity::BUILT_IN,
    big_keys::BUILT_IN,
    eviction::BUILT_IN,
    cost::BUILT_IN,
];

/// The built-in study called `name`.
pub fn find(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|study| study.name == name)
}

/// Plans a study, built in or not, by the question that its file names.
///
/// # Errors
/// What the study names and cannot be read, or cannot be run.
pub fn plan(study: Study, files: &dyn Files) -> Result<Plan, Diagnostic> {
    let asked = find(study.name).filter(|_| !study.cells.is_empty());
    let asked = asked.ok_or_else(|| {
        let message = "the study has no cell to run";
        Diagnostic::new(diagnostic::MISSING_KEY, message)
    })?;
    (asked.plan)(study, files)
}

/// The error that a cell asks another question than the first one.
fn another_question(cell: &Cell) -> Diagnostic {
    let message = match cell.variant.as_str() {
        "" => "the cells of the sweep ask different questions".to_owned(),
        variant => format!("the variant \"{variant}\" asks another question"),
    };
    Diagnostic::new(diagnostic::CONTRADICTION, message)
        .help("ask one question in a file: all its cells share rows and charts")
}
