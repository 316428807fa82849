//! Memory of a set: the resident set of a process that does nothing else.

use super::keys::Keys;
use super::{Pass, Set, TEND_EVERY};
use std::fs;
use std::io;

/// Where Linux tells of this process (Linux, `Documentation/filesystems/proc.rst`, `status`).
const STATUS: &str = "/proc/self/status";

/// Bytes of this process that are in memory.
///
/// # Errors
/// If the system does not tell.
pub fn resident_bytes() -> io::Result<u64> {
    let status = fs::read_to_string(STATUS)?;
    resident_in(&status).ok_or_else(|| io::Error::other(format!("{STATUS} has no VmRSS in kB")))
}

/// The kB of that file are KiB.
fn resident_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib = line.trim().strip_suffix("kB")?;
    kib.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// Fills a set with `entries` keys and asks for the resident set on the way.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Keys to insert.
    pub entries: u64,
    /// Measurements over the second half, evenly spaced.
    pub measurements: u64,
}

/// The resident set at one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// Keys in the set.
    pub entries: u64,
    /// Growth of the resident set since the set was empty, per key.
    pub bytes_each: f64,
}

impl<K: Keys> Pass<K> for Memory {
    type Found = io::Result<Vec<Measurement>>;
    fn run<S: Set<K::Key>>(self, mut set: S) -> Self::Found {
        let empty = resident_bytes()?;
        let half = self.entries / 2;
        let mut measured = Vec::new();
        for number in 1..=self.entries {
            set.insert(K::key(number - 1));
            if S::IS_TENDED && number % TEND_EVERY == 0 {
                set.tend();
            }
            let place = measured.len() as u64 + 1;
            if number == half + (self.entries - half) * place / self.measurements {
                let grown = resident_bytes()?.saturating_sub(empty);
                measured.push(Measurement {
                    entries: number,
                    bytes_each: grown as f64 / number as f64,
                });
            }
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::Contender;

    #[test]
    fn the_resident_set_is_read_in_bytes() {
        let status = "VmHWM:\t  9000 kB\nVmRSS:\t    1234 kB\nRssAnon:\t 17 kB\n";
        assert_eq!(resident_in(status), Some(1_234 * 1_024));
        assert_eq!(resident_in("VmRSS:\t 12 MB\n"), None);
        assert!(resident_bytes().unwrap() > 100_000);
    }

    #[test]
    fn measurements_cover_the_second_half_and_end_at_the_full_size() {
        let pass = Memory {
            entries: 1_000_000,
            measurements: 4,
        };
        let measured = Contender::Keys.grow_integers(pass).unwrap();
        let sizes: Vec<u64> = measured.iter().map(|one| one.entries).collect();
        assert_eq!(sizes, [625_000, 750_000, 875_000, 1_000_000]);
    }
}
