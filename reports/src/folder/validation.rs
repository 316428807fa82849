//! The folder of a validation: its page, its charts and series, and all of it as JSON.

use super::files::{remove_file, write};
use super::study::write_drawables;
use super::{FolderError, MARKER, Output};
use crate::chart::Artist;
use crate::html;
use crate::rows::pretty;
use kvrig_base::validation::Validation;
use std::path::Path;

/// Writes a validation and takes the place of `target`.
///
/// # Errors
/// [`FolderError::Refused`] where `target` holds something that kvrig did not write; otherwise where
/// the file system refuses or a chart cannot be drawn, and `target` is untouched then.
pub fn write_validation(target: &Path, validation: &Validation) -> Result<(), FolderError> {
    let output = Output::begin(target)?;
    output.clear_staging()?;
    let folder = &output.staging;
    let caption = format!(
        "{} · {} · kvrig {}",
        validation.title,
        validation.machine.in_words(),
        validation.kvrig
    );
    let drawings = write_drawables(
        folder,
        &Artist::new()?,
        &caption,
        &validation.charts,
        &validation.series,
        &[],
    )?;
    write(&folder.join("summary.json"), pretty(validation).as_bytes())?;
    let page = html::validation(validation, &drawings, &caption)?;
    write(&folder.join("index.html"), page.as_bytes())?;
    remove_file(&folder.join(MARKER))?;
    output.swap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::measured::{ClockFacts, Machine};
    use kvrig_base::result::{Finding, Section, Table};
    use kvrig_base::validation::VALIDATION_SCHEMA;

    #[test]
    fn a_page_shows_findings_tables_and_the_machine() {
        let validation = Validation {
            schema: VALIDATION_SCHEMA,
            kvrig: "0.1.0".to_owned(),
            title: "Predicted and measured servers".to_owned(),
            question: "Does it hold?".to_owned(),
            findings: vec![Finding {
                text: "the p50 <misses>".to_owned(),
                rows: Vec::new(),
                warning: true,
            }],
            sections: vec![Section {
                title: "All quantities".to_owned(),
                paragraphs: vec!["in brackets".to_owned()],
                table: Table {
                    head: vec!["quantity".to_owned(), "ratio".to_owned()],
                    rows: vec![vec!["LRANGE".to_owned(), "0.95".to_owned()]],
                },
            }],
            charts: Vec::new(),
            series: Vec::new(),
            machine: Machine {
                processor: "a processor".to_owned(),
                cores: 2,
                system: "Linux 6".to_owned(),
                is_virtual: true,
                date: "2026-11-29".to_owned(),
                load_before: Some([150, 100, 50]),
                load_after: None,
            },
            clock: ClockFacts {
                reading_ns: 40,
                floor_ns: 4_000_000,
                spun_ns: 1_000_000_000,
            },
        };
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        write_validation(&target, &validation).unwrap();
        let page = std::fs::read_to_string(target.join("index.html")).unwrap();
        for part in [
            "the p50 &lt;misses&gt;",
            "All quantities",
            "LRANGE",
            "a processor",
            "4 ms",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let stored = std::fs::read(target.join("summary.json")).unwrap();
        let stored: Validation = serde_json::from_slice(&stored).unwrap();
        assert_eq!(stored, validation);
        // It is written again over itself, and never over what is somebody else's.
        write_validation(&target, &validation).unwrap();
        let foreign = folder.path().join("foreign");
        std::fs::create_dir(&foreign).unwrap();
        std::fs::write(foreign.join("letter.txt"), "dear").unwrap();
        let refused = write_validation(&foreign, &validation);
        assert!(matches!(refused, Err(FolderError::Refused(_))));
    }
}
