//! Where growth begins and ends under inserts alone, beside theory.

use super::at::At;
use crate::studies::rehash::display_name;
use crate::studies::rows::{Rows, Sentence};
use kvrig_base::result::Finding;

/// Positions of the events of every table at the largest size that has been measured alone.
pub(super) fn beside_theory(rows: Rows<'_>, tables: &[&str], size: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for &table in tables {
        let at = At {
            table,
            size: Some(size),
            ..At::default()
        };
        let mut events = Vec::new();
        for (event, position, law) in [
            ("begins", "rehash_start_position", "law_start_position"),
            ("ends", "rehash_end_position", "law_end_position"),
            ("frees", "rehash_free_position", "law_free_position"),
        ] {
            let Some(position) = sentence.quote_above_zero(at, position) else {
                continue;
            };
            match sentence.quote(at, law) {
                Some(law) => events.push(format!("{event} at {position} ({law})")),
                None => events.push(format!("{event} at {position}")),
            }
        }
        if !events.is_empty() {
            parts.push(format!("{} {}", display_name(table), events.join(", ")));
        }
    }
    let text = format!(
        "Growth from {size} under inserts alone, by number of the insert, with theory in brackets: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}
