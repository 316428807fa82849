//! Texts in, study files or placed messages out.

use super::{File, import};
use crate::study::{self, Flags, Layers, Source, StudyKind};
use kvrig_base::diagnostic::Diagnostic;
use proptest::prelude::*;

const TABLE: &str = r#"{
  "TableName": "Orders",
  "AttributeDefinitions": [
    { "AttributeName": "user_id", "AttributeType": "S" },
    { "AttributeName": "order_id", "AttributeType": "S" },
    { "AttributeName": "status", "AttributeType": "S" }
  ],
  "KeySchema": [
    { "AttributeName": "user_id", "KeyType": "HASH" },
    { "AttributeName": "order_id", "KeyType": "RANGE" }
  ],
  "GlobalSecondaryIndexes": [
    { "IndexName": "ByStatus",
      "KeySchema": [ { "AttributeName": "status", "KeyType": "HASH" } ],
      "Projection": { "ProjectionType": "KEYS_ONLY" },
      "ProvisionedThroughput": { "ReadCapacityUnits": 10, "WriteCapacityUnits": 200 } }
  ],
  "ProvisionedThroughput": { "ReadCapacityUnits": 240, "WriteCapacityUnits": 200 },
  "Tags": []
}
"#;

const METRICS: &str = "Timestamp,ConsumedReadCapacityUnits,ConsumedWriteCapacityUnits\n\
    2024-11-01T00:00:00Z,18000,6000\n\
    2024-11-01T00:05:00Z,36000,0\n\
    2024-11-01T00:15:00Z,,3000.5\n";

