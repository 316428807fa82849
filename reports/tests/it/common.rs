//! A result of the shape that the `rehash` study leaves, with made-up but plausible numbers.

use kvrig_base::digest::Digest;
use kvrig_base::measured::*;
use kvrig_base::result::*;
use kvrig_base::row::Row;
use std::collections::BTreeMap;

const TABLES: [&str; 2] = ["at-once", "redis-7.0"];
const PHASES: [&str; 3] = ["before", "during", "after"];

pub(crate) fn cell(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned()))
        .collect()
}

fn ints(name: &str, unit: &str, values: Vec<i64>) -> Column {
    Column {
        name: name.to_owned(),
        unit: unit.to_owned(),
        values: Values::Int(values),
    }
}

fn texts(name: &str, values: Vec<&str>) -> Column {
    let values = values.into_iter().map(str::to_owned).collect();
    Column {
        name: name.to_owned(),
        unit: String::new(),
        values: Values::Text(values),
    }
}

fn axis(label: &str, quantity: Quantity, scale: Scale) -> Axis {
    Axis {
        label: label.to_owned(),
        quantity,
        scale,
    }
}

/// A cheap scatter that is the same everywhere.
fn scatter(n: i64, spread: i64) -> i64 {
    (n.wrapping_mul(2_654_435_761) >> 7).rem_euclid(spread)
}

fn pauses() -> Series {
    let (mut table, mut cause, mut at, mut length) = (vec![], vec![], vec![], vec![]);
    let mut push = |t, c, a: i64, l: i64| {
        table.push(t);
        cause.push(c);
        at.push(a);
        length.push(l);
    };
    push("at-once", "allocate", 4_000_000_000, 4_300_000);
    push("at-once", "rehash", 4_004_300_000, 478_000_000);
    push("at-once", "free", 4_482_300_000, 1_640_000);
    push("redis-7.0", "allocate", 4_000_000_000, 4_200_000);
    for n in 0..900 {
        push(
            "redis-7.0",
            "step",
            4_000_400_000 + n * 4_300_000,
            600 + scatter(n, 1_900),
        );
    }
    for n in 0..39 {
        push(
            "redis-7.0",
            "cron",
            4_050_000_000 + n * 100_000_000,
            1_000_000 + scatter(n, 60_000),
        );
    }
    push("redis-7.0", "free", 7_950_000_000, 1_620_000);
    Series {
        name: "pauses".to_owned(),
        columns: vec![
            texts("table", table),
            texts("cause", cause),
            ints("at", "ns", at),
            ints("length", "ns", length),
        ],
    }
}

fn responses() -> Series {
    let (mut table, mut phase, mut nines, mut response) = (vec![], vec![], vec![], vec![]);
    for (t, name) in TABLES.iter().enumerate() {
        for (p, moment) in PHASES.iter().enumerate() {
            for step in 0..=24_i64 {
                // 1/(1-q) from 1 to 10^6 in quarters of a decade.
                let decade = 10_i64.pow(u32::try_from(step / 4).expect("small"));
                let part = [1_000, 1_778, 3_162, 5_623][(step % 4) as usize];
                nines.push(decade * part * 1_000);
                let base = 92_000 + step * 9_500 + step * step * 600;
                response.push(match (t, p) {
                    (0, 1) => base + step * step * step * 34_000,
                    (1, 1) => base + step * step * 3_700,
                    (_, 2) => base + step * 700,
                    _ => base,
                });
                table.push(*name);
                phase.push(*moment);
            }
        }
    }
    Series {
        name: "response".to_owned(),
        columns: vec![
            texts("table", table),
            texts("phase", phase),
            ints("nines", "", nines),
            ints("response", "ns", response),
        ],
    }
}

