//! The JSON Schema of study files, for editors and generators.

use super::document::Document;
use super::part::Part;
use schemars::SchemaGenerator;

/// The schema as JSON Schema 2020-12.
pub fn schema() -> serde_json::Value {
    let mut generator = SchemaGenerator::default();
    let mut schema = Document::schema(&mut generator);
    schema.insert(
        "$schema".to_owned(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    schema.insert("title".to_owned(), "kvrig study".into());
    schema.into()
}
