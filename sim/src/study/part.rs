//! The parts that a document is made of: how each is read, merged, printed and described.
//!
//! Every setting is optional, because every layer is partial: the file says some, a `--set` says
//! one. Serde's derives would give the same shapes, but their errors are text without the keys that
//! were allowed and end at the first; here all errors of a text are found, each with its place.

use super::source::{Entry, Node, Origin, Sources, Value};
use kvrig_base::diagnostic::{self, Diagnostic};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Map;

/// Something that a study document may hold.
pub(super) trait Part: Sized {
    /// Reads it; what is wrong goes to the report.
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self>;
    /// Lays a later layer over this one.
    fn merge(&mut self, over: Self);
    /// Its canonical form.
    fn print(&self) -> Printed;
    /// Its JSON Schema.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

/// A reference to the schema called `name`, which `make` gives where the generator has none yet:
/// parts stand in several places of a document, and the schema has each once.
pub(super) fn defined(
    name: &str,
    generator: &mut SchemaGenerator,
    make: impl FnOnce(&mut SchemaGenerator) -> Schema,
) -> Schema {
    if !generator.definitions().contains_key(name) {
        let schema = make(generator);
        let definitions = generator.definitions_mut();
        definitions.insert(name.to_owned(), schema.into());
    }
    json_schema!({ "$ref": format!("#/$defs/{name}") })
}

/// A single value: a quantity, a name, a text.
pub(super) trait Scalar: Sized {
    /// What is expected, for messages: ``a time such as `250ms` ``.
    const EXPECTED: &'static str;
    /// Reads it, if the value is of a kind that it may have at all.
    ///
    /// # Errors
    /// A message without a place.
    fn read(value: &Value) -> Option<Result<Self, Diagnostic>>;
    /// Its canonical TOML.
    fn print(&self) -> String;
    /// Its JSON Schema.
    fn schema() -> Schema;
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located<T> {
    /// The value.
    pub(super) value: T,
    /// Where it was written.
    pub(super) at: Origin,
}

/// A part with the place where it began.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) part: T,
    pub(super) at: Origin,
}

/// A part that a later layer replaces whole instead of key by key.
#[derive(Clone, Debug)]
pub(super) struct Whole<T>(pub(super) T);

/// Parts under names that the user chooses, in the order of writing.
#[derive(Clone, Debug)]
pub(super) struct Named<T>(pub(super) Vec<(Located<String>, T)>);

/// The canonical form of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Printed {
    /// A TOML literal.
    Literal(String),
    List(Vec<Printed>),
    Table(Vec<(String, Printed)>),
}

/// What was found wrong so far.
pub(super) struct Report<'a> {
    pub(super) sources: &'a Sources,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            diagnostics: Vec::new(),
        }
    }
    pub(super) fn wrong_type(&mut self, node: &Node, expected: &str) {
        let found = node.value.describe();
        let help = match node.value {
            Value::List(_) => {
                "to run one cell for each value, write the list under `[sweep]`".to_owned()
            }
            _ => format!("write {expected}"),
        };
        self.diagnostics.push(
            self.sources
                .diagnostic(
                    diagnostic::WRONG_TYPE,
                    node.at,
                    format!("expected {expected}, found {found}"),
                    &format!("expected {expected}"),
                )
                .help(help),
        );
    }
    /// A key that is not among `known`; `later` are known names that this version lacks.
    pub(super) fn unknown_key(&mut self, entry: &Entry, known: &[&str], later: &[&str]) {
        let key = &entry.key;
        if later.contains(&key.as_str()) {
            return self.not_built(entry.key_at, key, known);
        }
        let mut sorted = known.to_vec();
        sorted.sort_unstable();
        let list = sorted.join(", ");
        let help = match closest(key, &sorted) {
            Some(near) => format!("did you mean `{near}`? Known here: {list}"),
            None => format!("known here: {list}"),
        };
        self.diagnostics.push(
            self.sources
                .diagnostic(
                    diagnostic::UNKNOWN_KEY,
                    entry.key_at,
                    format!("unknown key `{key}`"),
                    "not known here",
                )
                .help(help),
        );
    }
    /// A name that is not among `known`.
    pub(super) fn unknown_name(&mut self, name: &Located<String>, known: &[&str], label: &str) {
        let error = unknown_name(&name.value, known, &[]);
        let placed = self
            .sources
            .diagnostic(diagnostic::UNKNOWN_NAME, name.at, "", label);
        self.diagnostics.push(Diagnostic {
            place: placed.place,
            ..error
        });
    }
    pub(super) fn not_built(&mut self, at: Origin, name: &str, known: &[&str]) {
        self.diagnostics.push(
            self.sources
                .diagnostic(
                    diagnostic::NOT_BUILT,
                    at,
                    format!("`{name}` is not part of this version"),
                    "not part of this version",
                )
                .help(format!("this version has: {}", known.join(", "))),
        );
    }
    pub(super) fn out_of_range(&mut self, at: Origin, message: String, help: &str) {
        let place = self
            .sources
            .diagnostic(diagnostic::OUT_OF_RANGE, at, message, "out of range");
        self.diagnostics.push(place.help(help));
    }
    pub(super) fn missing(&mut self, at: Origin, key: &str, meaning: &str) {
        self.diagnostics.push(
            self.sources
                .diagnostic(
                    diagnostic::MISSING_KEY,
                    at,
                    format!("missing key `{key}`"),
                    &format!("`{key}` is missing here"),
                )
                .help(format!("`{key}` says {meaning}")),
        );
    }
    pub(super) fn contradiction(&mut self, at: Origin, message: String, help: &str) {
        self.diagnostics.push(
            self.sources
                .diagnostic(
                    diagnostic::CONTRADICTION,
                    at,
                    message,
                    "contradicts the other",
                )
                .help(help),
        );
    }
}

