//! Writing: replies of a node, requests of a client.

use crate::number::IntegerText;

/// One element of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A status such as `OK`.
    Simple(&'a str),
    /// An error with its kind in front: `ERR syntax error`. Line ends around it are removed and
    /// those within it become spaces, since it may quote what the client sent.
    Error(&'a [u8]),
    /// An integer.
    Integer(i64),
    /// A string of bytes.
    Bulk(&'a [u8]),
    /// The string that is not there.
    Null,
    /// The head of an array; its elements follow as frames of their own.
    Array(usize),
}

impl Frame<'_> {
    /// Appends the wire form to `out`.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Simple(text) => {
                out.push(b'+');
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Error(text) => {
                out.push(b'-');
                let line = without_line_ends(text).iter();
                out.extend(line.map(|&byte| {
                    if matches!(byte, b'\r' | b'\n') {
                        b' '
                    } else {
                        byte
                    }
                }));
                out.extend_from_slice(b"\r\n");
            }
            Self::Integer(number) => head(b':', &IntegerText::new(number), out),
            Self::Bulk(bytes) => bulk(bytes, out),
            Self::Null => out.extend_from_slice(b"$-1\r\n"),
            Self::Array(count) => head(b'*', &IntegerText::unsigned(count as u64), out),
        }
    }
    /// Number of bytes of the wire form.
    pub fn encoded_len(&self) -> usize {
        match *self {
            Self::Simple(text) => 1 + text.len() + 2,
            Self::Error(text) => 1 + without_line_ends(text).len() + 2,
            Self::Integer(number) => head_len(&IntegerText::new(number)),
            Self::Bulk(bytes) => bulk_len(bytes.len()),
            Self::Null => 5,
            Self::Array(count) => head_len(&IntegerText::unsigned(count as u64)),
        }
    }
}

/// Appends a request of these arguments, the command's name first, as clients send it.
pub fn encode_request(args: &[&[u8]], out: &mut Vec<u8>) {
    head(b'*', &IntegerText::unsigned(args.len() as u64), out);
    for arg in args {
        bulk(arg, out);
    }
}

/// Number of bytes that [`encode_request`] appends.
pub fn request_len(args: &[&[u8]]) -> usize {
    let head = head_len(&IntegerText::unsigned(args.len() as u64));
    head + args.iter().map(|arg| bulk_len(arg.len())).sum::<usize>()
}

fn without_line_ends(text: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let start = text.iter().position(is_text).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(is_text)
        .map_or(start, |last| last + 1);
    &text[start..end]
}

#[inline]
fn bulk(bytes: &[u8], out: &mut Vec<u8>) {
    head(b'$', &IntegerText::unsigned(bytes.len() as u64), out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
fn bulk_len(bytes: usize) -> usize {
    head_len(&IntegerText::unsigned(bytes as u64)) + bytes + 2
}
#[inline]
fn head(mark: u8, number: &IntegerText, out: &mut Vec<u8>) {
    out.push(mark);
    out.extend_from_slice(number.as_bytes());
    out.extend_from_slice(b"\r\n");
}
const fn head_len(number: &IntegerText) -> usize {
    1 + number.byte_len() + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn encoded(frame: Frame<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        frame.encode(&mut out);
        out
    }

    #[test]
    fn frames_are_written_as_the_protocol_says() {
        assert_eq!(encoded(Frame::Simple("OK")), b"+OK\r\n");
        assert_eq!(encoded(Frame::Error(b"ERR a\r\nb\r\n")), b"-ERR a  b\r\n");
        assert_eq!(encoded(Frame::Integer(-12)), b":-12\r\n");
        assert_eq!(encoded(Frame::Bulk(b"a\r\nb")), b"$4\r\na\r\nb\r\n");
        assert_eq!(encoded(Frame::Bulk(b"")), b"$0\r\n\r\n");
        assert_eq!(encoded(Frame::Null), b"$-1\r\n");
        assert_eq!(encoded(Frame::Array(3)), b"*3\r\n");
    }

    proptest! {
        #[test]
        fn the_stated_length_is_that_of_the_encoding(
            text in "[ -~]{0,40}", bytes in vec(any::<u8>(), 0..300), number: i64, count in 0..2_000_000_usize,
        ) {
            for frame in [
                Frame::Simple(&text),
                Frame::Error(&bytes),
                Frame::Integer(number),
                Frame::Bulk(&bytes),
                Frame::Null,
                Frame::Array(count),
            ] {
                prop_assert_eq!(encoded(frame).len(), frame.encoded_len(), "{:?}", frame);
            }
        }

        #[test]
        fn the_stated_length_of_a_request_is_that_of_its_encoding(
            args in vec(vec(any::<u8>(), 0..120), 0..12),
        ) {
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let mut out = Vec::new();
            encode_request(&args, &mut out);
            prop_assert_eq!(out.len(), request_len(&args));
        }
    }
}
