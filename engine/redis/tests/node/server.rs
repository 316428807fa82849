//! Commands on the server itself: what it says of its times and its memory, its sleep, and the file of
//! its configuration.

use crate::harness::{CONN, Host, LuaMeter};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Actor, Effect, FileError, FileOp, FileOutcome, Input, Work};
use kvrig_base::time::Span;
use std::collections::BTreeMap;

/// Lets a sleep of so many milliseconds pass.
fn sleep_ms(host: &mut Host, millis: u64) {
    let seconds = format!("{}.{:03}", millis / 1_000, millis % 1_000);
    host.input(Input::Command {
        conn: CONN,
        args: &[b"debug", b"sleep", seconds.as_bytes()],
    });
    assert_eq!(host.replies(), [], "it is answered when it is over");
    host.now = host.node.next_deadline().expect("the sleep ends");
    host.input(Input::Deadline);
    assert_eq!(host.replies(), [(CONN, b"+OK\r\n".to_vec())]);
}

/// The text of a bulk string.
fn text(reply: &[u8]) -> String {
    let reply = String::from_utf8(reply.to_vec()).expect("it is a text");
    let (_, text) = reply.split_once("\r\n").expect("a length stands in front");
    text.strip_suffix("\r\n").expect("it ends").to_owned()
}

/// The example of the documentation of LATENCY GRAPH: five sleeps, each with its age below it.
#[test]
fn the_graph_of_the_documentation_is_drawn() {
    let mut host = Host::new();
    host.ask("config set latency-monitor-threshold 100");
    let start = host.now;
    for (second, millis) in [(0, 101), (1, 201), (3, 301), (7, 500), (9, 401)] {
        host.now = start + Span::from_secs(second);
        sleep_ms(&mut host, millis);
    }
    host.now = start + Span::from_secs(15);
    let graph = host.command(&[b"latency", b"graph", b"command"]);
    let dashes = "-".repeat(80);
    assert_eq!(
        text(&graph),
        format!(
            "command - high 500 ms, low 101 ms (all time high 500 ms)\n{dashes}\n   #_\n  _||\n \
             _|||\n_||||\n     \n11186\n542ss\nsss  \n"
        )
    );
    let report = text(&host.command(&[b"latency", b"doctor"]));
    let line = "1. command: 5 latency spikes (average 300ms, mean deviation 120ms, period 3.00 sec). \
                Worst all time event 500ms.\n";
    assert!(report.contains(line), "{report}");
}

#[test]
fn nothing_is_carried_out_while_the_node_sleeps() {
    let mut host = Host::new();
    let other = ConnId(1);
    host.input(Input::Connected { conn: other });
    let request = b"debug sleep 2\r\nincr n\r\n";
    let used = host.input(Input::Bytes {
        conn: CONN,
        bytes: request,
    });
    assert_eq!(used, b"debug sleep 2\r\n".len());
    host.pass_ms(1_900);
    let args: &[&[u8]] = &[b"incr", b"n"];
    host.input(Input::Command { conn: other, args });
    let bytes = b"get n\r\n";
    let later = ConnId(2);
    host.input(Input::Connected { conn: later });
    assert_eq!(host.input(Input::Bytes { conn: later, bytes }), 0);
    host.input(Input::Deadline);
    assert_eq!(host.replies(), []);
    host.pass_ms(100);
    host.input(Input::Deadline);
    assert_eq!(
        host.replies(),
        [(CONN, b"+OK\r\n".to_vec()), (other, b":1\r\n".to_vec())]
    );
    let (effects, _) = host.effects.take();
    let resumed = |wanted: ConnId| {
        let is_it = |effect: &Effect<_>| matches!(effect, Effect::ResumeReading { conn } if *conn == wanted);
        effects.iter().any(is_it)
    };
    assert!([CONN, other, later].into_iter().all(resumed));
}

#[test]
fn a_long_sleep_has_no_end() {
    let mut host = Host::new();
    host.input(Input::Command {
        conn: CONN,
        args: &[b"debug", b"sleep", b"1e300"],
    });
    host.pass_ms(1 << 30);
    host.input(Input::Deadline);
    assert_eq!(host.replies(), []);
}

/// Files by name, as a host on a disk has them.
#[derive(Default)]
struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    /// What the next append is answered.
    failure: Option<FileError>,
}

