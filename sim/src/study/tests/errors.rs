//! What is wrong with a study file is said with its place.

use super::*;

#[test]
fn every_kind_of_error_names_its_place_and_what_was_expected() {
    let mut wrong = Vec::new();
    for (line, expected) in [
        (
            "[run]\nsead = 1",
            "my.toml:4:1: KV1002: unknown key `sead` (did you mean `seed`? Known here: duration, max_memory, seed, seeds, start)",
        ),
        (
            "[workload]\narrivals.poison = { rate = \"1/s\" }",
            "my.toml:4:10: KV1002: unknown key `poison` (did you mean `poisson`? Known here: constant, diurnal, gpareto, \
             on-off, poisson, ramp, step, table)",
        ),
        (
            "[run]\nduration = 20",
            "my.toml:4:12: KV1004: `20` has no unit; expected a time (write it like `250ms`; units: d, h, min, s, ms, us, ns, ps)",
        ),
        (
            "[run]\nmax_memory = \"4KB\"",
            "my.toml:4:14: KV1004: `KB` is not a unit of a size (did you mean `kB` (1000 bytes) or `KiB` (1024 bytes)?)",
        ),
        (
            "[workload]\narrivals.poisson.rate = \"20k\"",
            "my.toml:4:25: KV1004: `k` is not a unit of a rate (did you mean `k/s`?)",
        ),
        (
            "[host]\nprofile = 3",
            "my.toml:4:11: KV1003: expected a text in quotes, found the number 3 (write a text in quotes)",
        ),
        (
            "[run]\nseeds = [1, 2]",
            "my.toml:4:9: KV1003: expected a count such as `1_000_000` or `2^20`, found a list (to run one cell for each value, write the list under `[sweep]`)",
        ),
        (
            "[run]\nseeds = 0",
            "my.toml:4:9: KV1005: `seeds` is 0 (choose between 1 and 10000)",
        ),
        (
            "[workload]\npopularity.zipf.s = 3.5",
            "my.toml:4:21: KV1005: the exponent of Zipf is above 3 (choose between 0 and 3)",
        ),
        (
            "[workload]\nmix = { get = \"90%\" }",
            "my.toml:4:15: KV1005: the shares of `mix` add up to 90% (they must add up to 100%; a layer that gives `mix` gives all of it)",
        ),
        (
            "[store.redis]\nversion = \"7.1\"",
            "my.toml:4:11: KV1006: unknown name `7.1` (did you mean `7.0`? Known: 7.0, 7.4)",
        ),
        (
            "[[slo]]\nmetric = \"response_p99.9\"\nmax = \"1ms\"",
            "my.toml:4:10: KV1006: no metric is called `response_p99.9` (did you mean `response_p999`? `kvrig explain metrics` lists all)",
        ),
        (
            "[[slo]]\nmetric = \"response_p99\"\nmax = \"1MiB\"",
            "my.toml:5:7: KV1004: `MiB` is not a unit of a time (write a time such as `250ms`; units: d, h, min, s, ms, us, ns, ps)",
        ),
        (
            "[[slo]]\nmetric = \"response_p99\"\nwhere = { tabel = \"kvrig\" }\nmax = \"1ms\"",
            "my.toml:5:11: KV1006: unknown name `tabel` (did you mean `table`? Known: doubling, hash, keys, load, phase, places, probing, size, table, variant)",
        ),
        (
            "[[slo]]\nmetric = \"response_p99\"",
            "my.toml:3:1: KV1007: missing key `max` (`max` says how large the value may be; or give `min`)",
        ),
        (
            "[workload]\ntrace = \"a.bin\"\npopularity.uniform = {}",
            "my.toml:5:1: KV1008: `popularity` and `trace` both say which keys are asked for (keep one of the two; a trace replaces popularity)",
        ),
        (
            "[workload.arrivals]\npoisson.rate = \"1/s\"\nconstant.rate = \"1/s\"",
            "my.toml:5:1: KV1008: `poisson` and `constant` are both given (keep one of the two)",
        ),
        (
            "[[event]]\nat = \"5s\"\npower-cut = {}",
            "my.toml:5:1: KV1009: `power-cut` is not part of this version (this version has: bgsave)",
        ),
        (
            "[[event]]\nat = \"doubling-1s\"\nbgsave = {}",
            "my.toml:4:6: KV1003: `doubling-1s` is not a moment (write `doubling+1s`: events may follow a doubling, not precede it)",
        ),
        (
            "[sweep]\n\"workload.popularity.zipf.z\" = [1]",
            "my.toml:4:27: KV1002: unknown key `z` (known here: s)",
        ),
        (
            "[sweep]\n\"workload.arrivals.poisson.rate\" = [\"1k/s\", 2]",
            "my.toml:4:45: KV1004: `2` has no unit; expected a rate (write it like `2/s`; units: G/s, M/s, k/s, /s)",
        ),
        (
            "[sweep]\n\"run.seed\" = [1, 2]",
            "my.toml:4:2: KV1008: `run.seed` holds for the whole run and cannot be swept (cells share seeds, so that they see the same arrivals and keys)",
        ),
        (
            "[sweep]\n\"host.cores\" = []",
            "my.toml:4:16: KV1005: an axis without values (list at least one value, or remove the axis)",
        ),
        (
            "[variant.a]\nrun.seeds = 2",
            "my.toml:4:13: KV1008: `run.seeds` holds for the whole run and cannot differ in a variant (set it in `[run]`)",
        ),
        (
            "[run]\nseed = 1 2",
            "my.toml:4:8: KV1001: not valid TOML: string values must be quoted, expected literal string",
        ),
    ] {
        let found = errors(&format!("{BARE}{line}\n"), &[]);
        if found != [expected] {
            wrong.push((line, found, expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_errors_of_a_file_are_reported_at_once() {
    let text = format!("{BARE}[run]\nsead = 1\nduration = 5\n[host]\ncores = true\n");
    let codes: Vec<String> = errors(&text, &[])
        .iter()
        .map(|e| e[..15].to_owned())
        .collect();
    assert_eq!(
        codes,
        ["my.toml:4:1: KV", "my.toml:5:12: K", "my.toml:7:9: KV"]
    );
}

#[test]
fn errors_in_a_setting_point_into_the_setting() {
    for (set, expected) in [
        ("run.sead=1", "--set:1:5: KV1002: unknown key `sead`"),
        (
            "run.duration=20",
            "--set:1:14: KV1004: `20` has no unit; expected a time",
        ),
        (
            "run.duration=20 sec",
            "--set:1:14: KV1004: `sec` is not a unit of a time",
        ),
        ("run.duration", "--set:1:1: KV1011: a setting without `=`"),
        (
            "run.duration=",
            "--set:1:1: KV1011: a setting without a value",
        ),
        ("workload.trace=\"x", "--set:1:18: KV1001: not valid TOML"),
        (
            "workload.arrivals.poisson.rate=[1k/s,2]",
            "--set:1:38: KV1004: `2` has no unit; expected a rate",
        ),
        (
            "study.rehash.doublings=5",
            "--set:1:24: KV1003: expected a list",
        ),
        (
            "study.rehash.tables=[redis]",
            "--set:1:22: KV1006: unknown name `redis`",
        ),
        (
            "run.seeds=[1,2]",
            "--set:1:1: KV1008: `run.seeds` holds for the whole run",
        ),
    ] {
        let error = only_error(BARE, &[set]);
        assert!(error.starts_with(expected), "{set}: {error}");
    }
}

#[test]
fn a_study_or_store_of_a_later_version_is_the_one_error() {
    let error = only_error("schema = 1\n[study.loss-windows]\n", &[]);
    assert_eq!(
        error,
        "my.toml:2:8: KV1009: `loss-windows` is not part of this version (this version has: rehash, \
         big-keys, eviction, hot-partitions, adaptive-capacity, cost)"
    );
    let store = only_error(&format!("{BARE}[store.memcached]\nthreads = 4\n"), &[]);
    assert_eq!(
        store,
        "my.toml:3:8: KV1009: `memcached` is not part of this version (this version has: redis, \
         dynamodb)"
    );
}

#[test]
fn a_file_that_names_no_study_is_told_to() {
    assert!(only_error("schema = 1\n", &[]).starts_with("my.toml:1:1: KV1007: missing table"));
    let newer = only_error("schema = 2\n[study.rehash]\n", &[]);
    assert!(
        newer.starts_with("my.toml:1:10: KV1005: this is a study file of schema 2"),
        "{newer}"
    );
}

#[test]
fn sweeps_that_explode_are_refused() {
    let axis = |name: &str| format!("\"{name}\" = [{}]\n", "1,".repeat(400));
    let text = format!(
        "{BARE}[sweep]\n{}{}",
        axis("host.cores"),
        axis("workload.connections")
    );
    let error = only_error(&text, &[]);
    assert!(
        error.starts_with("my.toml:4:2: KV1005: the sweep has more than 100000 cells"),
        "{error}"
    );
}
