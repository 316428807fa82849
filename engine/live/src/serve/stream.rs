//! The socket of a client: of the network, or of a path on this machine (`unixsocket`).
//!
//! Bytes come and go by calls of the system itself ([`rustix`]) and not by those of the C library: in a
//! process of several threads these prepare for the thread being cancelled around each call, which
//! took one part in thirty of a request that is sent alone.

use mio::event::Source;
use mio::net::{TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::{self, RecvFlags, SendFlags};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A socket that is connected.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

#[inline]
fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (received, _) = net::recv(socket, buffer, RecvFlags::empty())?;
    Ok(received)
}

/// A client that is gone is an error here and no signal.
#[inline]
fn send(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(net::send(socket, bytes, SendFlags::NOSIGNAL)?)
}

impl Read for Stream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => receive(stream, buffer),
            Self::Unix(stream) => receive(stream, buffer),
        }
    }
}

impl Write for Stream {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => send(stream, bytes),
            Self::Unix(stream) => send(stream, bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Stream {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.register(registry, token, interests),
            Self::Unix(stream) => stream.register(registry, token, interests),
        }
    }
    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.reregister(registry, token, interests),
            Self::Unix(stream) => stream.reregister(registry, token, interests),
        }
    }
    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.deregister(registry),
            Self::Unix(stream) => stream.deregister(registry),
        }
    }
}

/// A path that is listened on; it is removed in the end.
#[derive(Debug)]
pub(super) struct UnixSocket {
    pub(super) listener: UnixListener,
    pub(super) path: PathBuf,
}

impl UnixSocket {
    /// Listens on a path, with these permissions where they are stated. A socket that an earlier server
    /// has left there is replaced.
    ///
    /// # Errors
    /// What the system answers; a file that is no socket stays and is an error.
    pub(super) fn bind(path: PathBuf, mode: Option<u32>) -> io::Result<Self> {
        match fs::symlink_metadata(&path) {
            Ok(there) if there.file_type().is_socket() => fs::remove_file(&path)?,
            Ok(_) => return Err(io::Error::new(ErrorKind::AlreadyExists, "it is no socket")),
            Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        let socket = Self { listener, path };
        if let Some(mode) = mode {
            fs::set_permissions(&socket.path, Permissions::from_mode(mode))?;
        }
        Ok(socket)
    }
    /// What CLIENT LIST shows of both ends.
    pub(super) fn address(path: &Path) -> String {
        format!("{}:0", path.display())
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // Whoever has removed it has done so for us.
        let _ = fs::remove_file(&self.path);
    }
}
