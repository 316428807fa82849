//! Traces: what they say, how they are replayed, and what happens to broken ones.

use super::*;
use crate::key::KeyId;
use flate2::Compression;
use flate2::write::GzEncoder;
use kvrig_base::limits::TRACE_LINE_BYTES_MAX;
use proptest::prelude::*;
use std::io::Write;
use std::sync::Arc;

fn i32_be(keys: &[i32]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.to_be_bytes()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_binary(bytes: &[u8]) -> Result<Trace, Diagnostic> {
    Trace::read("t.trace", bytes, &TraceFormat::BigEndianI32)
}

fn read_csv(text: &[u8], stated: &str) -> Result<Trace, Diagnostic> {
    Trace::read("t.csv", text, &TraceFormat::choose("t.csv", Some(stated))?)
}

fn keys(trace: &Trace) -> Vec<u32> {
    (0..trace.len())
        .map(|index| trace.request(index).unwrap().key)
        .collect()
}

/// The published figures of the whole trace.
#[test]
fn the_orm_trace_is_what_its_source_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/orm-busy.trace.gz");
    let format = TraceFormat::choose("orm-busy.trace.gz", None).unwrap();
    let info = TraceInfo::of(&Trace::open(&path, &format).unwrap());
    assert_eq!(
        (info.requests, info.keys, info.one_hit_keys),
        (5_000_000, 76_349, 8_763)
    );
    let percent = |requests| info.share(requests) * 100.0;
    assert_eq!(format!("{:.4}", percent(info.top_1_requests)), "0.5442");
    assert_eq!(format!("{:.3}", percent(info.top_10_requests)), "3.927");
    assert_eq!(
        format!("{:.2}", percent(info.top_percent_requests)),
        "33.41"
    );
}

#[test]
fn keys_are_numbered_by_first_use_whatever_their_bits() {
    let trace = read_binary(&i32_be(&[-5, 7, -5, i32::MIN, 0, 7])).unwrap();
    assert_eq!(keys(&trace), [0, 1, 0, 2, 3, 1]);
    assert_eq!((trace.len(), trace.keys()), (6, 4));
}

#[test]
fn compression_is_recognised_by_content() {
    let plain = i32_be(&(0..40_000).map(|i| i * i % 1_013).collect::<Vec<i32>>());
    assert_eq!(read_binary(&gzip(&plain)), read_binary(&plain));
    let two_members = [gzip(&plain[..1_000]), gzip(&plain[1_000..])].concat();
    assert_eq!(read_binary(&two_members), read_binary(&plain));
    assert_eq!(
        read_csv(&gzip(b"a\nb\n"), "csv"),
        read_csv(b"a\nb\n", "csv")
    );
}

#[test]
fn broken_binary_traces_are_refused_with_their_record() {
    let error = |bytes: &[u8]| read_binary(bytes).unwrap_err().to_string();
    assert_eq!(error(&[]), "KV2004: t.trace: no records");
    assert_eq!(
        error(&[0, 0, 0, 1, 0, 0]),
        "KV2001: t.trace: record 2 has 2 of 4 bytes"
    );
    assert_eq!(error(&[1]), "KV2001: t.trace: record 1 has 1 of 4 bytes");
    assert_eq!(error(&gzip(&[])), "KV2004: t.trace: no records");

    let noise: Vec<i32> = (0..40_000_i32)
        .map(|i| i.wrapping_mul(i ^ 0x5bd1_e995))
        .collect();
    let packed = gzip(&i32_be(&noise));
    let cut = error(&packed[..packed.len() / 2]);
    assert!(
        cut.starts_with("KV2001: t.trace: the compressed data ends in record "),
        "{cut}"
    );
    let mut damaged = packed.clone();
    let checksum = damaged.len() - 6;
    damaged[checksum] ^= 1;
    let damaged = error(&damaged);
    assert!(
        damaged.starts_with("KV2002: t.trace: cannot read record 40001: "),
        "{damaged}"
    );
    assert!(error(&packed[..5]).starts_with("KV2001: "));
}

#[test]
fn a_missing_file_is_named() {
    let error = Trace::open(Path::new("no/such.trace"), &TraceFormat::BigEndianI32).unwrap_err();
    assert_eq!(error.code, "KV1012");
    assert!(
        error.message.starts_with("no/such.trace cannot be read: "),
        "{}",
        error.message
    );
}