impl Disk {
    /// Carries out what the node asks for until it asks for nothing more.
    fn serve(&mut self, host: &mut Host) {
        let mut open = BTreeMap::new();
        loop {
            let (effects, data) = host.effects.take();
            let mut files = effects.into_iter().filter_map(|effect| match effect {
                Effect::File { ticket, op, .. } => Some((ticket, op)),
                _ => None,
            });
            let Some((ticket, op)) = files.next() else {
                return;
            };
            assert_eq!(files.next(), None, "one thing at a time");
            let mut content = Vec::new();
            let mut bytes = 0;
            let mut failure = None;
            match op {
                FileOp::Open { file, name, mode } => {
                    let is_there = self.files.contains_key(&name);
                    match mode {
                        kvrig_base::seam::OpenMode::Existing if !is_there => {
                            failure = Some(FileError::NotFound);
                        }
                        kvrig_base::seam::OpenMode::Truncate => {
                            self.files.insert(name.clone(), Vec::new());
                        }
                        _ => bytes = self.files[&name].len() as u64,
                    }
                    open.insert(file, name);
                }
                FileOp::Read { file, .. } => content.clone_from(&self.files[&open[&file]]),
                FileOp::Append { file, data: range } => {
                    failure = self.failure.take();
                    let file = self.files.get_mut(&open[&file]).expect("it is open");
                    file.extend_from_slice(&data[range]);
                }
                FileOp::Rename { from, to } => {
                    let content = self.files.remove(&from).expect("it is there");
                    self.files.insert(to, content);
                }
                FileOp::Sync { .. } => {}
                other => panic!("no {other:?} is needed"),
            }
            let outcome = match failure {
                Some(error) => FileOutcome::Failed { bytes: 0, error },
                None if !content.is_empty() => FileOutcome::Read(&content),
                None => FileOutcome::Done { bytes },
            };
            host.input(Input::File { ticket, outcome });
        }
    }
}

fn rewrite(host: &mut Host, disk: &mut Disk) -> String {
    host.input(Input::Command {
        conn: CONN,
        args: &[b"config", b"rewrite"],
    });
    disk.serve(host);
    let replies = host.replies();
    String::from_utf8(replies[0].1.clone()).expect("it is a text")
}

#[test]
fn the_file_of_the_configuration_is_rewritten_or_left_as_it_was() {
    let mut host = Host::new();
    let without = "-ERR The server is running without a config file";
    host.check(&[("config rewrite", without)]);
    host.node.set_config_file("/etc/redis.conf".to_owned());
    let mut disk = Disk::default();
    let old = b"# mine\nmaxmemory 1mb\n".to_vec();
    disk.files.insert("/etc/redis.conf".to_owned(), old.clone());
    host.ask("config set maxmemory 3mb");
    disk.failure = Some(FileError::NoSpace);
    let failed = "-ERR Rewriting config file: No space left on device\r\n";
    assert_eq!(rewrite(&mut host, &mut disk), failed);
    assert_eq!(disk.files["/etc/redis.conf"], old);
    assert_eq!(rewrite(&mut host, &mut disk), "+OK\r\n");
    let names: Vec<&String> = disk.files.keys().collect();
    assert_eq!(names, ["/etc/redis.conf"]);
    let text = String::from_utf8_lossy(&disk.files["/etc/redis.conf"]).into_owned();
    assert!(text.starts_with("# mine\nmaxmemory 3mb\n"), "{text}");
    // A file that has gone is one that said nothing.
    disk.files.clear();
    assert_eq!(rewrite(&mut host, &mut disk), "+OK\r\n");
    let text = String::from_utf8_lossy(&disk.files["/etc/redis.conf"]).into_owned();
    assert!(text.contains("\n# Generated by CONFIG REWRITE\n"), "{text}");
}

#[test]
fn the_peak_of_the_memory_is_what_the_timer_has_seen() {
    let mut host = Host::new();
    let value = "v".repeat(100_000);
    host.ask(&format!("set k {value}"));
    host.now = host.node.next_deadline().expect("the timer runs");
    host.input(Input::Deadline);
    let peak = host.node.used_memory();
    host.ask("del k");
    let told = host.ask("info memory");
    assert!(
        told.contains(&format!("used_memory_peak:{peak} ")),
        "{told}"
    );
}

