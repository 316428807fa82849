//! Workloads by name, from YCSB's files and from recorded traces, all the way through.

use crate::{folder_with_tiny_study, run};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// 20,000 requests for 2,500 keys, as Twitter's traces have them.
fn write_twitter(file: &Path) {
    let mut text = String::new();
    for n in 0..20_000_u32 {
        let key = n.wrapping_mul(n) % 2_503;
        let op = if n % 10 == 0 { "set" } else { "get" };
        writeln!(
            text,
            "{},key{key},20,{},{},{op},0",
            n / 5_000,
            key % 300,
            n % 7
        )
        .unwrap();
    }
    fs::write(file, text).unwrap();
}

/// The same as a MONITOR log.
fn write_monitor(file: &Path) {
    let mut text = String::from("OK\n");
    for n in 0..20_000_u32 {
        let key = n.wrapping_mul(n) % 2_503;
        let (second, micro) = (1_700_000_000 + n / 5_000, n % 5_000 * 200);
        write!(text, "{second}.{micro:06} [0 127.0.0.1:5000] ").unwrap();
        match n % 10 {
            0 => writeln!(text, "\"set\" \"key{key}\" \"value\"").unwrap(),
            1 => writeln!(text, "\"ping\"").unwrap(),
            _ => writeln!(text, "\"get\" \"key{key}\"").unwrap(),
        }
    }
    fs::write(file, text).unwrap();
}

#[test]
fn a_study_runs_on_traces_of_every_kind() {
    let folder = folder_with_tiny_study();
    let path = folder.path();
    write_twitter(&path.join("cluster1"));
    write_monitor(&path.join("log.monitor"));
    run(
        path,
        &[
            "trace",
            "convert",
            "cluster1",
            "--to",
            "oracle-general",
            "-o",
            "w.oracleGeneral.gz",
        ],
        0,
    );
    for trace in ["cluster1", "log.monitor", "w.oracleGeneral.gz"] {
        let out = format!("out-{trace}");
        let words = ["run", "tiny.toml", "--workload", trace, "-o", &out];
        let ending = stdout(&run(path, &words, 0));
        assert!(ending.contains(&format!("--workload {trace}")), "{ending}");
        let info = stdout(&run(path, &["trace", "info", trace], 0));
        assert!(info.contains("\n[workload]\n"), "{info}");
    }
}

#[test]
fn a_converted_trace_comes_back_to_the_byte() {
    let folder = folder_with_tiny_study();
    let path = folder.path();
    write_twitter(&path.join("cluster1"));
    run(
        path,
        &[
            "trace",
            "convert",
            "cluster1",
            "--to",
            "csv",
            "-o",
            "all.csv.gz",
        ],
        0,
    );
    run(
        path,
        &[
            "trace",
            "convert",
            "all.csv.gz",
            "--to",
            "twitter",
            "-o",
            "again.csv",
        ],
        0,
    );
    let read = |name: &str| fs::read(path.join(name)).unwrap();
    assert!(read("cluster1") == read("again.csv"));
    let lossy = [
        "trace",
        "convert",
        "cluster1",
        "--to",
        "oracle-general",
        "-o",
        "o.oracleGeneral",
    ];
    let lossy = run(path, &lossy, 0);
    assert!(
        stderr(&lossy).contains("the format has no room for: operations"),
        "{lossy:?}"
    );
    // Neither is a file overwritten nor one left behind that is no trace.
    run(
        path,
        &[
            "trace",
            "convert",
            "cluster1",
            "--to",
            "csv",
            "-o",
            "again.csv",
        ],
        2,
    );
    let refused = [
        "trace",
        "convert",
        "cluster1",
        "--to",
        "i32-be",
        "-o",
        "keys.trace",
    ];
    let refused = run(path, &refused, 2);
    assert!(
        stderr(&refused).contains("the key `key0` is no 32-bit number"),
        "{refused:?}"
    );
    assert!(!path.join("keys.trace").exists());
}

#[test]
fn a_study_runs_on_built_in_workloads_and_files_of_ycsb() {
    let folder = folder_with_tiny_study();
    let path = folder.path();
    let ycsb =
        "recordcount=1000\nreadproportion=0.5\nupdateproportion=0.5\nrequestdistribution=zipfian\n";
    fs::write(path.join("workloada"), ycsb).unwrap();
    let mine = "[workload]\nmix.get = \"100%\"\npopularity.moving-hotspot = { keys = \"1%\", \
                requests = \"90%\", turnover = \"10ms\" }\nkey_size.fixed = \"20B\"\n\
                value_size.normal = { mean = 100, deviation = 20 }\n";
    fs::write(path.join("mine.toml"), mine).unwrap();
    for workload in [
        "ycsb-f",
        "facebook-etc",
        "rate-limit",
        "workloada",
        "mine.toml",
    ] {
        let out = format!("out-{workload}");
        let output = run(
            path,
            &["run", "tiny.toml", "--workload", workload, "-o", &out],
            0,
        );
        assert!(stderr(&output).contains("KV1014"), "{workload}: {output:?}");
    }
    // What the store cannot do is refused, not made up.
    let refused = run(
        path,
        &["run", "tiny.toml", "--workload", "ycsb-e", "-o", "e"],
        2,
    );
    assert!(
        stderr(&refused).contains("the operation `scan` cannot be made"),
        "{refused:?}"
    );
    let misspelt = run(
        path,
        &["run", "tiny.toml", "--workload", "ycsb-g", "-o", "g"],
        2,
    );
    assert!(
        stderr(&misspelt).contains("did you mean `ycsb-"),
        "{misspelt:?}"
    );
    fs::write(
        path.join("broken.properties"),
        "recordcount=1\nreadproportio=1\n",
    )
    .unwrap();
    let broken = [
        "run",
        "tiny.toml",
        "--workload",
        "broken.properties",
        "-o",
        "b",
    ];
    let broken = stderr(&run(path, &broken, 2));
    assert!(
        broken.contains("broken.properties:2:1") && broken.contains("readproportion"),
        "{broken}"
    );
}
