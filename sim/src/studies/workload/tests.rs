//! Built-in workloads through all layers: they resolve, and draw what they promise.

use super::*;
use crate::study::{Flags, Layers, Source, WorkloadFlag};
use kvrig_base::time::Time;
use kvrig_workloads::presets::{self, PRESETS};
use kvrig_workloads::ycsb::YcsbWorkload;
use kvrig_workloads::{Arrivals, KeyId};

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, Diagnostic> {
        panic!("a built-in workload reads the file {path}")
    }
}

fn study_with(toml: &str) -> Study {
    let flags = Flags {
        workload: Some(WorkloadFlag::Settings(Source {
            name: "workload.toml".to_owned(),
            text: toml.to_owned(),
        })),
        ..Flags::default()
    };
    study::load(&Layers {
        file: Source {
            name: "study.toml".to_owned(),
            text: "schema = 1\n[study.rehash]\n".to_owned(),
        },
        builtin: |name| crate::studies::find(name).map(|study| study.toml),
        sets: &["workload.inserts=0%".to_owned()],
        flags,
    })
    .unwrap_or_else(|errors| panic!("{toml}: {errors:?}"))
}

fn inputs(study: &Study) -> WorkloadInputs {
    WorkloadReader::default()
        .inputs(&study.cells[0].workload, &NamedFiles::new(study, &NoFiles))
        .unwrap()
}

#[test]
fn every_built_in_workload_makes_its_operations() {
    for preset in PRESETS {
        let study = study_with(preset.toml);
        let workload = inputs(&study).workload(
            KeySpace {
                initial: 1_000,
                max: 1 << 20,
            },
            Seed(1),
        );
        let workload = Arc::new(workload.unwrap());
        let mix = &study.cells[0].workload.spaces[0].mix;
        for op in kvrig_workloads::Operations::new(workload).take(2_000) {
            assert!(
                mix.iter().any(|(kind, _)| *kind == op.kind),
                "{}: {op:?}",
                preset.name
            );
        }
    }
}

/// The built-in workloads of YCSB are what its files ask for.
#[test]
fn built_in_ycsb_workloads_are_those_of_the_files() {
    let files = [
        (
            "ycsb-a",
            "readproportion=0.5\nupdateproportion=0.5\nrequestdistribution=zipfian",
        ),
        (
            "ycsb-b",
            "readproportion=0.95\nupdateproportion=0.05\nrequestdistribution=zipfian",
        ),
        (
            "ycsb-c",
            "readproportion=1\nupdateproportion=0\nrequestdistribution=zipfian",
        ),
        (
            "ycsb-d",
            "readproportion=0.95\nupdateproportion=0\ninsertproportion=0.05\n\
             requestdistribution=latest",
        ),
        (
            "ycsb-e",
            "readproportion=0\nupdateproportion=0\nscanproportion=0.95\ninsertproportion=0.05\n\
             requestdistribution=zipfian\nmaxscanlength=100",
        ),
        (
            "ycsb-f",
            "readproportion=0.5\nupdateproportion=0\nreadmodifywriteproportion=0.5\n\
             requestdistribution=zipfian",
        ),
    ];
    for (name, text) in files {
        let ycsb = YcsbWorkload::read(name, &format!("recordcount=1000\n{text}\n")).unwrap();
        let of_file = study_with(&ycsb.to_toml());
        let of_preset = study_with(presets::find(name).unwrap().toml);
        let sorted = |study: &Study| {
            let mut space = study.cells[0].workload.spaces[0].clone();
            space.mix.sort_unstable();
            space
        };
        assert_eq!(sorted(&of_file), sorted(&of_preset), "{name}");
    }
}

#[test]
fn a_workload_file_keeps_the_load_of_the_study_and_nothing_else() {
    let study = study_with(
        "[workload]\nmix.get = \"100%\"\npopularity.uniform = {}\n\
                            key_size.fixed = \"9B\"\nvalue_size.fixed = \"9B\"\n",
    );
    let workload = &study.cells[0].workload;
    assert!(matches!(workload.load, Load::Open { .. }));
    let bytes = study::Sizes::Fixed(Bytes(9));
    assert_eq!(
        (&workload.spaces[0].key_size, workload.spaces[0].ttl),
        (&bytes, None)
    );
}

