//! What is wrong with an input, where, what was expected, and how to put it right.
//!
//! Library code makes these; only the command line prints them. Each has a code from [`CODES`], the
//! one table that `kvrig explain` and `docs/errors.md` are generated from.

use std::ops::Range;

/// One kind of error, with its explanation.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// `KV1001`: the first digit is the family (1 usage and study, 2 trace and import, 3 engine
    /// configuration, 4 invariants, 5 compare and merge, 6 live).
    pub name: &'static str,
    /// What it means, in a few words.
    pub title: &'static str,
    /// What to do about it, in one to three sentences.
    pub advice: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $name:literal, $title:literal, $advice:literal;)*) => {
        $(#[doc = $title] pub const $constant: Code =
            Code { name: $name, title: $title, advice: $advice };)*
        /// All codes, sorted by name.
        pub const CODES: &[Code] = &[$($constant),*];
    };
}

// Keep sorted by name; a test holds it.
codes! {
    SYNTAX = "KV1001", "The file is not valid TOML",
        "Correct the file where the caret points; `kvrig new NAME` prints a working one.";
    UNKNOWN_KEY = "KV1002", "Unknown key",
        "Remove the key or spell it as suggested; `kvrig schema study` lists all keys.";
    WRONG_TYPE = "KV1003", "Wrong type of value",
        "Write the value in the form that the message names.";
    WRONG_UNIT = "KV1004", "Missing or wrong unit",
        "Times, sizes, rates and shares carry a unit: `250ms`, `4GiB`, `20k/s`, `5%`. KiB is 1024 bytes, kB is 1000.";
    OUT_OF_RANGE = "KV1005", "Value out of range",
        "Choose a value within the range that the message names.";
    UNKNOWN_NAME = "KV1006", "Unknown name",
        "Use one of the names that the message lists; `kvrig list` shows the built-in studies.";
    MISSING_KEY = "KV1007", "Missing key",
        "Add the key; `kvrig new NAME` prints a complete file.";
    CONTRADICTION = "KV1008", "Settings that contradict each other",
        "Change one of the two settings that the message names.";
    NOT_BUILT = "KV1009", "Not part of this version",
        "The name is known but this version of kvrig does not have it; leave it out or use what the message lists.";
    TOO_LARGE = "KV1010", "The run would exceed its memory limit",
        "Lower the knob that the message names, or raise `run.max_memory`.";
    USAGE = "KV1011", "Wrong use of the command line",
        "`kvrig help` and `kvrig help VERB` show the usage.";
    UNREADABLE = "KV1012", "The file cannot be read",
        "Check the path and its permissions.";
    FOREIGN_FOLDER = "KV1013", "The output folder was not written by kvrig",
        "kvrig never overwrites a folder that it did not write; choose another with `-o` or remove it yourself.";
    COMPLETED = "KV1014", "Something was added to what the study asks for",
        "The study needs what the message names and the file does not have it; set the key that the message names to choose for yourself.";
    TRACE_TRUNCATED = "KV2001", "The trace ends inside a record",
        "The file was cut off or is not of the stated format; fetch it again or set `trace_format`.";
    TRACE_RECORD = "KV2002", "A record of the trace cannot be read",
        "Correct or remove the record that the message names.";
    TRACE_FORMAT = "KV2003", "The format of the trace is not known",
        "Set `workload.trace_format`; the message lists the formats.";
    TRACE_EMPTY = "KV2004", "The trace has no records",
        "Check that the file is the one you meant.";
    IMPORT_KIND = "KV2005", "The file is of no kind that can be imported",
        "Give a request for CreateTable in JSON, or a CSV of the metrics ConsumedReadCapacityUnits and ConsumedWriteCapacityUnits.";
    IMPORT_SYNTAX = "KV2006", "The file is not valid JSON",
        "Correct the file where the caret points.";
    IMPORT_TABLE = "KV2007", "DynamoDB would refuse the table, or it asks for what is not known",
        "Correct the request where the caret points; the API Reference of CreateTable has all fields.";
    IMPORT_METRIC = "KV2008", "A line of the metrics cannot be read",
        "Each line has a time and sums of consumed units; lines lie as far apart as the period of the metric.";
    STORE_DIRECTIVE = "KV3001", "Unknown or unsupported store directive",
        "Store configuration uses the store's own names and values; the message lists what this version honours.";
    PROFILE = "KV3002", "The cost profile is not usable",
        "A profile names a price for every counter and a source for every number; see `docs/profiles.md`.";
    DIRECTIVE_WITHOUT_EFFECT = "KV3003", "Store directive without effect",
        "The server goes on without it; remove the line where you can do without what it asks for.";
    CONSERVATION = "KV4001", "Requests were lost or invented by the simulator",
        "This is a defect of kvrig: the run's numbers cannot be trusted. Please report the command and its seed.";
    RESULT_UNREADABLE = "KV5001", "A result cannot be read",
        "Give a folder or file that `kvrig run` or `kvrig bench` wrote.";
    BASELINE_MISSING = "KV5002", "There is no baseline",
        "Write one with `kvrig accept --reason TEXT`, or name one with `--baseline`.";
    INCOMPATIBLE = "KV5003", "The two results cannot be compared",
        "They were written under different schemas; run both with the same version.";
    NOT_HOSTED = "KV6001", "The store asked for what its live host does not have",
        "A host without files and peers refuses snapshots and messages; leave that command or setting out.";
    NOT_MEASURABLE = "KV6002", "There is nothing to measure on the real clock",
        "Leave `--measure` out, or name a study that has a side on the real clock; the message says which.";
    NOT_SERVED = "KV6003", "The server cannot listen",
        "Choose another address or port, or end what has it; the message says what the system answered.";
    UNPROTECTED = "KV6004", "A server that others can reach needs a password",
        "Set `requirepass` in the configuration file, or listen on 127.0.0.1.";
    NOT_LOADED = "KV6005", "The snapshot cannot be loaded",
        "Put a sound copy in its place, or move it away to begin without data; the message says at which byte what was found.";
}

