//! Profiles as people write them, and the meter that they make.

use super::*;
use kvrig_base::id::{ActorId, CoreId, LockId};
use kvrig_base::seam::{COUNTERS, Counter, Region, Work};
use kvrig_base::time::{Span, Time};

/// A complete profile: every counter costs its place in the receipt, in nanoseconds.
fn text() -> String {
    let mut text = String::from(
        "schema = 1\nname = \"test\"\nmachine = \"none\"\ndate = \"2026-11-23\"\nkind = \"round\"\n\
         [price_ps]\n",
    );
    for (place, counter) in COUNTERS.iter().enumerate() {
        text.push_str(&format!("{} = {}\n", counter.name(), (place + 1) * 1_000));
    }
    text.push_str(
        "[host]\nturn_ps = 1\nwake_up_ps = 1\nread_ps = 1\nread_byte_ps = 1\nread_bytes_max = 1\n\
         write_ps = 1\nwrite_byte_ps = 1\ninput_ps = 1\nfork_ps = 1\nfork_mib_ps = 1\n\
         page_copy_ps = 9_000\n\
         [disk]\ncall_ps = 1\nappend_byte_ps = 1\noperations_per_second = 1\n\
         bytes_per_second = 1\nsync_ps = 1\ndirty_bytes_max = 1\n\
         [link]\nlatency_ps = 1\nbytes_per_second = 1\n\
         [fit]\nrange = { bytes_copied = 100, resident_bytes = 1_000 }\n\
         [source]\nprice_ps = \"x\"\nhost = \"x\"\ndisk = \"x\"\nlink = \"x\"\nfit = \"x\"\n",
    );
    text
}

/// The code, the marked text and the whole message of what is wrong with `text`.
fn complaint(text: &str) -> (&'static str, String, String) {
    let complaint = Profile::parse("p.toml", text).unwrap_err();
    let marked = complaint
        .place
        .as_ref()
        .map_or("", |place| &text[place.span.clone()]);
    (complaint.code, marked.to_owned(), complaint.to_string())
}

#[test]
fn the_built_in_profiles_can_be_read_and_cite_every_number() {
    for (name, _) in embedded_profiles() {
        let profile = Profile::embedded(name).unwrap();
        assert_eq!(profile.name, *name);
        assert!(!profile.sources.is_empty());
    }
    let fitted = Profile::embedded(SHARED_VM_2026).unwrap();
    assert_eq!(fitted.kind, ProfileKind::Fitted);
    assert!(fitted.fit.residual_mean_ppm.is_some_and(|ppm| ppm > 0));
    assert_eq!(Profile::embedded("typical").unwrap_err().code, "KV1006");
}

#[test]
fn what_is_missing_unknown_or_wrong_is_told_with_its_place() {
    let good = text();
    assert!(Profile::parse("p.toml", &good).is_ok());
    for (from, to, code, marked, said) in [
        ("frees = 12000\n", "", "KV1007", "", "`price_ps.frees`"),
        ("frees =", "freed =", "KV1007", "", "`price_ps.frees`"),
        (
            "[host]",
            "[host]\nturn = 5",
            "KV1002",
            "5",
            "did you mean `host.turn_ps`?",
        ),
        (
            "frees = 12000",
            "frees = 1.5",
            "KV1003",
            "1.5",
            "whole picoseconds",
        ),
        (
            "frees = 12000",
            "frees = \"a\"",
            "KV1003",
            "\"a\"",
            "whole number",
        ),
        ("frees = 12000", "frees = -1", "KV1005", "-1", "from 0"),
        ("schema = 1", "schema = 7", "KV3002", "7", "schema 7"),
        (
            "\"round\"",
            "\"rough\"",
            "KV1006",
            "\"rough\"",
            "fitted, published, round",
        ),
        (
            "host = \"x\"",
            "\"host.turn_ps\" = \"x\"",
            "KV3002",
            "1",
            "`host.fork_mib_ps` has no source",
        ),
        (
            "host = \"x\"",
            "host = \" \"",
            "KV3002",
            "\" \"",
            "source of `host` is empty",
        ),
        (
            "link = \"x\"",
            "link = \"x\"\ncache = \"x\"",
            "KV3002",
            "\"x\"",
            "no such number",
        ),
        (
            "bytes_per_second = 1\nsync",
            "bytes_per_second = 0\nsync",
            "KV1005",
            "0",
            "at least 1",
        ),
        ("range = {", "residual = {", "KV1007", "", "fit.range"),
        ("[host]", "[host", "KV1001", "", "p.toml:"),
    ] {
        assert!(good.contains(from), "{from}");
        let (found, place, message) = complaint(&good.replacen(from, to, 1));
        assert_eq!(found, code, "{message}");
        assert!(message.contains(said), "{said}: {message}");
        if !marked.is_empty() {
            assert_eq!(place, marked, "{message}");
        }
    }
}

