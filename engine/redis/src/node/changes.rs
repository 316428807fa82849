//! How many changes a write counts as: what save points and `rdb_changes_since_last_save` count
//! (`server.dirty` of Redis).
//!
//! A command that has changed anything counts as one change, but for those named here, which count
//! elements. Most of these tell their number in the reply. The rules were read off a redis-server
//! 7.0.15; random lists of requests hold the sum to the server's.

use super::Node;
use super::call::Call;
use crate::command::{CommandSpec, Group};

/// How the changes of a command that has changed something are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The integer that it replies.
    Reply,
    /// The arguments behind the key.
    Arguments,
    /// Half of the arguments behind the key, or behind the name.
    Pairs,
    PairsWithoutKey,
    /// The elements that it replies, beside so many others and each as so many.
    Elements {
        others: u64,
        each: u64,
    },
}

/// Commands that count elements.
const RULES: &[(&str, Rule)] = &[
    ("blmpop", Rule::Elements { others: 1, each: 1 }),
    ("bzmpop", Rule::Elements { others: 1, each: 2 }),
    ("del", Rule::Reply),
    ("hdel", Rule::Reply),
    ("hmset", Rule::Pairs),
    ("hset", Rule::Pairs),
    ("lmpop", Rule::Elements { others: 1, each: 1 }),
    ("lpop", Rule::Elements { others: 0, each: 1 }),
    ("lpush", Rule::Arguments),
    ("lpushx", Rule::Arguments),
    ("lrem", Rule::Reply),
    ("mset", Rule::PairsWithoutKey),
    ("msetnx", Rule::PairsWithoutKey),
    ("rpop", Rule::Elements { others: 0, each: 1 }),
    ("rpush", Rule::Arguments),
    ("rpushx", Rule::Arguments),
    ("sadd", Rule::Reply),
    ("spop", Rule::Elements { others: 0, each: 1 }),
    ("srem", Rule::Reply),
    ("unlink", Rule::Reply),
    ("xack", Rule::Reply),
    ("xdel", Rule::Reply),
    ("xgroup|createconsumer", Rule::Reply),
    ("xgroup|destroy", Rule::Reply),
    ("xtrim", Rule::Reply),
    ("zmpop", Rule::Elements { others: 1, each: 2 }),
    ("zpopmax", Rule::Elements { others: 0, each: 2 }),
    ("zpopmin", Rule::Elements { others: 0, each: 2 }),
    ("zrem", Rule::Reply),
    ("zremrangebylex", Rule::Reply),
    ("zremrangebyrank", Rule::Reply),
    ("zremrangebyscore", Rule::Reply),
];

/// Commands that count as no change where they are served after a wait, and as one less: the command
/// that serves them has told of it.
const SILENT_AFTER_WAIT: &[&str] = &["blmove", "blpop", "brpop", "brpoplpush"];
const QUIETER_AFTER_WAIT: &str = "xreadgroup";

impl Node {
    /// Counts what a write has changed that was answered from `start` on.
    #[inline]
    pub(super) fn count_changes(&mut self, call: &Call<'_>, start: usize) {
        let reply = &call.out[start..];
        self.snapshots.changes += self.take_changes(call.spec, call.args.len(), reply);
    }
    /// Counts what a command has changed that was served after a wait.
    pub(super) fn count_changes_of_served(
        &mut self,
        spec: &CommandSpec,
        arguments: usize,
        reply: &[u8],
    ) {
        let counted = self.take_changes(spec, arguments, reply);
        self.snapshots.changes += match spec.name {
            name if SILENT_AFTER_WAIT.contains(&name) => 0,
            QUIETER_AFTER_WAIT => counted.saturating_sub(1),
            _ => counted,
        };
    }
    #[inline]
    fn take_changes(&mut self, spec: &CommandSpec, arguments: usize, reply: &[u8]) -> u64 {
        let changes = self.keyspace.take_changes();
        match changes.stated {
            Some(stated) => stated,
            None if changes.is_any => of_command(spec, arguments, reply),
            None => 0,
        }
    }
}

/// How many changes a command counts as that has changed something and did not say how many.
pub(super) fn of_command(spec: &CommandSpec, arguments: usize, reply: &[u8]) -> u64 {
    // Most writes are of one string, and need no look at the rules.
    if spec.group == Group::String && spec.keys.step == 1 {
        return 1;
    }
    let rule = RULES.binary_search_by(|(name, _)| (*name).cmp(spec.name));
    let Ok(index) = rule else {
        return 1;
    };
    match RULES[index].1 {
        Rule::Reply => integer(reply),
        Rule::Arguments => arguments as u64 - 2,
        Rule::Pairs => (arguments as u64 - 2) / 2,
        Rule::PairsWithoutKey => (arguments as u64 - 1) / 2,
        Rule::Elements { others, each } => elements(reply).saturating_sub(others) / each,
    }
}

fn integer(reply: &[u8]) -> u64 {
    reply.strip_prefix(b":").map_or(0, number)
}

/// The number that digits at the front stand for.
fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// How many frames of a reply hold no others and are not null.
fn elements(reply: &[u8]) -> u64 {
    let (mut rest, mut count) = (reply, 0);
    while let Some((&mark, behind)) = rest.split_first() {
        let Some(end) = behind.iter().position(|byte| *byte == b'\n') else {
            break;
        };
        let is_null = behind.first() == Some(&b'-') && matches!(mark, b'$' | b'*');
        let content = match mark {
            b'$' if !is_null => number(behind) as usize + 2,
            _ => 0,
        };
        count += u64::from(!is_null && !matches!(mark, b'*' | b'~' | b'%' | b'_'));
        rest = behind.get(end + 1 + content..).unwrap_or(&[]);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;

    #[test]
    fn rules_are_sorted_and_name_commands() {
        for pair in RULES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{}", pair[1].0);
        }
        for (name, _) in RULES {
            let words: Vec<&[u8]> = name.split('|').map(str::as_bytes).collect();
            assert!(command::look_up(&words).is_some(), "{name}");
        }
    }

    #[test]
    fn elements_of_both_protocols_are_counted() {
        for (name, arguments, reply, changes) in [
            ("set", 3, "+OK\r\n", 1),
            ("del", 5, ":3\r\n", 3),
            ("hset", 6, ":0\r\n", 2),
            ("mset", 5, "+OK\r\n", 2),
            ("lpush", 5, ":9\r\n", 3),
            ("lpop", 2, "$1\r\nb\r\n", 1),
            ("lpop", 3, "*2\r\n$1\r\nb\r\n$3\r\na\r\n\r\n", 2),
            ("spop", 3, "~2\r\n$1\r\nb\r\n$0\r\n\r\n", 2),
            (
                "lmpop",
                6,
                "*2\r\n$1\r\nl\r\n*2\r\n$1\r\nc\r\n$1\r\nd\r\n",
                2,
            ),
            (
                "zpopmin",
                3,
                "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n",
                2,
            ),
            (
                "zpopmin",
                3,
                "*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nb\r\n,2\r\n",
                2,
            ),
            (
                "bzmpop",
                6,
                "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n",
                1,
            ),
        ] {
            let spec = command::find(name.as_bytes()).expect("a command");
            assert_eq!(
                of_command(spec, arguments, reply.as_bytes()),
                changes,
                "{name}"
            );
        }
    }
}