/// One error message with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind: [`Code::name`].
    pub code: &'static str,
    /// What was found, in one sentence without a full stop.
    pub message: String,
    /// Where, if it has a place in a text.
    pub place: Option<Place>,
    /// What was expected, or a suggestion.
    pub help: Option<String>,
}

/// A place in a text that the user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name as the user gave it, or `--set`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Byte range of the offending part.
    pub span: Range<usize>,
    /// What to write beside the caret.
    pub label: String,
}

impl Diagnostic {
    /// A message without a place.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code.name,
            message: message.into(),
            place: None,
            help: None,
        }
    }
    /// The same with a place.
    #[must_use]
    pub fn at(mut self, name: &str, text: &str, span: Range<usize>, label: &str) -> Self {
        self.place = Some(Place {
            name: name.to_owned(),
            text: text.to_owned(),
            span,
            label: label.into(),
        });
        self
    }
    /// The same with a suggestion.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Place {
    /// Line and column of the beginning, both from 1; columns count characters.
    pub fn line_and_column(&self) -> (u32, u32) {
        let before = &self.text[..self.span.start.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column).unwrap_or(u32::MAX),
        )
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.place {
            let (line, column) = place.line_and_column();
            write!(f, "{}:{line}:{column}: ", place.name)?;
        }
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}
impl std::error::Error for Diagnostic {}

/// The code called `name`.
pub fn find(name: &str) -> Option<&'static Code> {
    CODES
        .iter()
        .find(|code| code.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_distinct() {
        for pair in CODES.windows(2) {
            assert!(
                pair[0].name < pair[1].name,
                "{} before {}",
                pair[0].name,
                pair[1].name
            );
        }
    }
}