#[test]
fn caches_must_be_of_a_form_that_can_be_built() {
    let level = |bytes: u64, ways: u32, shared: bool| {
        format!(
            "[[cache]]\nname = \"L\"\nbytes = {bytes}\nways = {ways}\nshared = {shared}\nhit_ps = 1\n"
        )
    };
    let with = |levels: &[String]| {
        text()
            .replace(
                "[host]",
                &format!(
                    "{}[memory]\ndram_ps = 90\nnext_line_ps = 5\n[host]",
                    levels.concat()
                ),
            )
            .replace("[source]", "[source]\ncache = \"x\"\nmemory = \"x\"")
    };
    assert!(Profile::parse("p.toml", &with(&[level(32_768, 2, false)])).is_ok());
    assert!(Profile::parse("p.toml", &with(&[level(32_768, 4, false)])).is_ok());
    for ways in [0, 3, 8] {
        let (code, place, _) = complaint(&with(&[level(32_768, ways, false)]));
        assert_eq!((code, place), ("KV1005", ways.to_string()));
    }
    assert_eq!(complaint(&with(&[level(30_000, 2, false)])).0, "KV1005");
    let inside_out = [level(32_768, 2, true), level(32_768, 2, false)];
    assert_eq!(complaint(&with(&inside_out)).0, "KV1008");
    let translated = |entries: &str, walk: &str| {
        let tlb = format!("[tlb]\nentries = {entries}\n{walk}[memory]");
        with(&[level(32_768, 2, false)])
            .replace("[memory]", &tlb)
            .replace("[source]", "[source]\ntlb = \"x\"")
    };
    let parsed = Profile::parse("p.toml", &translated("2_048", "walk_ps = 7\n")).unwrap();
    let MemoryPrices::Cache { tlb, .. } = parsed.memory else {
        panic!("it has caches")
    };
    let expected = Tlb {
        entries: 2_048,
        walk_ps: 7,
    };
    assert_eq!(tlb, Some(expected));
    for entries in ["3000", "4", "4294967296"] {
        let (code, place, _) = complaint(&translated(entries, "walk_ps = 7\n"));
        assert_eq!((code, place.as_str()), ("KV1005", entries));
    }
    let (code, _, message) = complaint(&translated("2_048", ""));
    assert!(
        code == "KV1007" && message.contains("tlb.walk_ps"),
        "{message}"
    );
    let alone = text().replace("[host]", "[tlb]\nentries = 64\nwalk_ps = 7\n[host]");
    let (code, place, _) = complaint(&alone);
    assert_eq!((code, place.as_str()), ("KV1008", "64"));
}

#[test]
fn the_digest_tells_prices_apart_and_not_layouts() {
    let digest = |text: &str| Profile::parse("p.toml", text).unwrap().digest();
    let good = text();
    assert_eq!(
        digest(&good),
        digest(&good.replace("host = \"x\"", "host = 'a better source'"))
    );
    assert_eq!(
        digest(&good),
        digest(&good.replace("frees = 12000", "frees = 12_000 # ns"))
    );
    assert_ne!(
        digest(&good),
        digest(&good.replace("frees = 12000", "frees = 12001"))
    );
}

fn meter(profile: &str) -> (Pricing, Work) {
    let profile = Profile::parse("p.toml", profile).unwrap();
    let (pricing, meter) = Pricing::new(&profile);
    pricing.add_core();
    (pricing, Work::new(Box::new(meter)))
}

