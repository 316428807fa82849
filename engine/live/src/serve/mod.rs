//! A Redis node on real sockets.
//!
//! One thread, as in Redis: it waits for sockets ([`mio`], that is epoll), reads those that have
//! something, hands the bytes to the node, does what is due by the clock, and sends the replies of
//! all of it at the end of the turn. The sockets tell of changes only (edges), so that a request
//! costs one call of the system to read it and one to answer it, and a turn one to wait.
//!
//! ```text
//!   wait ──► accept ──► read and hand over ──► deadline ──► end of turn ──► send ──► wait
//!                         ▲        │ effects: close, pause, resume
//!                         └────────┘
//! ```

mod child;
mod connection;
mod files;
mod stream;
mod turn;

pub use kvrig_redis::ConfigFile;

use crate::clock::{Clock, RealClock};
use crate::meter::{ClockMeter, Lap};
use child::Child;
use connection::{Connection, Reading};
use files::Files;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::ConnId;
use kvrig_base::random::Seed;
use kvrig_base::seam::{Actor, Effects, Input, Outbox, Work};
use kvrig_redis::rdb::{LoadError, Loaded};
use kvrig_redis::{Config, NoMessage, Node};
use kvrig_tables::TableKind;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::net::sockopt;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stream::{Stream, UnixSocket};

/// Bytes that one read asks for.
const READ_BYTES: usize = 64 * 1024;
/// Bytes of a snapshot that are read at once while it is loaded.
const LOAD_BUFFER_BYTES: usize = 1024 * 1024;
/// Sockets that one wait can tell of.
const EVENTS_MAX: usize = 1_024;
/// Connections that one turn accepts (MAX_ACCEPTS_PER_CALL).
const ACCEPTS_PER_TURN: usize = 1_000;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
const CHILD: Token = Token(usize::MAX - 2);
const UNIX_LISTENER: Token = Token(usize::MAX - 3);

/// Why a server could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system answered.
        error: io::Error,
    },
    /// The path of a socket cannot be listened on.
    #[error("cannot listen on {path}: {error}")]
    ListenUnix {
        /// The path.
        path: String,
        /// What the system answered.
        error: io::Error,
    },
    /// Others than this machine could reach a server that asks for no password.
    #[error("{address} can be reached from other machines, and the server has no password")]
    Unprotected {
        /// The address.
        address: SocketAddr,
    },
    /// The snapshot that the server is to begin with cannot be opened.
    #[error("{path} cannot be opened: {error}")]
    Unopened {
        /// The file.
        path: String,
        /// What the system answered.
        error: io::Error,
    },
    /// The snapshot that the server is to begin with cannot be loaded.
    #[error("{path} cannot be loaded: {error}")]
    NotLoaded {
        /// The file.
        path: String,
        /// Where and why.
        error: LoadError,
    },
    /// The snapshot that the server was to end with could not be written.
    #[error("the last snapshot could not be written: {0}")]
    NotSaved(io::Error),
    /// The system does not let the server wait for sockets.
    #[error("cannot wait for sockets: {0}")]
    Wait(#[from] io::Error),
}

impl From<ServeError> for Diagnostic {
    fn from(error: ServeError) -> Self {
        let message = error.to_string();
        match error {
            ServeError::Unprotected { .. } => Self::new(diagnostic::UNPROTECTED, message),
            ServeError::Unopened { .. } | ServeError::NotLoaded { .. } => {
                Self::new(diagnostic::NOT_LOADED, message)
            }
            ServeError::Listen { .. }
            | ServeError::ListenUnix { .. }
            | ServeError::Wait(_)
            | ServeError::NotSaved(_) => Self::new(diagnostic::NOT_SERVED, message),
        }
    }
}

/// Stops a server from another thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    is_stopped: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stopper {
    /// Asks the server to stop at the end of its turn.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        // It fails only if the server is gone.
        let _ = self.waker.wake();
    }
}

/// A node that listens.
#[derive(Debug)]
pub struct Server {
    node: Node,
    clock: Rc<dyn Clock>,
    lap: Lap,
    work: Work,
    outbox: Outbox,
    effects: Effects<NoMessage>,
    poll: Poll,
    listener: TcpListener,
    /// A path that is listened on beside the address.
    unix_socket: Option<UnixSocket>,
    /// The listeners may have more to accept.
    is_accepting: bool,
    stopper: Stopper,
    /// By number, with the numbers that are free.
    connections: Vec<Option<Box<Connection>>>,
    vacant: Vec<u32>,
    /// Connections whose input is to be looked at without a further word of the system.
    ready: Vec<ConnId>,
    /// Connections with output to be sent at the end of the turn.
    dirty: Vec<ConnId>,
    /// Connections whose input the node takes again.
    resumed: Vec<ConnId>,
    buffer: Box<[u8]>,
    /// Where snapshots are.
    directory: PathBuf,
    /// What the node has open there.
    files: Files,
    child: Option<Child>,
    /// The node has ended.
    is_exiting: bool,
}

