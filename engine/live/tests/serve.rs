//! A Redis node on real sockets, talked to as clients do.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use kvrig_live::serve::{ConfigFile, ServeError, Server, Stopper};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A server that says nothing for so long is taken for dead.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server in a thread of its own; dropping it stops it.
struct Running {
    address: SocketAddr,
    stopper: Stopper,
    thread: Option<JoinHandle<Result<u64, ServeError>>>,
}

impl Running {
    fn start(redis_conf: &str) -> Self {
        Self::start_in(redis_conf, ".".into())
    }
    /// Starts one that has its snapshots in this folder.
    fn start_in(redis_conf: &str, folder: PathBuf) -> Self {
        // Nothing is left in the current directory.
        let redis_conf = format!("save \"\"\n{redis_conf}");
        let file = ConfigFile::read("redis.conf", &redis_conf).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        // The server stays in the thread that makes it.
        let thread = thread::Builder::new()
            .spawn(move || {
                let server = Server::redis(file.config, "127.0.0.1:0".parse().unwrap())?;
                let path = folder.join("redis.conf");
                let mut server = server.in_directory(folder).with_config_file(&path);
                if let Some(path) = file.unix_socket {
                    server = server.on_unix_socket(path.as_ref(), file.unix_socket_mode)?;
                }
                server.load()?;
                let address = server.address().unwrap();
                tell.send((address, server.stopper())).unwrap();
                let node = server.run()?;
                Ok(node.keyspace().database(0).keys().len())
            })
            .unwrap();
        let (address, stopper) = told.recv().unwrap();
        Self {
            address,
            stopper,
            thread: Some(thread),
        }
    }
    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }
    /// Stops it and says how many keys it had.
    fn stop(mut self) -> u64 {
        self.stopper.stop();
        let thread = self.thread.take().unwrap();
        thread.join().unwrap().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

struct Client(TcpStream);

impl Client {
    fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).unwrap();
    }
    /// Reads as many bytes as `expected` has, which they must be.
    #[track_caller]
    fn expect(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        self.0.read_exact(&mut bytes).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }
    /// Sends an inline request and expects the reply.
    #[track_caller]
    fn ask(&mut self, request: &str, expected: &str) {
        self.send(&format!("{request}\r\n"));
        self.expect(expected);
    }
    /// Reads to the end.
    fn rest(&mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        text
    }
}

#[test]
fn pipelined_and_trickling_requests_are_answered_in_order() {
    let server = Running::start("");
    let mut client = server.connect();
    client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n");
    client.expect("+OK\r\n$1\r\nv\r\n+PONG\r\n");
    for byte in "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n".chars() {
        client.send(&byte.to_string());
        thread::sleep(Duration::from_millis(1));
    }
    client.expect("$5\r\nhello\r\n");
    assert_eq!(server.stop(), 1);
}

#[test]
fn values_larger_than_any_buffer_pass_both_ways() {
    let server = Running::start("");
    let mut client = server.connect();
    let value = "0123456789abcdef".repeat(1 << 18);
    let request = format!(
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n",
        value.len()
    );
    client.send(&request);
    client.expect("+OK\r\n");
    // Replies that nobody reads yet fill the socket; what follows waits behind them.
    client.send(&"GET k\r\n".repeat(4));
    client.send("PING\r\n");
    for _ in 0..4 {
        client.expect(&format!("${}\r\n{value}\r\n", value.len()));
    }
    client.expect("+PONG\r\n");
}

#[test]
fn a_client_that_waits_is_served_by_another_and_then_goes_on() {
    let server = Running::start("");
    let (mut waiting, mut other) = (server.connect(), server.connect());
    // What follows BLPOP is carried out after it, not before.
    waiting.send("BLPOP l 0\r\nGET k\r\n");
    other.ask("SET k 1", "+OK\r\n");
    other.ask("RPUSH l x", ":1\r\n");
    waiting.expect("*2\r\n$1\r\nl\r\n$1\r\nx\r\n$1\r\n1\r\n");
    waiting.ask("BLPOP l 0.05", "*-1\r\n");
}

