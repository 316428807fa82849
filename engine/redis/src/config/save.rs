//! `save`: when the timer begins a snapshot.

/// The save points of a server whose file has none (initServerConfig).
pub(super) const SAVE_POINTS_OF_REDIS: &str = "3600 1 300 100 60 10000";

/// When the timer begins a snapshot: after so many seconds without one and so many changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// More seconds than these must have passed.
    pub seconds: u64,
    /// So many changes or more must be there.
    pub changes: u64,
}

/// Seconds from 1 and changes from 0 by turns (setConfigSaveOption).
pub(super) fn save_points(value: &str) -> Option<Vec<SavePoint>> {
    let numbers = value.split_ascii_whitespace().map(|number| {
        let number = number.parse::<u64>().ok();
        number.filter(|number| i64::try_from(*number).is_ok())
    });
    let numbers = numbers.collect::<Option<Vec<u64>>>()?;
    let pairs = numbers.chunks(2).map(|pair| match *pair {
        [seconds, changes] if seconds > 0 => Some(SavePoint { seconds, changes }),
        _ => None,
    });
    pairs.collect()
}
