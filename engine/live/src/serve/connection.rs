//! One socket of a client: what it has sent and was not used up, and what it is still to be sent.

use super::stream::Stream;
use kvrig_base::time::{Span, Time};
use kvrig_redis::OutputLimit;
use std::io::{self, ErrorKind, Read, Write};

/// Memory of an emptied buffer that is kept for the next bytes; what is above goes back.
const BUFFER_KEPT_BYTES_MAX: usize = 64 * 1024;
/// Unconsumed input at which a connection that waits is not read any further: its client waits too.
const WAITING_INPUT_BYTES_MAX: usize = 1024 * 1024;

/// What reading a socket has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// So many bytes are new.
    Bytes(usize),
    /// There is nothing to be read now.
    Empty,
    /// The client is gone, or has said that it will send nothing more.
    Ended,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    /// Bytes that the store has not used up yet.
    pub(super) input: Vec<u8>,
    output: Vec<u8>,
    /// Bytes of `output` that have left.
    sent: usize,
    /// The socket may have more to read: it is told only once that there is something.
    pub(super) is_readable: bool,
    /// The client will send nothing more, and what it has sent is still to be read.
    pub(super) is_ending: bool,
    /// The socket took less than it was given and has not told since that there is room.
    is_full: bool,
    /// The store wants no input.
    pub(super) is_paused: bool,
    /// It is closed once the output has left.
    pub(super) is_closing: bool,
    /// It has output, and is among those whose output is to be sent.
    pub(super) is_dirty: bool,
    /// Since when its output has been above the soft limit.
    above_soft_since: Option<Time>,
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            is_readable: false,
            is_ending: false,
            is_full: false,
            is_paused: false,
            is_closing: false,
            is_dirty: false,
            above_soft_since: None,
        }
    }
    /// The socket, to be registered.
    pub(super) fn stream_mut(&mut self) -> &mut Stream {
        &mut self.stream
    }
    /// Reads once into `buffer`.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Reading {
        if self.is_paused && self.input.len() >= WAITING_INPUT_BYTES_MAX {
            return Reading::Empty;
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Reading::Ended,
                Ok(bytes) => {
                    // A stream that gives less than was asked for is empty, and tells when it is
                    // not any more (epoll(7), on edges of streams).
                    self.is_readable = self.is_ending || bytes == buffer.len();
                    return Reading::Bytes(bytes);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_readable = false;
                    return Reading::Empty;
                }
                Err(_) => return Reading::Ended,
            }
        }
    }
    /// Takes the first `bytes` of the input away.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.input.drain(..bytes);
        if self.input.is_empty() && self.input.capacity() > BUFFER_KEPT_BYTES_MAX {
            self.input = Vec::new();
        }
    }
    /// Adds bytes to be sent.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }
    /// Bytes that have not left yet.
    pub(super) fn pending(&self) -> usize {
        self.output.len() - self.sent
    }
    /// Says that the socket has room again.
    pub(super) fn has_room(&mut self) {
        self.is_full = false;
    }
    /// Sends what the socket takes.
    ///
    /// # Errors
    /// What the system answers; the client can then not be reached.
    pub(super) fn send(&mut self) -> io::Result<()> {
        while self.pending() > 0 && !self.is_full {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(bytes) => {
                    self.sent += bytes;
                    self.is_full = self.pending() > 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_full = true,
                Err(error) => return Err(error),
            }
        }
        if self.pending() == 0 {
            self.output.clear();
            self.output.shrink_to(BUFFER_KEPT_BYTES_MAX);
            self.sent = 0;
        } else if self.sent > self.output.len() / 2 {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
    /// Whether more output waits than `limit` allows (`redis:src/networking.c`,
    /// checkClientOutputBufferLimits).
    pub(super) fn exceeds(&mut self, limit: OutputLimit, now: Time) -> bool {
        let pending = self.pending() as u64;
        if limit.hard_bytes > 0 && pending >= limit.hard_bytes {
            return true;
        }
        if limit.soft_bytes == 0 || pending < limit.soft_bytes {
            self.above_soft_since = None;
            return false;
        }
        let since = *self.above_soft_since.get_or_insert(now);
        now.since(since) > Span::from_secs(limit.soft_seconds)
    }
}
