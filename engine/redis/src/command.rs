//! The one table of commands: dispatch, arity errors and key extraction read it.
//!
//! The figures are those that `COMMAND INFO` and `COMMAND DOCS` of a Redis 7.0.15 give; a test asks
//! one.

use std::ops::RangeInclusive;

/// What a command may do, as COMMAND INFO names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u16);

macro_rules! flags {
    ($($constant:ident = $bit:literal, $name:literal, $doc:literal;)*) => {
        impl Flags {
            $(#[doc = $doc] pub const $constant: Self = Self(1 << $bit);)*
            const NAMED: &[(Self, &'static str)] = &[$((Self::$constant, $name)),*];
        }
    };
}

flags! {
    WRITE = 0, "write", "May change the data.";
    READONLY = 1, "readonly", "Reads the data and changes nothing.";
    DENYOOM = 2, "denyoom", "Refused while memory is above its limit.";
    ADMIN = 3, "admin", "For administrators.";
    NOSCRIPT = 4, "noscript", "Not for scripts.";
    LOADING = 5, "loading", "Allowed while the data is loaded.";
    STALE = 6, "stale", "Allowed on a replica with old data.";
    FAST = 7, "fast", "Takes constant or logarithmic time.";
    NO_AUTH = 8, "no_auth", "Needs no authentication.";
    ALLOW_BUSY = 9, "allow_busy", "Allowed while a script holds the server.";
    NO_ASYNC_LOADING = 10, "no_async_loading", "Refused while the data is loaded beside old data.";
}

impl Flags {
    /// Whether all of `other` are among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// The names, in the order of COMMAND INFO.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED
            .iter()
            .filter(move |(flag, _)| self.has(*flag))
            .map(|&(_, name)| name)
    }
}

/// The group that the documentation files a command under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Connections.
    Connection,
    /// Keys of any type.
    Generic,
    /// The server as a whole.
    Server,
    /// Strings.
    String,
}

impl Group {
    /// The name in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Server => "server",
            Self::String => "string",
        }
    }
}

/// Which arguments are keys: the first, the last (negative counts from the end) and the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPositions {
    /// Index of the first key; 0 where there is none.
    pub first: u8,
    /// Index of the last key; -1 is the last argument.
    pub last: i8,
    /// Distance from one key to the next.
    pub step: u8,
}

impl KeyPositions {
    /// No keys.
    pub const NONE: Self = Self {
        first: 0,
        last: 0,
        step: 0,
    };
    /// The first argument behind the name.
    pub const FIRST: Self = Self {
        first: 1,
        last: 1,
        step: 1,
    };
    /// All arguments.
    pub const ALL: Self = Self {
        first: 1,
        last: -1,
        step: 1,
    };
    /// Every other argument.
    pub const PAIRS: Self = Self {
        first: 1,
        last: -1,
        step: 2,
    };
}

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// Which.
    pub id: CommandId,
    /// Its name in lower case.
    pub name: &'static str,
    /// Number of arguments, the name included; negative means at least so many.
    pub arity: i8,
    /// What it may do.
    pub flags: Flags,
    /// Where its keys are.
    pub keys: KeyPositions,
    /// The first version that had it.
    pub since: &'static str,
    /// Its group.
    pub group: Group,
}

impl CommandSpec {
    /// Whether `count` arguments, the name included, are as many as it takes.
    pub fn takes(&self, count: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 {
            count >= wanted
        } else {
            count == wanted
        }
    }
    /// The arguments that are keys, of a request that has as many arguments as it takes.
    pub fn keys<'a>(&self, args: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
        let step = usize::from(self.keys.step.max(1));
        args.get(self.key_range(args.len()))
            .unwrap_or(&[])
            .iter()
            .step_by(step)
            .copied()
    }
    fn key_range(&self, count: usize) -> RangeInclusive<usize> {
        let last = isize::from(self.keys.last);
        let end = if last < 0 {
            count.checked_add_signed(last)
        } else {
            usize::try_from(last).ok()
        };
        match (usize::from(self.keys.first), end) {
            (first, Some(end)) if first > 0 => first..=end,
            _ => RangeInclusive::new(1, 0),
        }
    }
}