#[test]
fn csv_columns_are_found_by_header_map_or_place() {
    let expected = read_csv(b"a\nb\na\n", "csv").unwrap();
    for (text, stated) in [
        ("a\r\nb\r\na\r\n", "csv"),
        ("key\na\nb\na", "csv"),
        ("x,Key\n1,a\n2,b\n3,a\n", "csv"),
        ("x,who\n1,a\n2,b\n3,a\n", "csv:key=who"),
        ("1;a\n2;b\n3;a\n", "csv:key=2,delimiter=semicolon"),
        (
            "key;1\n\"a\";1\n\"b\";\"1;2\"\na;2\n",
            "csv:key=1,delimiter=semicolon,header=yes",
        ),
    ] {
        assert_eq!(
            read_csv(text.as_bytes(), stated).as_ref(),
            Ok(&expected),
            "{text:?} {stated}"
        );
    }
    let quoted = read_csv(b"\"a,\n b\",1\n\"a,\n b\",2\n", "csv:key=1").unwrap();
    assert_eq!(keys(&quoted), [0, 0]);
}

#[test]
fn twitter_traces_say_everything() {
    let text = b"100,k1,20,0,7,get,0\n100,k2,24,350,7,set,3600\n103,k1,20,80,9,cas,0\n";
    for stated in ["twitter", "csv"] {
        let trace = read_csv(text, stated).unwrap();
        let times: Vec<u64> = (0..3).map(|i| trace.time(i).unwrap().as_nanos()).collect();
        assert_eq!(times, [0, 0, 3_000_000_000]);
        let second = Request {
            key: 1,
            kind: Some(OpKind::Set),
            key_bytes: Some(24),
            value_bytes: Some(350),
            ttl: Some(Span::from_secs(3_600)),
        };
        assert_eq!(trace.request(1), Some(second));
        assert_eq!(trace.request(2).unwrap().kind, Some(OpKind::CompareAndSet));
        assert_eq!(trace.request(3), None);
    }
}

#[test]
fn cachebench_traces_repeat_their_requests() {
    let text = b"key,op,size,op_count,key_size,ttl\nk1,GET,0,3,12,0\nk2,SET,99,1,13,60\n";
    let trace = read_csv(text, "cachebench").unwrap();
    assert_eq!(keys(&trace), [0, 0, 0, 1]);
    assert_eq!(trace.request(3).unwrap().value_bytes, Some(99));
}