fn sizes(name: &str, exponents: std::ops::RangeInclusive<u32>) -> Series {
    let (mut table, mut size, mut longest) = (vec![], vec![], vec![]);
    for (t, label) in TABLES.iter().enumerate() {
        for exponent in exponents.clone() {
            table.push(*label);
            size.push(1_i64 << exponent);
            let per_entry = if t == 0 { 458 } else { 3 };
            longest
                .push((1_i64 << exponent) * per_entry / 2 + scatter(i64::from(exponent), 90_000));
        }
    }
    Series {
        name: name.to_owned(),
        columns: vec![
            texts("table", table),
            ints("size", "", size),
            ints("longest", "ns", longest),
        ],
    }
}

fn charts() -> Vec<Chart> {
    let layer = |series: &str, x: &str, y: &str, group: &str, style| Layer {
        series: series.to_owned(),
        x: x.to_owned(),
        y: y.to_owned(),
        upper: None,
        group: Some(group.to_owned()),
        style,
        cells: None,
    };
    let objective = Mark::Horizontal {
        at: 2_000_000,
        label: "objective 2 ms".to_owned(),
    };
    vec![
        Chart {
            name: "pause-timeline".to_owned(),
            title: "Every pause while the table doubles at 2²⁰ entries".to_owned(),
            message: "At once, one insert stops the store for 478 ms; redis-7.0 spreads the same \
                      work over 3.9 s, and its longest pause, 4.2 ms, is the allocation."
                .to_owned(),
            alt: "Two panels over time. at-once: one stroke of 478 ms. redis-7.0: many strokes of \
                  about 1 us by steps, one of 1 ms every 100 ms by the cron."
                .to_owned(),
            x: axis("virtual time", Quantity::Nanos, Scale::Linear),
            y: axis("length of the pause", Quantity::Nanos, Scale::Log),
            panels: Some("table".to_owned()),
            layers: vec![layer("pauses", "at", "length", "cause", Style::Stems)],
            marks: vec![
                Mark::Band {
                    from: 4_000_000_000,
                    to: 7_950_000_000,
                    label: "rehash".to_owned(),
                    panel: Some("redis-7.0".to_owned()),
                },
                Mark::Vertical {
                    at: 4_000_000_000,
                    label: "doubling begins".to_owned(),
                    panel: None,
                },
                Mark::Vertical {
                    at: 7_950_000_000,
                    label: "old table freed".to_owned(),
                    panel: Some("redis-7.0".to_owned()),
                },
            ],
        },
        Chart {
            name: "response-by-nines".to_owned(),
            title: "Response time before, during and after the doubling".to_owned(),
            message: "During the rehash p99.9 rises from 0.4 ms to 1.1 ms with redis-7.0, and to \
                      60 ms when the table doubles at once."
                .to_owned(),
            alt: "Percentile curves. Before and after coincide near 0.2 ms; during lies above."
                .to_owned(),
            x: axis("quantile of requests", Quantity::Nines, Scale::Log),
            y: axis(
                "response from the intended start",
                Quantity::Nanos,
                Scale::Log,
            ),
            panels: Some("table".to_owned()),
            layers: vec![layer("response", "nines", "response", "phase", Style::Line)],
            marks: vec![objective],
        },
        Chart {
            name: "pause-by-size".to_owned(),
            title: "Longest pause against the size of the table".to_owned(),
            message: "Both grow in proportion to the table: at 2²⁷ entries at-once would stop for \
                      30.7 s, redis-7.0 for 201 ms."
                .to_owned(),
            alt: "Two straight lines in logarithmic axes, a factor of 150 apart.".to_owned(),
            x: axis(
                "entries when growth begins",
                Quantity::PowerOfTwo,
                Scale::Log,
            ),
            y: axis("longest pause", Quantity::Nanos, Scale::Log),
            panels: None,
            layers: vec![
                layer("pause-fit", "size", "longest", "table", Style::Dashed),
                layer("pause-by-size", "size", "longest", "table", Style::Points),
            ],
            marks: vec![],
        },
    ]
}

