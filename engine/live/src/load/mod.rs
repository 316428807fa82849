//! Load on a server that speaks Redis's protocol, and how it answers.
//!
//! The **open loop** sends each request at the time it is meant to start, whatever came back until
//! then, and measures the response from that time: a server that stands still cannot hide the
//! requests that should have been sent meanwhile (coordinated omission). The **closed loop** keeps a
//! number of requests under way on each connection. The generator never sleeps: it takes one core
//! for itself, so that its own wake-ups are in no measurement.

pub mod growth;
mod process;
mod replies;

pub use process::ServerProcess;

use crate::clock::thread_cpu_ns;
use crate::distribution::Distribution;
use crate::machine;
use kvrig_base::result::HistogramData;
use kvrig_redis::resp::encode_request;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use replies::ReplyCounter;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// A server that answers nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Passes of the generator between two looks at that.
const PASSES_UNASKED: u32 = 1 << 16;
const READ_BYTES: usize = 64 * 1024;

/// Requests as they go over the wire, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Commands {
    /// Adds a request.
    pub fn push(&mut self, args: &[&[u8]]) {
        encode_request(args, &mut self.bytes);
        self.ends.push(self.bytes.len());
    }
    /// Number of requests.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
    fn get(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[number]]
    }
}

/// How a server has answered.
#[derive(Debug)]
pub struct Observed {
    /// Requests answered.
    pub requests: u64,
    /// From the first to the last, in nanoseconds.
    pub elapsed_ns: u64,
    /// CPU time of the server meanwhile, in nanoseconds.
    pub server_cpu_ns: u64,
    /// CPU time of the generator.
    pub own_cpu_ns: u64,
    /// CPU time of this machine that neither of them had: of other processes, and of the host that it
    /// runs on. It is counted in ticks.
    pub others_cpu_ns: u64,
    responses: Distribution,
}

impl Observed {
    /// CPU time of the server for each request, in nanoseconds.
    pub fn cpu_ns_a_request(&self) -> f64 {
        self.server_cpu_ns as f64 / self.requests.max(1) as f64
    }
    /// The part of one core that others had meanwhile.
    pub fn others_share(&self) -> f64 {
        self.others_cpu_ns as f64 / self.elapsed_ns.max(1) as f64
    }
    /// Requests a second.
    pub fn throughput(&self) -> f64 {
        self.requests as f64 * 1e9 / self.elapsed_ns.max(1) as f64
    }
    /// The response that `millionths` of the requests do not exceed, in nanoseconds.
    pub fn response_ns(&self, millionths: u64) -> u64 {
        self.responses.quantile(millionths)
    }
    /// All responses, as results keep them.
    pub fn responses(&self, name: &str) -> HistogramData {
        self.responses.to_data(name)
    }
}

/// A connection of the generator.
struct Client {
    stream: TcpStream,
    output: Vec<u8>,
    sent: usize,
    /// Intended starts of the requests under way.
    under_way: VecDeque<u64>,
    replies: ReplyCounter,
    is_full: bool,
}

impl Client {
    fn send(&mut self) -> io::Result<()> {
        while self.sent < self.output.len() && !self.is_full {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_full = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
        }
        Ok(())
    }
}

/// Connections to one server, with what they have seen.
struct Clients<'a> {
    poll: Poll,
    events: Events,
    list: Vec<Client>,
    buffer: Vec<u8>,
    began: Instant,
    responses: Distribution,
    answered: u64,
    commands: &'a Commands,
}

impl<'a> Clients<'a> {
    #[expect(clippy::disallowed_methods, reason = "real responses take real time")]
    fn connect(
        server: &ServerProcess,
        connections: usize,
        commands: &'a Commands,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut list = Vec::with_capacity(connections);
        for number in 0..connections {
            // It is connected before it is watched: nothing is to be measured of that.
            let stream = std::net::TcpStream::connect(server.address())?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interests = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut stream, Token(number), interests)?;
            list.push(Client {
                stream,
                output: Vec::new(),
                sent: 0,
                under_way: VecDeque::new(),
                replies: ReplyCounter::default(),
                is_full: false,
            });
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(connections.max(1)),
            list,
            buffer: vec![0; READ_BYTES],
            began: Instant::now(),
            responses: Distribution::default(),
            answered: 0,
            commands,
        })
    }
    fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
    /// Puts a request behind the others of a connection.
    fn queue(&mut self, number: usize, connection: usize, intended_ns: u64) {
        let client = &mut self.list[connection];
        client.output.extend_from_slice(self.commands.get(number));
        client.under_way.push_back(intended_ns);
    }
    /// Takes in what has come, and calls with each connection that has got a reply.
    fn receive(&mut self, mut heard: impl FnMut(&mut Self, usize)) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        let ready: Vec<(usize, bool)> = self
            .events
            .iter()
            .map(|event| (event.token().0, event.is_writable()))
            .collect();
        for (connection, is_writable) in ready {
            if is_writable && self.list[connection].is_full {
                self.list[connection].is_full = false;
                self.list[connection].send()?;
            }
            let has_heard = self.read(connection)?;
            if has_heard {
                heard(self, connection);
            }
        }
        Ok(())
    }
    fn read(&mut self, connection: usize) -> io::Result<bool> {
        let mut has_heard = false;
        loop {
            let client = &mut self.list[connection];
            let bytes = match client.stream.read(&mut self.buffer) {
                Ok(0) => return Err(ErrorKind::ConnectionAborted.into()),
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(has_heard),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let replies = client.replies.feed(&self.buffer[..bytes]);
            let now = self.now_ns();
            for _ in 0..replies {
                let intended = self.list[connection].under_way.pop_front();
                let intended = intended.ok_or(ErrorKind::InvalidData)?;
                self.responses.record(now.saturating_sub(intended));
            }
            self.answered += replies as u64;
            has_heard |= replies > 0;
            if bytes < self.buffer.len() {
                return Ok(has_heard);
            }
        }
    }
    fn observed(self, elapsed_ns: u64, spent: CpuTimes) -> Observed {
        let CpuTimes {
            server_ns,
            own_ns,
            machine_ns,
        } = spent;
        Observed {
            requests: self.answered,
            elapsed_ns,
            server_cpu_ns: server_ns,
            own_cpu_ns: own_ns,
            others_cpu_ns: machine_ns.saturating_sub(server_ns + own_ns),
            responses: self.responses,
        }
    }
}