/// The candidate that `word` was probably meant to be.
pub(super) fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    /// Below this, suggestions look arbitrary; clap uses 0.7 for flags, keys here are shorter.
    const SIMILARITY_MIN: f64 = 0.8;
    candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
        .filter(|(similarity, _)| *similarity > SIMILARITY_MIN)
        // Of equals the first.
        .rev()
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

impl<T: Scalar> Part for Located<T> {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        match T::read(&node.value) {
            Some(Ok(value)) => Some(Self { value, at: node.at }),
            Some(Err(error)) => {
                let label = error.message.clone();
                let placed =
                    report
                        .sources
                        .diagnostic(diagnostic::WRONG_TYPE, node.at, label, "here");
                let label = format!("expected {}", T::EXPECTED);
                let place = placed
                    .place
                    .map(|place| diagnostic::Place { label, ..place });
                report.diagnostics.push(Diagnostic { place, ..error });
                None
            }
            None => {
                report.wrong_type(node, T::EXPECTED);
                None
            }
        }
    }
    fn merge(&mut self, over: Self) {
        *self = over;
    }
    fn print(&self) -> Printed {
        Printed::Literal(self.value.print())
    }
    fn schema(_: &mut SchemaGenerator) -> Schema {
        T::schema()
    }
}

impl<T: Part> Part for At<T> {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        Some(Self {
            part: T::read(node, report)?,
            at: node.at,
        })
    }
    fn merge(&mut self, over: Self) {
        self.part.merge(over.part);
        self.at = over.at;
    }
    fn print(&self) -> Printed {
        self.part.print()
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

impl<T: Part> Part for Whole<T> {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        T::read(node, report).map(Self)
    }
    fn merge(&mut self, over: Self) {
        *self = over;
    }
    fn print(&self) -> Printed {
        self.0.print()
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

/// A large part of a choice lies apart, so that the small ones stay small.
impl<T: Part> Part for Box<T> {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        T::read(node, report).map(Self::new)
    }
    fn merge(&mut self, over: Self) {
        T::merge(self, *over);
    }
    fn print(&self) -> Printed {
        T::print(self)
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

/// A list; a later layer replaces it whole.
impl<T: Part> Part for Vec<T> {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let Value::List(items) = &node.value else {
            report.wrong_type(node, "a list in square brackets");
            return None;
        };
        let read: Vec<T> = items
            .iter()
            .filter_map(|item| T::read(item, report))
            .collect();
        (read.len() == items.len()).then_some(read)
    }
    fn merge(&mut self, over: Self) {
        *self = over;
    }
    fn print(&self) -> Printed {
        Printed::List(self.iter().map(Part::print).collect())
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": T::schema(generator) })
    }
}

impl<T: Part> Part for Named<T> {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            report.wrong_type(node, "a table of names and values");
            return None;
        };
        let read = |entry: &Entry| {
            let name = Located {
                value: entry.key.clone(),
                at: entry.key_at,
            };
            Some((name, T::read(&entry.node, report)?))
        };
        Some(Self(entries.iter().filter_map(read).collect()))
    }
    fn merge(&mut self, over: Self) {
        for (name, part) in over.0 {
            match self
                .0
                .iter_mut()
                .find(|(known, _)| known.value == name.value)
            {
                Some((_, known)) => known.merge(part),
                None => self.0.push((name, part)),
            }
        }
    }
    fn print(&self) -> Printed {
        Printed::Table(
            self.0
                .iter()
                .map(|(name, part)| (name.value.clone(), part.print()))
                .collect(),
        )
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": T::schema(generator) })
    }
}

