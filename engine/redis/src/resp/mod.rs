//! The wire formats RESP2 and RESP3: requests in, replies out, neither knowing a command.
//!
//! Source: the Redis serialization protocol specification and the behaviour of
//! `redis:src/networking.c` 7.0.15, whose error texts are given to the letter.

mod encode;
mod inline;
mod parse;

pub use encode::{Frame, Protocol, encode_request, request_len};
pub(crate) use inline::{quote, split_words, words_of};
pub use parse::{Parser, Progress, ProtocolError};

/// Longest line without its end: an inline command, or the line that announces a count or a length
/// (PROTO_INLINE_MAX_SIZE).
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Largest number of arguments that a request may announce (INT_MAX, as Redis 7.0; earlier versions
/// allowed 1,048,576). Memory is taken as arguments arrive, never by what was announced.
pub const ARGUMENTS_MAX: i64 = i32::MAX as i64;
/// Unconsumed bytes at which a client is dropped without a reply (client-query-buffer-limit).
pub const QUERY_BUFFER_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Default of proto-max-bulk-len: the longest argument, and the longest string that may be stored.
pub const BULK_BYTES_MAX: u64 = 512 * 1024 * 1024;
