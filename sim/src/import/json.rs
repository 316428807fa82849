//! JSON whose values know their places in the text, for messages with a caret.

use kvrig_base::diagnostic::{self, Code, Diagnostic};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::ops::Range;

/// A text with its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

/// A value and the text that it is part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a> {
    text: Text<'a>,
    raw: &'a RawValue,
}

/// The entries of an object in the order of writing.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl<'a> Text<'a> {
    /// The one value of the text.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub(super) fn parse(self) -> Result<Json<'a>, Diagnostic> {
        let raw = serde_json::from_str(self.text).map_err(|error| {
            let at = self.offset(error.line(), error.column());
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or(&message);
            let message = format!("not valid JSON: {what}");
            self.refuse(diagnostic::IMPORT_SYNTAX, at..at + 1, message, "here")
        })?;
        Ok(Json { text: self, raw })
    }
    /// An error about a part of the text.
    pub(super) fn refuse(
        self,
        code: Code,
        span: Range<usize>,
        message: String,
        label: &str,
    ) -> Diagnostic {
        Diagnostic::new(code, message).at(self.name, self.text, span, label)
    }
    /// The place of a line and column, both from 1, columns in bytes; the last character at most.
    fn offset(self, line: usize, column: usize) -> usize {
        let lines = self.text.split_inclusive('\n').take(line.saturating_sub(1));
        let start: usize = lines.map(str::len).sum();
        let wanted = start + column.saturating_sub(1);
        let last = self.text.char_indices().next_back().map_or(0, |(at, _)| at);
        let mut at = wanted.min(last);
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

impl<'a> Json<'a> {
    /// Where it lies in the text.
    pub(super) fn span(self) -> Range<usize> {
        // A raw value is a part of the text that it was read from.
        let raw = self.raw.get();
        let start = (raw.as_ptr() as usize).wrapping_sub(self.text.text.as_ptr() as usize);
        let start = start.min(self.text.text.len());
        start..(start + raw.len()).min(self.text.text.len())
    }
    /// An error about the value.
    pub(super) fn refuse(self, message: impl Into<String>, label: &str) -> Diagnostic {
        let code = diagnostic::IMPORT_TABLE;
        self.text.refuse(code, self.span(), message.into(), label)
    }
    /// The entries of an object, each key once.
    ///
    /// # Errors
    /// If it is none, or has a key twice.
    pub(super) fn object(self, what: &str) -> Result<Vec<(String, Self)>, Diagnostic> {
        let read: Result<Entries<'a>, _> = serde_json::from_str(self.raw.get());
        let entries = read.map_err(|_| self.wrong(what, "an object in curly brackets"))?;
        let mut object: Vec<(String, Self)> = Vec::with_capacity(entries.0.len());
        for (key, raw) in entries.0 {
            let value = Self {
                text: self.text,
                raw,
            };
            if object.iter().any(|(known, _)| *known == key) {
                return Err(value.refuse(format!("`{key}` is there twice"), "the second one"));
            }
            object.push((key, value));
        }
        Ok(object)
    }
    /// The elements of a list.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn list(self, what: &str) -> Result<Vec<Self>, Diagnostic> {
        let read: Result<Vec<&'a RawValue>, _> = serde_json::from_str(self.raw.get());
        let list = read.map_err(|_| self.wrong(what, "a list in square brackets"))?;
        let element = |raw| Self {
            text: self.text,
            raw,
        };
        Ok(list.into_iter().map(element).collect())
    }
    /// A text.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn string(self, what: &str) -> Result<String, Diagnostic> {
        serde_json::from_str(self.raw.get()).map_err(|_| self.wrong(what, "a text in quotes"))
    }
    /// A whole number within a range.
    ///
    /// # Errors
    /// If it is none, or beyond the range.
    pub(super) fn count(
        self,
        what: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, Diagnostic> {
        let number: i128 = self
            .raw
            .get()
            .parse()
            .map_err(|_| self.wrong(what, "a whole number"))?;
        let found = u64::try_from(number)
            .ok()
            .filter(|count| range.contains(count));
        found.ok_or_else(|| {
            let message = format!("`{what}` is {number}");
            self.refuse(message, "out of range").help(format!(
                "choose between {} and {}",
                range.start(),
                range.end()
            ))
        })
    }
    fn wrong(self, what: &str, expected: &str) -> Diagnostic {
        self.refuse(
            format!("`{what}` is not what it should be"),
            &format!("expected {expected}"),
        )
    }
}
