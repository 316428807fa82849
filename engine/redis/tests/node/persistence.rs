//! What becomes of the data: SAVE, save points, SHUTDOWN, DEBUG RELOAD, and files that are loaded.

use crate::harness::{CONN, EPOCH_MS, Files, Host};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{
    Actor, ChildOutcome, Counter, Effect, FileError, FileOp, FileOutcome, Input, Work,
};
use kvrig_base::time::{Time, Wall};
use kvrig_redis::Config;
use kvrig_redis::rdb::{LoadError, Loaded};
use kvrig_tables::TableKind;
use proptest::prelude::*;

/// A node with settings, and what it asked of its host.
struct Served {
    host: Host,
    files: Files,
    /// What was asked for, in order.
    asked: Vec<&'static str>,
    /// Children that were forked and still live.
    children: Vec<kvrig_base::id::JobId>,
}

impl Served {
    fn with(settings: &[(&str, &str)]) -> Self {
        let mut config = Config::default();
        for (name, value) in settings {
            config.set(name, value).expect("it is honoured");
        }
        Self {
            host: Host::with(config, TableKind::Redis70),
            files: Files::default(),
            asked: Vec::new(),
            children: Vec::new(),
        }
    }
    /// Carries out what the node asks for, as a host with files does, until it asks for nothing more.
    fn carry_out(&mut self) {
        loop {
            let (effects, data) = self.host.effects.take();
            if effects.is_empty() {
                return;
            }
            for effect in &effects {
                self.effect(effect);
            }
            drop(data);
        }
    }
    fn effect(&mut self, effect: &Effect<kvrig_redis::NoMessage>) {
        match effect {
            Effect::Perform { job } => {
                self.asked.push("perform");
                let outcome = self.host.node.run_child(*job, &mut self.files);
                self.host.input(Input::ChildExit { job: *job, outcome });
            }
            Effect::Fork { job } => {
                self.asked.push("fork");
                self.children.push(*job);
            }
            Effect::EndChild { job } => {
                self.asked.push("end child");
                self.children.retain(|child| child != job);
                let outcome = ChildOutcome::Failed;
                self.host.input(Input::ChildExit { job: *job, outcome });
            }
            Effect::Exit => self.asked.push("exit"),
            Effect::File { ticket, op, .. } => {
                let content = self.files.content.get("dump.rdb").cloned();
                let outcome = match (op, &content) {
                    (FileOp::Open { .. }, Some(content)) => FileOutcome::Done {
                        bytes: content.len() as u64,
                    },
                    (FileOp::Read { .. }, Some(content)) => FileOutcome::Read(content),
                    (FileOp::Unlink { .. }, _) => {
                        self.asked.push("unlink");
                        FileOutcome::Done { bytes: 0 }
                    }
                    _ => FileOutcome::Failed {
                        bytes: 0,
                        error: FileError::NotFound,
                    },
                };
                let ticket = *ticket;
                self.host.input(Input::File { ticket, outcome });
            }
            _ => {}
        }
    }
    /// Sends a request, carries out what follows, and returns all replies as text.
    fn ask(&mut self, request: &str) -> String {
        let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        self.host.input(Input::Command {
            conn: CONN,
            args: &args,
        });
        self.carry_out();
        let replies = self.host.replies();
        let replies = replies
            .iter()
            .map(|(_, reply)| crate::harness::readable(reply));
        replies.collect::<Vec<_>>().join(" ")
    }
    fn exit(&mut self, outcome: ChildOutcome) {
        let job = self.children.remove(0);
        self.host.input(Input::ChildExit { job, outcome });
        self.carry_out();
    }
    /// Lets seconds pass, and the timer run once.
    fn pass_s(&mut self, seconds: u64) {
        self.host.pass_ms(seconds * 1_000);
        self.host.input(Input::Deadline);
        self.carry_out();
    }
    fn field(&mut self, name: &str) -> String {
        let info = self.ask("INFO persistence");
        let field = info.split(' ').find_map(|line| line.strip_prefix(name));
        field
            .expect("INFO has it")
            .trim_start_matches(':')
            .to_owned()
    }
}

#[test]
fn save_is_answered_once_the_file_is_there() {
    let mut served = Served::with(&[]);
    served.ask("SET a 1");
    assert_eq!(served.field("rdb_changes_since_last_save"), "1");
    assert_eq!(served.ask("SAVE"), "+OK");
    assert_eq!(served.asked, ["perform"]);
    assert!(served.files.content.contains_key("dump.rdb"));
    assert_eq!(served.field("rdb_changes_since_last_save"), "0");
    assert_eq!(served.field("rdb_saves"), "1");
    served.files = Files::that_fail_after(1);
    assert_eq!(served.ask("SAVE"), "-ERR");
    assert_eq!(served.ask("BGSAVE"), "+Background saving started");
    assert_eq!(
        served.ask("SAVE"),
        "-ERR Background save already in progress"
    );
}

