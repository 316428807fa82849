//! What the operating system says of the machine's processor and its caches.

use kvrig_base::seam::Touch;
use kvrig_sim::cost::CacheLevel;
use std::fs;
use std::io;
use std::path::Path;

/// Where Linux lists the caches of the first processor (Linux, `Documentation/ABI/stable/
/// sysfs-devices-system-cpu`).
const CACHES: &str = "/sys/devices/system/cpu/cpu0/cache";
/// Where it describes the processors.
const PROCESSORS: &str = "/proc/cpuinfo";

/// The processor in words: its name, family and model, as `/proc/cpuinfo` has them.
///
/// # Errors
/// If the file cannot be read.
pub fn processor() -> io::Result<String> {
    Ok(processor_in(&fs::read_to_string(PROCESSORS)?))
}

fn processor_in(text: &str) -> String {
    let of = |wanted: &str| {
        let values = text.lines().filter_map(|line| line.split_once(':'));
        let mut values = values.filter(|(name, _)| name.trim() == wanted);
        values.next().map_or("unknown", |(_, value)| value.trim())
    };
    let count = text
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    format!(
        "{} (family {}, model {}), {count} processors",
        of("model name"),
        of("cpu family"),
        of("model")
    )
}

/// The caches that hold data, the smallest first, in the form of the model: four ways, and the
/// largest power of two of bytes that the cache has. They have no price yet.
///
/// # Errors
/// If the files cannot be read or say something else than sizes.
pub fn caches() -> io::Result<Vec<CacheLevel>> {
    let mut levels = Vec::new();
    for entry in fs::read_dir(CACHES)? {
        let folder = entry?.path();
        if !folder.join("size").exists() || read(&folder, "type")? == "Instruction" {
            continue;
        }
        let size = read(&folder, "size")?;
        let bytes = size_of_cache(&size).ok_or_else(|| io::Error::other(format!("size {size}")))?;
        levels.push(CacheLevel {
            name: format!("L{}", read(&folder, "level")?),
            bytes,
            ways: 4,
            shared: read(&folder, "shared_cpu_list")?.contains(['-', ',']),
            hit_ps: 0,
        });
    }
    levels.sort_by_key(|level| level.bytes);
    Ok(levels)
}

fn read(folder: &Path, name: &str) -> io::Result<String> {
    Ok(fs::read_to_string(folder.join(name))?.trim().to_owned())
}

/// Reads `512K` or `32M`, down to a power of two that has at least two sets of four ways.
fn size_of_cache(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        _ => return None,
    };
    let bytes = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    let exponent = bytes.checked_ilog2()?;
    (bytes >= 8 * Touch::LINE_BYTES).then_some(1 << exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_taken_down_to_a_power_of_two() {
        for (text, bytes) in [
            ("32K", Some(32 << 10)),
            ("48K", Some(32 << 10)),
            ("32768K", Some(32 << 20)),
            ("36M", Some(32 << 20)),
            ("1024", Some(1_024)),
            ("256", None),
            ("K", None),
            ("3T", None),
        ] {
            assert_eq!(size_of_cache(text), bytes, "{text}");
        }
    }

    #[test]
    fn a_processor_is_named_by_its_first_description() {
        let text = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n\n\
                    processor\t: 1\nmodel name\t: another\n";
        assert_eq!(
            processor_in(text),
            "AMD EPYC (family 25, model 1), 2 processors"
        );
        assert!(processor_in("").starts_with("unknown"));
    }
}