/// Longest name of a command: names are compared as one number of so many bytes.
const NAME_BYTES_MAX: usize = 16;

/// A name in lower case as one number.
///
/// Setting bit 5 of every byte makes capitals small and moves no other byte onto a letter, which is
/// exact because the names below consist of letters only. No byte that is there becomes zero, so
/// names of different lengths differ too.
const fn packed(name: &[u8]) -> u128 {
    let mut bytes = [0_u8; NAME_BYTES_MAX];
    let mut at = 0;
    while at < name.len() {
        bytes[at] = name[at] | 0x20;
        at += 1;
    }
    u128::from_le_bytes(bytes)
}

macro_rules! commands {
    ($($id:ident = $name:literal, $arity:literal, [$($flag:ident)*], $keys:ident, $since:literal, $group:ident;)*) => {
        /// A command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum CommandId {
            $(#[doc = concat!("`", $name, "`, since ", $since, ".")] $id),*
        }

        /// All commands, sorted by name.
        pub const COMMANDS: &[CommandSpec] = &[$(CommandSpec {
            id: CommandId::$id,
            name: $name,
            arity: $arity,
            flags: Flags(0 $(| Flags::$flag.0)*),
            keys: KeyPositions::$keys,
            since: $since,
            group: Group::$group,
        }),*];

        #[allow(non_upper_case_globals, reason = "named as the commands they stand for")]
        mod names {
            $(pub(super) const $id: u64 = super::packed($name.as_bytes()) as u64;)*
        }

        /// The command called `name`, in any case.
        #[inline]
        pub fn find(name: &[u8]) -> Option<&'static CommandSpec> {
            if name.len() > NAME_BYTES_MAX {
                return None;
            }
            // The first eight bytes tell all names apart, and the compiler searches words by halves.
            let name = packed(name);
            let id = match name as u64 {
                $(names::$id => CommandId::$id,)*
                _ => return None,
            };
            const NAMES: &[u128] = &[$(packed($name.as_bytes())),*];
            (NAMES[id as usize] == name).then_some(&COMMANDS[id as usize])
        }
    };
}