#[test]
fn broken_text_traces_are_refused_with_their_line() {
    for (text, stated, message) in [
        ("", "csv", "KV2004: t.csv: no records"),
        ("\n\n", "csv", "KV2004: t.csv: no records"),
        ("key\n", "csv", "KV2004: t.csv: no records"),
        (
            "1,a\n2\n",
            "csv:key=2",
            "KV2002: t.csv: record 2 (line 2): there is no column 2 (key)",
        ),
        (
            "time,key\n1,a\nx,b\n",
            "csv",
            "KV2002: t.csv: record 2 (line 3): `x` is not a whole number (time)",
        ),
        (
            "op,key\nget,a\nfrob,b\n",
            "csv",
            "KV2002: t.csv: record 2 (line 3): `frob` is not a known operation",
        ),
        (
            "key,size\na,99999999999\n",
            "csv",
            "KV2002: t.csv: record 1 (line 2): 99999999999 exceeds the largest value_size, 4294967295",
        ),
        (
            "time,key\n5,a\n4,b\n",
            "csv",
            "KV2002: t.csv: record 2 (line 3): time 4 is before an earlier record's or too far on \
             (sort the trace by time, or set `time_unit` in the column map)",
        ),
        (
            "a,b\n1,2\n",
            "csv:key=c",
            "KV2003: the trace has no column `c` (its columns are a, b)",
        ),
        (
            "time,x\n1,2\n",
            "cachebench",
            "KV2003: no column of the trace is known to hold keys \
             (name it in the column map, for example `csv:key=2`)",
        ),
    ] {
        let error = read_csv(text.as_bytes(), stated).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn repeats_and_records_without_end_are_bounded() {
    let error = read_csv(b"key,op_count\na,999999999999\n", "csv").unwrap_err();
    assert_eq!(error.code, "KV1010");
    let endless_line = vec![b'a'; TRACE_LINE_BYTES_MAX + 10];
    let open_quote = [b"\"".as_slice(), &b"ab\n".repeat(TRACE_LINE_BYTES_MAX / 2)].concat();
    for text in [endless_line, open_quote] {
        let error = read_csv(&text, "csv").unwrap_err().to_string();
        assert!(
            error.starts_with("KV2002: t.csv: cannot read record 1: a record is longer"),
            "{error}"
        );
    }
}

#[test]
fn formats_are_told_by_name_or_statement() {
    let choose = |file, stated| TraceFormat::choose(file, stated);
    for (file, format) in [
        ("a/w01.oracleGeneral.bin.gz", TraceFormat::OracleGeneral),
        ("w01.oracleGeneral", TraceFormat::OracleGeneral),
        ("x.monitor", TraceFormat::Monitor),
        ("cluster52.sort.gz", TraceFormat::Csv(CsvLayout::twitter())),
        ("cluster2", TraceFormat::Csv(CsvLayout::twitter())),
    ] {
        assert_eq!(choose(file, None), Ok(format), "{file}");
    }
    assert_eq!(choose("x", Some("monitor")), Ok(TraceFormat::Monitor));
    assert_eq!(
        choose("a/orm-busy.trace.gz", None),
        Ok(TraceFormat::BigEndianI32)
    );
    assert_eq!(
        choose("x.dat", Some("i32-be")),
        Ok(TraceFormat::BigEndianI32)
    );
    assert_eq!(
        choose("x.csv.gz", None),
        Ok(TraceFormat::Csv(CsvLayout::default()))
    );
    for (file, stated) in [
        ("x.dat", None),
        ("x.csv", Some("i32")),
        ("x.csv", Some("i32-be:1")),
    ] {
        let error = choose(file, stated).unwrap_err();
        assert_eq!(error.code, "KV2003");
        assert!(error.help.unwrap().contains("i32-be, oracle-general, csv"));
    }
    for map in [
        "csv:frob=1",
        "csv:key",
        "csv:key=0",
        "csv:key=",
        "csv:time_unit=h",
    ] {
        assert_eq!(choose("x", Some(map)).unwrap_err().code, "KV2003", "{map}");
    }
}

#[test]
fn every_copy_makes_every_request_once_with_keys_of_its_own() {
    let trace = Arc::new(read_binary(&i32_be(&[9, 8, 9, 7, 9])).unwrap());
    let replay = Replay::new(trace.clone(), 3).unwrap();
    assert_eq!((replay.len(), replay.keys()), (15, 9));
    let mut by_copy = vec![Vec::new(); 3];
    for index in 0..replay.len() {
        let KeyId(key) = replay.request(index).0;
        assert_eq!(key % 3, index % 3);
        by_copy[(key % 3) as usize].push((key / 3) as u32);
    }
    assert_eq!(by_copy[0], [0, 1, 0, 2, 0]);
    assert_eq!(by_copy[1], [1, 0, 2, 0, 0]);
    assert_eq!(by_copy[2], [2, 0, 0, 1, 0]);
    assert_eq!(replay.request(15), replay.request(0));
    assert_eq!(
        Replay::new(trace.clone(), 0).err(),
        Some(crate::Error::NoCopies)
    );
    assert!(Replay::new(trace, u64::MAX).is_err());
}

#[test]
fn recorded_times_go_on_when_the_trace_repeats() {
    let text = b"time,key\n1000,a\n1250,b\n2000,a\n";
    let trace = Arc::new(read_csv(text, "csv:time=1,key=2,header=yes,time_unit=ms").unwrap());
    let times = |copies: u64| -> Vec<u64> {
        let replay = Replay::new(trace.clone(), copies).unwrap();
        (0..6)
            .map(|i| replay.time(i).unwrap().as_nanos() / 1_000_000)
            .collect()
    };
    assert_eq!(times(1), [0, 250, 1_000, 1_000, 1_250, 2_000]);
    assert_eq!(times(2), [0, 0, 250, 250, 1_000, 1_000]);
}

/// Counts exactly proportional to k^-s are fitted by s; the error is that of theory.
#[test]
fn the_fit_finds_the_exponent_that_made_the_counts() {
    for s in [0.0, 0.6, 1.0, 1.7] {
        let counts: Vec<u64> = (1..=5_000)
            .map(|rank| (1e12 * libm::pow(f64::from(rank), -s)) as u64)
            .collect();
        let fit = ZipfFit::of(&counts).unwrap();
        assert!((fit.s - s).abs() < 1e-6, "{s}: {fit:?}");
    }
    // Two keys with 3 of 4 requests for the first: s = log2(3), variance p(1-p) log(2)^2.
    let fit = ZipfFit::of(&[300, 100]).unwrap();
    assert!((fit.s - libm::log2(3.0)).abs() < 1e-9, "{fit:?}");
    let deviation = 1.0 / (400.0 * 0.1875 * libm::pow(libm::log(2.0), 2.0)).sqrt();
    assert!((fit.standard_error - deviation).abs() < 1e-9, "{fit:?}");
    assert_eq!(ZipfFit::of(&[10]), None);
}

fn oracle(records: &[(u32, u64, u32, i64)]) -> Vec<u8> {
    let record = |&(time, object, size, next): &(u32, u64, u32, i64)| {
        let mut bytes = time.to_le_bytes().to_vec();
        bytes.extend(object.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        bytes
    };
    records.iter().flat_map(record).collect()
}

const ORACLE: [(u32, u64, u32, i64); 4] = [
    (7, u64::MAX, 100, 2),
    (7, 5, 0, -1),
    (9, u64::MAX, 120, 3),
    (12, u64::MAX, 0, -1),
];

const MONITOR: &str = "OK\r\n\
    1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"*\"\n\
    1339518083.200000 [0 127.0.0.1:60866] \"set\" \"a\" \"12345\" \"EX\" \"60\"\n\
    1339518084.000001 [1 unix:/tmp/redis.sock] \"MGET\" \"a\" \"b\\\"\\xff\\n\"\n\
    1339518085.000000 [0 lua] \"incr\" \"n\"";

fn read_as(bytes: &[u8], stated: &str) -> Result<Trace, Diagnostic> {
    Trace::read("t", bytes, &TraceFormat::choose("t", Some(stated))?)
}

#[test]
fn oracle_general_traces_say_times_and_sizes() {
    for bytes in [oracle(&ORACLE), gzip(&oracle(&ORACLE))] {
        let trace = read_as(&bytes, "oracle-general").unwrap();
        assert_eq!((keys(&trace), trace.keys()), (vec![0, 1, 0, 0], 2));
        let sizes: Vec<_> = (0..4)
            .map(|i| trace.request(i).unwrap().value_bytes)
            .collect();
        assert_eq!(sizes, [Some(100), Some(0), Some(120), Some(0)]);
        assert_eq!(trace.time(3), Some(Time::START + Span::from_secs(5)));
        assert!(!trace.has_kinds());
    }
}

#[test]
fn monitor_logs_say_what_was_asked_for() {
    let trace = read_as(MONITOR.as_bytes(), "monitor").unwrap();
    assert_eq!(keys(&trace), [0, 0, 1, 2]);
    let kinds: Vec<_> = (0..4)
        .map(|i| trace.request(i).unwrap().kind.unwrap())
        .collect();
    let expected = [OpKind::Set, OpKind::Get, OpKind::Get, OpKind::Increment];
    assert_eq!(kinds, expected);
    let first = trace.request(0).unwrap();
    assert_eq!((first.key_bytes, first.value_bytes), (Some(1), Some(5)));
    assert_eq!(first.ttl, Some(Span::from_secs(60)));
    assert_eq!(trace.request(2).unwrap().key_bytes, Some(4));
    assert_eq!(
        trace.time(1),
        Some(Time::START + Span::from_micros(800_001))
    );
    assert_eq!(trace.left_out(), &BTreeMap::from([("keys".to_owned(), 1)]));
}

/// Every format, what can be wrong with it, and the record that is named.
#[test]
fn malformed_traces_of_every_format_are_refused_with_their_record() {
    let whole = oracle(&ORACLE);
    let line = "1.000001 [0 127.0.0.1:1] \"get\" \"k\"\n";
    let back = [line, "0.999999 [0 127.0.0.1:1] \"get\" \"k\"\n"].concat();
    let cases: &[(&str, &[u8], &str)] = &[
        ("oracle-general", b"", "KV2004: t: no records"),
        (
            "oracle-general",
            &whole[..95],
            "KV2001: t: record 4 has 23 of 24 bytes",
        ),
        (
            "oracle-general",
            &oracle(&[(5, 1, 1, -1), (4, 2, 1, -1)]),
            "KV2002: t: record 2: time 4 is before an earlier record's",
        ),
        (
            "oracle-general",
            &gzip(&whole)[..40],
            "KV2001: t: the compressed data ends in record ",
        ),
        (
            "oracle-general",
            &[0x28, 0xb5, 0x2f, 0xfd, 0],
            "KV2002: t: cannot read record 1: it is compressed by Zstandard",
        ),
        ("twitter", b"", "KV2004: t: no records"),
        (
            "twitter",
            b"1,k,1,1,1,get,0\r\n2,k,1,x,1,get,0\r\n",
            "KV2002: t: record 2 ",
        ),
        (
            "twitter",
            b"1,k,1,1,1,get,0\n2,k,1,1,1,frob,0\n",
            "KV2002: t: record 2 (line 2): `frob` is not a known operation",
        ),
        (
            "twitter",
            b"1,k,1,1,1,get,0\n2,k,1\n",
            "KV2002: t: record 2 (line 2): there is no column 6 (op)",
        ),
        (
            "twitter",
            b"1,\"a,b\",1,1,1,get,0\n0,k,1,1,1,get,0\n",
            "KV2002: t: record 2 (line 2): time 0 is before an earlier record's",
        ),
        ("monitor", b"", "KV2004: t: no records"),
        ("monitor", b"OK\n", "KV2004: t: no records"),
        (
            "monitor",
            b"hello\n",
            "KV2002: t: record 1 (line 1): `hello` does not begin as `1339518083.107412 [0",
        ),
        (
            "monitor",
            &line.as_bytes()[..line.len() - 3],
            "KV2001: t: record 1 (line 1) is cut off",
        ),
        (
            "monitor",
            b"1.000001 [0 127.0.0.1:1] get k\n",
            "KV2002: t: record 1 (line 1): the arguments are not all in double quotes",
        ),
        (
            "monitor",
            back.as_bytes(),
            "KV2002: t: record 2 (line 2): time 999999 is before an earlier record's",
        ),
        (
            "i32-be",
            &[1, 2, 3, 4, 5],
            "KV2001: t: record 2 has 1 of 4 bytes",
        ),
        (
            "cachebench",
            b"key,op,size\na,GET,x\n",
            "KV2002: t: record 1 (line 2): `x` is not a whole number (value_size)",
        ),
    ];
    for (format, bytes, message) in cases {
        let error = read_as(bytes, format).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(message), "{format}: {error}");
    }
    let endless = [
        b"1.000001 [0 a:1] \"get\" \"".as_slice(),
        &vec![b'a'; TRACE_LINE_BYTES_MAX],
    ]
    .concat();
    let error = read_as(&endless, "monitor").unwrap_err().to_string();
    assert!(
        error.contains("record 1 (line 1): a record is longer"),
        "{error}"
    );
}

fn converted(bytes: &[u8], from: &str, to: TargetFormat) -> (Vec<u8>, Vec<String>) {
    let format = TraceFormat::choose("t", Some(from)).unwrap();
    let mut out = Vec::new();
    let done = convert("t", || Ok(bytes), &format, to, &mut out).unwrap();
    (out, done.remarks)
}

/// What a format can carry comes back to the byte.
#[test]
fn conversions_round_trip_where_the_format_can_carry_it() {
    let twitter = b"100,k1,20,0,7,get,0\n100,\"k,2\",24,350,7,set,3600\n103,k1,20,80,9,gets,0\n";
    let (csv, remarks) = converted(twitter, "twitter", TargetFormat::Csv);
    assert!(csv.starts_with(b"time,key,key_size,value_size,client,op,ttl\n"));
    assert_eq!(remarks, [""; 0]);
    assert_eq!(
        converted(&csv, "csv", TargetFormat::Twitter),
        (twitter.to_vec(), vec![])
    );

    let whole = oracle(&ORACLE);
    let (csv, _) = converted(&whole, "oracle-general", TargetFormat::Csv);
    assert_eq!(
        converted(&csv, "csv", TargetFormat::OracleGeneral),
        (whole.clone(), vec![])
    );
    let same = converted(&gzip(&whole), "oracle-general", TargetFormat::OracleGeneral);
    assert_eq!(same.0, whole);

    let keys = i32_be(&[-5, 7, -5, i32::MIN, 0, 7]);
    let (csv, _) = converted(&keys, "i32-be", TargetFormat::Csv);
    assert_eq!(csv, b"key\n-5\n7\n-5\n-2147483648\n0\n7\n");
    assert_eq!(converted(&csv, "csv", TargetFormat::BigEndianI32).0, keys);
}

#[test]
fn conversions_say_what_is_lost_and_what_is_made_up() {
    let (oracle, remarks) = converted(MONITOR.as_bytes(), "monitor", TargetFormat::OracleGeneral);
    assert_eq!(
        remarks,
        [
            "the format has no room for: operations, key sizes, times to live, clients",
            "keys of 4 requests are no numbers and became hashes of 64 bits",
            "times of 3 requests were cut to whole seconds",
            "1 records that are no requests for keys were left out",
        ]
    );
    // The trace itself is the same: keys, and who comes next.
    assert_eq!(
        keys(&read_as(&oracle, "oracle-general").unwrap()),
        [0, 0, 1, 2]
    );
    assert_eq!(oracle[16..24], 1_i64.to_le_bytes());
    let (csv, remarks) = converted(MONITOR.as_bytes(), "monitor", TargetFormat::Csv);
    assert_eq!(remarks[0], "times are in us: read it as `csv:time_unit=us`");
    let (original, again) = (
        read_as(MONITOR.as_bytes(), "monitor").unwrap(),
        read_as(&csv, "csv:time_unit=us").unwrap(),
    );
    for index in 0..original.len() {
        assert_eq!(original.request(index), again.request(index));
        assert_eq!(original.time(index), again.time(index));
    }
    let (_, remarks) = converted(b"a\nb\n", "csv", TargetFormat::Twitter);
    assert!(
        remarks[0].contains("times (0), value sizes (0), key sizes"),
        "{remarks:?}"
    );
    let format = TraceFormat::choose("t", Some("csv")).unwrap();
    let text: &[u8] = b"1\nb\n";
    let error = convert(
        "t",
        || Ok(text),
        &format,
        TargetFormat::BigEndianI32,
        Vec::new(),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("record 2 (line 2): the key `b` is no 32-bit number"),
        "{error}"
    );
}

#[test]
fn a_summary_gives_a_workload_that_resembles_the_trace() {
    let mut text = String::from("time,key,op,value_size,ttl\n");
    for (rank, count) in [(1, 600), (2, 300), (3, 200), (4, 150)] {
        for number in 0..count {
            let op = if number % 10 == 0 { "set" } else { "get" };
            text += &format!(
                "0,k{rank},{op},{},{}\n",
                100 * rank,
                60 * u32::from(op == "set")
            );
        }
    }
    text += "100,k1,get,100,0\n";
    let info = TraceInfo::of(&read_csv(text.as_bytes(), "csv").unwrap());
    let zipf = info.zipf.unwrap();
    assert!((zipf.s - 1.0).abs() < 0.01 && zipf.fits(), "{zipf:?}");
    assert_eq!(info.kinds, [(OpKind::Get, 1_126), (OpKind::Set, 125)]);
    let sizes = info.value_bytes.unwrap();
    assert_eq!(
        (sizes.mean, sizes.quantiles, sizes.max),
        (191, [200, 400, 400, 400], 400)
    );
    assert_eq!(
        info.rates.unwrap().tenths,
        [1_250, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    );
    let toml = info.to_toml("a.csv");
    assert!(
        toml.starts_with("[workload]\narrivals.poisson = { rate = \"12.510/s\" }\n"),
        "{toml}"
    );
    for part in [
        "mix = { get = \"90.0079936%\", set = \"9.9920064%\" }",
        "keys = 4\npopularity.zipf = { s = 1.00",
        "value_size.fixed = \"191B\"    # the mean; p50 200 B",
        "ttl = \"60s\"",
    ] {
        assert!(toml.contains(part), "{part}: {toml}");
    }
    // Two plateaus are no Zipf.
    let mut counts = vec![1_000; 50];
    counts.extend([1; 5_000]);
    assert!(!ZipfFit::of(&counts).unwrap().fits());
}

proptest! {
    #[test]
    fn any_bytes_are_a_trace_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let formats = [
            "i32-be", "csv", "twitter", "cachebench", "csv:key=2,time=1", "oracle-general", "monitor",
        ];
        for format in formats {
            let format = TraceFormat::choose("x", Some(format)).unwrap();
            if let Ok(trace) = Trace::read("x", bytes.as_slice(), &format) {
                prop_assert!(!trace.is_empty() && trace.request(trace.len() - 1).is_some());
            }
        }
    }
}