#[test]
fn a_client_that_leaves_while_it_waits_takes_nothing() {
    let server = Running::start("");
    let mut other = server.connect();
    let mut leaving = server.connect();
    leaving.send("BLPOP l 0\r\n");
    while !info(&mut other, "clients").contains("blocked_clients:1\r\n") {}
    drop(leaving);
    while !info(&mut other, "clients").contains("connected_clients:1\r\n") {}
    other.ask("RPUSH l x", ":1\r\n");
    other.ask("LLEN l", ":1\r\n");
}

/// The text of one section of INFO.
fn info(client: &mut Client, section: &str) -> String {
    client.send(&format!("INFO {section}\r\n"));
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n") {
        let mut byte = [0];
        client.0.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length: usize = head.trim_start_matches('$').trim_end().parse().unwrap();
    let mut text = vec![0; length + 2];
    client.0.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn who_says_no_more_gets_the_replies_to_what_was_said() {
    let server = Running::start("");
    let mut client = server.connect();
    client.send("SET k 1\r\nGET k\r\n");
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), "+OK\r\n$1\r\n1\r\n");
    let mut client = server.connect();
    client.send("PING\r\nQUIT\r\nPING\r\n");
    assert_eq!(client.rest(), "+PONG\r\n+OK\r\n");
    let mut client = server.connect();
    client.send("*1\r\n?\r\n");
    assert_eq!(
        client.rest(),
        "-ERR Protocol error: expected '$', got '?'\r\n"
    );
}

#[test]
fn messages_reach_subscribers_and_the_limit_closes_who_does_not_read() {
    let server = Running::start("client-output-buffer-limit pubsub 1mb 0 0");
    let (mut subscriber, mut publisher) = (server.connect(), server.connect());
    subscriber.ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    publisher.ask("PUBLISH c hello", ":1\r\n");
    subscriber.expect("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n");
    let message = "x".repeat(1 << 20);
    let request = format!(
        "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n${}\r\n{message}\r\n",
        message.len()
    );
    let mut heard = 0;
    loop {
        publisher.send(&request);
        let mut reply = [0; 4];
        publisher.0.read_exact(&mut reply).unwrap();
        match &reply {
            b":1\r\n" => heard += 1,
            _ => break,
        }
    }
    // The buffers of the system take some, the server's own another megabyte.
    assert!((1..100).contains(&heard), "{heard}");
}

#[test]
fn one_client_too_many_is_told_so_and_there_is_room_when_another_leaves() {
    let server = Running::start("maxclients 2");
    let mut clients = [server.connect(), server.connect()];
    clients
        .iter_mut()
        .for_each(|client| client.ask("PING", "+PONG\r\n"));
    let mut third = server.connect();
    assert_eq!(third.rest(), "-ERR max number of clients reached\r\n");
    let [first, mut second] = clients;
    drop(first);
    while !info(&mut second, "clients").contains("connected_clients:1\r\n") {}
    server.connect().ask("PING", "+PONG\r\n");
}

#[test]
fn the_server_tells_addresses_and_closes_whom_another_kills() {
    let server = Running::start("");
    let (mut one, mut other) = (server.connect(), server.connect());
    let peer = one.0.local_addr().unwrap().to_string();
    let local = one.0.peer_addr().unwrap().to_string();
    one.send("CLIENT INFO\r\n");
    let mut text = vec![0; 200];
    let length = one.0.read(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text[..length]).into_owned();
    assert!(
        text.contains(&format!("addr={peer} laddr={local}")),
        "{text}"
    );
    other.ask(&format!("CLIENT KILL ADDR {peer}"), ":1\r\n");
    assert_eq!(one.rest().rsplit("\r\n").next(), Some(""));
}

#[test]
fn expired_keys_go_without_being_asked_for() {
    let server = Running::start("hz 100");
    let mut client = server.connect();
    client.ask("SET k v PX 30", "+OK\r\n");
    while !info(&mut client, "stats").contains("expired_keys:1\r\n") {}
    client.ask("DBSIZE", ":0\r\n");
}

#[test]
fn a_server_that_others_could_reach_needs_a_password() {
    let bind = |conf: &str| {
        let config = ConfigFile::read("redis.conf", conf).unwrap().config;
        Server::redis(config, "0.0.0.0:0".parse().unwrap()).map(|_| ())
    };
    assert!(matches!(bind(""), Err(ServeError::Unprotected { .. })));
    assert!(bind("requirepass secret").is_ok());
}