impl Server {
    /// A Redis node without data on the project's own table, that listens on `address`. Its hash key
    /// is the system's random, so that nobody can choose keys that meet in one bucket. The
    /// configuration is that of a [`ConfigFile`], or [`Config::served`].
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub fn redis(config: Config, address: SocketAddr) -> Result<Self, ServeError> {
        let seed = Seed(RandomState::new().build_hasher().finish());
        let mut node = Node::new(config, TableKind::Kvrig, seed);
        node.look_ahead();
        Self::bind(node, address)
    }
    /// Lets `node` listen on `address`; port 0 takes any that is free.
    ///
    /// # Errors
    /// An address that cannot be listened on, or one that other machines reach while the node asks
    /// for no password.
    pub fn bind(node: Node, address: SocketAddr) -> Result<Self, ServeError> {
        if !address.ip().is_loopback() && node.config().requirepass.is_empty() {
            return Err(ServeError::Unprotected { address });
        }
        let listen = |error| ServeError::Listen { address, error };
        let mut listener = TcpListener::bind(address).map_err(listen)?;
        let poll = Poll::new()?;
        let registry = poll.registry();
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(registry, WAKER)?);
        let clock: Rc<dyn Clock> = Rc::new(RealClock::start());
        let lap = Lap::new(Rc::clone(&clock));
        Ok(Self {
            node,
            work: Work::timed(Box::new(ClockMeter(lap.clone()))),
            lap,
            clock,
            outbox: Outbox::default(),
            effects: Effects::default(),
            poll,
            listener,
            unix_socket: None,
            is_accepting: false,
            stopper: Stopper {
                is_stopped: Arc::default(),
                waker,
            },
            connections: Vec::new(),
            vacant: Vec::new(),
            ready: Vec::new(),
            dirty: Vec::new(),
            resumed: Vec::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            directory: PathBuf::from("."),
            files: Files::new(".".as_ref()),
            child: None,
            is_exiting: false,
        })
    }
    /// Has its snapshots in this directory, and not in the current one.
    #[must_use]
    pub fn in_directory(self, directory: PathBuf) -> Self {
        let files = Files::new(&directory);
        Self {
            directory,
            files,
            ..self
        }
    }
    /// Listens on a path as well (`unixsocket`), with these permissions where they are stated
    /// (`unixsocketperm`). A socket that lies there is replaced; it is removed when the server ends.
    ///
    /// # Errors
    /// A path that cannot be listened on.
    pub fn on_unix_socket(mut self, path: &Path, mode: Option<u32>) -> Result<Self, ServeError> {
        let failed = |error| ServeError::ListenUnix {
            path: path.display().to_string(),
            error,
        };
        let mut socket = UnixSocket::bind(path.to_owned(), mode).map_err(failed)?;
        let registry = self.poll.registry();
        registry.register(&mut socket.listener, UNIX_LISTENER, Interest::READABLE)?;
        self.unix_socket = Some(socket);
        Ok(self)
    }
    /// Says which file the configuration comes from, which CONFIG REWRITE then writes: one whose path
    /// does not depend on the current directory.
    #[must_use]
    pub fn with_config_file(mut self, path: &Path) -> Self {
        self.node.set_config_file(path.display().to_string());
        self
    }
    /// Loads the snapshot that lies in its directory, and says what it has brought; `None` where there
    /// is none. After an error the server is not to be run.
    ///
    /// # Errors
    /// A file that cannot be opened or read, or is no snapshot of Redis up to 7.0, or is damaged.
    pub fn load(&mut self) -> Result<Option<Loaded>, ServeError> {
        let path = self.directory.join(&self.node.config().dbfilename);
        let name = path.display().to_string();
        let opened = File::open(&path).and_then(|file| {
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        });
        let (file, bytes) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ServeError::Unopened { path: name, error }),
        };
        let source = BufReader::with_capacity(LOAD_BUFFER_BYTES, file);
        let (wall, work) = (self.clock.wall(), &mut self.work);
        work.begin();
        let loaded = self.node.load_snapshot(source, bytes, wall, work);
        loaded
            .map(Some)
            .map_err(|error| ServeError::NotLoaded { path: name, error })
    }
    /// Where it listens.
    ///
    /// # Errors
    /// What the system answers.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves until it is stopped or a client ends it, and gives the node back. Where the node has save
    /// points, it writes a snapshot in the end.
    ///
    /// # Errors
    /// The system does not let it wait for sockets, or that snapshot could not be written.
    pub fn run(mut self) -> Result<Node, ServeError> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.is_exiting {
            if self.stopper.is_stopped.load(Ordering::Acquire) {
                self.end_node();
                if !self.is_exiting {
                    let error = self.files.take_error();
                    return Err(ServeError::NotSaved(
                        error.unwrap_or_else(|| ErrorKind::Other.into()),
                    ));
                }
                break;
            }
            match self.poll.poll(&mut events, self.patience()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            let ready = std::mem::take(&mut self.ready);
            for event in &events {
                self.heed(event);
            }
            ready.into_iter().for_each(|conn| self.read(conn));
            self.accept();
            self.run_due();
            self.go_on_after_pauses();
            self.end_turn();
        }
        Ok(self.node)
    }

    /// How long to wait for sockets at most.
    fn patience(&self) -> Option<Duration> {
        if self.is_accepting || !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let due = self.node.next_deadline()?;
        let left = due.since(self.clock.now());
        Some(Duration::from_nanos(left.as_nanos()))
    }

    fn heed(&mut self, event: &Event) {
        match event.token() {
            LISTENER | UNIX_LISTENER => self.is_accepting = true,
            WAKER => {}
            CHILD => self.meet_child(),
            Token(number) => {
                let conn = ConnId(u32::try_from(number).unwrap_or(u32::MAX));
                let Some(connection) = self.connection(conn) else {
                    return;
                };
                connection.is_ending |= event.is_read_closed();
                if event.is_writable() && connection.pending() > 0 {
                    connection.has_room();
                    self.mark_dirty(conn);
                }
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.read(conn);
                }
            }
        }
    }

    /// Tells the node of the end of its child.
    fn meet_child(&mut self) {
        let ended = self.child.as_ref().and_then(Child::outcome);
        if let Some((outcome, child)) = ended.zip(self.child.take_if(|_| ended.is_some())) {
            child.forget(self.poll.registry());
            let job = child.job;
            self.hand_over(Input::ChildExit { job, outcome });
            self.carry_out();
        }
    }

    fn connection(&mut self, conn: ConnId) -> Option<&mut Connection> {
        self.connections.get_mut(conn.index())?.as_deref_mut()
    }

    fn mark_dirty(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections[conn.index()].as_deref_mut()
            && !connection.is_dirty
        {
            connection.is_dirty = true;
            self.dirty.push(conn);
        }
    }

    /// Accepts who waits.
    fn accept(&mut self) {
        for _ in 0..ACCEPTS_PER_TURN {
            if !self.is_accepting {
                return;
            }
            match self.accept_one() {
                Ok((stream, peer, local)) => {
                    // A client that is gone already is met again when it is read.
                    let _ = self.open(stream, peer, local);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Of a client that is gone already, or of too many open files, in which case the
                // next client that comes or leaves is the next occasion.
                Err(error) => self.is_accepting = error.kind() == ErrorKind::ConnectionAborted,
            }
        }
    }

    /// The next client of the address, or of the path where nobody waits at the address, with what
    /// CLIENT LIST shows of both ends.
    fn accept_one(&self) -> io::Result<(Stream, String, String)> {
        match self.listener.accept() {
            Ok((stream, peer)) => {
                let local = self.set_up(&stream);
                Ok((
                    Stream::Tcp(stream),
                    peer.to_string(),
                    local.map_or_else(|_| String::new(), |local| local.to_string()),
                ))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let socket = self.unix_socket.as_ref().ok_or(error)?;
                let (stream, _) = socket.listener.accept()?;
                let address = UnixSocket::address(&socket.path);
                Ok((Stream::Unix(stream), address.clone(), address))
            }
            Err(error) => Err(error),
        }
    }

    /// Has a socket of the network send at once, and find out when its client is gone.
    fn set_up(&self, stream: &TcpStream) -> io::Result<SocketAddr> {
        stream.set_nodelay(true)?;
        let keepalive_s = self.node.config().tcp_keepalive_s;
        if keepalive_s > 0 {
            sockopt::set_socket_keepalive(stream, true)?;
            sockopt::set_tcp_keepidle(stream, Duration::from_secs(keepalive_s.into()))?;
        }
        stream.local_addr()
    }

    fn open(&mut self, mut stream: Stream, peer: String, local: String) -> io::Result<()> {
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.connections.push(None);
            u32::try_from(self.connections.len() - 1).unwrap_or(u32::MAX)
        });
        let conn = ConnId(number);
        let token = Token(conn.index());
        let interests = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut stream, token, interests) {
            self.vacant.push(number);
            return Err(error);
        }
        self.connections[conn.index()] = Some(Box::new(Connection::new(stream)));
        self.hand_over(Input::Connected { conn });
        self.node.set_addresses(conn, peer, local);
        Ok(())
    }

    /// Reads a connection once, and hands over what is new.
    fn read(&mut self, conn: ConnId) {
        let Some(connection) = self
            .connections
            .get_mut(conn.index())
            .and_then(Option::as_deref_mut)
        else {
            return;
        };
        if connection.is_closing {
            // Who closes says nothing that is still heard.
            if connection.read(&mut self.buffer) == Reading::Ended {
                self.drop_connection(conn);
            }
            return;
        }
        match connection.read(&mut self.buffer) {
            Reading::Ended => self.drop_connection(conn),
            Reading::Empty => {}
            Reading::Bytes(bytes) => {
                let is_more = connection.is_readable;
                if connection.is_paused || !connection.input.is_empty() {
                    connection.input.extend_from_slice(&self.buffer[..bytes]);
                    if !connection.is_paused {
                        self.go_on(conn);
                    }
                } else {
                    let buffer = std::mem::take(&mut self.buffer);
                    let used = self.hand_over(Input::Bytes {
                        conn,
                        bytes: &buffer[..bytes],
                    });
                    if let Some(connection) = self.connection(conn) {
                        connection.input.extend_from_slice(&buffer[used..bytes]);
                    }
                    self.buffer = buffer;
                    self.carry_out();
                }
                if is_more {
                    self.ready.push(conn);
                }
            }
        }
    }

    /// Hands the unconsumed input of a connection over again.
    fn go_on(&mut self, conn: ConnId) {
        let Some(connection) = self.connection(conn) else {
            return;
        };
        if connection.is_paused || connection.input.is_empty() {
            return;
        }
        let input = std::mem::take(&mut connection.input);
        let used = self.hand_over(Input::Bytes {
            conn,
            bytes: &input,
        });
        if let Some(connection) = self.connection(conn) {
            connection.input = input;
            connection.consume(used);
        }
        self.carry_out();
    }

    fn go_on_after_pauses(&mut self) {
        while let Some(conn) = self.resumed.pop() {
            self.go_on(conn);
            self.ready.push(conn);
        }
    }

    fn run_due(&mut self) {
        let due = self.node.next_deadline();
        if due.is_some_and(|due| due <= self.clock.now()) {
            self.hand_over(Input::Deadline);
            self.carry_out();
        }
    }

    /// Sends what the turn has left to be sent.
    fn end_turn(&mut self) {
        self.hand_over(Input::TurnEnd);
        self.carry_out();
        for conn in std::mem::take(&mut self.dirty) {
            let Some(connection) = self.connection(conn) else {
                continue;
            };
            connection.is_dirty = false;
            let is_over = match connection.send() {
                Err(_) => true,
                Ok(()) if connection.pending() == 0 => connection.is_closing,
                Ok(()) => self.has_too_much_output(conn),
            };
            if is_over {
                self.drop_connection(conn);
            }
        }
    }

    fn has_too_much_output(&mut self, conn: ConnId) -> bool {
        let (limit, now) = (self.node.output_limit(conn), self.clock.now());
        self.connection(conn)
            .is_some_and(|connection| connection.exceeds(limit, now))
    }

    /// Closes a connection at once; what it was still to be sent is lost.
    fn drop_connection(&mut self, conn: ConnId) {
        let place = self.connections.get_mut(conn.index());
        if let Some(mut connection) = place.and_then(Option::take) {
            // It goes with the socket in any case.
            let _ = self.poll.registry().deregister(connection.stream_mut());
            self.vacant.push(conn.0);
            self.hand_over(Input::Closed { conn });
            self.carry_out();
        }
    }
}
