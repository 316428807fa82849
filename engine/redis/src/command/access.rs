//! What commands do to the keys that they name, as COMMAND GETKEYSANDFLAGS tells it: the flags of the
//! key specifications of Redis 7.0.15, which a test asks for.

use super::CommandSpec;
use crate::node::c_string;

/// Flags of one key.
type Access = &'static [&'static str];

const READ: Access = &["RO", "access"];
const ASK: Access = &["RO"];
const UPDATE: Access = &["RW", "update"];
const READ_UPDATE: Access = &["RW", "access", "update"];
const READ_DELETE: Access = &["RW", "access", "delete"];
const DELETE: Access = &["RW", "delete"];
const INSERT: Access = &["RW", "insert"];
const OVERWRITE: Access = &["OW", "update"];
const CREATE: Access = &["OW", "insert"];
const REMOVE: Access = &["RM", "delete"];

/// Commands whose first key and whose other keys are used so; those that are not here read all of
/// theirs.
#[rustfmt::skip]
const OTHERS: &[(Access, Access, &[&str])] = &[
    (ASK, ASK, &[
        "exists", "hexists", "hlen", "hstrlen", "llen", "memory|usage", "object|encoding",
        "object|freq", "object|idletime", "object|refcount", "scard", "sismember", "strlen", "touch",
        "type", "watch", "xlen", "zcard",
    ]),
    (UPDATE, UPDATE, &[
        "expire", "expireat", "geoadd", "hmset", "hset", "lset", "persist", "pexpire", "pexpireat",
        "setrange", "xack", "xadd", "xclaim", "xgroup|setid", "xsetid", "zadd",
    ]),
    (READ_UPDATE, READ_UPDATE, &[
        "bitfield", "decr", "decrby", "eval", "evalsha", "fcall", "getex", "getset", "hincrby",
        "hincrbyfloat", "incr", "incrby", "incrbyfloat", "move", "setbit", "zincrby",
    ]),
    (READ_DELETE, READ_DELETE, &[
        "blmpop", "blpop", "brpop", "bzmpop", "bzpopmax", "bzpopmin", "getdel", "lmpop", "lpop",
        "rpop", "spop", "zmpop", "zpopmax", "zpopmin",
    ]),
    (DELETE, DELETE, &[
        "hdel", "lrem", "ltrim", "srem", "xautoclaim", "xdel", "xgroup|delconsumer",
        "xgroup|destroy", "xtrim", "zrem", "zremrangebylex", "zremrangebyrank", "zremrangebyscore",
    ]),
    (INSERT, INSERT, &[
        "append", "hsetnx", "linsert", "lpush", "lpushx", "pfadd", "rpush", "rpushx", "sadd",
        "xgroup|create", "xgroup|createconsumer",
    ]),
    (OVERWRITE, OVERWRITE, &["mset", "psetex", "restore", "set", "setex"]),
    (CREATE, CREATE, &["msetnx", "setnx"]),
    (REMOVE, REMOVE, &["del", "unlink"]),
    (OVERWRITE, READ, &[
        "bitop", "geosearchstore", "sdiffstore", "sunionstore", "zdiffstore", "zinterstore",
        "zrangestore", "zunionstore",
    ]),
    (UPDATE, READ, &["sinterstore"]),
    (READ_DELETE, INSERT, &["blmove", "brpoplpush", "lmove", "rpoplpush", "smove"]),
    (READ, OVERWRITE, &["copy", "georadius", "georadiusbymember", "sort"]),
    (READ_DELETE, OVERWRITE, &["rename"]),
    (READ_DELETE, CREATE, &["renamenx"]),
    (&["RW", "access", "insert"], READ, &["pfmerge"]),
    (&["RW", "access"], &["RW", "access"], &["pfcount", "pfdebug"]),
];

/// Whether operations of BITFIELD change nothing: each gets, with a form and a place, or says what is
/// to be done on overflow (bitfieldGetKeys).
fn only_gets(mut operations: &[&[u8]]) -> bool {
    while let [name, rest @ ..] = operations {
        let name = c_string(name);
        let taken = match (name.eq_ignore_ascii_case(b"get"), rest.len()) {
            (true, 2..) => 2,
            (false, 1..) if name.eq_ignore_ascii_case(b"overflow") => 1,
            _ => return false,
        };
        operations = &rest[taken..];
    }
    true
}

/// The flags of the key with this number, counted from zero, among those that a request names.
pub(crate) fn access_of(spec: &CommandSpec, args: &[&[u8]], key: usize) -> Access {
    let is_get = |arg: &[u8]| c_string(arg).eq_ignore_ascii_case(b"get");
    let options = args.get(2..).unwrap_or(&[]);
    match spec.name {
        "set" if options.iter().any(|option| is_get(option)) => return READ_UPDATE,
        "bitfield" if only_gets(options) => return READ,
        _ => {}
    }
    let found = OTHERS.iter().find(|(.., names)| names.contains(&spec.name));
    match (found, key) {
        (None, _) => READ,
        (Some((first, ..)), 0) => first,
        (Some((_, others, _)), _) => others,
    }
}
