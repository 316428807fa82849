//! From what people have at hand to a study file: a request for CreateTable, CloudWatch's metrics.
//!
//! [`import`] reads texts and writes a commented file of the study `cost`. What a text does not say is
//! left to the study's defaults; what it says and the study does not know is told in comments.

mod cloudwatch;
mod create_table;
mod json;
#[cfg(test)]
mod tests;

use cloudwatch::Metrics;
use create_table::CreateTable;
use json::Text;
use kvrig_base::diagnostic::{self, Diagnostic};

/// A file to import: its name as given, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The name, for messages and comments.
    pub name: String,
    /// The content.
    pub text: String,
}

/// What one file turned out to be.
enum Imported {
    Table(CreateTable),
    Metrics(Metrics),
}

/// A study file of what the files say together: at most one table, and metrics.
///
/// # Errors
/// Files of no known kind, what DynamoDB would refuse, lines that cannot be read; each with its place.
pub fn import(files: &[File]) -> Result<String, Diagnostic> {
    let mut table: Option<(CreateTable, &str)> = None;
    let mut metrics: Option<Metrics> = None;
    for file in files {
        let text = Text {
            name: &file.name,
            text: &file.text,
        };
        match read(text)? {
            Imported::Table(read) => {
                if let Some((_, first)) = &table {
                    let message = format!("{} and {first} both create a table", file.name);
                    return Err(Diagnostic::new(diagnostic::CONTRADICTION, message)
                        .help("import one table at a time"));
                }
                table = Some((read, &file.name));
            }
            Imported::Metrics(read) => {
                metrics = Some(match metrics.take() {
                    None => read,
                    Some(first) => first.beside(read, text)?,
                });
            }
        }
    }
    Ok(study_file(
        table.as_ref().map(|(table, name)| (table, *name)),
        metrics.as_ref(),
    ))
}

fn read(text: Text<'_>) -> Result<Imported, Diagnostic> {
    let first = text.text.trim_start_matches('\u{feff}').trim_start();
    if first.starts_with('{') {
        return CreateTable::read(text).map(Imported::Table);
    }
    if Metrics::are_in(text) {
        return Metrics::read(text).map(Imported::Metrics);
    }
    let message = format!(
        "{} is neither JSON nor metrics of consumed capacity",
        text.name
    );
    Err(Diagnostic::new(diagnostic::IMPORT_KIND, message))
}

fn study_file(table: Option<(&CreateTable, &str)>, metrics: Option<&Metrics>) -> String {
    let mut file = String::from("schema = 1\n");
    let title = match table {
        Some((table, _)) => format!("{}: which capacity mode costs less?", table.name()),
        None => "Which capacity mode costs less?".to_owned(),
    };
    file += &format!("title = \"{title}\"\n\n[study.cost]\n");
    if let Some((table, name)) = table {
        file += &table.to_toml(name);
    }
    match metrics {
        Some(metrics) => file += &metrics.to_toml(),
        None => {
            file += "\n# When requests come, and how large items are, is the study's own. CloudWatch's\n\
                     # metrics of consumed capacity, imported beside the table, say it of yours.\n";
        }
    }
    file
}
