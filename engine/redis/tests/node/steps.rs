//! How many steps of a rehash of the table of keys each command takes.

/// Sent after 1,025 SETs of `key:0` to `key:1024`, which leave a rehash behind. Keys that requests
/// below remove lie in the new array, so that removing them empties no bucket of the old one.
pub(crate) const STEPS_PREPARATION: &[&str] = &[
    "SET volatile 7",
    "SET number 12345",
    "PEXPIREAT volatile 4000000000000",
];

/// Requests with their steps. Both the node and a real server are held to this one list.
pub(crate) const STEPS: &[(&str, usize)] = &[
    ("GET key:1", 1),
    ("GET none", 1),
    ("GET volatile", 2),
    ("STRLEN volatile", 2),
    ("EXISTS key:1 none", 2),
    ("SET new 1", 3),
    ("SET key:1 1", 3),
    ("SET volatile 1", 4),
    ("SET key:1 1 NX", 1),
    ("SET key:1 1 GET", 4),
    ("SET key:1 1 KEEPTTL", 2),
    ("SET new 1 EX 100", 4),
    ("MSET key:1 1 new 2", 6),
    ("MGET key:1 none", 2),
    ("INCR new", 2),
    ("INCR number", 1),
    ("INCR volatile", 3),
    ("APPEND key:1 x", 2),
    ("APPEND new x", 2),
    ("DEL number", 1),
    ("DEL none", 1),
    ("DEL volatile", 2),
    ("EXPIRE key:1 100", 2),
    ("EXPIRE volatile 100", 3),
    ("EXPIRE volatile 100 XX", 4),
    ("EXPIRE number 0", 2),
    ("EXPIRE volatile 0", 3),
    ("TTL volatile", 3),
    ("TTL key:1", 1),
    ("PERSIST volatile", 3),
    ("DBSIZE", 0),
    ("PING", 0),
];
