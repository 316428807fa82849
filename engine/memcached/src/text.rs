//! The text protocol: bytes in, commands out, and the size of encoded requests.

use crate::command::{self, Value};
use crate::store::write_number;

/// A line that is no `get` and has no end within so many bytes ends the connection
/// (`memcached:proto_text.c`, try_read_command_ascii).
pub const LINE_BYTES_MAX: usize = 2_048;
/// Longest line of a `get`; Memcached itself sets no limit.
pub const GET_LINE_BYTES_MAX: usize = 1024 * 1024;
/// Blanks before a `get` with a long line at most.
const LEADING_BLANKS_MAX: usize = 100;
/// First byte of the binary protocol, which is not spoken here.
const BINARY_MAGIC: u8 = 0x80;

/// Where the text reader of one connection stands. The bytes stay with the caller until they make
/// a whole command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reader {
    /// Up to here there is no end of the line.
    searched: usize,
    /// Bytes of a refused value that are still to be dropped.
    to_drop: u64,
    /// Whether a byte has been seen: the first tells the protocol.
    has_begun: bool,
}

/// What the next bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress<'a> {
    /// The beginning of something.
    Incomplete,
    /// The first `bytes` are of no use.
    Dropped { bytes: usize },
    /// A line without its end, and how many bytes it takes with it.
    Line { line: &'a [u8], bytes: usize },
    /// Nothing that can be understood, ever.
    Hopeless,
}

impl Reader {
    /// Looks at all bytes that the connection has.
    pub(crate) fn next<'a>(&mut self, bytes: &'a [u8]) -> Progress<'a> {
        if self.to_drop > 0 && !bytes.is_empty() {
            let dropped = self.to_drop.min(bytes.len() as u64);
            self.to_drop -= dropped;
            return Progress::Dropped {
                bytes: dropped as usize,
            };
        }
        if !self.has_begun && bytes.first() == Some(&BINARY_MAGIC) {
            return Progress::Hopeless;
        }
        self.has_begun |= !bytes.is_empty();
        let unseen = &bytes[self.searched.min(bytes.len())..];
        match unseen.iter().position(|&byte| byte == b'\n') {
            Some(at) => {
                let end = bytes.len() - unseen.len() + at;
                let line = match &bytes[..end] {
                    [line @ .., b'\r'] if !line.is_empty() => line,
                    line => line,
                };
                // What comes behind a zero byte does not exist in C.
                let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
                Progress::Line {
                    line,
                    bytes: end + 1,
                }
            }
            None if is_hopeless(bytes) => Progress::Hopeless,
            None => {
                self.searched = bytes.len();
                Progress::Incomplete
            }
        }
    }
    /// A whole command was used up.
    pub(crate) fn consumed(&mut self) {
        self.searched = 0;
    }
    /// The next `bytes` are a value that is refused.
    pub(crate) fn drop_next(&mut self, bytes: u64) {
        self.to_drop = bytes;
    }
}

fn is_hopeless(bytes: &[u8]) -> bool {
    if bytes.len() <= LINE_BYTES_MAX {
        return false;
    }
    let blanks = bytes.iter().take_while(|&&byte| byte == b' ').count();
    let command = &bytes[blanks..];
    let is_get = command.starts_with(b"get ") || command.starts_with(b"gets ");
    blanks > LEADING_BLANKS_MAX || !is_get || bytes.len() > GET_LINE_BYTES_MAX
}

/// The words of a line: what blanks separate.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
}

/// Bytes of a command on the wire: its words, of which a value stands behind the line that has its
/// length.
pub fn request_len(words: &[&[u8]]) -> usize {
    let line: usize = words.iter().map(|word| word.len() + 1).sum::<usize>() + 1;
    let stored = match command::read(words, Value::IsArgument).request {
        Ok(command::Request::Store { value_bytes, .. }) => value_bytes,
        _ => return line,
    };
    let digits = write_number(stored as u64, &mut [0; 20]).len();
    line + digits + 2
}

/// Writes a command as it goes over the wire; see [`request_len`].
pub fn encode_request(words: &[&[u8]], out: &mut Vec<u8>) {
    let is_store = matches!(
        command::read(words, Value::IsArgument).request,
        Ok(command::Request::Store { .. })
    );
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            out.push(b' ');
        }
        match is_store && number == 4 {
            true => out.extend_from_slice(write_number(word.len() as u64, &mut [0; 20])),
            false => out.extend_from_slice(word),
        }
    }
    out.extend_from_slice(b"\r\n");
    if is_store {
        out.extend_from_slice(words[4]);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stated_length_is_that_of_the_encoding() {
        for words in [
            &[&b"get"[..], b"k"][..],
            &[b"set", b"key", b"0", b"0", b"a value with blanks"],
            &[b"cas", b"key", b"0", b"0", b"", b"17"],
            &[b"incr", b"n", b"1"],
            &[b"what", b"ever", b"this", b"is", b"about"],
        ] {
            let mut bytes = Vec::new();
            encode_request(words, &mut bytes);
            assert_eq!(request_len(words), bytes.len(), "{}", bytes.escape_ascii());
        }
        let mut bytes = Vec::new();
        encode_request(&[b"set", b"k", b"0", b"0", b"abc"], &mut bytes);
        assert_eq!(bytes, b"set k 0 0 3\r\nabc\r\n");
    }

    #[test]
    fn a_line_without_an_end_is_given_up_unless_it_is_a_get() {
        let mut long = b"set ".to_vec();
        long.resize(LINE_BYTES_MAX, b'x');
        assert_eq!(Reader::default().next(&long), Progress::Incomplete);
        long.push(b'x');
        assert_eq!(Reader::default().next(&long), Progress::Hopeless);
        long[..4].copy_from_slice(b"get ");
        assert_eq!(Reader::default().next(&long), Progress::Incomplete);
        long.resize(GET_LINE_BYTES_MAX + 1, b'x');
        assert_eq!(Reader::default().next(&long), Progress::Hopeless);
    }
}
