//! A real redis-server, and a client for it.

use crate::requests::Request;
use kvrig_redis::resp::encode_request;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often, 20 ms apart, a connection to a starting server is tried.
const CONNECT_ATTEMPTS: u32 = 500;
/// A server that says nothing for so long is taken for dead.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);

/// The name of a server's configuration.
const CONFIG_NAME: &str = "redis.conf";

/// A running server; dropping it stops it.
pub(crate) struct RealServer {
    child: Child,
    port: u16,
    stream: TcpStream,
    directory: PathBuf,
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // Both fail only if the server is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl RealServer {
    /// Starts a server without data, or says why it is skipped.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(None)
    }
    /// Starts a server that loads this snapshot.
    pub(crate) fn start_with(snapshot: Option<&[u8]>) -> Option<Self> {
        Self::start_from(snapshot, None)
    }
    /// Starts a server with a `redis.conf` that says this.
    pub(crate) fn start_with_config(text: &str) -> Option<Self> {
        Self::start_from(None, Some(text))
    }
    /// What its `redis.conf` says now.
    pub(crate) fn config_text(&self) -> String {
        let text = std::fs::read_to_string(self.directory.join(CONFIG_NAME));
        text.expect("it is there")
    }

    fn start_from(snapshot: Option<&[u8]>, config: Option<&str>) -> Option<Self> {
        match Self::try_start(snapshot, config) {
            Ok(server) => Some(server),
            Err(reason) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
                panic!("a redis-server 7.0 is needed: {reason}")
            }
            Err(reason) => {
                eprintln!("skipped: a redis-server 7.0 is needed: {reason}");
                None
            }
        }
    }

    fn try_start(snapshot: Option<&[u8]>, config: Option<&str>) -> Result<Self, String> {
        if version().is_err() {
            install();
        }
        let version = version()?;
        if !version.contains("v=7.0.") {
            return Err(format!("this is {version}"));
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let port = listener
            .local_addr()
            .map_err(|error| error.to_string())?
            .port();
        drop(listener);
        let name = format!("kvrig-redis-{}-{port}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        if let Some(snapshot) = snapshot {
            let file = directory.join("dump.rdb");
            std::fs::write(file, snapshot).map_err(|error| error.to_string())?;
        }
        let mut command = Command::new("redis-server");
        if let Some(config) = config {
            let file = directory.join(CONFIG_NAME);
            std::fs::write(&file, config).map_err(|error| error.to_string())?;
            command.arg(file);
        }
        let mut child = command
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--appendonly",
                "no",
            ])
            // A slow machine must not show in replies.
            .args(["--slowlog-log-slower-than", "-1"])
            .args(["--enable-debug-command", "local", "--save", "", "--dir"])
            .arg(&directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        for _ in 0..CONNECT_ATTEMPTS {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                stream
                    .set_read_timeout(Some(REPLY_TIMEOUT))
                    .map_err(|error| error.to_string())?;
                let mut server = Self {
                    child,
                    port,
                    stream,
                    directory,
                };
                server.ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
                return Ok(server);
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("it ended at once with {status}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
        Err("it does not answer".to_owned())
    }

    /// Sends requests at once and returns the bytes of their replies.
    pub(crate) fn pipeline(&mut self, list: &[Request]) -> Vec<Vec<u8>> {
        let replies = self.try_pipeline(list);
        replies.expect("the server does not close the connection")
    }

    /// The same, or nothing where the server closes the connection.
    pub(crate) fn try_pipeline(&mut self, list: &[Request]) -> Option<Vec<Vec<u8>>> {
        let mut bytes = Vec::new();
        for request in list {
            let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
            encode_request(&args, &mut bytes);
        }
        self.stream.write_all(&bytes).expect("the server reads");
        let mut received = Vec::new();
        let mut replies = Vec::with_capacity(list.len());
        let mut buffer = [0; 65_536];
        while replies.len() < list.len() {
            while let Some((_, length)) = Element::parse(&received)
                && replies.len() < list.len()
            {
                replies.push(received.drain(..length).collect());
            }
            if replies.len() < list.len() {
                let count = match self.stream.read(&mut buffer) {
                    Ok(0) => return None,
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                    read => read.expect("the server answers"),
                };
                received.extend_from_slice(&buffer[..count]);
            }
        }
        Some(replies)
    }

    /// Sends one request and returns its reply.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Element {
        let request = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        Element::read(&self.pipeline(&[request])[0])
    }

    /// A file in its directory.
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.directory.join(name)).expect("it was written")
    }

    /// One more connection.
    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_nonblocking(true).expect("a socket");
        Connection { stream }
    }

    /// Sends bytes on a connection of their own and returns all that comes back.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream
            .set_read_timeout(Some(REPLY_TIMEOUT))
            .expect("a valid time");
        // The server may have closed the connection over the first bytes already.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received);
        received
    }
}

/// A connection beside the first.
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Sends a request and waits for nothing.
    pub(crate) fn send(&mut self, request: &Request) {
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let mut bytes = Vec::new();
        encode_request(&args, &mut bytes);
        // The server may have closed it.
        let _ = self.stream.write_all(&bytes);
    }
    /// All that has arrived.
    pub(crate) fn received(&mut self) -> Vec<u8> {
        let mut received = Vec::new();
        // Ends with an error once there is no more, with what has come until then kept.
        let _ = self.stream.read_to_end(&mut received);
        received
    }
}

fn version() -> Result<String, String> {
    let output = Command::new("redis-server").arg("--version").output();
    let output = output.map_err(|error| format!("redis-server: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Tries to install it; whether that worked is seen when it is started.
fn install() {
    let _ = Command::new("apt-get")
        .args(["install", "-y", "redis-server"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// A reply, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    Line(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Array(Vec<Element>),
}

impl Element {
    /// Reads one whole reply.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let (element, length) = Self::parse(bytes).expect("a whole reply");
        assert_eq!(length, bytes.len(), "nothing behind it");
        element
    }
    /// The first reply of `bytes` and its length, if it is there as a whole.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let line = String::from_utf8_lossy(&bytes[1..end]).into_owned();
        let mut at = end + 2;
        let number = || line.parse::<i64>().expect("a number");
        let element = match bytes[0] {
            b'+' | b'-' => Self::Line(line),
            b':' => Self::Integer(number()),
            b'$' | b'*' if number() < 0 => Self::Null,
            b'$' => {
                let content = bytes.get(at..at + number() as usize)?.to_vec();
                at += content.len() + 2;
                if at > bytes.len() {
                    return None;
                }
                Self::Bulk(content)
            }
            b'*' => {
                let mut elements = Vec::new();
                for _ in 0..number() {
                    let (element, length) = Self::parse(&bytes[at..])?;
                    elements.push(element);
                    at += length;
                }
                Self::Array(elements)
            }
            other => panic!("replies do not begin with {other}"),
        };
        Some((element, at))
    }
    /// The elements of an array.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) => elements,
            other => panic!("{other:?} is no array"),
        }
    }
    /// A line or string as text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Line(line) => line.clone(),
            Self::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?} is no text"),
        }
    }
    /// An integer.
    pub(crate) fn integer(&self) -> i64 {
        match self {
            Self::Integer(number) => *number,
            other => panic!("{other:?} is no integer"),
        }
    }
}
