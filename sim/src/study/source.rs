//! Texts that users wrote, and the trees of values read from them.
//!
//! Every key and value knows its place: a study is put together from several texts (the defaults, a
//! file, each `--set`), and an error found after merging must still point at what was written.

use kvrig_base::diagnostic::{self, Code, Diagnostic};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

/// A place in one of the texts of [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    source: u32,
    start: u32,
    end: u32,
}

/// The texts that a study was read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<Source>,
}

/// One text and what the user calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name as the user gave it, or the flag.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Origin,
    pub(super) value: Value,
}

/// What TOML can say; numbers stay as written, so that `0.99` and `1e6` lose nothing.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(String),
    Bool(bool),
    Datetime(Datetime),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value, in the order of writing.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Origin,
    pub(super) node: Node,
}

impl Value {
    /// What a message calls the value.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text(text) => format!("the text `{text}`"),
            Self::Number(number) => format!("the number {number}"),
            Self::Bool(value) => format!("`{value}`"),
            Self::Datetime(value) => format!("the date {value}"),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
    /// The value of a sweep's cell, as rows name it.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::Datetime(value) => value.to_string(),
            Self::List(items) => items
                .iter()
                .map(|item| item.value.label())
                .collect::<Vec<_>>()
                .join(", "),
            Self::Table(entries) => entries
                .iter()
                .map(|entry| format!("{}={}", entry.key, entry.node.value.label()))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

impl Sources {
    /// A message about the text at `at`.
    pub fn diagnostic(
        &self,
        code: Code,
        at: Origin,
        message: impl Into<String>,
        label: &str,
    ) -> Diagnostic {
        let source = &self.texts[at.source as usize];
        let span = at.start as usize..at.end as usize;
        Diagnostic::new(code, message).at(&source.name, &source.text, span, label)
    }
    /// Line of a place, from 1.
    pub fn line(&self, at: Origin) -> u32 {
        let before = &self.texts[at.source as usize].text[..at.start as usize];
        u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX)
    }
    /// The text at a place.
    pub(super) fn slice(&self, at: Origin) -> &str {
        &self.texts[at.source as usize].text[at.start as usize..at.end as usize]
    }

    /// Reads a whole TOML document.
    ///
    /// # Errors
    /// The first syntax error, or a text beyond the size limit.
    pub(super) fn read(&mut self, source: Source) -> Result<Node, Diagnostic> {
        let limit = kvrig_base::limits::STUDY_FILE_BYTES_MAX;
        if source.text.len() as u64 > limit {
            return Err(Diagnostic::new(
                diagnostic::OUT_OF_RANGE,
                format!("{} is larger than {limit} bytes", source.name),
            )
            .help("a study file is a few kilobytes; is this the file you meant?"));
        }
        let source = self.add(source);
        match DeTable::parse(&source.text.clone()) {
            Ok(table) => Ok(self.root(table.get_ref(), &source)),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                Err(Diagnostic::new(
                    diagnostic::SYNTAX,
                    format!("not valid TOML: {}", error.message()),
                )
                .at(
                    &source.name,
                    &source.text,
                    char_boundaries(&source.text, span),
                    "here",
                ))
            }
        }
    }

    /// Reads `path=value` as a TOML document of one line whose value may be a bare word.
    ///
    /// # Errors
    /// If there is no `=`, or the path or a quoted, bracketed value is not TOML.
    pub(super) fn read_setting(&mut self, flag: &str, text: &str) -> Result<Node, Diagnostic> {
        let whole = Source {
            name: flag.to_owned(),
            text: text.to_owned(),
        };
        if DeTable::parse(text).is_ok() && !text.contains(['\n', '#']) {
            return self.read(whole);
        }
        let usage = |message: &str, span: Range<usize>| {
            Diagnostic::new(diagnostic::USAGE, message)
                .at(flag, text, span, "here")
                .help(format!(
                    "write {flag} path=value, such as `{flag} run.seeds=5`"
                ))
        };
        let Some(equals) = text.find('=') else {
            return Err(usage("a setting without `=`", 0..text.len()));
        };
        let written = text[equals + 1..].trim();
        let start = equals + 1 + (text[equals + 1..].len() - text[equals + 1..].trim_start().len());
        if written.is_empty() {
            return Err(usage("a setting without a value", 0..text.len()));
        }
        if written.contains('\n') {
            return Err(usage("a setting of more than one line", start..text.len()));
        }
        // The path alone, with a value that is certainly TOML.
        let path = format!("{}0", &text[..=equals]);
        if DeTable::parse(&path).is_err() || written.starts_with(['"', '\'', '{']) {
            return self.read(whole);
        }
        let source = self.add(whole);
        let items = match written
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(inner) => {
                if inner.contains(['[', '{', '"', '\'']) {
                    let Source { name, text } = self.texts[source.number as usize].clone();
                    return self.read(Source { name, text });
                }
                let mut offset = start + 1;
                let mut items = Vec::new();
                for item in inner.split(',') {
                    let leading = item.len() - item.trim_start().len();
                    if !item.trim().is_empty() {
                        items.push(source.bare(offset + leading, item.trim()));
                    }
                    offset += item.len() + 1;
                }
                Value::List(items)
            }
            None => source.bare(start, written).value,
        };
        let value = Node {
            at: source.origin(start..start + written.len()),
            value: items,
        };
        let table = DeTable::parse(&path).map_err(|_| usage("not a path", 0..equals))?;
        let mut node = self.root(table.get_ref(), &source);
        replace_leaf(&mut node, value);
        Ok(node)
    }

    fn add(&mut self, source: Source) -> Numbered {
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(source.clone());
        Numbered {
            number,
            name: source.name,
            text: source.text,
        }
    }
    fn root(&self, table: &DeTable<'_>, source: &Numbered) -> Node {
        Node {
            at: source.origin(0..0),
            value: Value::Table(source.entries(table)),
        }
    }
}