#[test]
fn an_address_that_is_taken_is_an_error_that_names_it() {
    let server = Running::start("");
    let error = Server::redis(ConfigFile::default().config, server.address).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("cannot listen on {}: ", server.address)),
        "{text}"
    );
}

#[test]
fn an_endless_script_is_left_killed_and_forgotten() {
    let server = Running::start("busy-reply-threshold 50");
    let (mut caller, mut other) = (server.connect(), server.connect());
    caller.send("EVAL \"while true do pcall(function() while true do end end) end\" 0\r\nPING\r\n");
    let busy = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN \
                NOSAVE.\r\n";
    let mut reply = vec![0; 5];
    loop {
        other.send("PING\r\n");
        other.0.read_exact(&mut reply).unwrap();
        if reply == b"-BUSY" {
            break;
        }
        other.expect("G\r\n");
    }
    other.expect(&busy[5..]);
    other.ask("GET k", busy);
    other.ask("SCRIPT KILL", "+OK\r\n");
    caller.expect("-ERR Script killed by user with SCRIPT KILL... script: ");
    let mut rest = Vec::new();
    while !rest.ends_with(b"+PONG\r\n") {
        let mut byte = [0];
        caller.0.read_exact(&mut byte).unwrap();
        rest.push(byte[0]);
    }
    other.ask(
        "SCRIPT KILL",
        "-NOTBUSY No scripts in execution right now.\r\n",
    );
    other.ask("PING", "+PONG\r\n");
}

#[test]
fn a_script_goes_on_though_its_client_has_left() {
    let server = Running::start("busy-reply-threshold 20");
    let (mut caller, mut other) = (server.connect(), server.connect());
    let script = "redis.call('set','k','v') for i=1,30000000 do end redis.call('set','k','vw')";
    caller.send(&format!("EVAL \"{script}\" 0\r\n"));
    thread::sleep(Duration::from_millis(5));
    drop(caller);
    loop {
        other.send("STRLEN k\r\n");
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            other.0.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        match &line[..] {
            b":2\r\n" => break,
            b":1\r\n" => panic!("others saw what the script had begun"),
            // It has not been read yet, or holds the server.
            _ => assert!(line == b":0\r\n" || line.starts_with(b"-BUSY"), "{line:?}"),
        }
    }
}

#[test]
fn commands_are_timed_and_counted_as_in_redis() {
    let server = Running::start("");
    let mut client = server.connect();
    client.ask("SET k 1", "+OK\r\n");
    client.ask("GET k", "$1\r\n1\r\n");
    client.ask(
        "LPUSH k 1",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    );
    let text = info(&mut client, "commandstats");
    for start in ["cmdstat_set:calls=1,usec=", "cmdstat_get:calls=1,usec="] {
        let line = text.lines().find(|line| line.starts_with(start)).unwrap();
        assert!(line.ends_with(",rejected_calls=0,failed_calls=0"), "{line}");
    }
    assert!(
        text.contains("rejected_calls=0,failed_calls=1\r\n"),
        "{text}"
    );
    let text = info(&mut client, "latencystats");
    assert!(text.contains("latency_percentiles_usec_set:p50="), "{text}");
    client.ask(
        "CONFIG GET slowlog-log-slower-than",
        "*2\r\n$23\r\nslowlog-log-slower-than\r\n$5\r\n10000\r\n",
    );
    let script = "for i=1,20000000 do end";
    client.ask(&format!("EVAL \"{script}\" 0"), "$-1\r\n");
    client.ask("SLOWLOG LEN", ":1\r\n");
}

/// A folder that is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("kvrig-live-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It fails only if it is gone already.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_saved_in_place_is_there_after_the_next_start() {
    let folder = Folder::new("saved");
    let server = Running::start_in("enable-debug-command yes\n", folder.0.clone());
    let mut client = server.connect();
    // What follows in one pipeline is not in the file.
    client.send("SET a 1\r\nSAVE\r\nSET a 2\r\nGET a\r\n");
    client.expect("+OK\r\n+OK\r\n+OK\r\n$1\r\n2\r\n");
    client.ask("DEBUG RELOAD NOSAVE", "+OK\r\n");
    client.ask("GET a", "$1\r\n1\r\n");
    client.send("SHUTDOWN NOSAVE\r\n");
    assert_eq!(client.rest(), "");
    let server = Running::start_in("save 3600 1\n", folder.0.clone());
    let mut client = server.connect();
    client.ask("GET a", "$1\r\n1\r\n");
    client.ask("BGSAVE", "+Background saving started\r\n");
    client.ask("SET b 1", "+OK\r\n");
    assert_eq!(server.stop(), 2);
    let server = Running::start_in("", folder.0.clone());
    server
        .connect()
        .ask("MGET a b", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
    let names: Vec<_> = std::fs::read_dir(&folder.0).unwrap().collect();
    assert_eq!(names.len(), 1, "no file of a child is left");
}