fn file(name: &str, text: &str) -> File {
    File {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn of(name: &str, text: &str) -> Result<String, Diagnostic> {
    import(&[file(name, text)])
}

/// What was imported, read back as a study.
fn load(text: &str) -> study::Study {
    let layers = Layers {
        file: Source {
            name: "imported.toml".to_owned(),
            text: text.to_owned(),
        },
        builtin: |name| crate::studies::find(name).map(|study| study.toml),
        sets: &[],
        flags: Flags::default(),
    };
    study::load(&layers).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
}

/// The message, the part of the text that it points at, and the help.
fn refused(text: &str) -> (String, String, String) {
    let error = of("table.json", text).expect_err(text);
    let place = error
        .place
        .unwrap_or_else(|| panic!("{} has no place", error.message));
    let part = place.text[place.span].to_owned();
    (error.message, part, error.help.unwrap_or_default())
}

#[test]
fn a_table_becomes_settings_that_the_study_reads_back() {
    let text = of("orders.json", TABLE).expect("a table");
    let study = load(&text);
    let StudyKind::Cost(knobs) = &study.cells[0].kind else {
        panic!("{text}");
    };
    assert_eq!(knobs.provisioned, Some((250, 400)), "{text}");
    assert_eq!(knobs.indexes, [study::IndexProjection::KeysOnly]);
    assert_eq!(study.title, "Orders: which capacity mode costs less?");
}

#[test]
fn what_dynamodb_would_refuse_is_refused_where_it_stands() {
    let with = |from: &str, to: &str| {
        assert!(TABLE.contains(from), "{from}");
        refused(&TABLE.replacen(from, to, 1))
    };
    let units = "\"ReadCapacityUnits\": 240, \"WriteCapacityUnits\": 200";
    let (message, part, help) = with(
        units,
        "\"ReadCapacityUnits\": 240, \"WriteCapacityUnits\": -5",
    );
    assert_eq!(
        (message.as_str(), part.as_str()),
        ("`WriteCapacityUnits` is -5", "-5")
    );
    assert_eq!(help, "choose between 1 and 40000");
    let (message, part, _) = with(
        units,
        "\"ReadCapacityUnits\": NaN, \"WriteCapacityUnits\": 1",
    );
    assert_eq!(
        (message.as_str(), part.as_str()),
        ("not valid JSON: expected value", "N")
    );
    let (message, part, _) = with(
        units,
        "\"ReadCapacityUnits\": 1.5, \"WriteCapacityUnits\": 1",
    );
    assert_eq!(part, "1.5", "{message}");
    let (message, part, help) = with("\"order_id\"", &format!("\"{}\"", "k".repeat(3_000)));
    assert_eq!(message, "the name of a key attribute has 3000 bytes");
    assert_eq!(
        (part.len(), help.as_str()),
        (3_002, "keys have names of 1 to 255 bytes")
    );
    let (message, part, _) = with("\"KeyType\": \"RANGE\"", "\"KeyType\": \"HASH\"");
    assert_eq!(
        (message.as_str(), part.as_str()),
        ("a second HASH", "\"HASH\"")
    );
    let (message, part, _) = with(
        "\"AttributeName\": \"status\", \"KeyType\"",
        "\"AttributeName\": \"state\", \"KeyType\"",
    );
    assert_eq!(
        (message.as_str(), part.as_str()),
        ("the key attribute `state` is not defined", "\"state\"")
    );
    let (_, part, help) = with("\"Tags\": []", "\"ProvisionedThroughputs\": {}");
    assert_eq!(part, "{}");
    assert!(
        help.starts_with("did you mean `ProvisionedThroughput`?"),
        "{help}"
    );
    let (message, part, _) = with("\"Orders\"", "\"Or ders\"");
    assert_eq!(part, "\"Or ders\"", "{message}");
    let (message, part, _) = with("\"Tags\": []", "\"BillingMode\": \"PAY_PER_REQUEST\"");
    assert!(part.contains("200"), "{message}");
}

#[test]
fn too_many_indexes_are_refused_at_the_first_that_is_too_many() {
    let one = &TABLE[TABLE.find("{ \"IndexName\"").expect("an index")..];
    let one = &one[..one.find("200 } }").expect("its end") + "200 } }".len()];
    let many: Vec<String> = (0..41)
        .map(|number| one.replace("ByStatus", &format!("Index{number}")))
        .collect();
    let text = TABLE.replacen(one, &many.join(",\n"), 1);
    let (message, part, help) = refused(&text);
    assert_eq!(message, "41 elements of GlobalSecondaryIndexes");
    assert!(part.contains("\"Index20\""), "{part}");
    assert_eq!(help, "a table has at most 20");
}

#[test]
fn metrics_become_arrivals_that_consume_the_same() {
    let text = of("metrics.csv", METRICS).expect("metrics");
    // Half a unit a read and one a write: 140, 240, 0 and 10.0017 requests a second.
    for part in [
        "period = \"20min\"",
        "\"140/s\", \"240/s\", \"0/s\"",
        "mix = { get = \"92.3072%\", set = \"7.6928%\" }",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let study = load(&text);
    let study::Load::Open { arrivals, .. } = &study.cells[0].workload.load else {
        panic!("{text}");
    };
    let study::Arrivals::Table { rates, .. } = arrivals else {
        panic!("{text}");
    };
    assert_eq!(rates.len(), 4);
    assert_eq!(rates[3].0, 10_001_666);
}

#[test]
fn reads_and_writes_may_come_in_files_of_their_own_beside_a_table() {
    let reads = "\"Full label\",ConsumedReadCapacityUnits\n2024/11/01 00:00:00,600\n2024/11/01 00:01:00,600\n";
    let writes = reads.replace("Read", "Write");
    let files = [
        file("r.csv", reads),
        file("w.csv", &writes),
        file("t.json", TABLE),
    ];
    let text = import(&files).expect("all three");
    assert!(text.contains("\"30/s\", \"30/s\""), "{text}");
    assert!(text.contains("# r.csv and w.csv"), "{text}");
    load(&text);
    let twice = import(&[file("r.csv", reads), file("again.csv", reads)]).expect_err("twice");
    assert!(
        twice.message.contains("a metric that r.csv has too"),
        "{}",
        twice.message
    );
}

#[test]
fn lines_that_cannot_be_read_are_named_with_their_place() {
    for (line, part) in [
        ("2024-11-01T00:20:00Z,NaN,1", "NaN"),
        ("2024-11-01T00:20:00Z,-3,1", "-3"),
        ("2024-13-01T00:20:00Z,3,1", "2024-13-01T00:20:00Z"),
        ("2024-11-01T00:05:00Z,3,1", "2024-11-01T00:05:00Z"),
        ("2024-11-01T00:20:00Z,3", "2024-11-01T00:20:00Z,3"),
    ] {
        let (message, found, _) = refused(&format!("{METRICS}{line}\n"));
        assert_eq!(found, part, "{message}");
    }
    for (text, message) in [
        (
            "Timestamp,ConsumedReadCapacityUnits\n2024-11-01T00:00:00Z,1\n",
            "fewer than two times",
        ),
        (
            "Timestamp,ConsumedReadCapacityUnits\n2024-11-01T00:00:00Z,1\n2024-11-01T00:00:30Z,1\n",
            "one period",
        ),
        ("a,b\n1,2\n", "neither JSON nor metrics"),
        ("", "neither JSON nor metrics"),
    ] {
        let error = of("metrics.csv", text).expect_err(text);
        assert!(error.message.contains(message), "{}", error.message);
    }
}

proptest! {
    /// Whatever is cut, doubled or replaced: an answer, and places within the text.
    #[test]
    fn broken_files_never_panic(
        which in 0..2_usize,
        at in 0..1_000_usize,
        length in 0..40_usize,
        into in "[\\PC]{0,6}",
    ) {
        let text = [TABLE, METRICS][which];
        let from = at.min(text.len());
        let to = (from + length).min(text.len());
        let broken = format!("{}{into}{}", &text[..from], &text[to..]);
        if let Err(error) = of("broken", &broken)
            && let Some(place) = error.place
        {
            prop_assert!(place.span.start <= place.text.len());
            prop_assert!(place.text.is_char_boundary(place.span.start));
        }
    }
}
