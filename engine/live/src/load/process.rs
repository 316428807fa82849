//! A server in a process of its own, on the loopback address, ended when it is dropped.

use super::replies::ReplyCounter;
use kvrig_redis::resp::encode_request;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often, 10 ms apart, a starting server is tried.
const CONNECT_ATTEMPTS: u32 = 500;
const CONNECT_PAUSE: Duration = Duration::from_millis(10);
/// A question that is not answered for so long is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the configuration of kvrig's own server is called.
const CONFIG_FILE: &str = "kvrig.conf";

/// A running server, and a connection to ask it things.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    stream: TcpStream,
    directory: PathBuf,
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // All fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl ServerProcess {
    /// Starts a `redis-server` without data and without persistence, with more `arguments`.
    ///
    /// # Errors
    /// What the system answers, or a server that ends at once or does not listen.
    pub fn redis(program: &Path, arguments: &[&str]) -> io::Result<Self> {
        let (address, directory) = place()?;
        let child = Command::new(program)
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(&directory)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Self::connect(child, address, directory)
    }
    /// Starts `program serve redis` without data and without persistence. The program's path does not
    /// depend on the current directory.
    ///
    /// # Errors
    /// As [`ServerProcess::redis`].
    pub fn kvrig(program: &Path) -> io::Result<Self> {
        let (address, directory) = place()?;
        // A folder of its own: a snapshot that lies in the current one is somebody's data, which is
        // neither to be loaded nor to be replaced.
        std::fs::write(directory.join(CONFIG_FILE), "save \"\"\n")?;
        let child = Command::new(program)
            .args(["serve", "redis", "--port", &address.port().to_string()])
            .args(["--config", CONFIG_FILE, "--quiet"])
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Self::connect(child, address, directory)
    }

    fn connect(mut child: Child, address: SocketAddr, directory: PathBuf) -> io::Result<Self> {
        let mut failure = io::Error::from(ErrorKind::TimedOut);
        for _ in 0..CONNECT_ATTEMPTS {
            match TcpStream::connect(address) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_nodelay(true)?;
                    return Ok(Self {
                        child,
                        address,
                        stream,
                        directory,
                    });
                }
                Err(error) => failure = error,
            }
            if let Ok(Some(status)) = child.try_wait() {
                failure = io::Error::other(format!("the server ended at once with {status}"));
                break;
            }
            std::thread::sleep(CONNECT_PAUSE);
        }
        let _ = child.kill();
        let _ = child.wait();
        let _ = std::fs::remove_dir_all(directory);
        Err(failure)
    }
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// CPU time that its main thread has used, in nanoseconds (proc(5), schedstat).
    ///
    /// # Errors
    /// A server that is gone, or a system without that file.
    pub fn cpu_ns(&self) -> io::Result<u64> {
        let id = self.child.id();
        let text = std::fs::read_to_string(format!("/proc/{id}/schedstat"))?;
        let first = text.split(' ').next().and_then(|word| word.parse().ok());
        first.ok_or(ErrorKind::InvalidData.into())
    }
    /// Asks one thing and gives the reply's bytes.
    ///
    /// # Errors
    /// What the system answers.
    pub fn ask(&mut self, args: &[&[u8]]) -> io::Result<Vec<u8>> {
        let mut request = Vec::new();
        encode_request(args, &mut request);
        self.stream.write_all(&request)?;
        let (mut counter, mut reply, mut buffer) = (ReplyCounter::default(), Vec::new(), [0; 4096]);
        loop {
            let bytes = self.stream.read(&mut buffer)?;
            if bytes == 0 {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            reply.extend_from_slice(&buffer[..bytes]);
            if counter.feed(&buffer[..bytes]) > 0 {
                return Ok(reply);
            }
        }
    }
    /// A field of INFO that is a number.
    ///
    /// # Errors
    /// What the system answers, or a field that is not there.
    pub fn info(&mut self, field: &str) -> io::Result<u64> {
        let reply = self.ask(&[b"INFO"])?;
        let text = String::from_utf8_lossy(&reply).into_owned();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = value.and_then(|value| value.trim_end().parse().ok());
        number.ok_or(ErrorKind::InvalidData.into())
    }
}

/// A free port of the loopback address, and a new folder for the files of a server that listens there.
///
/// Whoever takes the port before the server does makes its start fail, and is so noticed.
fn place() -> io::Result<(SocketAddr, PathBuf)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let name = format!("kvrig-server-{}-{}", std::process::id(), address.port());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory)?;
    Ok((address, directory))
}