/// Bars over categories, which pages show as a static drawing.
pub(crate) fn bars() -> Chart {
    Chart {
        name: "bars".to_owned(),
        title: "Longest pause by table".to_owned(),
        message: "At 2²⁴ entries at-once stops for 3.8 s.".to_owned(),
        alt: "Bars that double from size to size.".to_owned(),
        x: axis("table", Quantity::Category, Scale::Linear),
        y: axis("longest pause", Quantity::Nanos, Scale::Linear),
        panels: None,
        layers: vec![Layer {
            series: "pause-by-size".to_owned(),
            x: "table".to_owned(),
            y: "longest".to_owned(),
            upper: None,
            group: Some("size".to_owned()),
            style: Style::Bars,
            cells: None,
        }],
        marks: vec![],
    }
}

/// Lines over a band of each group, and the series behind them.
pub(crate) fn band() -> (Chart, Series) {
    let (mut table, mut size, mut longest) = (vec![], vec![], vec![]);
    let (mut lowest, mut highest) = (vec![], vec![]);
    for (t, name) in (0_i64..).zip(TABLES) {
        for exponent in 18..=24 {
            let mean = (1_i64 << exponent) * (3 - 2 * t);
            table.push(name);
            size.push(1_i64 << exponent);
            longest.push(mean);
            lowest.push(mean - mean / (4 + exponent % 3));
            highest.push(mean + mean / 5);
        }
    }
    let series = Series {
        name: "pause-over-seeds".to_owned(),
        columns: vec![
            texts("table", table),
            ints("size", "", size),
            ints("longest", "ns", longest),
            ints("lowest", "ns", lowest),
            ints("highest", "ns", highest),
        ],
    };
    let layer = |y: &str, upper: Option<&str>, style| Layer {
        series: series.name.clone(),
        x: "size".to_owned(),
        y: y.to_owned(),
        upper: upper.map(Into::into),
        group: Some("table".to_owned()),
        style,
        cells: None,
    };
    let chart = Chart {
        name: "pause-over-seeds".to_owned(),
        title: "Longest pause against the size of the table, over seeds".to_owned(),
        message: "Bands reach from the lowest to the highest of five seeds.".to_owned(),
        alt: "Two rising lines with bands around them.".to_owned(),
        x: axis("entries", Quantity::PowerOfTwo, Scale::Log),
        y: axis("longest pause", Quantity::Nanos, Scale::Linear),
        panels: None,
        layers: vec![
            layer("longest", None, Style::Line),
            layer("lowest", Some("highest"), Style::Band),
        ],
        marks: vec![],
    };
    (chart, series)
}

fn rows() -> Vec<Row> {
    let mut rows = vec![];
    for (t, table) in TABLES.iter().enumerate() {
        let at = cell(&[("doubling", "2^20"), ("table", table)]);
        let longest = [478_000_000, 4_200_000][t];
        let mut row = Row::simulated("rehash", "", &at, "pause_longest_max", longest);
        row.seeds = 3;
        row.lo = Some(longest - longest / 50);
        row.hi = Some(longest + longest / 50);
        rows.push(row);
        for (p, phase) in PHASES.iter().enumerate() {
            let at = cell(&[("doubling", "2^20"), ("phase", phase), ("table", table)]);
            let p999 = [
                [412_000, 60_100_000, 415_000],
                [410_000, 1_130_000, 411_000],
            ][t][p];
            rows.push(Row::simulated("rehash", "", &at, "response_p999", p999));
            rows.push(Row::simulated(
                "rehash",
                "",
                &at,
                "response_p50",
                92_000 + p999 / 900,
            ));
        }
    }
    rows.push(Row::simulated(
        "rehash",
        "BGSAVE running",
        &cell(&[("doubling", "2^20"), ("table", "redis-7.0")]),
        "memory_table_max",
        24 << 20,
    ));
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    rows
}

