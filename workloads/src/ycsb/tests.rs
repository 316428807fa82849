//! The six core workloads, written anew from their documented values, and what is refused.

use super::*;
use crate::workload::{Op, Operations};
use kvrig_base::digest::Rolling;
use std::sync::Arc;

/// A file as YCSB ships them: a comment block, then the values that its documentation gives.
fn core(letter: &str) -> String {
    let (read, update, scan, insert, rmw, distribution) = match letter {
        "a" => ("0.5", "0.5", "0", "0", None, "zipfian"),
        "b" => ("0.95", "0.05", "0", "0", None, "zipfian"),
        "c" => ("1", "0", "0", "0", None, "zipfian"),
        "d" => ("0.95", "0", "0", "0.05", None, "latest"),
        "e" => ("0", "0", "0.95", "0.05", None, "zipfian"),
        _ => ("0.5", "0", "0", "0", Some("0.5"), "zipfian"),
    };
    let mut text = format!(
        "# Yahoo! Cloud System Benchmark\n#   Workload {letter}\r\n\n\
         recordcount=1000\noperationcount=1000\nworkload=site.ycsb.workloads.CoreWorkload\n\n\
         readallfields=true\n\nreadproportion={read}\nupdateproportion={update}\n\
         scanproportion={scan}\ninsertproportion={insert}\n"
    );
    if let Some(rmw) = rmw {
        text += &format!("readmodifywriteproportion={rmw}\n");
    }
    text += &format!("\nrequestdistribution={distribution}\n");
    if letter == "e" {
        text += "\nmaxscanlength=100\n\nscanlengthdistribution=uniform\n\n";
    }
    text
}