#[test]
fn requests_behind_save_wait_for_it() {
    let mut served = Served::with(&[]);
    let bytes = b"SET a 1\r\nSAVE\r\nSET a 2\r\nGET a\r\n";
    let used = served.host.input(Input::Bytes { conn: CONN, bytes });
    assert_eq!(used, 15, "SAVE is the last that is read");
    served.carry_out();
    let rest = &bytes[used..];
    assert_eq!(
        served.host.input(Input::Bytes {
            conn: CONN,
            bytes: rest
        }),
        rest.len()
    );
    let replies = served.host.replies();
    let replies: Vec<String> = replies
        .iter()
        .map(|(_, reply)| crate::harness::readable(reply))
        .collect();
    assert_eq!(replies, ["+OK", "+OK", "+OK", "$1 2"]);
    let file = &served.files.content["dump.rdb"];
    let value = b"\x00\x01a\xC0\x01";
    assert!(
        file.windows(value.len()).any(|part| part == value),
        "as it was when it was asked for"
    );
}

#[test]
fn a_save_point_is_reached_by_changes_and_seconds() {
    let mut served = Served::with(&[("save", "60 2")]);
    served.ask("SET a 1");
    served.pass_s(100);
    assert_eq!(served.asked, [""; 0], "one change is too few");
    served.ask("MSET b 1 c 1");
    served.pass_s(1);
    assert_eq!(served.asked, ["fork"]);
    served.ask("SET d 1");
    served.exit(ChildOutcome::Done);
    assert_eq!(
        served.field("rdb_changes_since_last_save"),
        "1",
        "of which the child knew nothing"
    );
    assert_eq!(served.field("rdb_last_bgsave_status"), "ok");
    served.ask("SET d 1");
    served.pass_s(60);
    assert_eq!(served.asked, ["fork"], "more than 60 seconds must pass");
    served.pass_s(1);
    assert_eq!(served.asked, ["fork", "fork"]);
}

#[test]
fn a_failed_snapshot_is_tried_again_after_five_seconds_and_stops_writes_meanwhile() {
    let mut served = Served::with(&[("save", "10 1")]);
    served.ask("SET a 1");
    served.pass_s(11);
    served.exit(ChildOutcome::Failed);
    assert_eq!(served.field("rdb_last_bgsave_status"), "err");
    assert!(
        served
            .ask("SET a 2")
            .starts_with("-MISCONF Redis is configured")
    );
    assert!(served.ask("PING").starts_with("-MISCONF"));
    assert!(
        served
            .ask("EVAL redis.call('set','a','2') 0")
            .starts_with("-MISCONF")
    );
    assert_eq!(served.ask("GET a"), "$1 1");
    assert_eq!(
        served.ask("CONFIG SET stop-writes-on-bgsave-error no"),
        "+OK"
    );
    assert_eq!(served.ask("SET a 3"), "+OK");
    served.pass_s(5);
    assert_eq!(served.asked, ["fork"]);
    served.pass_s(1);
    assert_eq!(served.asked, ["fork", "fork"]);
    served.exit(ChildOutcome::Done);
    assert_eq!(served.ask("PING"), "+PONG");
}

#[test]
fn bgsave_in_a_transaction_is_left_to_the_timer() {
    let mut served = Served::with(&[]);
    served.ask("MULTI");
    served.ask("BGSAVE");
    assert_eq!(served.ask("EXEC"), "*1 +Background saving scheduled");
    assert_eq!(served.asked, [""; 0]);
    served.pass_s(1);
    assert_eq!(served.asked, ["fork"]);
}

#[test]
fn flushall_with_save_points_leaves_an_empty_file_and_ends_the_child() {
    let mut served = Served::with(&[("save", "3600 1")]);
    served.ask("SET a 1");
    served.ask("BGSAVE");
    assert_eq!(served.ask("FLUSHALL"), "+OK");
    assert_eq!(served.asked, ["fork", "end child", "perform", "unlink"]);
    assert_eq!(
        served.field("rdb_last_bgsave_status"),
        "ok",
        "who ended it meant to"
    );
    assert_eq!(served.field("rdb_changes_since_last_save"), "0");
    let file = served.files.content["dump.rdb"].clone();
    assert_eq!(load(&file).expect("it is sound"), Loaded::default());
}