#[test]
fn work_costs_the_sum_of_its_prices_and_is_priced_once() {
    let (_, mut work) = meter(&text());
    work.begin();
    work.count(Counter::Commands, 2);
    assert_eq!(work.spent(), Span::from_nanos(2));
    work.count(Counter::ProtocolElements, 3);
    assert_eq!(work.spent(), Span::from_nanos(2 + 3 * 2));
    assert_eq!(work.spent(), Span::from_nanos(8));
    assert_eq!(work.counts().get(Counter::Commands), 2);
}

#[test]
fn without_caches_a_touch_costs_by_the_memory_in_use() {
    let steps =
        "[[footprint]]\nbytes = 1_000\nps = 2_000\n[[footprint]]\nbytes = 10_000\nps = 50_000\n";
    let profile = text()
        .replace("[host]", &format!("{steps}[host]"))
        .replace("[source]", "[source]\nfootprint = \"x\"");
    let (pricing, mut work) = meter(&profile);
    for (bytes, nanos) in [(10, 2), (1_000, 2), (1_001, 50), (1 << 40, 50)] {
        pricing.set_resident(bytes);
        work.begin();
        work.read(Region(0), 1);
        assert_eq!(
            work.spent(),
            Span::from_nanos(nanos),
            "{bytes} bytes in use"
        );
    }
}

#[test]
fn pages_are_copied_only_while_a_child_shares_them_and_only_by_its_parent() {
    let (pricing, mut work) = meter(&text());
    let (parent, other) = (ActorId(1), ActorId(2));
    let mut write = |actor, line| {
        pricing.enter(actor, actor.0, CoreId(0), Time::START);
        work.ask_for_touches();
        work.begin();
        work.write(Region(0), line);
        work.spent().as_nanos()
    };
    assert_eq!(write(parent, 0), 0);
    pricing.share_pages(parent);
    assert_eq!(
        [write(parent, 0), write(parent, 1), write(parent, 64)],
        [9, 0, 9]
    );
    assert_eq!(write(other, 0), 0);
    assert_eq!(pricing.take_copied_pages(parent), 2);
    pricing.unshare_pages(parent);
    assert_eq!(write(parent, 128), 0);
}

#[test]
fn a_lock_is_held_by_others_only_until_it_is_given_back() {
    let (pricing, mut work) = meter(&text());
    let (lock, holder) = (LockId(3), ActorId(1));
    pricing.hold(7, lock, holder, Time::START + Span::from_micros(5));
    let mut held = |actor, space, micros| {
        pricing.enter(
            actor,
            space,
            CoreId(0),
            Time::START + Span::from_micros(micros),
        );
        work.begin();
        work.lock_is_held(lock)
    };
    let other = ActorId(2);
    assert!(held(other, 7, 4));
    assert!(!held(other, 7, 5), "it is given back at that instant");
    assert!(!held(other, 8, 4), "another store's lock of that number");
    assert!(!held(holder, 7, 4), "its own");
}

#[test]
fn work_beyond_the_profiles_range_is_noted_with_the_worst_of_it() {
    let (pricing, mut work) = meter(&text());
    for bytes in [100, 150, 120] {
        work.begin();
        work.count(Counter::BytesCopied, bytes);
        pricing.check_range(&work.counts());
    }
    pricing.check_resident(1_000);
    pricing.check_resident(2_000);
    let noted = pricing.out_of_range();
    assert_eq!(
        noted[0],
        OutOfRange {
            what: "bytes_copied",
            limit: 100,
            worst: 150,
            calls: 2
        }
    );
    assert_eq!(
        noted[1],
        OutOfRange {
            what: "resident_bytes",
            limit: 1_000,
            worst: 2_000,
            calls: 1
        }
    );
}

/// What is said of a profile in `docs/profiles.md`.
#[test]
fn the_document_on_profiles_names_every_key() {
    let document = include_str!("../../../docs/profiles.md");
    let names = |key: &str| document.contains(&format!("`{key}`"));
    for counter in COUNTERS {
        assert!(names(counter.name()), "{}", counter.name());
    }
    for key in profile::known_keys() {
        // Ranges and prices are by counter.
        let is_by_counter = key.starts_with("price_ps.") || key.starts_with("fit.range.");
        assert!(is_by_counter || names(&key), "{key}");
    }
    for (name, _) in embedded_profiles() {
        assert!(names(name), "{name}");
    }
}
