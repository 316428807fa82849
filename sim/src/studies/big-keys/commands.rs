//! The commands: what each works on, and how it is said.

use crate::study::BigCommand;
use kvrig_base::quantity::Bytes;

/// The key of the value that a command works on, and of the second set of an intersection.
pub(super) const BIG_KEY: &[u8] = b"kvrig:big";
pub(super) const OTHER_KEY: &[u8] = b"kvrig:other";

/// What is in the store for a command beside the keys that the other clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A list of numbers.
    List,
    /// A set.
    Set,
    /// Two sets that share half of their members.
    TwoSets,
    /// A hash, whose values are as long as its fields.
    Hash,
    /// A sorted set.
    SortedSet,
    /// A string.
    Text,
    /// Nothing: it is the number of keys that makes the command big.
    Store,
}

/// Commands that are drawn and told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// They remove one value before they reply.
    Del,
    /// They remove one value and leave releasing it to a thread.
    Unlink,
    /// They read one or two values.
    Read,
    /// They go through the whole store.
    Store,
}

impl Family {
    /// All of them, in the order of charts.
    pub(super) const ALL: [Self; 4] = [Self::Del, Self::Unlink, Self::Read, Self::Store];
    /// The heading of its panel.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Del => "DEL of one value",
            Self::Unlink => "UNLINK of one value",
            Self::Read => "reading one value, or two sets",
            Self::Store => "the whole store",
        }
    }
}

/// Which family a command belongs to.
pub(super) const fn family(command: BigCommand) -> Family {
    use BigCommand as C;
    match command {
        C::DelList | C::DelSet | C::DelHash | C::DelZset | C::DelString => Family::Del,
        C::UnlinkList | C::UnlinkSet | C::UnlinkHash | C::UnlinkZset | C::UnlinkString => {
            Family::Unlink
        }
        C::Lrange | C::Smembers | C::Hgetall | C::Sort | C::Sinter => Family::Read,
        C::Keys | C::Flushall | C::FlushallAsync | C::All => Family::Store,
    }
}

/// What a command works on.
pub(super) const fn subject(command: BigCommand) -> Subject {
    use BigCommand as C;
    match command {
        C::DelList | C::UnlinkList | C::Lrange | C::Sort => Subject::List,
        C::DelSet | C::UnlinkSet | C::Smembers => Subject::Set,
        C::DelHash | C::UnlinkHash | C::Hgetall => Subject::Hash,
        C::DelZset | C::UnlinkZset => Subject::SortedSet,
        C::DelString | C::UnlinkString => Subject::Text,
        C::Sinter => Subject::TwoSets,
        C::Keys | C::Flushall | C::FlushallAsync | C::All => Subject::Store,
    }
}

/// The command as it is sent.
pub(super) fn words(command: BigCommand) -> Vec<&'static [u8]> {
    use BigCommand as C;
    match command {
        C::DelList | C::DelSet | C::DelHash | C::DelZset | C::DelString => vec![b"DEL", BIG_KEY],
        C::UnlinkList | C::UnlinkSet | C::UnlinkHash | C::UnlinkZset | C::UnlinkString => {
            vec![b"UNLINK", BIG_KEY]
        }
        C::Lrange => vec![b"LRANGE", BIG_KEY, b"0", b"-1"],
        C::Smembers => vec![b"SMEMBERS", BIG_KEY],
        C::Hgetall => vec![b"HGETALL", BIG_KEY],
        C::Sort => vec![b"SORT", BIG_KEY],
        C::Sinter => vec![b"SINTER", BIG_KEY, OTHER_KEY],
        C::Keys | C::All => vec![b"KEYS", b"*"],
        C::Flushall => vec![b"FLUSHALL"],
        C::FlushallAsync => vec![b"FLUSHALL", b"ASYNC"],
    }
}

/// The command in sentences and legends: `DEL of a set`.
pub(super) const fn title(command: BigCommand) -> &'static str {
    use BigCommand as C;
    match command {
        C::DelList => "DEL of a list",
        C::DelSet => "DEL of a set",
        C::DelHash => "DEL of a hash",
        C::DelZset => "DEL of a sorted set",
        C::DelString => "DEL of a string",
        C::UnlinkList => "UNLINK of a list",
        C::UnlinkSet => "UNLINK of a set",
        C::UnlinkHash => "UNLINK of a hash",
        C::UnlinkZset => "UNLINK of a sorted set",
        C::UnlinkString => "UNLINK of a string",
        C::Lrange => "LRANGE 0 -1",
        C::Smembers => "SMEMBERS",
        C::Hgetall => "HGETALL",
        C::Sort => "SORT of a list",
        C::Sinter => "SINTER of two sets",
        C::Keys | C::All => "KEYS *",
        C::Flushall => "FLUSHALL",
        C::FlushallAsync => "FLUSHALL ASYNC",
    }
}

/// The command with its size: `DEL of a set of 10^6 members`, `KEYS * over 10^6 keys`.
pub(super) fn described(command: BigCommand, size: u64, element_bytes: u64) -> String {
    let (name, count) = (title(command), size_name(size));
    let bytes = Bytes(size.saturating_mul(element_bytes));
    match (subject(command), family(command)) {
        (Subject::Text, _) => format!("{name} of {bytes}"),
        (Subject::Store, _) => format!("{name} over {count} keys"),
        (Subject::TwoSets, _) => format!("{name} of {count} members each"),
        (Subject::List, Family::Read) => format!("{name} over {count} elements"),
        (Subject::Set, Family::Read) => format!("{name} over {count} members"),
        (Subject::Hash, Family::Read) => format!("{name} over {count} fields"),
        (Subject::List, _) => format!("{name} of {count} elements"),
        (Subject::Hash, _) => format!("{name} of {count} fields"),
        (Subject::Set | Subject::SortedSet, _) => format!("{name} of {count} members"),
    }
}

/// The command called so in study files and rows.
pub(super) fn named(name: &str) -> Option<BigCommand> {
    BigCommand::ALL
        .iter()
        .copied()
        .find(|command| command.name() == name)
}

/// `10^6` where the number is a power of ten from a thousand on.
pub(super) fn size_name(size: u64) -> String {
    let exponent = size.max(1).ilog10();
    match exponent >= 3 && 10_u64.pow(exponent) == size {
        true => format!("10^{exponent}"),
        false => size.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_named_as_a_power_of_ten_where_it_is_one() {
        let names = [1, 100, 1_000, 1_024, 5_000, 1_000_000].map(size_name);
        assert_eq!(names, ["1", "100", "10^3", "1024", "5000", "10^6"]);
    }

    #[test]
    fn every_command_is_found_by_its_name_and_told_apart_in_sentences() {
        let all = BigCommand::ALL.iter().copied();
        let commands: Vec<_> = all.filter(|&one| one != BigCommand::All).collect();
        let mut titles: Vec<_> = commands.iter().map(|&command| title(command)).collect();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), commands.len());
        assert!(commands.iter().all(|&one| named(one.name()) == Some(one)));
    }
}
