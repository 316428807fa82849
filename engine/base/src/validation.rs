//! What servers did beside what was predicted of them: plain data that a page is made of.

use crate::measured::{ClockFacts, Machine};
use crate::result::{Chart, Finding, Section, Series};
use serde::{Deserialize, Serialize};

/// Version of the layout of [`Validation`].
pub const VALIDATION_SCHEMA: u32 = 1;

/// A validation, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// [`VALIDATION_SCHEMA`].
    pub schema: u32,
    /// The version of kvrig.
    pub kvrig: String,
    /// What was validated.
    pub title: String,
    /// The question that it answers.
    pub question: String,
    /// What follows.
    pub findings: Vec<Finding>,
    /// Tables with what is said of them.
    pub sections: Vec<Section>,
    /// Charts.
    pub charts: Vec<Chart>,
    /// What they are drawn from.
    pub series: Vec<Series>,
    /// The machine.
    pub machine: Machine,
    /// What its clock costs, and how still it was.
    pub clock: ClockFacts,
}