// Keep sorted by name; a test holds it.
commands! {
    Append = "append", 3, [WRITE DENYOOM FAST], FIRST, "2.0.0", String;
    Bgsave = "bgsave", -1, [ADMIN NOSCRIPT NO_ASYNC_LOADING], NONE, "1.0.0", Server;
    Dbsize = "dbsize", 1, [READONLY FAST], NONE, "1.0.0", Server;
    Decr = "decr", 2, [WRITE DENYOOM FAST], FIRST, "1.0.0", String;
    Decrby = "decrby", 3, [WRITE DENYOOM FAST], FIRST, "1.0.0", String;
    Del = "del", -2, [WRITE], ALL, "1.0.0", Generic;
    Echo = "echo", 2, [LOADING STALE FAST], NONE, "1.0.0", Connection;
    Exists = "exists", -2, [READONLY FAST], ALL, "1.0.0", Generic;
    Expire = "expire", -3, [WRITE FAST], FIRST, "1.0.0", Generic;
    Expireat = "expireat", -3, [WRITE FAST], FIRST, "1.2.0", Generic;
    Expiretime = "expiretime", 2, [READONLY FAST], FIRST, "7.0.0", Generic;
    Flushall = "flushall", -1, [WRITE], NONE, "1.0.0", Server;
    Flushdb = "flushdb", -1, [WRITE], NONE, "1.0.0", Server;
    Get = "get", 2, [READONLY FAST], FIRST, "1.0.0", String;
    Incr = "incr", 2, [WRITE DENYOOM FAST], FIRST, "1.0.0", String;
    Incrby = "incrby", 3, [WRITE DENYOOM FAST], FIRST, "1.0.0", String;
    Lastsave = "lastsave", 1, [LOADING STALE FAST], NONE, "1.0.0", Server;
    Mget = "mget", -2, [READONLY FAST], ALL, "1.0.0", String;
    Mset = "mset", -3, [WRITE DENYOOM], PAIRS, "1.0.1", String;
    Persist = "persist", 2, [WRITE FAST], FIRST, "2.2.0", Generic;
    Pexpire = "pexpire", -3, [WRITE FAST], FIRST, "2.6.0", Generic;
    Pexpireat = "pexpireat", -3, [WRITE FAST], FIRST, "2.6.0", Generic;
    Pexpiretime = "pexpiretime", 2, [READONLY FAST], FIRST, "7.0.0", Generic;
    Ping = "ping", -1, [FAST], NONE, "1.0.0", Connection;
    Psetex = "psetex", 4, [WRITE DENYOOM], FIRST, "2.6.0", String;
    Pttl = "pttl", 2, [READONLY FAST], FIRST, "2.6.0", Generic;
    Quit = "quit", -1, [NOSCRIPT LOADING STALE FAST NO_AUTH ALLOW_BUSY], NONE, "1.0.0", Connection;
    Scan = "scan", -2, [READONLY], NONE, "2.8.0", Generic;
    Select = "select", 2, [LOADING STALE FAST], NONE, "1.0.0", Connection;
    Set = "set", -3, [WRITE DENYOOM], FIRST, "1.0.0", String;
    Setex = "setex", 4, [WRITE DENYOOM], FIRST, "2.0.0", String;
    Setnx = "setnx", 3, [WRITE DENYOOM FAST], FIRST, "1.0.0", String;
    Strlen = "strlen", 2, [READONLY FAST], FIRST, "2.2.0", String;
    Ttl = "ttl", 2, [READONLY FAST], FIRST, "1.0.0", Generic;
    Type = "type", 2, [READONLY FAST], FIRST, "1.0.0", Generic;
    Unlink = "unlink", -2, [WRITE FAST], ALL, "4.0.0", Generic;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_names_can_be_packed() {
        for pair in COMMANDS.windows(2) {
            assert!(
                pair[0].name < pair[1].name,
                "{} before {}",
                pair[0].name,
                pair[1].name
            );
        }
        for (index, spec) in COMMANDS.iter().enumerate() {
            assert_eq!(spec.id as usize, index);
            assert!(spec.name.len() <= NAME_BYTES_MAX);
            assert!(
                spec.name.bytes().all(|byte| byte.is_ascii_lowercase()),
                "{}",
                spec.name
            );
        }
    }

    #[test]
    fn every_command_is_found_in_any_case_and_nothing_else_is() {
        for spec in COMMANDS {
            assert_eq!(find(spec.name.as_bytes()), Some(spec));
            assert_eq!(find(spec.name.to_ascii_uppercase().as_bytes()), Some(spec));
        }
        for name in [
            "",
            "ge",
            "gett",
            "get ",
            "get\0",
            "g\x05t",
            "getgetgetgetgetgetget",
            "\x07et",
        ] {
            assert_eq!(find(name.as_bytes()), None, "{name:?}");
        }
    }

    #[test]
    fn keys_are_where_the_table_says() {
        let keys = |text: &str| -> Vec<String> {
            let args: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            let spec = find(args[0]).expect("a command");
            assert!(spec.takes(args.len()));
            spec.keys(&args)
                .map(|key| String::from_utf8_lossy(key).into_owned())
                .collect()
        };
        assert_eq!(keys("set a 1"), ["a"]);
        assert_eq!(keys("del a b c"), ["a", "b", "c"]);
        assert_eq!(keys("mset a 1 b 2"), ["a", "b"]);
        assert_eq!(keys("ping"), [""; 0]);
        assert_eq!(keys("scan 0 match x"), [""; 0]);
    }
}
