//! The one table of commands: dispatch, arity errors and key extraction read it.
//!
//! Each group of commands lists its own beside the functions that carry them out
//! (`commands!`); this module joins the lists and finds a command by its name. The figures are
//! those that `COMMAND INFO` and `COMMAND DOCS` of a Redis 7.0.15 give; a test asks one.

mod access;
mod flags;
mod keys;

pub(crate) use access::access_of;
pub use flags::Flags;
pub use keys::KeyPositions;
pub(crate) use keys::movable_keys;

use crate::keyspace::Database;
use crate::node::groups;
use crate::node::{After, Call, ErrorReply, Node, Outcome, Session};
use std::fmt;

/// The group that the documentation files a command under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Bits of strings.
    Bitmap,
    /// Connections.
    Connection,
    /// Keys of any type.
    Generic,
    /// Places on Earth.
    Geo,
    /// Hashes.
    Hash,
    /// HyperLogLogs.
    HyperLogLog,
    /// Lists.
    List,
    /// Publishing and subscribing.
    PubSub,
    /// Scripts.
    Scripting,
    /// The server as a whole.
    Server,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// Strings.
    String,
    /// Transactions.
    Transactions,
}

impl Group {
    /// The name in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bitmap => "bitmap",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::PubSub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }
}

/// What carries a command out.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// It needs the chosen database alone.
    Database(for<'a, 'c> fn(&'a mut Database, &'a mut Call<'c>) -> Outcome<'c>),
    /// The second argument names one of these.
    Container(&'static [CommandSpec]),

    /// It needs the node and what is known of the connection.
    Node(
        for<'a, 'c> fn(
            &'a mut Node,
            &'a mut Session,
            &'a mut Call<'c>,
        ) -> Result<After, ErrorReply<'c>>,
    ),
}

/// A command.
#[derive(Clone, Copy)]
pub struct CommandSpec {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Number of arguments, the name included; negative is at least so many.
    pub arity: i8,
    /// What it may do.
    pub flags: Flags,
    /// Which arguments are keys.
    pub keys: KeyPositions,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// Its group.
    pub group: Group,
    pub(crate) handler: Handler,
    /// Where its name is looked for first, in tables of [`INDEX_PLACES`].
    pub(crate) place: u16,
}

impl fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandSpec").field(&self.name).finish()
    }
}

impl PartialEq for CommandSpec {
    /// Names are unique.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl CommandSpec {
    /// Whether it takes `count` arguments, the name included.
    #[inline]
    pub fn takes(&self, count: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 {
            count >= wanted
        } else {
            count == wanted
        }
    }
    /// The commands that its second argument names, as `client|id`.
    pub fn subcommands(&self) -> &'static [CommandSpec] {
        match self.handler {
            Handler::Container(subcommands) => subcommands,
            Handler::Database(_) | Handler::Node(_) => &[],
        }
    }
    /// The subcommand called `name`, in any case.
    pub(crate) fn subcommand(&self, name: &[u8]) -> Option<&'static CommandSpec> {
        let subcommands = self.subcommands();
        let is_it = |spec: &&CommandSpec| spec.own_name().as_bytes().eq_ignore_ascii_case(name);
        subcommands.iter().find(is_it)
    }
    /// Its name without that of the command that it is a subcommand of.
    pub(crate) fn own_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, own)| own)
    }
    /// Whether replicas may have to learn of it although it is no write, which COMMAND INFO does not
    /// tell (CMD_MAY_REPLICATE).
    pub(crate) fn may_replicate(&self) -> bool {
        matches!(
            self.name,
            "eval" | "evalsha" | "fcall" | "pfcount" | "publish"
        )
    }
    /// The arguments that are keys, of a request that has as many arguments as it takes.
    pub fn keys<'a>(&self, args: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
        self.keys.of(args)
    }
}