#[test]
fn shutdown_saves_where_there_are_save_points_or_it_is_told_to() {
    for (points, request, asked) in [
        ("", "SHUTDOWN", &["exit"][..]),
        ("", "SHUTDOWN SAVE", &["perform", "exit"]),
        ("60 1", "SHUTDOWN", &["perform", "exit"]),
        ("60 1", "SHUTDOWN NOSAVE", &["exit"]),
        ("60 1", "SHUTDOWN NOW FORCE", &["perform", "exit"]),
    ] {
        let mut served = Served::with(&[("save", points)]);
        assert_eq!(served.ask(request), "", "it is not answered");
        assert_eq!(served.asked, asked, "{points} {request}");
    }
}

#[test]
fn a_shutdown_that_cannot_save_is_answered_unless_it_is_forced() {
    let mut served = Served::with(&[("save", "60 1")]);
    served.files = Files::that_fail_after(0);
    assert_eq!(
        served.ask("SHUTDOWN"),
        "-ERR Errors trying to SHUTDOWN. Check logs."
    );
    assert_eq!(served.ask("PING"), "+PONG");
    assert_eq!(served.ask("SHUTDOWN FORCE"), "");
    assert_eq!(served.asked, ["perform", "perform", "exit"]);
    for request in ["SHUTDOWN NOSAVE SAVE", "SHUTDOWN ABORT NOW", "SHUTDOWN x"] {
        assert_eq!(served.ask(request), "-ERR syntax error", "{request}");
    }
    assert_eq!(
        served.ask("SHUTDOWN ABORT"),
        "-ERR No shutdown in progress."
    );
}

#[test]
fn debug_reload_brings_back_what_was_saved() {
    let mut served = Served::with(&[]);
    for request in [
        "SET a 1",
        "RPUSH l 1 2 3",
        "HSET h f v",
        "SET e 1 PXAT 1700000000001",
    ] {
        served.ask(request);
    }
    served.host.pass_ms(10);
    assert_eq!(served.ask("DEBUG RELOAD"), "+OK");
    assert_eq!(served.field("rdb_last_load_keys_loaded"), "3");
    assert_eq!(served.field("rdb_last_load_keys_expired"), "1");
    assert_eq!(served.ask("LRANGE l 0 -1"), "*3 $1 1 $1 2 $1 3");
    served.ask("SET a 2");
    served.ask("SET b 2");
    assert_eq!(served.ask("DEBUG RELOAD NOSAVE NOFLUSH MERGE"), "+OK");
    assert_eq!(served.ask("MGET a b"), "*2 $1 1 $1 2");
    assert_eq!(served.ask("DEBUG RELOAD NOSAVE"), "+OK");
    assert_eq!(served.ask("MGET a b"), "*2 $1 1 $-1");
    served.files.content.clear();
    assert!(
        served
            .ask("DEBUG RELOAD NOSAVE")
            .starts_with("-ERR Error trying to load")
    );
    assert!(
        served
            .ask("DEBUG RELOAD x")
            .starts_with("-ERR DEBUG RELOAD only supports")
    );
}

/// What a redis-server 7.0.15 replies.
#[test]
fn debug_reload_inside_a_transaction_goes_on_with_what_it_has_loaded() {
    let mut served = Served::with(&[]);
    for request in ["SET a 1", "SET e 1 PXAT 1700000000001"] {
        served.ask(request);
    }
    served.host.pass_ms(10);
    for request in ["MULTI", "INCR a", "DEBUG RELOAD", "INCR a", "DBSIZE"] {
        served.ask(request);
    }
    assert_eq!(served.ask("EXEC"), "*4 :2 +OK :3 :1");
    served.files.content.clear();
    for request in ["MULTI", "DEBUG RELOAD NOSAVE", "GET a"] {
        served.ask(request);
    }
    let told = "*2 -ERR Error trying to load the RDB dump $-1";
    assert_eq!(served.ask("EXEC"), told);
}