#[test]
fn a_damaged_snapshot_is_not_served() {
    let folder = Folder::new("damaged");
    std::fs::write(folder.0.join("dump.rdb"), b"REDIS0010\xfe\x00\x00\x01k\x7f").unwrap();
    let config = ConfigFile::default().config;
    let server = Server::redis(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut server = server.in_directory(folder.0.clone());
    let error = server.load().unwrap_err().to_string();
    assert!(
        error.contains("dump.rdb cannot be loaded: at byte 15: "),
        "{error}"
    );
}

#[test]
fn a_path_is_listened_on_beside_the_address_and_gone_in_the_end() {
    let folder = Folder::new("socket");
    let path = folder.0.join("redis.sock");
    // What an earlier server has left there is replaced.
    drop(UnixListener::bind(&path).unwrap());
    let conf = format!("unixsocket {}\nunixsocketperm 700", path.display());
    let server = Running::start(&conf);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    server.connect().ask("SET k v", "+OK\r\n");
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"GET k\r\nCLIENT INFO\r\nQUIT\r\n")
        .unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).unwrap();
    assert!(replies.starts_with("$1\r\nv\r\n"), "{replies}");
    let ends = format!("addr={0}:0 laddr={0}:0 ", path.display());
    assert!(replies.contains(&ends), "{replies}");
    assert_eq!(server.stop(), 1);
    assert!(!path.exists());
    // A file that is no socket is not removed.
    std::fs::write(&path, "mine").unwrap();
    let server =
        Server::redis(ConfigFile::default().config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let error = server.on_unix_socket(&path, None).unwrap_err().to_string();
    assert!(error.ends_with("redis.sock: it is no socket"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn the_file_of_the_configuration_is_rewritten_with_its_comments() {
    let folder = Folder::new("rewritten");
    let path = folder.0.join("redis.conf");
    std::fs::write(&path, "# mine\nmaxmemory 1mb\n").unwrap();
    let server = Running::start_in("maxmemory 1mb", folder.0.clone());
    let mut client = server.connect();
    client.send("CONFIG SET maxmemory 2mb\r\nCONFIG REWRITE\r\nPING\r\n");
    client.expect("+OK\r\n+OK\r\n+PONG\r\n");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# mine\nmaxmemory 2mb\n"), "{text}");
    assert_eq!(
        ConfigFile::read("redis.conf", &text)
            .unwrap()
            .config
            .maxmemory,
        2 << 20
    );
    let names = std::fs::read_dir(&folder.0).unwrap();
    assert_eq!(names.count(), 1);
}

#[test]
fn a_sleeping_server_answers_when_it_wakes() {
    let server = Running::start("enable-debug-command local\n");
    let (mut one, mut other) = (server.connect(), server.connect());
    one.send("CONFIG SET latency-monitor-threshold 100\r\nDEBUG SLEEP 0.2\r\nLATENCY LATEST\r\n");
    one.expect("+OK\r\n+OK\r\n*1\r\n*4\r\n$7\r\ncommand\r\n");
    other.ask("PING", "+PONG\r\n");
}

#[test]
fn nobody_debugs_a_server_that_does_not_say_so() {
    const REFUSED: &str = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.\r\n";
    const FIXED: &str = "-ERR CONFIG SET failed (possibly related to argument 'enable-debug-command') - can't set immutable config\r\n";
    for (config, reply) in [
        ("", REFUSED),
        ("enable-debug-command no\n", REFUSED),
        ("enable-debug-command local\n", "+OK\r\n"),
        ("enable-debug-command yes\n", "+OK\r\n"),
    ] {
        let server = Running::start(config);
        let mut client = server.connect();
        client.ask("DEBUG SLEEP 0", reply);
        client.ask("CONFIG SET enable-debug-command yes", FIXED);
    }
}
