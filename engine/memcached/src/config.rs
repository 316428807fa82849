//! Configuration by the command-line arguments of memcached.
//!
//! An argument that is named here is honoured in full. Any other is an error and never ignored,
//! because a study of a setting that has no effect would mislead.

use kvrig_base::diagnostic::{Diagnostic, STORE_DIRECTIVE};
use kvrig_tables::memcached::HASHPOWER_DEFAULT;
use kvrig_tables::memcached::rules::item_lock_power;

/// Worker threads at most: a hundred are more than any machine here has a use for, and Memcached
/// warns from 64 on.
pub const WORKERS_MAX: u32 = 100;
/// Powers of two of the buckets that can be asked for (`memcached:memcached.c`, hashpower).
const HASHPOWER_RANGE: std::ops::RangeInclusive<u32> = 12..=32;

/// The configuration of a server, with the defaults of Memcached 1.6 but for the memory limit:
/// there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// `-t`: the number of worker threads.
    pub workers: u32,
    /// `-o hashpower=`: the power of two of the buckets at the start.
    pub hashpower: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 4,
            hashpower: HASHPOWER_DEFAULT,
        }
    }
}

impl Config {
    /// Power of two of the item locks.
    pub const fn item_lock_power(&self) -> u32 {
        item_lock_power(self.workers)
    }
    /// Reads arguments such as `-t 8 -o hashpower=20`.
    ///
    /// # Errors
    /// An argument that is not honoured, or a value out of its range.
    pub fn from_arguments<'a>(
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Diagnostic> {
        let mut config = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument {
                "-t" => config.workers = number(argument, arguments.next(), 1, WORKERS_MAX)?,
                "-o" => {
                    let option = arguments.next().unwrap_or_default();
                    let power = option.strip_prefix("hashpower=").ok_or_else(|| {
                        refused(&format!("-o {option}")).help("`-o hashpower=12` to 32 is honoured")
                    })?;
                    let (min, max) = (*HASHPOWER_RANGE.start(), *HASHPOWER_RANGE.end());
                    config.hashpower = number("-o hashpower", Some(power), min, max)?;
                }
                "-m" => {
                    return Err(refused(argument)
                        .help("items are never evicted here; leave out the memory limit"));
                }
                _ => return Err(refused(argument).help("-t and -o hashpower are honoured")),
            }
        }
        if config.item_lock_power() > config.hashpower {
            let message = format!(
                "{} workers share 2^{} item locks, more than 2^{} buckets have room for",
                config.workers,
                config.item_lock_power(),
                config.hashpower
            );
            return Err(Diagnostic::new(STORE_DIRECTIVE, message)
                .help("raise `-o hashpower`, or lower `-t`"));
        }
        Ok(config)
    }
}

fn refused(argument: &str) -> Diagnostic {
    let message = format!("`{argument}` is not an argument of memcached that this version honours");
    Diagnostic::new(STORE_DIRECTIVE, message)
}

fn number(argument: &str, value: Option<&str>, min: u32, max: u32) -> Result<u32, Diagnostic> {
    let parsed = value.and_then(|value| value.parse().ok());
    parsed
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| {
            let value = value.unwrap_or_default();
            let message = format!("`{argument}` cannot be \"{value}\"");
            Diagnostic::new(STORE_DIRECTIVE, message).help(format!("{min} to {max} is honoured"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_honoured_or_refused() {
        let read = |line: &str| Config::from_arguments(line.split_whitespace());
        assert_eq!(read(""), Ok(Config::default()));
        let expected = Config {
            workers: 8,
            hashpower: 20,
        };
        assert_eq!(read("-t 8 -o hashpower=20"), Ok(expected));
        for line in [
            "-m 64",
            "-t",
            "-t 0",
            "-t x",
            "-o",
            "-o slab_automove",
            "-o hashpower=33",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
        assert!(read("-t 32 -o hashpower=12").is_err(), "2^15 locks");
    }
}