/// As a redis-server does: its table is sized by the file and not by the insertions.
#[test]
fn a_snapshot_is_loaded_into_tables_of_its_size() {
    let mut served = Served::with(&[("enable-debug-command", "yes")]);
    // 600 keys, of which 300 expire, between two sizes that tables grow to.
    for number in 0..600 {
        let expiry = if number % 2 == 0 { " EX 1000" } else { "" };
        served.ask(&format!("SET key:{number} value{expiry}"));
    }
    assert_eq!(served.ask("DEBUG RELOAD"), "+OK");
    let database = served.host.node.keyspace().database(0);
    let sizes = [database.keys().buckets(), database.expires().buckets()];
    assert_eq!(sizes, [1_024, 512]);
    assert_eq!(database.keys().rehash(), None);
    let loaded = |kind: TableKind, file: &[u8]| {
        let mut host = Host::with(Config::default(), kind);
        let wall = Wall::from_unix_millis(EPOCH_MS);
        let mut work = Work::unpriced();
        let bytes = file.len() as u64;
        host.node
            .load_snapshot(file, bytes, wall, &mut work)
            .expect("it is sound");
        (
            work.counts().get(Counter::EntriesMigrated),
            host.node.keyspace().database(0).keys().len(),
        )
    };
    served.ask("SAVE");
    let file = &served.files.content["dump.rdb"];
    assert_eq!(loaded(TableKind::Redis70, file), (0, 600));
}

/// Room is made for keys that a file can have, whatever it says.
#[test]
fn a_file_cannot_ask_for_more_room_than_it_has_keys() {
    let hostile =
        b"REDIS0004\xfe\x00\xfb\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x01k\x01v\xff";
    let mut host = Host::new();
    let wall = Wall::from_unix_millis(EPOCH_MS);
    let bytes = hostile.len() as u64;
    let loaded = host
        .node
        .load_snapshot(&hostile[..], bytes, wall, &mut Work::unpriced())
        .map(|loaded| loaded.keys);
    assert_eq!(loaded, Ok(1));
    let buckets = host.node.keyspace().database(0).keys().buckets();
    assert!(buckets <= 4, "{buckets}");
}

/// Loads a file into a new node.
fn load(file: &[u8]) -> Result<Loaded, LoadError> {
    let mut host = Host::new();
    let wall = Wall::from_unix_millis(EPOCH_MS);
    let bytes = file.len() as u64;
    host.node
        .load_snapshot(file, bytes, wall, &mut Work::unpriced())
}

/// A snapshot with a key of every type and encoding.
fn file() -> Vec<u8> {
    let mut served = Served::with(&[
        ("rdbcompression", "yes"),
        ("maxmemory-policy", "allkeys-lfu"),
    ]);
    for request in [
        "SET string 1",
        "SET text aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "SET expiring x PXAT 4000000000000",
        "RPUSH list a 1 -70000",
        "SADD integers 1 2 3",
        "SADD set a b",
        "ZADD zset 1 a -inf b",
        "HSET hash f v g 1",
        "XADD stream 1-1 f v",
        "XADD stream 2-1 g v h w",
        "XGROUP CREATE stream g 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS stream >",
        "SELECT 3",
        "SET there 1",
    ] {
        served.ask(request);
    }
    for number in 0..200 {
        served.ask(&format!("ZADD long {number}.5 member:{number}"));
    }
    served.ask("SAVE");
    served.files.content["dump.rdb"].clone()
}

#[test]
fn errors_name_the_byte_and_what_was_found() {
    let whole = file();
    let bytes = whole.len();
    let error = |file: &[u8]| load(file).expect_err("it is not sound").to_string();
    assert_eq!(load(&whole).map(|loaded| loaded.keys), Ok(11));
    assert_eq!(
        error(b""),
        "at byte 0: no snapshot of Redis, which begins with REDIS"
    );
    assert_eq!(
        error(b"REDIS0011"),
        "at byte 5: version 0011 of the format where 1 to 10 can be read"
    );
    assert_eq!(
        error(&whole[..bytes - 9]),
        format!("at byte {}: the end, inside an element", bytes - 9)
    );
    let mut damaged = whole;
    damaged[bytes - 1] ^= 1;
    let text = error(&damaged);
    assert!(
        text.starts_with(&format!("at byte {}: checksum", bytes - 8)),
        "{text}"
    );
    let with = |tail: &[u8]| [b"REDIS0010", tail].concat();
    for (tail, expected) in [
        (
            &b"\xfe\x10"[..],
            "at byte 9: database 16 where there are 16; raise `databases`",
        ),
        (
            b"\xf7",
            "at byte 9: data of a module, which this server does not have",
        ),
        (
            b"\xf5\x01x",
            "at byte 9: a library of functions, which this server does not have",
        ),
        (
            b"\x08",
            "at byte 9: 0x08 where a mark or the type of a value belongs",
        ),
        (
            b"\x00\x01k\x05ab",
            "at byte 13: a length of 5 where 2 bytes are left",
        ),
        (b"\x00\x01k\xc4", "at byte 12: 0xc4 where a string belongs"),
        (
            b"\x01\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff",
            "at byte 12: a number of 18446744073709551615 elements where 0 bytes are left",
        ),
        (
            b"\x02\x01k\x02\x01a\x01a",
            "at byte 15: a member that the set has already",
        ),
        (
            b"\x00\x01k\x01a\x00\x01k\x01a",
            "at byte 14: key \"k\", which database 0 has already",
        ),
    ] {
        assert_eq!(error(&with(tail)), expected, "{}", tail.escape_ascii());
    }
}

