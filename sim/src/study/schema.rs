//! The JSON Schema of study files, for editors and generators.

use super::document::Document;
use super::part::Table;
use schemars::SchemaGenerator;

/// The schema as JSON Schema 2020-12.
pub fn schema() -> serde_json::Value {
    let mut generator = SchemaGenerator::default();
    let mut schema = Document::table_schema(&mut generator);
    schema.insert("$defs".to_owned(), generator.take_definitions(false).into());
    schema.insert(
        "$schema".to_owned(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    schema.insert("title".to_owned(), "kvrig study".into());
    schema.into()
}
