//! What a published article says about stores, and what the project finds about it: `claims.toml`.
//!
//! The file is part of the program, so that every book has its page. Its evidence is looked up by a
//! test of the program: rows with the values that a quick run prints, worked examples, tests.

use kvrig_base::quantity::format_value;
use kvrig_base::result::StudyResult;
use kvrig_base::row::Row;
use serde::Deserialize;
use std::collections::BTreeMap;

const TEXT: &str = include_str!("../../claims.toml");

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Version of its form: 1.
    pub schema: u32,
    /// The claims, in the order of subjects.
    #[serde(rename = "claim")]
    pub claims: Vec<Claim>,
}

/// One claim.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The section of the article that it stands in.
    pub section: String,
    /// The article's words, shortened.
    pub claim: String,
    /// Whether it is right.
    pub verdict: ClaimVerdict,
    /// What the project computes, measures or shows about it.
    pub finds: String,
    /// Rows of studies that show it.
    #[serde(default)]
    pub rows: Vec<RowEvidence>,
    /// Worked examples that show it.
    #[serde(default)]
    pub examples: Vec<ExampleEvidence>,
    /// Tests that show it, as `path::name`.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Where the truth is published.
    pub source: String,
}

/// Whether a claim is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimVerdict {
    /// As it stands.
    Holds,
    /// On a condition that the article does not state.
    Depends,
    /// It does not hold; the finding says by how much.
    Wrong,
    /// Not by anything that the project can run.
    #[serde(rename = "not testable")]
    NotTestable,
}

/// A row and its value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowEvidence {
    /// The study.
    pub study: String,
    /// The variant; empty for cells of the sweep.
    #[serde(default)]
    pub variant: String,
    /// The metric.
    pub metric: String,
    /// Axis to value.
    #[serde(default)]
    pub cell: BTreeMap<String, String>,
    /// The value with its unit, as a quick run of the built-in study prints it.
    pub value: String,
}

/// A worked example and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleEvidence {
    /// The case, as `kvrig validate dynamodb` lists it.
    pub case: String,
    /// What comes of it.
    pub value: String,
}

impl Claims {
    /// The claims that come with the program.
    ///
    /// # Errors
    /// What is wrong with the file; a test holds that nothing is.
    pub fn embedded() -> Result<Self, toml::de::Error> {
        toml::from_str(TEXT)
    }
}

impl ClaimVerdict {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Depends => "depends",
            Self::Wrong => "wrong",
            Self::NotTestable => "not testable",
        }
    }
}

impl RowEvidence {
    /// Whether it is about this row.
    pub fn is_of(&self, row: &Row) -> bool {
        (&row.study, &row.variant, &row.name, &row.cell)
            == (&self.study, &self.variant, &self.metric, &self.cell)
    }
    /// The value that some results have for it, with its unit.
    pub fn value_in(&self, results: &[StudyResult]) -> Option<String> {
        let mut rows = results.iter().flat_map(|result| &result.rows);
        let row = rows.find(|row| self.is_of(row))?;
        Some(format_value(row.unit, row.value))
    }
}
