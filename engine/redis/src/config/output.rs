//! `client-output-buffer-limit`: how much output may wait for clients.

use super::{integer, memory};
use std::fmt;

/// How much output may wait for a client before it is closed; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which it is closed at once.
    pub hard_bytes: u64,
    /// Bytes at which it is closed after some time.
    pub soft_bytes: u64,
    /// That time, in seconds.
    pub soft_seconds: u64,
}

/// The limits of each class of clients. Replicas have one too, which is kept and printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    /// Clients that send commands.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients that are subscribed to something.
    pub pubsub: OutputLimit,
}

impl Default for OutputLimits {
    fn default() -> Self {
        let limit = |hard_mib: u64, soft_mib: u64, soft_seconds| OutputLimit {
            hard_bytes: hard_mib << 20,
            soft_bytes: soft_mib << 20,
            soft_seconds,
        };
        Self {
            normal: limit(0, 0, 0),
            replica: limit(256, 64, 60),
            pubsub: limit(32, 8, 60),
        }
    }
}

impl OutputLimits {
    /// Reads classes with their limits, `normal 0 0 0 pubsub 32mb 8mb 60`; those that are not named
    /// stay as they are.
    pub(super) fn with(mut self, text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        if words.is_empty() || !words.len().is_multiple_of(4) {
            return None;
        }
        for limit in words.chunks_exact(4) {
            let place = match limit[0].to_ascii_lowercase().as_str() {
                "normal" => &mut self.normal,
                "replica" | "slave" => &mut self.replica,
                "pubsub" => &mut self.pubsub,
                _ => return None,
            };
            *place = OutputLimit {
                hard_bytes: memory(limit[1])?,
                soft_bytes: memory(limit[2])?,
                soft_seconds: integer(limit[3], 0, u64::from(u32::MAX))?,
            };
        }
        Some(self)
    }
}

impl fmt::Display for OutputLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = [
            ("normal", self.normal),
            (" slave", self.replica),
            (" pubsub", self.pubsub),
        ];
        classes.iter().try_for_each(|(name, limit)| {
            let (hard, soft, seconds) = (limit.hard_bytes, limit.soft_bytes, limit.soft_seconds);
            write!(f, "{name} {hard} {soft} {seconds}")
        })
    }
}