/// CPU time of the server, of the generator's thread and of the whole machine.
#[derive(Clone, Copy, Debug)]
struct CpuTimes {
    server_ns: u64,
    own_ns: u64,
    machine_ns: u64,
}

impl CpuTimes {
    /// Until now.
    fn read(server: &ServerProcess) -> io::Result<Self> {
        Ok(Self {
            server_ns: server.cpu_ns()?,
            own_ns: thread_cpu_ns(),
            machine_ns: machine::busy_ns()?,
        })
    }
    /// What has passed since `self`.
    fn passed(self, server: &ServerProcess) -> io::Result<Self> {
        let now = Self::read(server)?;
        Ok(Self {
            server_ns: now.server_ns - self.server_ns,
            own_ns: now.own_ns - self.own_ns,
            machine_ns: now.machine_ns - self.machine_ns,
        })
    }
}

/// Gives up on a server that answers nothing any more.
#[derive(Debug, Default)]
struct Watchdog {
    passes: u32,
    answered: u64,
    since_ns: u64,
}

impl Watchdog {
    fn check(&mut self, clients: &Clients<'_>) -> io::Result<()> {
        self.passes += 1;
        if !self.passes.is_multiple_of(PASSES_UNASKED) {
            return Ok(());
        }
        let now = clients.now_ns();
        if clients.answered > self.answered || self.since_ns == 0 {
            self.answered = clients.answered;
            self.since_ns = now;
        }
        match u128::from(now - self.since_ns) > PATIENCE.as_nanos() {
            true => Err(ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }
}

/// Sends request `n` at `starts_ns[n]`, ascending, on the connection that `connection_of` says.
///
/// # Errors
/// What the system answers, or a server that answers nothing for 20 seconds.
pub fn open_loop(
    server: &ServerProcess,
    connections: usize,
    commands: &Commands,
    starts_ns: &[u64],
    connection_of: &dyn Fn(usize) -> usize,
) -> io::Result<Observed> {
    let mut clients = Clients::connect(server, connections, commands)?;
    let before = CpuTimes::read(server)?;
    let (mut next, mut watchdog) = (0, Watchdog::default());
    let mut touched: Vec<usize> = Vec::new();
    let origin = clients.now_ns();
    while clients.answered < starts_ns.len() as u64 {
        let now = clients.now_ns() - origin;
        while starts_ns.get(next).is_some_and(|&start| start <= now) {
            let connection = connection_of(next) % connections;
            clients.queue(next, connection, origin + starts_ns[next]);
            touched.push(connection);
            next += 1;
        }
        for connection in touched.drain(..) {
            clients.list[connection].send()?;
        }
        clients.receive(|_, _| {})?;
        watchdog.check(&clients)?;
    }
    let elapsed = clients.now_ns() - origin;
    let spent = before.passed(server)?;
    Ok(clients.observed(elapsed, spent))
}

/// Keeps `depth` requests under way on each connection, sent together once the ones before are
/// answered, until all are.
///
/// # Errors
/// As [`open_loop`].
pub fn closed_loop(
    server: &ServerProcess,
    connections: usize,
    depth: usize,
    commands: &Commands,
) -> io::Result<Observed> {
    let mut clients = Clients::connect(server, connections, commands)?;
    let before = CpuTimes::read(server)?;
    let mut next = 0;
    let mut ask = |clients: &mut Clients<'_>, connection: usize| {
        if !clients.list[connection].under_way.is_empty() {
            return;
        }
        let now = clients.now_ns();
        for _ in 0..depth {
            if next < commands.len() {
                clients.queue(next, connection, now);
                next += 1;
            }
        }
        // A connection that is broken is met again when it is read.
        let _ = clients.list[connection].send();
    };
    let origin = clients.now_ns();
    (0..connections).for_each(|connection| ask(&mut clients, connection));
    let mut watchdog = Watchdog::default();
    while clients.answered < commands.len() as u64 {
        clients.receive(&mut ask)?;
        watchdog.check(&clients)?;
    }
    let elapsed = clients.now_ns() - origin;
    let spent = before.passed(server)?;
    Ok(clients.observed(elapsed, spent))
}
