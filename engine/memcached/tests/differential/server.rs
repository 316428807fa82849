//! A real memcached.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Servers started by this process so far: each has a socket of its own.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// How often, 5 ms apart, a connection to a starting server is tried.
const CONNECT_ATTEMPTS: u32 = 2_000;
/// A server that says nothing for so long is taken for dead.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

const LAST_REQUEST: &[u8] = b"set last 0 0 4\r\nlast\r\nget last\r\n";
const LAST_REPLY: &[u8] = b"STORED\r\nVALUE last 0 4\r\nlast\r\nEND\r\n";

/// A running server; dropping it stops it.
pub(crate) struct RealServer {
    child: Child,
    socket: PathBuf,
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // Both fail only if the server is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl RealServer {
    /// Starts a server without data, or says why it is skipped.
    pub(crate) fn start() -> Option<Self> {
        match Self::try_start() {
            Ok(server) => Some(server),
            Err(reason) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
                panic!("a memcached 1.6 is needed: {reason}")
            }
            Err(reason) => {
                eprintln!("skipped: a memcached 1.6 is needed: {reason}");
                None
            }
        }
    }

    fn try_start() -> Result<Self, String> {
        if version().is_err() {
            install();
        }
        let version = version()?;
        if !version.starts_with("memcached 1.6.18") {
            return Err(format!("this is {version}"));
        }
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("kvrig-memcached-{}-{number}", std::process::id());
        let socket = std::env::temp_dir().join(name);
        let mut child = Command::new("memcached")
            .args(["-U", "0", "-t", "1", "-s"])
            .arg(&socket)
            // Root must name a user; anybody else is not listened to.
            .args(["-a", "0777", "-u", "nobody"])
            // The LRU thread holds on to items that are to be moved in their queue; counting one
            // meanwhile makes a new item of it instead of writing over its digits.
            .args(["-o", "no_lru_maintainer"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        for _ in 0..CONNECT_ATTEMPTS {
            if UnixStream::connect(&socket).is_ok() {
                return Ok(Self { child, socket });
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("it ended at once with {status}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
        Err("it does not answer".to_owned())
    }

    /// A connection for requests that wait for one another.
    pub(crate) fn dialogue(&self) -> Dialogue {
        Dialogue {
            stream: self.connect(),
            unread: Vec::new(),
        }
    }
    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("the server listens");
        stream
            .set_read_timeout(Some(REPLY_TIMEOUT))
            .expect("a valid time");
        stream
    }

    /// Sends bytes on a connection of their own and returns all that comes back, up to the reply to
    /// a last request that nobody else makes: Memcached sends nothing of what it has to say to a
    /// client that leaves at once.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // The server may have closed the connection over the first bytes already.
        let _ = stream.write_all(&[bytes, LAST_REQUEST].concat());
        let mut received = Vec::new();
        let mut buffer = [0; 65_536];
        while !received.ends_with(LAST_REPLY) {
            match stream.read(&mut buffer) {
                Ok(0) => return received,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return received,
                Err(error) => panic!("the server does not answer: {error}"),
            }
        }
        received.truncate(received.len() - LAST_REPLY.len());
        received
    }
}

/// A connection on which each request waits for the reply to the one before.
pub(crate) struct Dialogue {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Dialogue {
    /// Sends a request and returns the reply, which is expected to have so many bytes. Where more
    /// comes, the next reply begins with it.
    pub(crate) fn ask(&mut self, request: &[u8], bytes: usize) -> Vec<u8> {
        self.stream.write_all(request).expect("the server reads");
        let mut buffer = [0; 65_536];
        while self.unread.len() < bytes {
            match self.stream.read(&mut buffer) {
                Ok(count) if count > 0 => self.unread.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => panic!("the server does not answer: {other:?}"),
            }
        }
        match bytes {
            // Silence cannot be waited for; a reply where none was expected shows in the next.
            0 => Vec::new(),
            _ => std::mem::take(&mut self.unread),
        }
    }
}

fn version() -> Result<String, String> {
    let output = Command::new("memcached").arg("-V").output();
    let output = output.map_err(|error| format!("memcached: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Tries to install it; whether that worked is seen when it is started.
fn install() {
    let _ = Command::new("apt-get")
        .args(["install", "-y", "memcached"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
