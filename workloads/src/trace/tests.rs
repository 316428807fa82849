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
        assert!(error.help.unwrap().contains("i32-be, csv"));
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

proptest! {
    #[test]
    fn any_bytes_are_a_trace_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in ["i32-be", "csv", "twitter", "cachebench", "csv:key=2,time=1"] {
            let format = TraceFormat::choose("x", Some(format)).unwrap();
            if let Ok(trace) = Trace::read("x", bytes.as_slice(), &format) {
                prop_assert!(!trace.is_empty() && trace.request(trace.len() - 1).is_some());
            }
        }
    }
}
