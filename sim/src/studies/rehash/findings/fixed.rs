//! Tables of a fixed size: what ways of probing cost nearly full, and what chosen keys do.

use crate::studies::rows::{Rows, Sentence};
use kvrig_base::result::Finding;
use kvrig_tables::probing::Probing;

/// The load of the comparison, as rows name it.
const COMPARED_LOAD: &str = "90%";

/// "Nine tenths full, a look-up that finds nothing meets 50.5 places with linear probing …".
pub(super) fn probing_nearly_full(rows: Rows<'_>, places: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for kind in Probing::ALL {
        let cell = [
            ("places", places),
            ("probing", kind.name()),
            ("load", COMPARED_LOAD),
        ];
        if let (Some(miss), Some(miss_law), Some(hit), Some(hit_law)) = (
            sentence.quote(&cell, "probes_miss_mean"),
            sentence.quote(&cell, "law_miss_mean"),
            sentence.quote(&cell, "probes_hit_mean"),
            sentence.quote(&cell, "law_hit_mean"),
        ) {
            parts.push(format!(
                "{} {miss} ({miss_law}) where the key is missing and {hit} ({hit_law}) where it is found",
                kind.name()
            ));
        }
    }
    let text = format!(
        "Probes of a look-up in a fixed table of {places} places, nine tenths full, with theory in \
         brackets: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

/// "Among 10,000 keys chosen to collide a look-up compares 5,001 keys under …, and 1.076 under …".
pub(super) fn flooded(rows: Rows<'_>, places: &str) -> Option<Finding> {
    let is_flood = |row: &&kvrig_base::row::Row| {
        let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
        axis("places") == Some(places) && axis("hash").is_some() && row.name == "entries_count"
    };
    let most = rows.0.iter().filter(is_flood).max_by_key(|row| row.value)?;
    let keys = most.cell.get("keys")?.as_str();
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    let mut written = None;
    for (hash, name) in [
        ("murmurhash3", "MurmurHash3"),
        ("crc16", "CRC16"),
        ("siphash-1-2", "SipHash under a secret key"),
    ] {
        let cell = [("places", places), ("hash", hash), ("keys", keys)];
        if let (Some(count), Some(probes)) = (
            sentence.quote(&cell, "entries_count"),
            sentence.quote(&cell, "probes_lookup_mean"),
        ) {
            parts.push(format!("{probes} under {name}"));
            written = Some(count);
        }
    }
    let text = format!(
        "Keys compared by one look-up among {} keys that were chosen to collide, in {places} chains: {}.",
        written?,
        parts.join(", ")
    );
    Some(sentence.say(text))
}
