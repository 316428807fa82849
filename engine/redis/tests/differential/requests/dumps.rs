//! Requests that turn values into bytes and back.

use super::{LASTING, Request, pick, words};
use kvrig_base::random::Sequence;

/// Payloads that DUMP of a redis-server 7.0.15 has given.
const PAYLOADS: &[&[u8]] = &[
    // An integer.
    b"\x00\xc190\x0a\x00\x9d\x94\xea'\x93\xfc\x08\xb9",
    // A text.
    b"\x00\x09some-text\x0a\x00\xa8\xfdD\xc6\xa7\x9f}w",
    // A compressed text.
    b"\x00\xc3\x0a@P\x02aba\xe0B\x01\x01ab\x0a\x00\x94\x9d_\x0e\xb1\xde\xa4E",
    // A list.
    b"\x12\x01\x02\x14\x14\x00\x00\x00\x04\x00\x81a\x02\x01\x01\xdf\xff\x02\xf2p\x11\x01\x04\xff\x0a\x00\xab\xa1\x85\xf6\xfanFr",
    // An array of integers.
    b"\x0b\x14\x04\x00\x00\x00\x03\x00\x00\x00\x90\xee\xfe\xff\x01\x00\x00\x00\x02\x00\x00\x00\x0a\x00]\x9d\xf7\xda/C\xd0k",
    // A set.
    b"\x02\x01\x01a\x0a\x00b\x96\xe9~D\xd2\x1am",
    // A sorted set.
    b"\x11\x1d\x1d\x00\x00\x00\x06\x00\x81b\x02\x84-2.5\x05\x81a\x02\x01\x01\x81c\x02\x83inf\x04\xff\x0a\x00\x9b\x18\x87\xc2Re\x82\xcb",
    // A hash.
    b"\x10\x14\x14\x00\x00\x00\x04\x00\x81a\x02\x01\x01\x81b\x02\x83two\x04\xff\x0a\x00\x04(\xb5%\xe1\xe2k\x12",
    // A stream.
    b"\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01((\x00\x00\x00\x0f\x00\x02\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\x02\x01\x00\x01\x01\x01\x81w\x02\x04\x01\xff\x02\x01\x02\x01\x01\x00\x00\x02\x01\x01g\x00\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x0a\x00\x17\xc4 \xd9c\xbdA\xa2",
];

const VALUES: &[&str] = &[
    "set {} 1",
    "set {} some-text-that-is-longer-than-others-and-repeats-some-text-that-is-longer",
    "append {} x",
    "rpush {} 3 1 b",
    "rpop {}",
    "sadd {} 3 1 2",
    "zadd {} 3 a 1 b 2.5 c",
    "hset {} f 1 g some-value",
    "xadd {} 5-* f v",
    "pexpire {} 1000000",
    "del {}",
];

const REQUESTS: &[&str] = &[
    "restore {} 0 payload",
    "restore {} 0 payload replace",
    "restore {} 1000000 payload replace",
    "restore {} 1 payload absttl replace",
    "restore {} 1 payload absttl",
    "restore {} -1 payload replace",
    "restore {} x payload replace",
    "restore {} 0 payload idletime 100 replace",
    "restore {} 0 payload replace idletime -1",
    "restore {} 0 payload replace idletime x",
    "restore {} 0 payload replace idletime 9223372036854775807",
    "restore {} 0 payload replace freq 100",
    "restore {} 0 payload replace freq 256",
    "restore {} 0 payload idletime 1 freq 1",
    "restore {} 0 payload idletime",
    "restore {} 0 payload nothing",
    "restore {} 0 short",
    "restore {} 0 wrong-payload-of-some-length replace",
    "object encoding {}",
    "object idletime {}",
    "ttl {}",
    "type {}",
    "get {}",
    "lrange {} 0 -1",
    "smembers {}",
    "zrange {} 0 -1 withscores",
    "hgetall {}",
    "xrange {} - +",
    "xinfo groups {}",
    "xreadgroup group g c streams {} >",
];

pub(crate) fn request(random: &mut Sequence) -> Request {
    let pool = match random.below(4) {
        0 => VALUES,
        1 => &["dump {}"],
        _ => REQUESTS,
    };
    let text = pick(random, pool).split(' ');
    let text: Vec<&str> = text
        .map(|word| match word {
            "{}" => pick(random, LASTING),
            word => word,
        })
        .collect();
    let mut request = words(&text);
    for arg in &mut request {
        if arg == b"payload" {
            *arg = pick(random, PAYLOADS).to_vec();
            // One bit wrong now and then.
            if random.below(10) == 0 {
                let at = random.below(arg.len() as u64) as usize;
                arg[at] ^= 1;
            }
        }
    }
    request
}