#[test]
fn what_an_object_is_told_of_is_how_it_is_stored() {
    let mut host = Host::new();
    host.check(&[
        ("set a b", "+OK"),
        ("rpush l 1 2 3", ":3"),
        ("debug object nothing", "-ERR no such key"),
    ]);
    let told = host.ask("debug object a");
    let start = "+Value at:0x0 refcount:1 encoding:embstr serializedlength:2 lru:";
    assert!(told.starts_with(start), "{told}");
    let told = host.ask("debug object l");
    let end = "lru_seconds_idle:0 ql_nodes:1 ql_avg_node:3.00 ql_listpack_max:-2 ql_compressed:0 \
               ql_uncompressed_size:13";
    assert!(told.ends_with(end), "{told}");
    assert!(
        told.contains("encoding:quicklist serializedlength:16 "),
        "{told}"
    );
}

/// Queues these requests and sends EXEC, which is not answered.
fn begin_transaction(host: &mut Host, requests: &[&str]) {
    host.check(&[("multi", "+OK")]);
    for request in requests {
        host.check(&[(request, "+QUEUED")]);
    }
    host.input(Input::Command {
        conn: CONN,
        args: &[b"exec"],
    });
    assert_eq!(host.replies(), []);
}

/// What a redis-server 7.0.15 replies: time stands still for the commands of a transaction.
#[test]
fn a_transaction_sleeps_in_its_middle_and_its_time_stands_still() {
    let mut host = Host::new();
    let other = ConnId(1);
    host.input(Input::Connected { conn: other });
    let requests = [
        "set k v px 100",
        "debug sleep 0.2",
        "get k",
        "debug sleep 0.1",
        "incr n",
    ];
    begin_transaction(&mut host, &requests);
    let args: &[&[u8]] = &[b"incr", b"n"];
    host.input(Input::Command { conn: other, args });
    for millis in [100, 100, 99] {
        host.pass_ms(millis);
        host.input(Input::Deadline);
        assert_eq!(host.replies(), []);
    }
    host.pass_ms(1);
    host.input(Input::Deadline);
    let replies = [
        (
            CONN,
            b"*5\r\n+OK\r\n+OK\r\n$1\r\nv\r\n+OK\r\n:1\r\n".to_vec(),
        ),
        (other, b":2\r\n".to_vec()),
    ];
    assert_eq!(host.replies(), replies);
    host.check(&[("get k", "$-1"), ("get n", "$1 2")]);
}

#[test]
fn a_transaction_that_sleeps_outlives_its_connection() {
    let mut host = Host::new();
    begin_transaction(&mut host, &["debug sleep 1", "set done yes"]);
    host.input(Input::Closed { conn: CONN });
    host.input(Input::Connected { conn: CONN });
    host.pass_ms(1_000);
    host.input(Input::Deadline);
    assert_eq!(host.replies(), [], "who has sent it is gone");
    host.check(&[("get done", "$3 yes"), ("multi", "+OK"), ("exec", "*0")]);
}

#[test]
fn a_long_script_and_a_sleep_follow_each_other_in_one_transaction() {
    let mut host = Host::new();
    host.work = Work::new(Box::new(LuaMeter));
    host.ask("config set busy-reply-threshold 1");
    let script = "for i = 1, 1000000 do end return 'done'";
    host.check(&[("multi", "+OK"), ("debug sleep 1", "+QUEUED")]);
    let eval: &[&[u8]] = &[b"eval", script.as_bytes(), b"0"];
    assert_eq!(host.command(eval), b"+QUEUED\r\n");
    host.check(&[("debug sleep 1", "+QUEUED"), ("get k", "+QUEUED")]);
    host.input(Input::Command {
        conn: CONN,
        args: &[b"exec"],
    });
    let mut replies = Vec::new();
    for _ in 0..100 {
        host.pass_ms(500);
        host.input(Input::Deadline);
        replies.extend(host.replies());
    }
    let reply = b"*4\r\n+OK\r\n$4\r\ndone\r\n+OK\r\n$-1\r\n".to_vec();
    assert_eq!(replies, [(CONN, reply)]);
}

#[test]
fn a_transaction_writes_the_file_of_the_configuration() {
    let mut host = Host::new();
    host.node.set_config_file("/etc/redis.conf".to_owned());
    let mut disk = Disk::default();
    begin_transaction(
        &mut host,
        &[
            "config set hz 20",
            "config rewrite",
            "config rewrite",
            "incr n",
        ],
    );
    disk.serve(&mut host);
    let replies = b"*4\r\n+OK\r\n+OK\r\n+OK\r\n:1\r\n".to_vec();
    assert_eq!(host.replies(), [(CONN, replies)]);
    let text = String::from_utf8_lossy(&disk.files["/etc/redis.conf"]).into_owned();
    assert!(text.contains("\nhz 20\n"), "{text}");
}