/// A measurement beside the sample.
pub(crate) fn measured() -> MeasuredResult {
    let growth = |ended: u64| Growth {
        from: 1 << 20,
        to: 1 << 21,
        started: (1 << 20) + 1,
        ended: Some(ended),
        freed: Some(ended),
    };
    let pause = |ns: u64, cause: &str| Pause {
        ns,
        at: 1_711_561,
        cause: cause.to_owned(),
    };
    let told = MeasuredPoint {
        table: "redis-7.0".to_owned(),
        subject: Subject::Integers,
        entries: 1 << 20,
        predicted: pause(1_229_000, "free"),
        measured: Some(MeasuredPause {
            at: 1_711_561,
            cause: "free".to_owned(),
            ns: vec![700_000, 650_000, 720_000],
            median_ns: 700_000,
        }),
        longest_ns: vec![700_000, 2_100_000, 720_000],
        ratio_ppm: Some(569_568),
        judgement: Judgement::Agrees,
        reason: String::new(),
        simulated_growth: growth(1_711_561),
        measured_growth: growth(1_711_561),
        positions_equal: true,
        theory_ended: Some(1_711_398),
        theory_is_exact: false,
    };
    let untold = MeasuredPoint {
        subject: Subject::Node,
        measured: None,
        ratio_ppm: None,
        judgement: Judgement::CannotTell,
        reason: "no insert stood out in every run".to_owned(),
        theory_ended: None,
        ..told.clone()
    };
    let pauses = sizes("pause-measured", 18..=22);
    MeasuredResult {
        measurement: Measurement {
            schema: MEASURED_SCHEMA,
            kvrig: "0.1.0".to_owned(),
            study: "rehash".to_owned(),
            title: "Session cache".to_owned(),
            quick: false,
            profile: ProfileRef {
                name: "typical-2026".to_owned(),
                digest: Digest::of(b"profile"),
            },
            machine: Machine {
                processor: "Example 9000".to_owned(),
                cores: 2,
                system: "Linux 6.18".to_owned(),
                is_virtual: true,
                date: "2026-11-25".to_owned(),
                load_before: Some([73, 84, 67]),
                load_after: None,
            },
            clock: ClockFacts {
                reading_ns: 30,
                floor_ns: 72_497,
                spun_ns: 4_000_000_000,
            },
            runs: 3,
            findings: vec![Finding {
                text: "All growths were where they were simulated.".to_owned(),
                rows: vec![],
                warning: false,
            }],
            points: vec![told, untold],
            inserts: vec![InsertTimes {
                table: "redis-7.0".to_owned(),
                subject: Subject::Integers,
                count: 5_134_683,
                mean_ns: 512,
                p50_ns: 431,
                p99_ns: 1_020,
                p9999_ns: 21_000,
            }],
            notes: vec!["Another hour gives other numbers.".to_owned()],
        },
        charts: vec![Chart {
            name: "pause-measured".to_owned(),
            title: "Longest pause, measured".to_owned(),
            message: "Points are medians.".to_owned(),
            alt: "Points over sizes.".to_owned(),
            x: axis("entries", Quantity::PowerOfTwo, Scale::Log),
            y: axis("longest insert", Quantity::Nanos, Scale::Log),
            panels: Some("table".to_owned()),
            layers: vec![Layer {
                series: "pause-measured".to_owned(),
                x: "size".to_owned(),
                y: "longest".to_owned(),
                upper: None,
                group: Some("table".to_owned()),
                style: Style::Points,
                cells: None,
            }],
            marks: vec![],
        }],
        series: vec![pauses],
        histograms: vec![HistogramData {
            name: "inserts-redis-7.0-u64".to_owned(),
            buckets: vec![(431, 5_000_000), (21_007, 134_683)],
            sum: 2_628_957_696,
            max: 720_000,
        }],
    }
}

