//! Writing: replies of a node, requests of a client.

use crate::number::IntegerText;

/// The two forms of replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, which every connection begins with.
    #[default]
    Resp2,
    /// RESP3, which HELLO 3 asks for.
    Resp3,
}

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
    /// The array that is not there.
    NullArray,
    /// The head of an array; its elements follow as frames of their own.
    Array(usize),
    /// The head of a map of so many pairs, in RESP2 an array of twice as many elements.
    Map(usize),
    /// The head of a set, in RESP2 an array.
    Set(usize),
    /// The head of a message that answers no request, in RESP2 an array.
    Push(usize),
    /// A floating-point number by its text, in RESP2 a string of bytes.
    Double(&'a str),
    /// Yes or no, in RESP2 an integer.
    Boolean(bool),
    /// A text for people, in RESP2 a string of bytes.
    Verbatim(&'a [u8]),
}

/// What a text for people is marked as in RESP3.
const VERBATIM_MARK: &[u8] = b"txt:";

impl Frame<'_> {
    /// Appends the wire form in RESP2 to `out`.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_in(Protocol::Resp2, out);
    }
    /// Appends the wire form to `out`.
    #[inline]
    pub fn encode_in(&self, protocol: Protocol, out: &mut Vec<u8>) {
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
            Self::Array(count) => head(b'*', &IntegerText::unsigned(count as u64), out),
            _ => self.encode_by_protocol(protocol, out),
        }
    }
    /// The elements whose form differs.
    fn encode_by_protocol(&self, protocol: Protocol, out: &mut Vec<u8>) {
        let is_new = protocol == Protocol::Resp3;
        let mut count = |mark: u8, old_factor: usize, count: usize| match is_new {
            true => head(mark, &IntegerText::unsigned(count as u64), out),
            false => Frame::Array(count * old_factor).encode(out),
        };
        match *self {
            Self::Map(pairs) => count(b'%', 2, pairs),
            Self::Set(length) => count(b'~', 1, length),
            Self::Push(length) => count(b'>', 1, length),
            Self::Null | Self::NullArray if is_new => out.extend_from_slice(b"_\r\n"),
            Self::Null => out.extend_from_slice(b"$-1\r\n"),
            Self::NullArray => out.extend_from_slice(b"*-1\r\n"),
            Self::Double(text) if is_new => {
                out.push(b',');
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Double(text) => bulk(text.as_bytes(), out),
            Self::Boolean(yes) if is_new => {
                out.extend_from_slice(if yes { b"#t\r\n" } else { b"#f\r\n" });
            }
            Self::Boolean(yes) => Frame::Integer(yes.into()).encode(out),
            Self::Verbatim(text) if is_new => {
                let length = (VERBATIM_MARK.len() + text.len()) as u64;
                head(b'=', &IntegerText::unsigned(length), out);
                out.extend_from_slice(VERBATIM_MARK);
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            Self::Verbatim(text) => bulk(text, out),
            Self::Simple(_)
            | Self::Error(_)
            | Self::Integer(_)
            | Self::Bulk(_)
            | Self::Array(_) => unreachable!("these have one form, see encode_in"),
        }
    }
    /// Number of bytes of the wire form.
    pub fn encoded_len(&self, protocol: Protocol) -> usize {
        let count = |count: usize| head_len(&IntegerText::unsigned(count as u64));
        let is_new = protocol == Protocol::Resp3;
        match *self {
            Self::Simple(text) => 1 + text.len() + 2,
            Self::Error(text) => 1 + without_line_ends(text).len() + 2,
            Self::Integer(number) => head_len(&IntegerText::new(number)),
            Self::Bulk(bytes) => bulk_len(bytes.len()),
            Self::Null | Self::NullArray if is_new => 3,
            Self::Null | Self::NullArray => 5,
            Self::Map(pairs) if !is_new => count(2 * pairs),
            Self::Array(length) | Self::Map(length) | Self::Set(length) | Self::Push(length) => {
                count(length)
            }
            Self::Double(text) if is_new => 1 + text.len() + 2,
            Self::Double(text) => bulk_len(text.len()),
            Self::Boolean(_) => 4,
            Self::Verbatim(text) if is_new => bulk_len(VERBATIM_MARK.len() + text.len()),
            Self::Verbatim(text) => bulk_len(text.len()),
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
        assert_eq!(encoded(Frame::NullArray), b"*-1\r\n");
        assert_eq!(encoded(Frame::Map(2)), b"*4\r\n");
        assert_eq!(encoded(Frame::Double("1.5")), b"$3\r\n1.5\r\n");
    }

    #[test]
    fn the_newer_protocol_has_forms_of_its_own() {
        let encoded = |frame: Frame<'_>| {
            let mut out = Vec::new();
            frame.encode_in(Protocol::Resp3, &mut out);
            out
        };
        assert_eq!(encoded(Frame::Null), b"_\r\n");
        assert_eq!(encoded(Frame::NullArray), b"_\r\n");
        assert_eq!(encoded(Frame::Map(2)), b"%2\r\n");
        assert_eq!(encoded(Frame::Set(2)), b"~2\r\n");
        assert_eq!(encoded(Frame::Push(3)), b">3\r\n");
        assert_eq!(encoded(Frame::Double("1.5")), b",1.5\r\n");
        assert_eq!(encoded(Frame::Boolean(true)), b"#t\r\n");
        assert_eq!(encoded(Frame::Verbatim(b"hi")), b"=6\r\ntxt:hi\r\n");
        assert_eq!(encoded(Frame::Bulk(b"hi")), b"$2\r\nhi\r\n");
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
                Frame::NullArray,
                Frame::Array(count),
                Frame::Map(count),
                Frame::Set(count),
                Frame::Push(count),
                Frame::Double(&text),
                Frame::Boolean(number > 0),
                Frame::Verbatim(&bytes),
            ] {
                for protocol in [Protocol::Resp2, Protocol::Resp3] {
                    let mut out = Vec::new();
                    frame.encode_in(protocol, &mut out);
                    prop_assert_eq!(out.len(), frame.encoded_len(protocol), "{:?}", frame);
                }
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