#[test]
fn key_spaces_of_a_file_share_the_keys() {
    let text = r#"
        [workload]
        key_size.fixed = "20B"
        popularity.uniform = {}
        [[workload.keyspace]]
        weight = 3
        keys = 100
        key_prefix = "sess:"
        mix = { get = "50%", insert = "50%" }
        value_size.fixed = "200B"
        [[workload.keyspace]]
        weight = 1
        keys = 300
        key_prefix = "cart:"
        mix = { get = "100%" }
        value_size.fixed = "30B"
        popularity.latest = { s = 1.1 }
        "#;
    let study = study_with(text);
    let inputs = inputs(&study);
    assert_eq!(inputs.insert_share(), Share(375_000_000));
    let workload = inputs
        .workload(
            KeySpace {
                initial: 1_000,
                max: 1 << 20,
            },
            Seed(1),
        )
        .unwrap();
    let of_carts = workload.initial().filter(|key| key.space() == 1).count();
    assert_eq!((workload.initial_keys(), of_carts), (1_000, 750));
}

/// Quantiles of the ETC workload at `draws` draws of each law, against those of the laws.
///
/// `far` is the tolerance of the 99 % quantiles: a million draws leave 0.6 % of spread there.
fn etc_quantiles(draws: u64, far: f64) {
    let study = study_with(presets::find("facebook-etc").unwrap().toml);
    let inputs = inputs(&study);
    let workload = inputs.workload(KeySpace::fixed(draws), Seed(1)).unwrap();
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for key in 0..draws {
        let op = workload.op_on(OpKind::Get, KeyId(key));
        keys.push(op.key_bytes as f64);
        values.push(op.value_bytes as f64);
    }
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    let close = |what: &str, got: f64, expected: f64, tolerance: f64| {
        assert!(
            (got / expected - 1.0).abs() < tolerance,
            "{what}: {got} instead of {expected}"
        );
    };
    close("mean key", mean(&keys), 36.22, 0.01);
    close("mean value", mean(&values), 194.44, 0.01);
    let discrete = values.iter().filter(|&&size| size < 15.0).count() as f64;
    // The law of the rest rounds a little of itself down to 15 B, and none below.
    close("discrete values", discrete / draws as f64, 0.441_55, 0.01);
    values.retain(|&size| size >= 15.0);

    let (pacing, profile) = inputs.pacing.unwrap();
    let mut last = Time::START;
    let arrivals = Arrivals::new(pacing, profile, Seed(1).stream("arrivals"), 0);
    let mut gaps: Vec<f64> = arrivals
        .take(draws as usize)
        .map(|at| {
            let gap = at.since(last).as_secs_f64() * 1e6;
            last = at;
            gap
        })
        .collect();
    close("mean gap", mean(&gaps), 18.969, 0.01);

    let check = |what: &str, list: &mut Vec<f64>, targets: &[(f64, f64)]| {
        list.sort_unstable_by(f64::total_cmp);
        for &(share, expected) in targets {
            let got = list[(share * list.len() as f64) as usize];
            let tolerance = match share {
                0.999 => 0.03,
                0.99 => far,
                _ => 0.01,
            };
            close(&format!("{what} at {share}"), got, expected, tolerance);
        }
    };
    let key = [
        (0.01, 18.99),
        (0.5, 33.85),
        (0.9, 51.00),
        (0.99, 76.28),
        (0.999, 106.08),
    ];
    check("key", &mut keys, &key);
    check(
        "value",
        &mut values,
        &[(0.5, 183.1), (0.9, 772.3), (0.99, 2_460.9)],
    );
    let gap = [(0.5, 11.73), (0.9, 44.35), (0.99, 107.72), (0.999, 198.27)];
    check("gap", &mut gaps, &gap);
}

#[test]
fn the_etc_workload_meets_its_quantiles() {
    etc_quantiles(1_000_000, 0.02);
}

#[test]
#[ignore = "ten million draws of three laws take a while: `cargo xtask soak`"]
fn the_etc_workload_meets_its_quantiles_at_ten_million_draws() {
    etc_quantiles(10_000_000, 0.01);
}
