//! Reads a TOML document into a flat map of keys with their places, and hands it out key by key, so
//! that what is missing, unknown or of the wrong type is told with its place.

use kvrig_base::diagnostic::{self, Diagnostic};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place in the text.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) span: Range<usize>,
    pub(super) content: Content,
    taken: bool,
}

/// The forms of values that profiles use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Integer(u64),
    Text(String),
    Flag(bool),
}

/// A document as a map from dotted keys to values. Arrays of tables have `name.0.key`.
#[derive(Debug)]
pub(super) struct Document<'t> {
    name: &'t str,
    text: &'t str,
    values: BTreeMap<String, Value>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(name: &'t str, text: &'t str) -> Result<Self, Diagnostic> {
        let mut document = Self {
            name,
            text,
            values: BTreeMap::new(),
        };
        let table = DeTable::parse(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            Diagnostic::new(diagnostic::SYNTAX, error.message()).at(name, text, span, "here")
        })?;
        document.flatten_table("", table.get_ref())?;
        Ok(document)
    }
    fn flatten_table(&mut self, prefix: &str, table: &DeTable<'_>) -> Result<(), Diagnostic> {
        for (key, value) in table {
            self.flatten(&join(prefix, key.get_ref()), value)?;
        }
        Ok(())
    }
    fn flatten(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<(), Diagnostic> {
        let span = value.span();
        let content = match value.get_ref() {
            DeValue::Table(table) => return self.flatten_table(key, table),
            DeValue::Array(elements) => {
                for (number, element) in elements.iter().enumerate() {
                    self.flatten(&join(key, &number.to_string()), element)?;
                }
                return Ok(());
            }
            DeValue::String(text) => Content::Text(text.clone().into_owned()),
            DeValue::Boolean(flag) => Content::Flag(*flag),
            DeValue::Integer(digits) => {
                let number = u64::from_str_radix(digits.as_str(), digits.radix());
                Content::Integer(number.map_err(|_| {
                    self.wrong(
                        &span,
                        diagnostic::OUT_OF_RANGE,
                        format!("`{key}` is not a whole number from 0 to {}", u64::MAX),
                    )
                })?)
            }
            other @ (DeValue::Float(_) | DeValue::Datetime(_)) => {
                let message = format!("`{key}` is a {}, which no key takes", other.type_str());
                return Err(self
                    .wrong(&span, diagnostic::WRONG_TYPE, message)
                    .help("prices are whole picoseconds, dates are text"));
            }
        };
        self.values.insert(
            key.to_owned(),
            Value {
                span,
                content,
                taken: false,
            },
        );
        Ok(())
    }
    fn wrong(&self, span: &Range<usize>, code: diagnostic::Code, message: String) -> Diagnostic {
        Diagnostic::new(code, message).at(self.name, self.text, span.clone(), "here")
    }
    /// A message about the value of `key`, or about the file where there is no such key.
    pub(super) fn complain(
        &self,
        key: &str,
        code: diagnostic::Code,
        message: String,
    ) -> Diagnostic {
        match self.values.get(key) {
            Some(value) => self.wrong(&value.span, code, message),
            None => self.wrong(&(0..0), code, message),
        }
    }
    /// Whether there is a value at `key` or below it.
    pub(super) fn has(&self, key: &str) -> bool {
        let below = format!("{key}.");
        self.values.contains_key(key)
            || self
                .values
                .range(below.clone()..)
                .next()
                .is_some_and(|(k, _)| k.starts_with(&below))
    }
    /// The next parts of the keys below `section`, sorted, each once.
    pub(super) fn names_below(&self, section: &str) -> Vec<String> {
        let below = format!("{section}.");
        let keys = self
            .values
            .keys()
            .filter_map(|key| key.strip_prefix(&below));
        let mut names: Vec<String> = keys
            .map(|key| key.split('.').next().unwrap_or(key).to_owned())
            .collect();
        names.dedup();
        names
    }
    /// The rest of all keys below `section`, dots included, sorted.
    pub(super) fn keys_below(&self, section: &str) -> Vec<String> {
        let below = format!("{section}.");
        self.values
            .keys()
            .filter_map(|key| key.strip_prefix(&below))
            .map(str::to_owned)
            .collect()
    }
    fn take(&mut self, key: &str) -> Result<Value, Diagnostic> {
        match self.values.get_mut(key) {
            Some(value) => {
                value.taken = true;
                Ok(value.clone())
            }
            None => {
                let message = format!("the profile does not say `{key}`");
                Err(self.complain(key, diagnostic::MISSING_KEY, message))
            }
        }
    }
    /// The whole number at `key`.
    pub(super) fn integer(&mut self, key: &str) -> Result<u64, Diagnostic> {
        match self.take(key)?.content {
            Content::Integer(number) => Ok(number),
            _ => Err(self.complain(
                key,
                diagnostic::WRONG_TYPE,
                format!("`{key}` must be a whole number"),
            )),
        }
    }
    /// The whole number at `key`, which must not be zero.
    pub(super) fn positive(&mut self, key: &str) -> Result<u64, Diagnostic> {
        match self.integer(key)? {
            0 => Err(self.complain(
                key,
                diagnostic::OUT_OF_RANGE,
                format!("`{key}` must be at least 1"),
            )),
            number => Ok(number),
        }
    }
    /// The text at `key`.
    pub(super) fn text(&mut self, key: &str) -> Result<String, Diagnostic> {
        match self.take(key)?.content {
            Content::Text(text) => Ok(text),
            _ => Err(self.complain(key, diagnostic::WRONG_TYPE, format!("`{key}` must be text"))),
        }
    }
    /// The flag at `key`; false where it is not said.
    pub(super) fn flag(&mut self, key: &str) -> Result<bool, Diagnostic> {
        if !self.has(key) {
            return Ok(false);
        }
        match self.take(key)?.content {
            Content::Flag(flag) => Ok(flag),
            _ => Err(self.complain(
                key,
                diagnostic::WRONG_TYPE,
                format!("`{key}` must be true or false"),
            )),
        }
    }
    /// Complains of the first key that nobody took; suggests the nearest of `known`.
    pub(super) fn finish(&self, known: &[String]) -> Result<(), Diagnostic> {
        let Some((key, _)) = self.values.iter().find(|(_, value)| !value.taken) else {
            return Ok(());
        };
        let message = format!("no profile has a key `{key}`");
        let complaint = self.complain(key, diagnostic::UNKNOWN_KEY, message);
        let nearest = known
            .iter()
            .min_by_key(|name| strsim::damerau_levenshtein(name, key));
        match nearest {
            Some(name) if strsim::damerau_levenshtein(name, key) <= 1 + key.len() / 4 => {
                Err(complaint.help(format!("did you mean `{name}`?")))
            }
            _ => Err(complaint),
        }
    }
    /// One `key = value` line for each value outside `without`, sorted: equal for documents that
    /// mean the same.
    pub(super) fn canonical(&self, without: &[&str]) -> String {
        let mut lines = String::new();
        for (key, value) in &self.values {
            let section = key.split('.').next().unwrap_or(key);
            if !without.contains(&section) {
                lines.push_str(&format!("{key} = {:?}\n", value.content));
            }
        }
        lines
    }
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}