/// Lists the commands of one group:
/// `"name", arity, [FLAGS], KEYS, "since" => Handler(function);`.
macro_rules! commands {
    ($group:ident; $($name:literal, $arity:literal, [$($flag:ident)*], $keys:ident, $since:literal
        => $handler:ident($function:path);)*) => {
        $crate::command::commands! { COMMANDS: $group; $($name, $arity, [$($flag)*], $keys, $since => $handler($function);)* }
    };
    ($list:ident: $group:ident; $($name:literal, $arity:literal, [$($flag:ident)*], $keys:ident, $since:literal
        => $handler:ident($function:path);)*) => {
        /// The commands of this group, sorted by name.
        pub(crate) const $list: &[$crate::command::CommandSpec] = &[$($crate::command::CommandSpec {
            name: $name,
            arity: $arity,
            flags: $crate::command::Flags::NONE$(.and($crate::command::Flags::$flag))*,
            keys: $crate::command::KeyPositions::$keys,
            since: $since,
            group: $crate::command::Group::$group,
            handler: $crate::command::Handler::$handler($function),
            place: $crate::command::place($name.as_bytes()) as u16,
        }),*];
    };
}
pub(crate) use commands;

/// The lists of all groups.
const GROUPS: &[&[CommandSpec]] = groups::ALL;

const COUNT: usize = {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

/// All commands, group by group.
pub static COMMANDS: [CommandSpec; COUNT] = {
    let mut all = [GROUPS[0][0]; COUNT];
    let (mut to, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut from = 0;
        while from < GROUPS[group].len() {
            all[to] = GROUPS[group][from];
            from += 1;
            to += 1;
        }
        group += 1;
    }
    all
};

/// Longest name of a command.
const NAME_BYTES_MAX: usize = 24;
/// Places of the index, four or more for each command, so that nearly all names are found at once.
pub(crate) const INDEX_PLACES: usize = 1_024;
const NOBODY: u16 = u16::MAX;

const _: () = assert!(COUNT * 4 <= INDEX_PLACES);

/// Where a name is looked for first.
///
/// Setting bit 5 makes capitals small; what else it moves together is told apart by the comparison
/// that follows.
pub(crate) const fn place(name: &[u8]) -> usize {
    let (mut hash, mut at) = (name.len() as u64, 0);
    while at < name.len() {
        hash = (hash ^ (name[at] | 0x20) as u64).wrapping_mul(0x0000_0100_0000_01B3);
        at += 1;
    }
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % INDEX_PLACES
}

/// Numbers of commands by the places of their names, made by the compiler.
static INDEX: [u16; INDEX_PLACES] = {
    let mut index = [NOBODY; INDEX_PLACES];
    let mut number = 0;
    while number < COUNT {
        let mut at = place(COMMANDS[number].name.as_bytes());
        while index[at] != NOBODY {
            at = (at + 1) % INDEX_PLACES;
        }
        index[at] = number as u16;
        number += 1;
    }
    index
};

/// The command called `name`, in any case.
#[inline]
pub fn find(name: &[u8]) -> Option<&'static CommandSpec> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut at = place(name);
    loop {
        let spec = COMMANDS.get(usize::from(INDEX[at]))?;
        if spec.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(spec);
        }
        at = (at + 1) % INDEX_PLACES;
    }
}

/// The command, or the subcommand, that a request asks for, however many arguments it has
/// (lookupCommand).
pub(crate) fn look_up(args: &[&[u8]]) -> Option<&'static CommandSpec> {
    let spec = find(args.first()?)?;
    match (spec.handler, args.get(1)) {
        (Handler::Container(_), Some(name)) => spec.subcommand(name),
        _ => Some(spec),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_is_sorted_and_no_name_is_there_twice() {
        for group in GROUPS {
            for pair in group.windows(2) {
                assert!(
                    pair[0].name < pair[1].name,
                    "{} before {}",
                    pair[0].name,
                    pair[1].name
                );
            }
        }
        let mut names: Vec<&str> = COMMANDS.iter().map(|spec| spec.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNT);
        assert!(names.iter().all(|name| name.len() <= NAME_BYTES_MAX));
    }

    #[test]
    fn every_command_is_found_in_any_case_and_nothing_else_is() {
        for spec in &COMMANDS {
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
            "getgetgetgetgetgetgetgetget",
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
