//! Snapshots: the child, the file, and what the tables do meanwhile.

use crate::harness::{EPOCH_MS, Files, Host};
use kvrig_base::id::{ConnId, JobId};
use kvrig_base::seam::{Actor, ChildOutcome, Effect, Input};
use kvrig_base::time::{Span, Time};

/// The child that the node has asked for since the last call.
fn forked(host: &mut Host) -> JobId {
    let (effects, data) = host.effects.take();
    let job = effects.iter().find_map(|effect| match effect {
        Effect::Fork { job } => Some(*job),
        _ => None,
    });
    host.effects.reuse(effects, data);
    job.expect("a fork")
}

#[test]
fn one_child_saves_at_a_time() {
    let mut host = Host::new();
    host.check(&[
        ("SET a 1", "+OK"),
        ("BGSAVE now", "-ERR syntax error"),
        ("BGSAVE", "+Background saving started"),
        ("BGSAVE", "-ERR Background save already in progress"),
        (
            "BGSAVE SCHEDULE",
            "-ERR Background save already in progress",
        ),
    ]);
    let job = forked(&mut host);
    host.input(Input::ChildExit {
        job,
        outcome: ChildOutcome::Done,
    });
    host.check(&[("BGSAVE SCHEDULE", "+Background saving started")]);
    assert_ne!(forked(&mut host), job);
}

#[test]
fn lastsave_is_the_end_of_the_last_snapshot_that_worked() {
    let start = EPOCH_MS / 1_000;
    let mut host = Host::new();
    host.check(&[("LASTSAVE", &format!(":{start}"))]);
    host.pass_ms(5_000);
    host.ask("BGSAVE");
    let job = forked(&mut host);
    host.pass_ms(3_000);
    host.input(Input::ChildExit {
        job,
        outcome: ChildOutcome::Failed,
    });
    host.check(&[("LASTSAVE", &format!(":{start}"))]);
    host.ask("BGSAVE");
    let job = forked(&mut host);
    host.pass_ms(2_000);
    host.input(Input::ChildExit {
        job,
        outcome: ChildOutcome::Done,
    });
    host.check(&[("LASTSAVE", &format!(":{}", start + 10))]);
}

#[test]
fn a_rehash_is_frozen_while_a_child_lives() {
    let mut host = Host::new();
    for key in 0..1_025 {
        host.ask(&format!("SET key:{key} v"));
    }
    host.ask("BGSAVE");
    let job = forked(&mut host);
    let done = |host: &Host| {
        host.node
            .keyspace()
            .database(0)
            .keys()
            .rehash()
            .map(|rehash| rehash.buckets_done)
    };
    let before = done(&host);
    assert!(before.is_some());
    for key in 0..500 {
        host.ask(&format!("SET new:{key} v"));
    }
    host.now = Time::START + Span::from_secs(1);
    host.input(Input::Deadline);
    assert_eq!(
        done(&host),
        before,
        "neither commands nor the timer move anything"
    );
    host.input(Input::ChildExit {
        job,
        outcome: ChildOutcome::Done,
    });
    host.ask("GET key:1");
    assert!(done(&host) > before);
}

#[test]
fn a_file_is_synced_before_it_gets_its_name() {
    let mut host = Host::new();
    host.ask("SET a 1");
    host.ask("BGSAVE");
    let job = forked(&mut host);
    let mut files = Files::default();
    assert_eq!(host.node.run_child(job, &mut files), ChildOutcome::Done);
    assert_eq!(
        files.log,
        [
            "open temp-0.rdb",
            "append",
            "sync",
            "rename temp-0.rdb dump.rdb",
            "sync directory",
        ]
    );
    assert_eq!(files.content.keys().collect::<Vec<_>>(), ["dump.rdb"]);
}

#[test]
fn a_large_file_is_written_in_chunks_and_synced_on_the_way() {
    let mut host = Host::new();
    let value = vec![b'x'; 10_000];
    for key in 0..1_000 {
        host.command(&[b"SET", format!("key:{key}").as_bytes(), &value]);
    }
    host.ask("BGSAVE");
    let job = forked(&mut host);
    let mut files = Files::default();
    assert_eq!(host.node.run_child(job, &mut files), ChildOutcome::Done);
    assert!(files.log.iter().filter(|op| *op == "append").count() > 100);
    assert_eq!(
        files.log.iter().filter(|op| *op == "sync").count(),
        3,
        "twice on the way, then last"
    );
}

#[test]
fn a_full_disk_fails_the_child_and_leaves_no_file() {
    for operations in 1..5 {
        let mut host = Host::new();
        host.ask("SET a 1");
        host.ask("BGSAVE");
        let job = forked(&mut host);
        let mut files = Files::that_fail_after(operations);
        assert_eq!(host.node.run_child(job, &mut files), ChildOutcome::Failed);
        assert!(!files.content.contains_key("temp-0.rdb"), "{operations}");
    }
}

/// The bytes of a small snapshot, field by field (`redis:src/rdb.c`).
#[test]
fn a_snapshot_is_written_as_the_format_says() {
    let mut host = Host::new();
    host.ask(&format!("SET key 1234567 PXAT {}", EPOCH_MS + 1));
    host.input(Input::Command {
        conn: ConnId(0),
        args: &[b"BGSAVE"],
    });
    let job = forked(&mut host);
    let mut files = Files::default();
    host.node.run_child(job, &mut files);
    let file = &files.content["dump.rdb"];
    let aux =
        |name: &str, value: &[u8]| [&[0xFA, name.len() as u8], name.as_bytes(), value].concat();
    let used = i32::try_from(host.node.used_memory())
        .expect("it is small")
        .to_le_bytes();
    let created = i32::try_from(EPOCH_MS / 1_000)
        .expect("before 2038")
        .to_le_bytes();
    let expected = [
        b"REDIS0010".as_slice(),
        &aux("redis-ver", b"\x067.0.15"),
        &aux("redis-bits", b"\xC0\x40"),
        &aux("ctime", &[&[0xC2], created.as_slice()].concat()),
        &aux("used-mem", &[&[0xC2], used.as_slice()].concat()),
        &aux("aof-base", b"\xC0\x00"),
        b"\xFE\x00\xFB\x01\x01\xFC",
        &(EPOCH_MS + 1).to_le_bytes(),
        b"\x00\x03key\xC2",
        &1_234_567_i32.to_le_bytes(),
        b"\xFF",
    ]
    .concat();
    assert_eq!(
        file[..file.len() - 8].escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}