fn read(text: &str) -> YcsbWorkload {
    YcsbWorkload::read("workloada", text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn errors(text: &str) -> Vec<String> {
    let errors = YcsbWorkload::read("w.properties", text).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

/// Load and run phase of all six: every record is loaded once, and operations come in their shares.
#[test]
fn the_core_workloads_load_and_run() {
    let shares: [(&str, &[(OpKind, f64)]); 6] = [
        ("a", &[(OpKind::Get, 0.5), (OpKind::Set, 0.5)]),
        ("b", &[(OpKind::Get, 0.95), (OpKind::Set, 0.05)]),
        ("c", &[(OpKind::Get, 1.0)]),
        ("d", &[(OpKind::Get, 0.95), (OpKind::Insert, 0.05)]),
        ("e", &[(OpKind::Scan, 0.95), (OpKind::Insert, 0.05)]),
        ("f", &[(OpKind::Get, 0.5), (OpKind::ReadModifyWrite, 0.5)]),
    ];
    for (letter, shares) in shares {
        let ycsb = read(&core(letter));
        assert_eq!((ycsb.records, ycsb.operations), (1_000, Some(1_000)));
        let workload = Arc::new(ycsb.workload(Seed(1)).unwrap());
        let loaded: Vec<Op> = workload.load_phase().collect();
        let keys: Vec<u64> = loaded.iter().map(|op| op.key.0).collect();
        assert!(keys.iter().copied().eq(0..1_000), "{letter}");
        assert!(
            loaded
                .iter()
                .all(|op| (op.kind, op.key_bytes, op.value_bytes) == (OpKind::Insert, 23, 1_000))
        );
        let mut operations = Operations::new(workload);
        let ops: Vec<Op> = operations.by_ref().take(20_000).collect();
        for &(kind, share) in shares {
            let count = ops.iter().filter(|op| op.kind == kind).count() as f64;
            let expected = share * 20_000.0;
            assert!(
                (count - expected).abs() < 300.0,
                "{letter} {kind:?}: {count}"
            );
        }
        let known: usize = shares
            .iter()
            .map(|&(kind, _)| ops.iter().filter(|op| op.kind == kind).count())
            .sum();
        assert_eq!(
            known, 20_000,
            "{letter}: an operation that it does not have"
        );
        if letter == "e" {
            let longest = ops.iter().map(|op| op.length).max();
            assert_eq!(longest, Some(100));
        }
        if letter == "d" {
            // The newest tenth of the records gets most of the reads.
            let mut present = 1_000;
            let (mut newest, mut reads) = (0_u32, 0_u32);
            for op in &ops {
                match op.kind {
                    OpKind::Insert => present += 1,
                    _ => {
                        reads += 1;
                        newest += u32::from(op.key.0 + present / 10 >= present);
                    }
                }
            }
            assert!(
                f64::from(newest) > 0.6 * f64::from(reads),
                "{newest} of {reads}"
            );
        }
    }
}

#[test]
fn golden_operations_of_the_core_workloads_hold() {
    let mut digests = String::new();
    for letter in ["a", "b", "c", "d", "e", "f"] {
        let workload = read(&core(letter)).workload(Seed(42)).unwrap();
        let mut digest = Rolling::default();
        for op in Operations::new(Arc::new(workload)).take(5_000) {
            for word in [
                op.kind as u64,
                op.key.0,
                op.value_bytes,
                u64::from(op.length),
            ] {
                digest.fold(word);
            }
        }
        digests += &format!("{letter} {:016x}\n", digest.value());
    }
    assert_eq!(
        digests,
        "a 70d47a782017c79f\nb 8e473dacf47fd6b3\nc f7dd3c45a77c5587\n\
         d b9d57587dd11ae3c\ne fb1e7f01abda69a7\nf e5fcdde4e14483c3\n"
    );
}

/// The top record's share is that of YCSB at every number of records, collisions aside.
#[test]
fn the_zipfian_of_ycsb_keeps_its_top_share() {
    for records in [1_000_u32, 1_000_000] {
        let text = core("c").replace("recordcount=1000", &format!("recordcount={records}"));
        let workload = read(&text).workload(Seed(1)).unwrap();
        let mut counts = vec![0_u32; records as usize];
        for op in Operations::new(Arc::new(workload)).take(200_000) {
            counts[op.key.0 as usize] += 1;
        }
        let top = f64::from(counts.into_iter().max().unwrap()) / 200_000.0;
        assert!(
            (0.036..0.0395 + 1.0 / f64::from(records)).contains(&top),
            "{top}"
        );
    }
}

#[test]
fn properties_are_read_as_java_reads_them() {
    let text = "! a comment\n  recordcount : 5000\nfieldcount=1\nfieldlength = 32\n\
                insertorder ordered\nrequest\\\n   distribution=hotspot\nhotspotdatafraction=0.1\n\
                readproportion=3\nreadproportion=0.6\nupdateproportion=0.6\nthreadcount=8\n";
    let ycsb = read(text);
    assert_eq!((ycsb.records, ycsb.record_bytes), (5_000, (32, 32)));
    assert_eq!((ycsb.key_bytes, ycsb.threads), (8, Some(8)));
    let half = Share::percent(50);
    assert_eq!(ycsb.mix, [(OpKind::Get, half), (OpKind::Set, half)]);
    let hotspot = RequestDistribution::Hotspot {
        keys: Share::percent(10),
        requests: Share::percent(80),
    };
    assert_eq!(ycsb.distribution, hotspot);
    assert_eq!(
        ycsb.to_toml(),
        "[workload]\nclients = 8\nmix = { get = \"50%\", set = \"50%\" }\nkeys = 5000\n\
         popularity.hotspot = { keys = \"10%\", requests = \"80%\" }\nkey_size.fixed = \"8B\"\n\
         value_size.fixed = \"32B\"\n"
    );
    let exponential = read("recordcount=10\nrequestdistribution=exponential\n");
    let toml = exponential.to_toml();
    assert!(
        toml.contains("keys = \"85.7142857%\", requests = \"95%\""),
        "{toml}"
    );
}

#[test]
fn what_is_wrong_is_reported_with_its_line() {
    assert_eq!(
        errors("recordcount=10\nrequestdistributon=zipfian\nfieldlength=x\n"),
        [
            "w.properties:2:1: KV1002: unknown YCSB property `requestdistributon` \
             (did you mean `requestdistribution`?)",
            "w.properties:3:13: KV1003: `x` is not a whole number from 0 to 53687091 (`fieldlength`)",
        ]
    );
    for (text, part) in [
        ("", "missing property `recordcount`"),
        (
            "recordcount=0",
            "1:13: KV1003: `0` is not a whole number from 1 to",
        ),
        ("recordcount=", "`` is not a whole number"),
        (
            "recordcount=1\nreadproportion=-1",
            "2:16: KV1003: `-1` is not a number from 0 to 1",
        ),
        (
            "recordcount=1\nreadproportion=0\nupdateproportion=0",
            "all proportions are zero",
        ),
        (
            "recordcount=1\nrequestdistribution=zipf",
            "is not one of uniform, zipfian, latest",
        ),
        (
            "recordcount=1\nworkload=my.Workload",
            "is not the class site.ycsb",
        ),
        (
            "recordcount=1\nfieldlengthdistribution=uniform",
            "KV1009: field lengths that vary",
        ),
        ("recordcount=1\nqqq=1", "known here: workload, recordcount"),
        ("récordcount=1\nb", "unknown YCSB property `récordcount`"),
    ] {
        let errors = errors(text).join("\n");
        assert!(errors.contains(part), "{text:?}: {errors}");
    }
}
