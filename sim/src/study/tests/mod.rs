//! Studies as texts in, cells or messages out.

mod errors;

use super::*;
use crate::dynamo::{Capacity, Delay};
use kvrig_base::quantity::{Rate, Share};
use kvrig_base::time::Span;
use kvrig_tables::TableKind;
use kvrig_workloads::OpKind;

const BUILT_IN: &str = include_str!("../../studies/rehash/study.toml");
const EXAMPLE: &str = include_str!("../../../tests/data/session-cache.toml");
const HOT_PARTITIONS_BUILT_IN: &str = include_str!("../../studies/hot-partitions/study.toml");
const HOT_PARTITIONS: &str = include_str!("../../../tests/data/hot-partitions.toml");
/// The least that a file may say: all else comes from the built-in study.
const BARE: &str = "schema = 1\n[study.rehash]\n";

fn built_in(name: &str) -> Option<&'static str> {
    match name {
        "rehash" => Some(BUILT_IN),
        "hot-partitions" => Some(HOT_PARTITIONS_BUILT_IN),
        _ => None,
    }
}

fn redis(cell: &Cell) -> &Redis {
    cell.redis.as_ref().unwrap()
}

fn load_with(text: &str, sets: &[&str], flags: Flags) -> Result<Study, Vec<Diagnostic>> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let file = Source {
        name: "my.toml".to_owned(),
        text: text.to_owned(),
    };
    load(&Layers {
        file,
        builtin: built_in,
        sets: &sets,
        flags,
    })
}

