//! MEMORY DOCTOR: what is unusual about the memory (`redis:src/object.c`, getMemoryDoctorReport).
//! The texts are replies of Redis 7.0.15.
//!
//! Of its findings those are here that the node can tell: the peak and the scripts. Fragmentation and
//! buffers of clients belong to an allocator and to the host.

/// Below so many bytes there is nothing to be said.
const LITTLE_BYTES: u64 = 5 << 20;
/// The peak is told of from one and a half times the present use on.
const PEAK_SHARE: f32 = 1.5;
/// Scripts are told of from one more on.
const SCRIPTS_MAX: usize = 1_000;

const LITTLE: &str = "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n";
const FINE: &str = "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n";
const HEADING: &str = "Sam, I detected a few issues in this Redis instance memory implants:\n\n";
const PEAK: &str = " * Peak memory: In the past this instance used more than 150% the memory that is currently using. The allocator is normally not able to release memory after a peak, so you can expect to see a big fragmentation ratio, however this is actually harmless and is only due to the memory peak, and if the Redis instance Resident Set Size (RSS) is currently bigger than expected, the memory will be used as soon as you fill the Redis instance with more data. If the memory peak was only occasional and you want to try to reclaim memory, please try the MEMORY PURGE command, otherwise the only other option is to shutdown and restart the instance.\n\n";
const MANY_SCRIPTS: &str = " * Many scripts: There seem to be many cached scripts in this instance (more than 1000). This may be because scripts are generated and `EVAL`ed, instead of being parameterized (with KEYS and ARGV), `SCRIPT LOAD`ed and `EVALSHA`ed. Unless `SCRIPT FLUSH` is called periodically, the scripts' caches may end up consuming most of your memory.\n\n";
const END: &str = "I'm here to keep you safe, Sam. I want to help you.\n";

/// The report on so many bytes, of which there have been `peak`, and so many scripts.
pub(super) fn report(used: u64, peak: u64, scripts: usize) -> String {
    if used < LITTLE_BYTES {
        return LITTLE.to_owned();
    }
    let findings = [
        (peak as f32 / used as f32 > PEAK_SHARE, PEAK),
        (scripts > SCRIPTS_MAX, MANY_SCRIPTS),
    ];
    let found = findings.into_iter().filter(|(is_found, _)| *is_found);
    let found: String = found.map(|(_, text)| text).collect();
    match found.is_empty() {
        true => FINE.to_owned(),
        false => format!("{HEADING}{found}{END}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_and_many_scripts_are_found_in_an_instance_that_is_not_small() {
        let used = 6 << 20;
        assert_eq!(report(LITTLE_BYTES - 1, used, 2_000), LITTLE);
        assert_eq!(report(used, used * 3 / 2, SCRIPTS_MAX), FINE);
        let both = report(used, used * 2, SCRIPTS_MAX + 1);
        assert_eq!(both, format!("{HEADING}{PEAK}{MANY_SCRIPTS}{END}"));
    }
}
