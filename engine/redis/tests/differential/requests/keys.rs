//! Requests on keys of any type.

use super::{LASTING, Request, pick, words};
use kvrig_base::random::Sequence;

const VALUES: &[&str] = &[
    "set {} 1",
    "set {} some-text-that-is-longer-than-others",
    "set {} x ex 1000",
    "rpush {} 3 1 2",
    "rpush {} b a c",
    "sadd {} 3 1 2",
    "sadd {} x y",
    "sadd {} 5",
    "zadd {} 3 a 1 b 2 c",
    "hset {} f 1 g 2",
    "del {}",
    "rpush sl 3 1 2",
    "zadd sl 3 x 1 y",
    "set w1 5",
    "set w2 1",
    "set w3 x",
    "set k1 some",
    "hset h1 f 3 g x",
    "hset h2 f 2",
];

const REQUESTS: &[&str] = &[
    "copy {} {}",
    "copy {} {} replace",
    "copy {} {} db 1",
    "copy {} {} db 1 replace",
    "copy {} {} db 99",
    "copy {} {} db x",
    "copy {} {} db",
    "copy {} {} nothing",
    "rename {} {}",
    "renamenx {} {}",
    "move {} 1",
    "move {} 0",
    "move {} x",
    "move {} 4294967296",
    "select 1",
    "select 0",
    "swapdb 0 1",
    "swapdb 1 0",
    "swapdb 0 0",
    "swapdb 0 99",
    "swapdb x 0",
    "swapdb 0 x",
    "keys *",
    "keys k*",
    "keys [^k]*",
    "dbsize",
    "touch {} {} {}",
    "exists {} {}",
    "type {}",
    "object encoding {}",
    "object freq {}",
    "object help",
    "object idletime {}",
    "object idletime",
    // What collections take depends on levels and on rehashes, which are drawn.
    "memory usage none",
    "memory usage none samples 2 samples 1",
    "memory usage {} samples -1",
    "memory usage {} samples x",
    "memory usage {} samples",
    "memory usage {} nothing 1",
    "memory",
    "memory nothing",
    "slowlog get x",
    "slowlog get -2",
    "slowlog get 1 2",
    "slowlog help",
    "slowlog nothing",
    "latency latest",
    "latency history x",
    "latency reset x",
    "latency nothing",
    "ttl {}",
    "expire {} 1000",
    "pexpire {} -1",
    "unlink {} {}",
    "lrange {} 0 -1",
    "smembers {}",
    "zrange {} 0 -1 withscores",
    "hgetall {}",
    "get {}",
    "flushdb async",
    "sort {}",
    "sort {} desc",
    "sort {} alpha",
    "sort {} alpha desc limit 1 2",
    "sort {} limit 0 2",
    "sort {} limit -1 -5",
    "sort {} limit 5 5",
    "sort {} limit x 5",
    "sort sl by nosort limit 0 1",
    "sort sl by nosort desc get # get k*",
    "sort {} by w*",
    "sort {} by h*->f get # get h*->g",
    "sort {} alpha store {}",
    "sort {} by nosort alpha store {}",
    "sort {} get k* get # alpha store {}",
    "sort_ro {}",
    "sort_ro {} alpha",
    "sort_ro {} store {}",
    "sort {} get",
    "sort {} nothing",
];

pub(crate) fn request(random: &mut Sequence) -> Request {
    let pool = if random.below(3) == 0 {
        VALUES
    } else {
        REQUESTS
    };
    let text = pick(random, pool).split(' ');
    let text: Vec<&str> = text
        .map(|word| match word {
            "{}" => pick(random, LASTING),
            word => word,
        })
        .collect();
    words(&text)
}