/// The sample.
pub(crate) fn sample() -> StudyResult {
    let rows = rows();
    let worst = rows
        .iter()
        .position(|row| {
            row.name == "response_p999"
                && row.cell["phase"] == "during"
                && row.cell["table"] == "redis-7.0"
        })
        .expect("the sample has it");
    let windows = (0..300)
        .map(|n| (n * 40_000_000, 0x1234_5678_9abc_def0 ^ (n * 977)))
        .collect();
    StudyResult {
        study: "rehash".to_owned(),
        title: "Session cache: what does the next doubling cost our clients?".to_owned(),
        question: "How long does growth stop the store, and who waits?".to_owned(),
        quick: false,
        seed: 1,
        seeds: 3,
        profile: ProfileRef {
            name: "typical-2026".to_owned(),
            digest: Digest::of(b"profile"),
        },
        verdicts: vec![Verdict {
            metric: "response_p999".to_owned(),
            filter: cell(&[("phase", "during"), ("table", "redis-7.0")]),
            limit: "max 2ms".to_owned(),
            worst: rows[worst].value,
            row: worst,
            verdict: Outcome::Pass,
            line: 38,
        }],
        findings: vec![
            Finding {
                text: "Doubling at once stops the store for 478 ms while 2^20 keys move; 23,900 \
                       requests wait behind it."
                    .to_owned(),
                rows: vec![0],
                warning: false,
            },
            Finding {
                text: "redis-7.0 stops 4.2 ms at worst, when it allocates the new 16 MiB table; a \
                       migration step takes 1.2 us."
                    .to_owned(),
                rows: vec![1, worst],
                warning: false,
            },
            Finding {
                text:
                    "The allocation price lies outside the range in which the profile was fitted."
                        .to_owned(),
                rows: vec![],
                warning: true,
            },
        ],
        table: Table {
            head: ["table", "longest pause", "p99.9 before", "p99.9 during"]
                .map(str::to_owned)
                .to_vec(),
            rows: vec![
                ["at-once", "478 ms", "412 us", "60.1 ms"]
                    .map(str::to_owned)
                    .to_vec(),
                ["redis-7.0", "4.2 ms", "410 us", "1.13 ms"]
                    .map(str::to_owned)
                    .to_vec(),
            ],
        },
        rows,
        series: vec![
            pauses(),
            responses(),
            sizes("pause-by-size", 18..=24),
            sizes("pause-fit", 18..=27),
        ],
        charts: charts(),
        histograms: vec![HistogramData {
            name: "response-redis-7.0-during".to_owned(),
            buckets: vec![
                (100_351, 60_000),
                (150_527, 30_000),
                (401_407, 9_900),
                (1_130_495, 100),
            ],
            sum: 14_500_000_000,
            max: 1_130_000,
        }],
        model_card: ModelCard {
            versions: vec!["Redis 7.0 dictionary, SipHash-1-2".to_owned()],
            rules: vec!["Growth at load factor 1, one bucket a step (redis dict.c).".to_owned()],
            simulated: vec!["Service and waiting on one core.".to_owned()],
            published: vec![],
            assumed: vec!["Network latency of 50 us each way.".to_owned()],
            validity: vec!["Prices were fitted for tables up to 2^24 entries.".to_owned()],
            misleading: vec!["One machine: no replication, no neighbours.".to_owned()],
        },
        counters: [
            ("buckets_probed", 123_456_789_u64),
            ("entries_migrated", 2_097_152),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into(),
        fingerprint: Fingerprint {
            results: Digest::of(b"rows"),
            events: Digest::of(b"events"),
            windows: vec![PointWindows {
                point: "doubling=2^20 table=redis-7.0 · seed 1".to_owned(),
                windows,
            }],
        },
        sections: vec![Section {
            title: "Beside a real clock".to_owned(),
            paragraphs: vec!["Measured on a virtual machine with 2 cores.".to_owned()],
            table: Table {
                head: ["table", "predicted", "measured"]
                    .map(str::to_owned)
                    .to_vec(),
                rows: vec![
                    ["redis-7.0", "4.2 ms", "2.2 ms"]
                        .map(str::to_owned)
                        .to_vec(),
                ],
            },
        }],
        document: "schema = 1\ntitle = \"Session cache\"\n\n[run]\nseed = 1\nseeds = 3\n"
            .to_owned(),
    }
}