fn study(text: &str, sets: &[&str]) -> Study {
    load_with(text, sets, Flags::default()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The messages about a text, with their places.
fn errors(text: &str, sets: &[&str]) -> Vec<String> {
    let errors = load_with(text, sets, Flags::default()).expect_err("the text is wrong");
    errors.iter().map(ToString::to_string).collect()
}

fn only_error(text: &str, sets: &[&str]) -> String {
    let mut errors = errors(text, sets);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.remove(0)
}

fn rehash(cell: &Cell) -> &RehashKnobs {
    let StudyKind::Rehash(knobs) = &cell.kind else {
        panic!("{:?} asks another question", cell.kind)
    };
    knobs
}

fn rate(cell: &Cell) -> Rate {
    match &cell.workload.load {
        Load::Open {
            arrivals: Arrivals::Poisson(rate),
            ..
        } => *rate,
        other => panic!("{other:?}"),
    }
}

fn exponent(cell: &Cell) -> f64 {
    match &cell.workload.spaces[0].selection {
        Selection::Drawn(Popularity::Zipf(s)) => s.as_f64(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_example_resolves_as_it_stands() {
    let study = study(EXAMPLE, &[]);
    assert_eq!(
        study.title,
        "Session cache: what does the next doubling cost our clients?"
    );
    assert_eq!(
        (study.name, study.seed, study.seeds, study.quick),
        ("rehash", 1, 3, false)
    );
    assert_eq!(study.max_memory, Bytes::gib(2));
    assert_eq!(study.cells.len(), 3, "the plain cell and two variants");

    let plain = &study.cells[0];
    assert_eq!((plain.variant.as_str(), plain.axes.len()), ("", 0));
    let knobs = rehash(plain);
    let tables = [
        TableName::AtOnce,
        TableName::Redis70,
        TableName::Memcached16,
        TableName::Kvrig,
    ];
    assert_eq!(knobs.tables, tables);
    assert_eq!(knobs.doublings, [1 << 20, 1 << 22]);
    assert_eq!(knobs.size_curve, [1 << 18, 1 << 20, 1 << 22, 1 << 24]);
    assert_eq!(knobs.lead_in, Span::from_secs(4));
    assert_eq!(knobs.lead_out, Span::from_secs(6));
    assert_eq!(
        (plain.host.cores, plain.host.profile.value.as_str()),
        (2, "typical-2026")
    );
    assert_eq!(redis(plain).version, RedisVersion::V70);
    let conf: Vec<(&str, &str)> = redis(plain)
        .conf
        .iter()
        .map(|conf| (conf.name.value.as_str(), conf.value.value.as_str()))
        .collect();
    let expected = [
        ("hz", "10"),
        ("activerehashing", "yes"),
        ("save", ""),
        ("appendonly", "no"),
        ("maxmemory", "0"),
    ];
    assert_eq!(conf, expected);
    assert_eq!(rate(plain), Rate::per_second(50_000));
    assert_eq!(exponent(plain), 0.99);
    let mix = [
        (OpKind::Get, Share::percent(90)),
        (OpKind::Insert, Share::percent(10)),
    ];
    assert_eq!(plain.workload.spaces[0].mix, mix);
    assert_eq!(plain.workload.spaces[0].key_size, Sizes::Fixed(Bytes(20)));
    assert_eq!(plain.workload.spaces[0].value_size, Sizes::Fixed(Bytes(32)));

    let saving = &study.cells[1];
    assert_eq!(saving.variant, "BGSAVE running");
    let at = Moment::AfterDoubling(Span::from_secs(1));
    assert_eq!(
        saving.events,
        [Event {
            at,
            action: Action::Bgsave
        }]
    );
    let full = &study.cells[2];
    let maxmemory = redis(full)
        .conf
        .iter()
        .find(|conf| conf.name.value == "maxmemory");
    assert_eq!(
        maxmemory.map(|conf| conf.value.value.as_str()),
        Some("at-doubling")
    );
    assert_eq!(
        redis(full).conf.len(),
        6,
        "the variant adds a directive and keeps the others"
    );

    let objective = &study.objectives[0];
    assert_eq!(
        (objective.metric.as_str(), objective.limit),
        ("response_p999", 2_000_000)
    );
    assert_eq!((objective.text.as_str(), objective.line), ("2ms", 37));
    assert_eq!(objective.filter["phase"], "during");
    assert!(study.warnings.is_empty(), "{:?}", study.warnings);
}

#[test]
fn quick_replaces_what_it_names_and_nothing_else() {
    let quick = load_with(
        EXAMPLE,
        &[],
        Flags {
            quick: true,
            ..Flags::default()
        },
    )
    .unwrap();
    assert!(quick.quick);
    assert_eq!(quick.seeds, 1);
    assert_eq!(rehash(&quick.cells[0]).doublings, [1 << 20]);
    assert_eq!(rehash(&quick.cells[0]).size_curve, [1 << 18, 1 << 20]);
    assert_eq!(rehash(&quick.cells[0]).lead_in, Span::from_secs(4));
    let bare = load_with(
        BARE,
        &[],
        Flags {
            quick: true,
            ..Flags::default()
        },
    )
    .unwrap();
    assert_eq!(bare.seeds, 1, "a file without [quick] has the built-in one");
}

#[test]
fn quick_runs_the_variants_that_it_names_and_their_thresholds() {
    let text = "schema = 1\n[study.rehash]\n[variant.a]\n[variant.b]\n\
        [[slo]]\nmetric = \"response_p99\"\nwhere = { variant = \"a\" }\nmax = \"1s\"\n\
        [[slo]]\nmetric = \"response_p99\"\nwhere = { variant = \"b\" }\nmax = \"1s\"\n\
        [quick]\nvariants = [\"b\"]\n";
    let flags = |quick| Flags {
        quick,
        ..Flags::default()
    };
    let of = |quick| {
        let study = load_with(text, &[], flags(quick)).unwrap();
        let variants: Vec<String> = study.cells.into_iter().map(|cell| cell.variant).collect();
        (variants, study.objectives.len())
    };
    assert_eq!(of(true), (vec![String::new(), "b".to_owned()], 1));
    assert_eq!(of(false).0, ["", "a", "b"]);
    assert_eq!(of(false).1, 2);
    let misspelt = text.replace("variants = [\"b\"]", "variants = [\"c\"]");
    let errors = load_with(&misspelt, &[], flags(true)).unwrap_err();
    assert!(
        errors[0].to_string().contains("unknown name `c`"),
        "{errors:?}"
    );
    let bare = format!("{BARE}[variant.mine]\n");
    let bare = load_with(&bare, &[], flags(true)).unwrap();
    assert_eq!(
        bare.cells.len(),
        2,
        "the built-in choice is of built-in variants"
    );
}

#[test]
fn later_layers_win_over_earlier_ones() {
    let file = "schema = 1\n[study.rehash]\n[run]\nseed = 2\nseeds = 2\n";
    assert_eq!(study(BARE, &[]).seeds, 3, "the built-in default");
    assert_eq!(
        (study(file, &[]).seed, study(file, &[]).seeds),
        (2, 2),
        "the file"
    );
    let set = study(file, &["run.seeds=4", "run.seeds=5", "run.seed=3"]);
    assert_eq!((set.seed, set.seeds), (3, 5), "the last --set");
    let flags = Flags {
        seeds: Some(7),
        ..Flags::default()
    };
    let flagged = load_with(file, &["run.seeds=5"], flags).unwrap();
    assert_eq!((flagged.seed, flagged.seeds), (2, 7), "the flag");
    let priced = Flags {
        profile: Some("mine.toml".to_owned()),
        ..Flags::default()
    };
    let priced = load_with(EXAMPLE, &["host.profile=\"other.toml\""], priced).unwrap();
    let profile = priced.cells[0].host.profile.value.as_str();
    assert_eq!(profile, "mine.toml", "--profile over --set");
    let quick = Flags {
        quick: true,
        ..Flags::default()
    };
    let set_over_quick = load_with(EXAMPLE, &["run.seeds=6"], quick).unwrap();
    assert_eq!(set_over_quick.seeds, 6, "--set over --quick");
}

#[test]
fn a_file_gets_default_settings_but_no_cells_or_thresholds_that_it_does_not_write() {
    let bare = study(BARE, &[]);
    assert_eq!(bare.cells.len(), 1);
    assert!(bare.objectives.is_empty());
    assert_eq!(rate(&bare.cells[0]), Rate::per_second(50_000));
}

#[test]
fn settings_on_the_command_line_may_be_bare_words() {
    let traced = study(
        BARE,
        &[
            "workload.trace=/data/orm busy.gz",
            "workload.trace_copies=64",
        ],
    );
    let Selection::Trace { file, copies, .. } = &traced.cells[0].workload.spaces[0].selection
    else {
        panic!("a trace replaces popularity");
    };
    assert_eq!((file.value.as_str(), *copies), ("/data/orm busy.gz", 64));
    let faster = study(BARE, &["workload.arrivals.poisson.rate = 20k/s"]);
    assert_eq!(rate(&faster.cells[0]), Rate::per_second(20_000));
    let quoted = study(BARE, &["workload.arrivals.poisson.rate = \"20k/s\""]);
    assert_eq!(faster.cells, quoted.cells);
    let yes = study(BARE, &["store.redis.conf.activerehashing=no"]);
    assert!(
        yes.document.contains("activerehashing = \"no\""),
        "{}",
        yes.document
    );
    let workload = Flags {
        workload: Some(WorkloadFlag::Trace("a.csv".to_owned())),
        ..Flags::default()
    };
    let flagged = load_with(BARE, &[], workload).unwrap();
    assert!(matches!(
        &flagged.cells[0].workload.spaces[0].selection,
        Selection::Trace { .. }
    ));
}

#[test]
fn another_form_of_a_choice_replaces_the_earlier_one() {
    let constant = study(BARE, &["workload.arrivals.constant.rate=1k/s"]);
    let open = |cell: &Cell| match &cell.workload.load {
        Load::Open { arrivals, .. } => arrivals.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        open(&constant.cells[0]),
        Arrivals::Constant(Rate::per_second(1_000))
    );
    let closed = study(BARE, &["workload.clients=16", "workload.think_time=1ms"]);
    assert_eq!(
        closed.cells[0].workload.load,
        Load::Closed {
            clients: 16,
            think_time: Span::from_millis(1)
        }
    );
    let drawn_again = study(
        BARE,
        &["workload.trace=x.bin", "workload.popularity.uniform={}"],
    );
    assert_eq!(
        drawn_again.cells[0].workload.spaces[0].selection,
        Selection::Drawn(Popularity::Uniform)
    );
}

#[test]
fn clients_with_a_time_limit_retry_as_told() {
    let patience = |sets: &[&str]| study(BARE, sets).cells[0].workload.patience;
    assert_eq!(patience(&[]), None);
    let limited = patience(&["workload.timeout=100ms"]).expect("there is a limit");
    assert_eq!(
        (limited.timeout, limited.retries),
        (Span::from_millis(100), 0)
    );
    let sets = [
        "workload.timeout=100ms",
        "workload.retries={ max = 3, backoff_cap = '1s' }",
    ];
    let retrying = patience(&sets).expect("there is a limit");
    assert_eq!(retrying.retries, 3);
    assert_eq!(retrying.backoff.base, Span::from_millis(8));
    assert_eq!(retrying.backoff.cap, Span::from_secs(1));
    let error = only_error(BARE, &["workload.retries.max=3"]);
    assert!(error.contains("`retries` without a time limit"), "{error}");
    let error = only_error(BARE, &["workload.timeout=0s"]);
    assert!(error.contains("`timeout` is no time at all"), "{error}");
}

#[test]
fn a_sweep_is_every_combination_with_the_last_axis_fastest() {
    let text = format!(
        "{BARE}[sweep]\n\"workload.popularity.zipf.s\" = [0.0, 0.99]\nworkload.arrivals.poisson.rate = [\"10k/s\", \"20k/s\", \"30k/s\"]\n"
    );
    let swept = study(&text, &[]);
    let cells: Vec<(String, String, f64)> = swept
        .cells
        .iter()
        .map(|cell| {
            (
                cell.axes["s"].clone(),
                cell.axes["rate"].clone(),
                exponent(cell),
            )
        })
        .collect();
    let expected = [
        ("0.0", "10k/s", 0.0),
        ("0.0", "20k/s", 0.0),
        ("0.0", "30k/s", 0.0),
        ("0.99", "10k/s", 0.99),
        ("0.99", "20k/s", 0.99),
        ("0.99", "30k/s", 0.99),
    ];
    assert_eq!(
        cells,
        expected.map(|(s, rate, e)| (s.to_owned(), rate.to_owned(), e))
    );
    let rates: Vec<Rate> = swept.cells.iter().take(3).map(rate).collect();
    assert_eq!(rates, [10_000, 20_000, 30_000].map(Rate::per_second));
}

#[test]
fn a_list_on_the_command_line_is_an_axis_where_one_value_belongs() {
    let swept = study(BARE, &["workload.arrivals.poisson.rate=[10k/s, 20k/s]"]);
    assert_eq!(swept.cells.len(), 2);
    assert_eq!(swept.cells[1].axes["rate"], "20k/s");
    let tables = study(BARE, &["study.rehash.tables=[redis-7.4]"]);
    assert_eq!(tables.cells.len(), 1, "a list belongs here");
    assert_eq!(rehash(&tables.cells[0]).tables, [TableName::Redis74]);
    let text = format!("{BARE}[sweep]\n\"workload.popularity.zipf.s\" = [0.0, 0.99]\n");
    assert_eq!(
        study(&text, &["workload.popularity.zipf.s=0.5"])
            .cells
            .len(),
        1,
        "pinned"
    );
    assert_eq!(
        study(&text, &["workload.trace=x.bin"]).cells.len(),
        1,
        "a trace has no exponent"
    );
    assert_eq!(
        study(&text, &["workload.popularity.zipf.s=[1,1.1,1.2]"])
            .cells
            .len(),
        3
    );
}

#[test]
fn axes_with_the_same_last_name_are_told_apart() {
    let text = format!(
        "{BARE}[sweep]\n\"workload.key_size.fixed\" = [\"10B\", \"20B\"]\n\"workload.value_size.fixed\" = [\"1B\"]\n"
    );
    let axes: Vec<String> = study(&text, &[]).cells[0].axes.keys().cloned().collect();
    assert_eq!(axes, ["key_size.fixed", "value_size.fixed"]);
}

#[test]
fn the_canonical_document_reads_back_as_the_same_study() {
    for sets in [
        &[][..],
        &["workload.arrivals.poisson.rate=[10k/s,20k/s]"],
        &["workload.trace=a b"],
    ] {
        let first = study(EXAMPLE, sets);
        let again = study(&first.document, &[]);
        assert_eq!(again.document, first.document);
        let plain = |study: &Study| -> Vec<String> {
            let cells = study.cells.iter();
            cells
                .map(|cell| format!("{:?}", (&cell.kind, &cell.axes, &cell.events)))
                .collect()
        };
        assert_eq!(plain(&again), plain(&first));
        assert_eq!(again.seeds, first.seeds);
    }
}

#[test]
fn each_table_is_asked_for_once_and_all_are_those_of_the_tables_own_crate() {
    let tables = |names: &str| {
        let study = study(&format!("{BARE}tables = {names}\n"), &[]);
        rehash(&study.cells[0]).tables.clone()
    };
    assert_eq!(
        tables("[\"kvrig\", \"at-once\", \"kvrig\"]"),
        [TableName::Kvrig, TableName::AtOnce]
    );
    let mut all: Vec<&str> = tables("[\"all\"]")
        .into_iter()
        .map(TableName::name)
        .collect();
    let mut built: Vec<&str> = TableKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(TableName::ALL.len(), built.len() + 1, "and \"all\" itself");
    all.sort_unstable();
    built.sort_unstable();
    assert_eq!(all, built);
}

#[test]
fn gates_are_read_in_the_unit_of_their_metric() {
    let text = format!("{BARE}[gate]\nresponse_p99 = {{ worse = \"5%\", floor = \"50us\" }}\n");
    let gate = study(&text, &[]).gates["response_p99"];
    assert_eq!(
        gate,
        Gate {
            worse: Share::percent(5),
            floor: 50_000
        }
    );
}

#[test]
fn the_schema_names_every_key_with_its_meaning() {
    let schema = schema();
    let property = |table: &serde_json::Value, name: &str| {
        let property = &table["properties"][name];
        match property["$ref"].as_str() {
            Some(reference) => schema.pointer(&reference[1..]).expect(reference).clone(),
            None => property.clone(),
        }
    };
    let run = property(&schema, "run");
    assert_eq!(run["additionalProperties"], false);
    assert_eq!(
        run["properties"]["seeds"]["description"],
        "Replications of every cell, each under its own seed."
    );
    let arrivals = property(&property(&schema, "workload"), "arrivals");
    let on_off = property(&arrivals, "on-off");
    assert!(on_off["properties"]["off"].is_object(), "{on_off}");
}

#[test]
fn the_schema_defines_each_part_once_and_refers_to_no_other() {
    fn references(value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                let reference = map.get("$ref").and_then(|reference| reference.as_str());
                into.extend(reference.map(str::to_owned));
                map.values().for_each(|value| references(value, into));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| references(item, into)),
            _ => {}
        }
    }
    let schema = schema();
    let mut all = Vec::new();
    references(&schema, &mut all);
    let definitions = schema["$defs"].as_object().unwrap();
    for name in definitions.keys() {
        assert!(all.contains(&format!("#/$defs/{name}")), "{name}");
    }
    assert!(
        all.iter()
            .all(|reference| schema.pointer(&reference[1..]).is_some())
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_loading_panic(text in "\\PC{0,80}", set in "[a-z.=\\[\\],\"' 0-9{}#]{0,40}") {
        let _ = load_with(&text, &[], Flags::default());
        let _ = load_with(BARE, &[&text], Flags::default());
        let _ = load_with(BARE, &[&set], Flags::default());
        let _ = load_with(BARE, &[&format!("workload.{set}")], Flags::default());
    }
}

#[test]
fn a_table_of_dynamodb_is_read_with_its_units_keys_and_delays() {
    let study = study(HOT_PARTITIONS, &[]);
    assert_eq!(study.cells.len(), 8 + 2);
    let first = &study.cells[0];
    let Some(table) = &first.dynamodb else {
        panic!("a table of DynamoDB")
    };
    assert_eq!(
        (table.model, table.table.partitions),
        (ModelName::Gac2022, 16)
    );
    let provisioned = Capacity::Provisioned {
        read: 3_000,
        write: 16_000,
    };
    assert_eq!(table.table.capacity, provisioned);
    let minutes = |minutes: u64| Span::from_secs(60 * minutes);
    let delay = table.table.splits.map(|splits| splits.delay);
    let expected = Delay {
        min: minutes(3),
        max: minutes(15),
    };
    assert_eq!(delay, Some(expected));
    assert_eq!(first.redis, None);
    let sharded = &study.cells[9].workload.key_design;
    assert_eq!((sharded.key, sharded.suffixes), (KeyName::Date, 100));
    let flags = Flags {
        quick: true,
        ..Flags::default()
    };
    let quick = load_with(HOT_PARTITIONS, &[], flags).unwrap();
    assert_eq!(quick.cells.len(), 3 + 2);
    let quick = quick.cells[0].dynamodb.and_then(|table| table.table.splits);
    assert_eq!(
        quick.map(|splits| splits.delay),
        Some(Delay::fixed(minutes(4)))
    );
    for (set, expected) in [
        (
            "store.dynamodb.capacity.provisioned.write=16000",
            "has no unit of capacity",
        ),
        ("store.dynamodb.partitions=0", "`partitions` is 0"),
        ("store.dynamodb.model=\"gac-2020\"", "did you mean"),
        (
            "workload.key_design.sharded={ key = \"user_id\", suffixes = 4 }",
            "keys that are drawn by popularity have no suffixes here",
        ),
        (
            "store.dynamodb.heat_split_delay.uniform={ min = \"9min\", max = \"3min\" }",
            "below `min`",
        ),
    ] {
        let errors = load_with(HOT_PARTITIONS, &[set], Flags::default()).unwrap_err();
        let texts: Vec<String> = errors
            .iter()
            .map(|error| format!("{error} {}", error.help.clone().unwrap_or_default()))
            .collect();
        assert!(
            texts.iter().any(|text| text.contains(expected)),
            "{set}: {texts:?}"
        );
    }
}
