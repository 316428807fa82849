//! Which arguments are keys.

use super::CommandSpec;
use crate::number::parse_i64;
use std::ops::RangeInclusive;

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

macro_rules! positions {
    ($($constant:ident = $first:literal, $last:literal, $step:literal, $doc:literal;)*) => {
        impl KeyPositions {
            $(#[doc = $doc] pub const $constant: Self = Self { first: $first, last: $last, step: $step };)*
        }
    };
}

positions! {
    NONE = 0, 0, 0, "No keys.";
    FIRST = 1, 1, 1, "The first argument behind the name.";
    FIRST_TWO = 1, 2, 1, "The first two arguments behind the name.";
    SECOND = 2, 2, 1, "The second argument behind the name.";
    ALL = 1, -1, 1, "All arguments.";
    ALL_BUT_FIRST = 2, -1, 1, "All arguments from the second on.";
    ALL_BUT_LAST = 1, -2, 1, "All arguments but the last.";
    PAIRS = 1, -1, 2, "Every other argument.";
}

impl KeyPositions {
    /// The arguments at these positions.
    pub(super) fn of<'a>(self, args: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
        args.get(self.range(args.len()))
            .unwrap_or(&[])
            .iter()
            .step_by(usize::from(self.step.max(1)))
            .copied()
    }
    fn range(self, count: usize) -> RangeInclusive<usize> {
        let last = isize::from(self.last);
        let end = if last < 0 {
            count.checked_add_signed(last)
        } else {
            usize::try_from(last).ok()
        };
        match (usize::from(self.first), end) {
            (first, Some(end)) if first > 0 => first..=end,
            _ => RangeInclusive::new(1, 0),
        }
    }
}

/// The keys of a request whose positions depend on other arguments, if these make sense: those that
/// a number announces, and where SORT stores.
pub(crate) fn movable_keys<'a>(spec: &CommandSpec, args: &'a [&'a [u8]]) -> Option<Vec<&'a [u8]>> {
    let mut keys: Vec<&[u8]> = spec.keys.of(args).collect();
    let count_at = match spec.name {
        "sort" => {
            let mut targets = args[2..].windows(2).filter(|pair| is_store(pair[0]));
            keys.extend(targets.next_back().map(|pair| pair[1]));
            return Some(keys);
        }
        // The last one stated holds.
        "georadius" | "georadiusbymember" => {
            let behind = args.get(5..).unwrap_or(&[]);
            let mut targets = behind.windows(2).filter(|pair| stores_places(pair[0]));
            keys.extend(targets.next_back().map(|pair| pair[1]));
            return Some(keys);
        }
        "sort_ro" => return Some(keys),
        "xread" => return stream_keys(args, 1),
        "xreadgroup" => return stream_keys(args, 4),
        "blmpop" | "bzmpop" | "zdiffstore" | "zinterstore" | "zunionstore" => 2,
        "eval" | "eval_ro" | "evalsha" | "evalsha_ro" | "fcall" | "fcall_ro" => 2,
        _ => 1,
    };
    let count = parse_i64(args.get(count_at)?)?;
    let count = usize::try_from(count).ok().filter(|count| *count > 0)?;
    let end = count_at.checked_add(1)?.checked_add(count)?;
    keys.extend(args.get(count_at + 1..end)?);
    Some(keys)
}

/// The first half of what stands behind the first STREAMS from an argument on.
fn stream_keys<'a>(args: &'a [&'a [u8]], from: usize) -> Option<Vec<&'a [u8]>> {
    let is_it = |arg: &&[u8]| arg.eq_ignore_ascii_case(b"streams");
    let before = args.get(from..)?.iter().position(is_it)?;
    let behind = args.get(from + before + 1..)?;
    let keys = &behind[..behind.len() / 2];
    (!keys.is_empty()).then(|| keys.to_vec())
}

fn stores_places(arg: &[u8]) -> bool {
    is_store(arg) || arg.eq_ignore_ascii_case(b"storedist")
}

fn is_store(arg: &[u8]) -> bool {
    arg.eq_ignore_ascii_case(b"store")
}