/// Settings under fixed keys: what `table!` declares.
pub(super) trait Table: Default {
    /// Known names of later versions.
    const LATER: &'static [&'static str];
    /// All keys.
    fn keys() -> Vec<&'static str>;
    /// Takes an entry whose key it knows.
    fn accept(&mut self, entry: &Entry, report: &mut Report<'_>) -> bool;
    /// Lays the settings of a later layer over these.
    fn merge_settings(&mut self, over: Self);
    /// The settings that are made, in the order of declaration.
    fn settings(&self) -> Vec<(String, Printed)>;
    /// Schemas of all settings.
    fn properties(generator: &mut SchemaGenerator, into: &mut Map<String, serde_json::Value>);

    fn read_table(node: &Node, report: &mut Report<'_>) -> Option<Self>
    where
        Self: Rules,
    {
        let Value::Table(entries) = &node.value else {
            let keys = Self::keys().join(", ");
            report.wrong_type(node, &format!("a table of settings ({keys})"));
            return None;
        };
        let mut table = Self::default();
        for entry in entries {
            if !table.accept(entry, report) {
                report.unknown_key(entry, &Self::keys(), Self::LATER);
            }
        }
        table.check(report);
        Some(table)
    }
    fn table_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        Self::properties(generator, &mut properties);
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}

/// Rules between the settings of one table.
pub(super) trait Rules: Sized {
    /// Whether the settings of one layer fit together.
    fn check(&self, _report: &mut Report<'_>) {}
    /// Drops what a later layer replaces by a setting of another name.
    fn yield_to(&mut self, _over: &Self) {}
}

/// A schema with a description.
pub(super) fn described(mut schema: Schema, lines: &[&str]) -> serde_json::Value {
    let text = lines
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ");
    schema.insert("description".to_owned(), text.into());
    schema.into()
}

/// Lays a setting over an earlier one, where it is made.
pub(super) fn merge_option<T: Part>(under: &mut Option<T>, over: Option<T>) {
    match (under, over) {
        (Some(under), Some(over)) => under.merge(over),
        (under @ None, over) => *under = over,
        (Some(_), None) => {}
    }
}

/// Reads the one form that a tagged choice is given in.
pub(super) fn read_choice<'n>(
    node: &'n Node,
    tags: &[&str],
    later: &[&str],
    report: &mut Report<'_>,
) -> Option<&'n Entry> {
    let Value::Table(entries) = &node.value else {
        report.wrong_type(
            node,
            &format!("one of these as a table: {}", tags.join(", ")),
        );
        return None;
    };
    for entry in entries
        .iter()
        .filter(|entry| !tags.contains(&entry.key.as_str()))
    {
        report.unknown_key(entry, tags, later);
    }
    let mut known = entries
        .iter()
        .filter(|entry| tags.contains(&entry.key.as_str()));
    let first = known.next();
    if let (Some(first), Some(second)) = (first, known.next()) {
        report.contradiction(
            second.key_at,
            format!("`{}` and `{}` are both given", first.key, second.key),
            "keep one of the two",
        );
        return None;
    }
    if entries.is_empty() {
        report.wrong_type(node, &format!("one of {}", tags.join(", ")));
    }
    first
}

/// A text that is none of `names`.
pub(super) fn unknown_name(text: &str, names: &[&str], later: &[&str]) -> Diagnostic {
    let list = names.join(", ");
    if later.contains(&text) {
        return Diagnostic::new(
            diagnostic::NOT_BUILT,
            format!("`{text}` is not part of this version"),
        )
        .help(format!("this version has: {list}"));
    }
    let help = match closest(text, names) {
        Some(near) => format!("did you mean `{near}`? Known: {list}"),
        None => format!("known: {list}"),
    };
    Diagnostic::new(diagnostic::UNKNOWN_NAME, format!("unknown name `{text}`")).help(help)
}

/// A text as a TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
