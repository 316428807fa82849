//! The canonical text of a document: what was run, after all layers, as a study file.

use super::document::Document;
use super::part::{Part, Printed, quoted};
use super::source::{Node, Value};

/// Sections in the order in which people read a study; the rest follows.
const ORDER: &[&str] = &[
    "study", "run", "host", "store", "workload", "event", "sweep", "variant", "slo", "gate",
];
/// Sections whose tables have headers of their own: `[store.redis]`.
const NESTED: &[&str] = &["study", "store", "variant", "gate"];

/// The document as TOML that reads back as the same document.
pub(super) fn to_toml(document: &Document) -> String {
    let Printed::Table(mut entries) = document.print() else {
        return String::new();
    };
    entries.sort_by_key(|(key, _)| {
        ORDER
            .iter()
            .position(|known| known == key)
            .map_or(0, |n| n + 1)
    });
    let mut text = String::new();
    for (key, value) in &entries {
        match value {
            Printed::Table(parts) if NESTED.contains(&key.as_str()) => {
                for (name, part) in parts {
                    section(&mut text, &format!("[{}.{}]", word(key), word(name)), part);
                }
            }
            Printed::Table(_) => section(&mut text, &format!("[{}]", word(key)), value),
            Printed::List(items) => {
                for item in items {
                    section(&mut text, &format!("[[{}]]", word(key)), item);
                }
            }
            Printed::Literal(literal) => assign(&mut text, &word(key), literal),
        }
    }
    text
}

fn section(text: &mut String, head: &str, part: &Printed) {
    let Printed::Table(entries) = part else {
        return;
    };
    text.push('\n');
    text.push_str(head);
    text.push('\n');
    for (key, value) in entries {
        let mut path = word(key);
        let mut value = value;
        // A tagged choice reads better as `arrivals.poisson = { … }`.
        while let Printed::Table(inner) = value {
            let [(tag, only)] = inner.as_slice() else {
                break;
            };
            if matches!(only, Printed::Literal(_)) && !matches!(tag.as_str(), "fixed") {
                break;
            }
            path = format!("{path}.{}", word(tag));
            value = only;
        }
        assign(text, &path, &inline(value));
    }
}

fn assign(text: &mut String, path: &str, value: &str) {
    text.push_str(path);
    text.push_str(" = ");
    text.push_str(value);
    text.push('\n');
}

fn inline(value: &Printed) -> String {
    match value {
        Printed::Literal(literal) => literal.clone(),
        Printed::List(items) => {
            format!(
                "[{}]",
                items.iter().map(inline).collect::<Vec<_>>().join(", ")
            )
        }
        Printed::Table(entries) if entries.is_empty() => "{}".to_owned(),
        Printed::Table(entries) => {
            let entry =
                |(key, value): &(String, Printed)| format!("{} = {}", word(key), inline(value));
            format!(
                "{{ {} }}",
                entries.iter().map(entry).collect::<Vec<_>>().join(", ")
            )
        }
    }
}

/// A key, in quotes where TOML needs them.
fn word(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !key.is_empty() && key.chars().all(bare) {
        true => key.to_owned(),
        false => quoted(key),
    }
}

/// A value that stays as the user wrote it.
pub(super) fn as_written(node: &Node) -> Printed {
    match &node.value {
        Value::Text(text) => Printed::Literal(quoted(text)),
        Value::Number(number) => Printed::Literal(number.clone()),
        Value::Bool(value) => Printed::Literal(value.to_string()),
        Value::Datetime(value) => Printed::Literal(value.to_string()),
        Value::List(items) => Printed::List(items.iter().map(as_written).collect()),
        Value::Table(entries) => Printed::Table(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), as_written(&entry.node)))
                .collect(),
        ),
    }
}