#[test]
fn files_of_older_versions_are_read() {
    let old = [
        &b"REDIS0003\xfe\x00"[..],
        // Expiry in seconds, then a list, a sorted set with scores as text, and a zipmap.
        b"\xfd\xff\xff\xff\x7f\x01\x01l\x02\x01a\xc0\x05",
        b"\x03\x01z\x03\x01a\x031.5\x01b\xfe\x01c\xff",
        b"\x09\x01h\x15\x02\x03foo\x03\x00bar\x05hello\x05\x00w\xff",
        b"\xff",
    ]
    .concat();
    let wall = Wall::from_unix_millis(EPOCH_MS);
    let mut host = Host::new();
    let mut work = Work::unpriced();
    // The zipmap above is cut: its text is shorter than stated.
    let found = host
        .node
        .load_snapshot(&old[..], old.len() as u64, wall, &mut work);
    let text = found.expect_err("it is cut").to_string();
    assert!(
        text.contains("a zipmap with a field beyond its end"),
        "{text}"
    );
    let sound = [
        &b"REDIS0003\xfe\x00"[..],
        b"\xfd\xff\xff\xff\x7f\x01\x01l\x02\x01a\xc0\x05",
        b"\x03\x01z\x03\x01a\x031.5\x01b\xfe\x01c\xff",
        b"\x09\x01h\x18\x02\x03foo\x03\x00bar\x05hello\x05\x00world\xff",
        b"\xff",
    ]
    .concat();
    let mut host = Host::new();
    let loaded = host
        .node
        .load_snapshot(&sound[..], sound.len() as u64, wall, &mut work);
    assert_eq!(loaded.map(|loaded| loaded.keys), Ok(3));
    host.check(&[
        ("LRANGE l 0 -1", "*2 $1 a $1 5"),
        ("EXPIRETIME l", ":2147483647"),
        (
            "ZRANGE z 0 -1 WITHSCORES",
            "*6 $1 c $4 -inf $1 a $3 1.5 $1 b $3 inf",
        ),
        ("HGETALL h", "*4 $3 foo $3 bar $5 hello $5 world"),
    ]);
}

/// Requests that walk and change what a damaged file may have left.
const AFTERWARDS: &[&str] = &[
    "LRANGE list 0 -1",
    "LREM list 0 a",
    "SMEMBERS integers",
    "SPOP set",
    "ZADD zset 5 c",
    "ZRANGE zset 0 -1",
    "HSET hash f 2",
    "XADD stream * f v",
    "XREADGROUP GROUP g c STREAMS stream >",
    "XTRIM stream MAXLEN 1",
    "XDEL stream 1-1 2-1",
    "ZREMRANGEBYRANK long 0 -5",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_damaged_file_is_refused_or_harmless(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>(), cuts: bool) {
        thread_local! {
            static FILE: Vec<u8> = file();
        }
        let mut file = FILE.with(Clone::clone);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        // Without a checksum nothing hides what the reader makes of the content.
        let end = file.len() - 8;
        file[end..].fill(0);
        if cuts {
            file.truncate(cut.index(file.len()));
        }
        let mut host = Host::new();
        let wall = Wall::from_unix_millis(EPOCH_MS);
        let bytes = file.len() as u64;
        let loaded = host.node.load_snapshot(&file[..], bytes, wall, &mut Work::unpriced());
        if loaded.is_ok() {
            for request in AFTERWARDS {
                host.ask(request);
            }
        }
        prop_assert_eq!(host.now, Time::START);
    }
}

#[test]
fn a_connection_that_closes_while_it_waits_is_forgotten() {
    let mut served = Served::with(&[]);
    let other = ConnId(1);
    served.host.input(Input::Connected { conn: other });
    served.host.input(Input::Command {
        conn: other,
        args: &[b"SAVE"],
    });
    served.host.input(Input::Closed { conn: other });
    served.carry_out();
    assert_eq!(served.host.replies(), []);
    assert_eq!(served.ask("PING"), "+PONG");
}
