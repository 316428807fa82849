//! `kvrig serve redis` under the clients that people use, beside a real server where it can tell.
#![cfg(unix)]

use crate::{kvrig, run};
use kvrig_live::load::ServerProcess;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that is ended when it is dropped.
struct Served {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn kvrig(conf: &str) -> Self {
        Self::kvrig_with(conf, None)
    }
    /// A server that loads this snapshot.
    fn kvrig_with(conf: &str, snapshot: Option<&[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some(snapshot) = snapshot {
            std::fs::write(folder.path().join("dump.rdb"), snapshot).unwrap();
        }
        std::fs::write(folder.path().join("redis.conf"), conf).unwrap();
        let arguments = ["serve", "redis", "--port", "0", "--config", "redis.conf"];
        let mut child = kvrig(folder.path(), &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (_, behind) = line.split_once("127.0.0.1:").unwrap();
        let port = behind.split_whitespace().next().unwrap();
        let port = port.parse().unwrap();
        Self {
            child,
            port,
            folder,
        }
    }
    fn real() -> Self {
        Self::real_with(None)
    }
    /// A real server that loads this snapshot.
    fn real_with(snapshot: Option<&[u8]>) -> Self {
        need("redis-server", "redis-server");
        let folder = tempfile::tempdir().unwrap();
        if let Some(snapshot) = snapshot {
            std::fs::write(folder.path().join("dump.rdb"), snapshot).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--enable-debug-command", "local"])
            .args(["--save", "", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self {
            child,
            port,
            folder,
        }
    }
    /// What redis-cli prints for these commands, one a line.
    fn transcript(&self, commands: &Path) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .stdin(std::fs::File::open(commands).unwrap())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
    /// What redis-cli prints for one command.
    fn ask(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
    /// What the application on packages of npm prints.
    fn node_application(&self, packages: &Path) -> String {
        let output = Command::new("node")
            .arg(path("client.mjs"))
            .arg(self.port.to_string())
            .current_dir(packages)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }
    fn snapshot(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("dump.rdb")).unwrap()
    }
    /// What the application prints.
    fn application(&self, packages: &Path, protocol: &str) -> String {
        let output = Command::new("python3")
            .arg(path("client.py"))
            .args([&self.port.to_string(), protocol])
            .env("PYTHONPATH", packages)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/redis")
        .join(name)
}

/// Makes sure that a program is there.
fn need(program: &str, package: &str) {
    let is_there = |program: &str| {
        let found = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        found.is_ok()
    };
    if !is_there(program) {
        let _ = Command::new("apt-get")
            .args(["install", "-y", package])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
    assert!(
        is_there(program),
        "{program} of package {package} is needed"
    );
}

/// A folder with redis-py in it.
fn redis_py() -> tempfile::TempDir {
    need("python3", "python3");
    need("pip3", "python3-pip");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "-q", "--target"])
        .arg(folder.path())
        .arg("redis==5.2.1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    folder
}

/// A folder with ioredis, node-redis and BullMQ in it.
fn npm_packages() -> tempfile::TempDir {
    need("node", "nodejs");
    need("npm", "npm");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
        .args(["--prefix", "."])
        .args(["ioredis@5.4.1", "redis@5.8.0", "bullmq@5.34.0"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    folder
}

#[test]
fn an_application_of_node_js_sees_what_a_real_server_shows() {
    let packages = npm_packages();
    let (real, ours) = (Served::real(), Served::kvrig(""));
    let expected = real.node_application(packages.path());
    assert!(expected.contains("[\"job\",42]"), "{expected}");
    assert_eq!(ours.node_application(packages.path()), expected);
}

#[test]
fn the_articles_commands_give_the_transcript_of_a_real_server() {
    let (real, ours) = (Served::real(), Served::kvrig(""));
    let commands = path("article.redis");
    let expected = real.transcript(&commands);
    assert!(expected.lines().count() > 60, "{expected}");
    assert_eq!(ours.transcript(&commands), expected);
}

#[test]
fn the_same_commands_give_the_same_transcript_over_a_unix_socket() {
    need("redis-cli", "redis-tools");
    let ours = Served::kvrig("unixsocket node.sock\nunixsocketperm 700\n");
    let socket = ours.folder.path().join("node.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let commands = path("article.redis");
    let output = Command::new("redis-cli")
        .arg("-s")
        .arg(&socket)
        .stdin(std::fs::File::open(&commands).unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, Served::real().transcript(&commands));
    // Those who come by the port see the same data.
    assert_eq!(ours.ask(&["CLIENT", "LIST"]).lines().count(), 1);
    let over_the_socket = Command::new("redis-cli")
        .arg("-s")
        .arg(&socket)
        .args(["SET", "left", "here"])
        .output()
        .unwrap();
    assert_eq!(over_the_socket.stdout, b"OK\n");
    assert_eq!(ours.ask(&["GET", "left"]), "here");
}

#[test]
fn an_application_with_redis_py_sees_what_a_real_server_shows() {
    let packages = redis_py();
    let (real, ours) = (Served::real(), Served::kvrig(""));
    for protocol in ["2", "3"] {
        let expected = real.application(packages.path(), protocol);
        assert!(expected.contains("dbsize: 10\n"), "{expected}");
        assert_eq!(ours.application(packages.path(), protocol), expected);
    }
}

#[test]
fn a_forked_child_writes_a_snapshot_that_a_real_server_loads() {
    need("redis-cli", "redis-tools");
    let served = Served::kvrig("dbfilename kvrig.rdb\n");
    served.transcript(&path("article.redis"));
    let before: u64 = served.ask(&["LASTSAVE"]).parse().unwrap();
    // LASTSAVE counts seconds: the child must end in a later one to be seen.
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(served.ask(&["BGSAVE"]), "Background saving started");
    while served.ask(&["LASTSAVE"]).parse::<u64>().unwrap() == before {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(
        served
            .ask(&["INFO", "persistence"])
            .contains("rdb_bgsave_in_progress:0")
    );
    let snapshot = std::fs::read(served.folder.path().join("kvrig.rdb")).unwrap();
    let real = Served::real_with(Some(&snapshot));
    while real.ask(&["PING"]) != "PONG" {}
    for words in [
        &["DBSIZE"][..],
        &["ZRANGE", "leaderboard", "0", "-1", "WITHSCORES"],
        &["HGETALL", "user:42"],
        &["PFCOUNT", "visitors:week"],
        &["LRANGE", "queue:emails", "0", "-1"],
    ] {
        assert_eq!(real.ask(words), served.ask(words), "{words:?}");
    }
}

/// Requests for keys of every type and encoding, some in another database and some that expire.
fn of_every_type() -> String {
    let mut text = "SET integer 12345\nSET text some-text\nSETBIT bits 80000 1\nPFADD hll a b c\n\
                    RPUSH list a 1 -70000\nSADD integers 1 2 3000000000\nSADD set a b c\n\
                    ZADD zset 1 a -2.5 b inf c\nHSET hash f 1 g two\nXADD stream 1-1 f v g w\n\
                    XADD stream 2-1 f v g x\nXGROUP CREATE stream group 0\n\
                    XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >\n\
                    XGROUP CREATE empty group $ MKSTREAM\nPEXPIREAT text 4000000000123\n"
        .to_owned();
    for number in 0..600 {
        text.push_str(&format!(
            "RPUSH long:list {number:x<100}\nSADD long:set {number:x<10}\n\
             ZADD long:zset {number}.5 {number:x<10}\nHSET long:hash {number} {number:x<10}\n\
             XADD long:stream {number}-1 f {number:x<10}\n"
        ));
    }
    text.push_str("SELECT 7\nSET there 1\nSET expiring x PXAT 4000000000000\n");
    text
}

/// Goal: a data set survives the way from a real server to this one and back.
///
/// Method: the digest that Redis makes of all keys, values and expiries.
#[test]
fn a_snapshot_of_a_real_server_is_loaded_and_saved_again_as_it_was() {
    need("redis-cli", "redis-tools");
    let real = Served::real();
    let commands = real.folder.path().join("commands");
    std::fs::write(&commands, of_every_type()).unwrap();
    real.transcript(&commands);
    let digest = real.ask(&["DEBUG", "DIGEST"]);
    assert_eq!(real.ask(&["SAVE"]), "OK");

    let mut served = Served::kvrig_with("", Some(&real.snapshot()));
    for words in [
        &["DBSIZE"][..],
        &["ZRANGE", "long:zset", "0", "-1", "WITHSCORES"],
        &["LRANGE", "long:list", "0", "-1"],
        &["XRANGE", "long:stream", "-", "+"],
        &["XINFO", "GROUPS", "stream"],
        &["PEXPIRETIME", "text"],
        &["OBJECT", "ENCODING", "long:hash"],
        &["-n", "7", "GET", "there"],
    ] {
        assert_eq!(served.ask(words), real.ask(words), "{words:?}");
    }
    assert_eq!(served.ask(&["SET", "further", "1"]), "OK");
    assert_eq!(served.ask(&["DEL", "further"]), "1");
    served.ask(&["SHUTDOWN", "SAVE"]);
    assert_eq!(served.child.wait().unwrap().code(), Some(0));

    let back = Served::real_with(Some(&served.snapshot()));
    while back.ask(&["PING"]) != "PONG" {}
    assert_eq!(back.ask(&["DEBUG", "DIGEST"]), digest);
}

#[test]
fn a_server_saves_when_it_is_told_to_end_and_goes_on_with_that() {
    need("redis-cli", "redis-tools");
    let mut served = Served::kvrig("save 3600 1\n");
    assert_eq!(served.ask(&["SET", "a", "1"]), "OK");
    let id = Pid::from_raw(i32::try_from(served.child.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    let served = Served::kvrig_with(
        "save \"\"\nenable-debug-command local\n",
        Some(&served.snapshot()),
    );
    assert_eq!(served.ask(&["GET", "a"]), "1");
    assert!(
        served
            .ask(&["INFO", "persistence"])
            .contains("rdb_last_load_keys_loaded:1")
    );
    assert_eq!(served.ask(&["DEBUG", "RELOAD"]), "OK");
    assert_eq!(served.ask(&["GET", "a"]), "1");
}

#[test]
fn a_damaged_snapshot_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("dump.rdb"),
        b"REDIS0010\xfe\x00\x00\x01k\x7f",
    )
    .unwrap();
    let output = run(folder.path(), &["serve", "redis", "--port", "0"], 2);
    let stderr = String::from_utf8(output.stderr).unwrap();
    for part in ["KV6005", "dump.rdb cannot be loaded", "at byte 15"] {
        assert!(stderr.contains(part), "{part} is missing in\n{stderr}");
    }
    assert!(output.stdout.is_empty());
}

/// The tests that redis-benchmark runs by default.
const BENCHMARKS: &[&str] = &[
    "PING_INLINE",
    "PING_MBULK",
    "SET",
    "GET",
    "INCR",
    "LPUSH",
    "RPUSH",
    "LPOP",
    "RPOP",
    "SADD",
    "HSET",
    "SPOP",
    "ZADD",
    "ZPOPMIN",
    "LPUSH (needed to benchmark LRANGE)",
    "LRANGE_100 (first 100 elements)",
    "LRANGE_300 (first 300 elements)",
    "LRANGE_500 (first 500 elements)",
    "LRANGE_600 (first 600 elements)",
    "MSET (10 keys)",
];

#[test]
fn redis_benchmark_runs_its_default_list() {
    need("redis-benchmark", "redis-tools");
    let served = Served::kvrig("");
    let port = served.port.to_string();
    let output = Command::new("redis-benchmark")
        .args(["-p", &port, "-n", "2000", "-P", "4", "-r", "1000", "--csv"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let names: Vec<&str> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert_eq!(names, BENCHMARKS);
}

#[test]
fn a_server_that_is_measured_leaves_the_current_folder_alone() {
    let program = Path::new(env!("CARGO_BIN_EXE_kvrig"));
    let mut server = ServerProcess::kvrig(program).expect("it starts");
    let mut ask = |words: &[&[u8]]| server.ask(words).expect("it answers");
    assert_eq!(
        ask(&[b"CONFIG", b"GET", b"save"]),
        b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"
    );
    assert_eq!(ask(&[b"SAVE"]), b"+OK\r\n");
    assert!(!Path::new("dump.rdb").exists());
}

#[test]
fn the_request_to_terminate_ends_a_server_that_has_clients() {
    let mut served = Served::kvrig("");
    let client = std::net::TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    let id = Pid::from_raw(i32::try_from(served.child.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    drop(client);
}

#[test]
fn a_configuration_that_cannot_be_served_is_refused_with_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let conf = "maxmemory 100mb\nmaxmemory-polcy allkeys-lru\ntls-port 6380\n";
    std::fs::write(folder.path().join("redis.conf"), conf).unwrap();
    let arguments = ["serve", "redis", "--port", "0", "--config", "redis.conf"];
    let output = run(folder.path(), &arguments, 2);
    let stderr = String::from_utf8(output.stderr).unwrap();
    for part in [
        "redis.conf:2:1",
        "did you mean `maxmemory-policy`?",
        "redis.conf:3:1",
    ] {
        assert!(stderr.contains(part), "{part} is missing in\n{stderr}");
    }
    assert!(output.stdout.is_empty());
    std::fs::write(folder.path().join("redis.conf"), "bind 0.0.0.0\n").unwrap();
    let output = run(folder.path(), &arguments, 2);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("KV6004"), "{stderr}");
}
