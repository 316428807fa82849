//! Which machine this is, in words that name no host.

use kvrig_base::calibration::StatedCache;
use kvrig_base::measured::Machine;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where Linux describes its processors, and says how busy it is.
const PROCESSORS: &str = "/proc/cpuinfo";
const LOAD: &str = "/proc/loadavg";
const TIMES: &str = "/proc/stat";

/// Where Linux lists the caches of the first processor (Linux, `Documentation/ABI/stable/
/// sysfs-devices-system-cpu`).
const CACHES: &str = "/sys/devices/system/cpu/cpu0/cache";

/// The caches that hold data, the nearest first.
///
/// # Errors
/// Files that cannot be read or say something else than levels and sizes, as on systems other than
/// Linux.
pub fn caches() -> io::Result<Vec<StatedCache>> {
    let mut caches = Vec::new();
    for entry in fs::read_dir(CACHES)? {
        let folder = entry?.path();
        if !folder.join("size").exists() || read(&folder, "type")? == "Instruction" {
            continue;
        }
        let (size, level) = (read(&folder, "size")?, read(&folder, "level")?);
        let bytes = cache_bytes(&size).ok_or_else(|| io::Error::other(format!("size {size}")))?;
        let level = level.parse();
        caches.push(StatedCache {
            level: level.map_err(|_| io::Error::other("a cache without a level"))?,
            bytes,
            is_shared: read(&folder, "shared_cpu_list")?.contains(['-', ',']),
        });
    }
    caches.sort_by_key(|cache| cache.level);
    Ok(caches)
}

fn read(folder: &Path, name: &str) -> io::Result<String> {
    Ok(fs::read_to_string(folder.join(name))?.trim().to_owned())
}

/// Reads `512K` or `32M`.
fn cache_bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// This machine, today. The loads are to be filled in around the measurement.
pub fn describe() -> Machine {
    let processors = fs::read_to_string(PROCESSORS).unwrap_or_default();
    let uname = rustix::system::uname();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Machine {
        processor: field(&processors, "model name")
            .unwrap_or("unknown processor")
            .to_owned(),
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        system: format!(
            "{} {}",
            uname.sysname().to_string_lossy(),
            short_release(&uname.release().to_string_lossy())
        ),
        // The flag by which a guest sees that it is one (Linux, `asm/cpufeatures.h`, HYPERVISOR).
        is_virtual: field(&processors, "flags")
            .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
        date: today(),
        load_before: None,
        load_after: None,
    }
}

/// The load averages of 1, 5 and 15 minutes, in hundredths, where the system tells them.
pub fn load() -> Option<[u32; 3]> {
    parse_load(&fs::read_to_string(LOAD).ok()?)
}

fn parse_load(text: &str) -> Option<[u32; 3]> {
    let mut words = text.split_ascii_whitespace().map(|word| {
        let (whole, hundredths) = word.split_once('.')?;
        let hundredths = hundredths
            .parse::<u32>()
            .ok()
            .filter(|_| hundredths.len() == 2)?;
        whole
            .parse::<u32>()
            .ok()?
            .checked_mul(100)?
            .checked_add(hundredths)
    });
    Some([words.next()??, words.next()??, words.next()??])
}

/// The value of a line `name : value`, the first of that name.
fn field<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = fields.filter(|(name, _)| name.trim() == wanted);
    values.next().map(|(_, value)| value.trim())
}

/// `6.18` of `6.18.44-generic`: what follows may name who built it.
fn short_release(release: &str) -> String {
    let numbers = release.split(|c: char| !c.is_ascii_digit()).take(2);
    numbers.collect::<Vec<_>>().join(".")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement says on which day it was taken"
)]
fn today() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    date(since.as_secs() / 86_400)
}

/// The date so many days after 1970-01-01, in the Gregorian calendar.
fn date(days: u64) -> String {
    let (mut year, mut left) = (1970_u64, days);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    loop {
        let length = 365 + u64::from(is_leap(year));
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", left + 1)
}

/// Time that all processors have spent at work since the system began, in nanoseconds: in processes, in
/// the kernel, and kept from this machine by the host that it runs on (proc(5), `stat`: all but `idle`
/// and `iowait`). It goes on in ticks, of 10 ms on most systems.
///
/// # Errors
/// A system that has no such file.
pub fn busy_ns() -> io::Result<u64> {
    let text = fs::read_to_string(TIMES)?;
    let ticks = busy_ticks(&text).ok_or(io::ErrorKind::InvalidData)?;
    Ok(ticks * 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

fn busy_ticks(text: &str) -> Option<u64> {
    let all = text.lines().next()?.strip_prefix("cpu ")?;
    let mut times = all.split_whitespace().map(|word| word.parse().ok());
    let mut next = || times.next().flatten();
    let (user, nice, system) = (next()?, next()?, next()?);
    let (_idle, _waiting): (u64, u64) = (next()?, next()?);
    let (hard, soft, stolen): (u64, u64, u64) = (next()?, next()?, next()?);
    Some(user + nice + system + hard + soft + stolen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_busy_with_all_that_is_neither_idle_nor_waiting() {
        let text = "cpu  1 20 300 4000 50000 600000 7000000 80000000 0 0\ncpu0 1 1 1\n";
        assert_eq!(busy_ticks(text), Some(87_600_321));
        assert_eq!(busy_ticks("cpu0 1 2 3 4 5 6 7 8"), None);
        assert!(busy_ns().expect("Linux says so") > 0);
    }

    #[test]
    fn sizes_of_caches_have_units() {
        for (text, bytes) in [
            ("32K", Some(32 << 10)),
            ("48K", Some(48 << 10)),
            ("36M", Some(36 << 20)),
            ("1024", Some(1_024)),
            ("K", None),
            ("3T", None),
        ] {
            assert_eq!(cache_bytes(text), bytes, "{text}");
        }
    }

    #[test]
    fn days_become_dates() {
        for (days, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_322, "2000-12-31"),
            (20_782, "2026-11-25"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days), text);
        }
    }

    #[test]
    fn load_averages_are_read_in_hundredths() {
        assert_eq!(
            parse_load("0.73 0.84 12.07 1/172 39021\n"),
            Some([73, 84, 1_207])
        );
        for text in ["", "0.73 0.84", "a b c", "0.7 0.8 0.9", "1 2 3"] {
            assert_eq!(parse_load(text), None, "{text}");
        }
    }

    #[test]
    fn a_release_is_cut_to_its_version() {
        assert_eq!(short_release("6.18.44-builder7"), "6.18");
        assert_eq!(short_release("24.1.0"), "24.1");
    }

    #[test]
    fn this_machine_is_described() {
        let machine = describe();
        assert!(machine.cores > 0 && !machine.processor.is_empty());
        assert_eq!(machine.date.len(), 10);
    }
}