/// A value that stands where a path leads: `a.b.c = value` as nested tables.
pub(super) fn at_path(path: &[(String, Origin)], value: Node) -> Node {
    path.iter().rev().fold(value, |node, (key, key_at)| Node {
        at: *key_at,
        value: Value::Table(vec![Entry {
            key: key.clone(),
            key_at: *key_at,
            node,
        }]),
    })
}

impl Sources {
    /// The parts of a dotted path written at `at`, each with its own place.
    pub(super) fn path_parts(&self, path: &str, at: Origin) -> Vec<(String, Origin)> {
        let written = self.slice(at).find(path);
        let mut offset = 0;
        path.split('.')
            .map(|part| {
                let place = match written {
                    Some(start) => {
                        let start = at.start as usize + start + offset;
                        Origin {
                            source: at.source,
                            start: to_u32(start),
                            end: to_u32(start + part.len()),
                        }
                    }
                    None => at,
                };
                offset += part.len() + 1;
                (part.to_owned(), place)
            })
            .collect()
    }
}

/// Puts `value` in place of the one leaf of a document that is a single path.
fn replace_leaf(node: &mut Node, value: Node) {
    match &mut node.value {
        Value::Table(entries) if !entries.is_empty() => replace_leaf(&mut entries[0].node, value),
        _ => *node = value,
    }
}

/// The nearest span that does not split a character.
fn char_boundaries(text: &str, span: Range<usize>) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

fn to_u32(position: usize) -> u32 {
    u32::try_from(position).expect("texts are below STUDY_FILE_BYTES_MAX, which fits 32 bits")
}

/// A text with its number, while it is being read.
struct Numbered {
    number: u32,
    name: String,
    text: String,
}

impl Numbered {
    fn origin(&self, span: Range<usize>) -> Origin {
        let span = char_boundaries(&self.text, span);
        Origin {
            source: self.number,
            start: to_u32(span.start),
            end: to_u32(span.end),
        }
    }
    /// A word of a `--set`: a number or `true` where it is one, text otherwise.
    fn bare(&self, start: usize, word: &str) -> Node {
        let at = self.origin(start..start + word.len());
        let value = match DeValue::parse(word) {
            Ok(value) => self.value(value.get_ref()),
            Err(_) => Value::Text(word.to_owned()),
        };
        Node { at, value }
    }
    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        Node {
            at: self.origin(value.span()),
            value: self.value(value.get_ref()),
        }
    }
    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(integer) => {
                let decimal = match integer.radix() {
                    10 => integer.as_str().to_owned(),
                    radix => u128::from_str_radix(integer.as_str(), radix)
                        .map_or_else(|_| integer.to_string(), |n| n.to_string()),
                };
                Value::Number(decimal)
            }
            DeValue::Float(float) => Value::Number(float.as_str().to_owned()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(value) => Value::Datetime(*value),
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => Value::Table(self.entries(table)),
        }
    }
    /// The entries in the order of writing; the parser sorts them by name.
    fn entries(&self, table: &DeTable<'_>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                key_at: self.origin(key.span()),
                node: self.node(value),
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_at);
        entries
    }
}
