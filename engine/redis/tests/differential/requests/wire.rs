//! Random bytes, from well-formed requests to none.

use super::pick;
use crate::harness::{CONN, Host};
use kvrig_base::random::Sequence;
use kvrig_base::seam::Input;

/// Pieces of the protocol; some follow from those before them, some do not.
pub(crate) fn wire_pieces(random: &mut Sequence) -> Vec<&'static [u8]> {
    const PIECES: &[&[u8]] = &[
        b"*1\r\n$4\r\nPING\r\n",
        b"*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n",
        b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
        b"PING\r\n",
        b"PING \"a\\x41\\n\"\r\n",
        b"SET a 'it\\'s'\n",
        b"GET a\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"\r\n",
        b"\n",
        b"*1\r\n",
        b"*2\r\n",
        b"*3000000000\r\n",
        b"$4\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b"PING",
        b"GET",
        b"a",
        b" ",
        b"\"",
        b"'",
        b"\\",
        b"\r",
        b"\0",
        b"*",
        b"$",
        b"1",
        b"\xff",
        b"QUIT\r\n",
        b"*01\r\n",
        b"*+1\r\n",
        b"*1\r\n$04\r\n",
        b"*1\r\n$536870913\r\n",
        b"ECHO 'a'b\r\n",
    ];
    (0..1 + random.below(8))
        .map(|_| pick(random, PIECES))
        .collect()
}

/// All bytes that a node sends back to a stream.
pub(crate) fn raw_replies_of_node(bytes: &[u8]) -> Vec<u8> {
    let mut host = Host::new();
    host.input(Input::Bytes { conn: CONN, bytes });
    host.replies()
        .into_iter()
        .flat_map(|(_, reply)| reply)
        .collect()
}
