//! Requests that were throttled and wait for their next attempt, counted by second.

use super::demand::STEP;
use kvrig_dynamo::retry::RetryPolicy;
use std::collections::BTreeMap;

/// A drawn wait is divided into so many parts of equal probability.
const WAIT_PARTS: u64 = 8;

/// Requests of one kind that come again for the same time and have waited as long.
type Group = (usize, u32, u64);

/// The requests that come again in one second.
#[derive(Clone, Debug, Default)]
pub(super) struct Due {
    groups: BTreeMap<Group, u64>,
}

impl Due {
    /// How many there are of one kind.
    pub(super) fn count(&self, kind: usize) -> u64 {
        self.of_kind(kind).map(|(_, count, _)| count).sum()
    }
    /// Those of one kind: the attempt that they make, how many, seconds since their first one.
    pub(super) fn of_kind(&self, kind: usize) -> impl Iterator<Item = (u32, u64, u64)> {
        let from = (kind, 0, 0);
        let to = (kind + 1, 0, 0);
        let groups = self.groups.range(from..to);
        groups.map(|(&(_, attempt, waited), &count)| (attempt, count, waited))
    }
}

/// All requests that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    policy: RetryPolicy,
    seconds: BTreeMap<u64, Due>,
}

impl Waiting {
    pub(super) const fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            seconds: BTreeMap::new(),
        }
    }
    /// Takes out what comes again in `second`.
    pub(super) fn due(&mut self, second: u64) -> Option<Due> {
        self.seconds.remove(&second)
    }
    /// `count` requests whose attempt `attempt` was throttled in a second, `waited` seconds after
    /// their first one. Answers how many of them give up.
    ///
    /// Waits are those of the SDK, a drawn one taken in parts of equal probability; each ends in a
    /// whole second, the next one at least.
    pub(super) fn throttled(
        &mut self,
        kind: usize,
        attempt: u32,
        count: u64,
        (second, waited): (u64, u64),
    ) -> u64 {
        if count == 0 {
            return 0;
        }
        if self.policy.wait(attempt, 0).is_none() {
            return count;
        }
        for part in 0..WAIT_PARTS {
            let size = count / WAIT_PARTS + u64::from(part < count % WAIT_PARTS);
            if size == 0 {
                break;
            }
            // The middle of the part.
            let word = (2 * part + 1) * (u64::MAX / (2 * WAIT_PARTS));
            let wait = self.policy.wait(attempt, word).unwrap_or(STEP);
            let steps = wait.as_picos().div_ceil(STEP.as_picos()).max(1);
            let due = self.seconds.entry(second + steps).or_default();
            let group = (kind, attempt + 1, waited + steps);
            *due.groups.entry(group).or_default() += size;
        }
        0
    }
    /// How many wait.
    pub(super) fn left(&self) -> u64 {
        let groups = self.seconds.values().flat_map(|due| due.groups.values());
        groups.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_the_standard_mode_end_in_the_next_seconds_and_the_third_attempt_is_the_last() {
        let mut waiting = Waiting::new(RetryPolicy::STANDARD);
        assert_eq!(waiting.throttled(0, 1, 800, (10, 0)), 0);
        let due = waiting.due(11).expect("up to a second");
        assert_eq!(due.of_kind(0).collect::<Vec<_>>(), [(2, 800, 1)]);
        assert_eq!(due.count(1), 0);
        // Up to two seconds: half of them each.
        assert_eq!(waiting.throttled(0, 2, 800, (11, 1)), 0);
        let counts = [12, 13].map(|second| waiting.due(second).expect("half").count(0));
        assert_eq!(counts, [400, 400]);
        assert_eq!(waiting.throttled(0, 3, 800, (13, 3)), 800);
        assert_eq!(waiting.left(), 0);
    }

    #[test]
    fn waits_that_are_not_drawn_keep_requests_together() {
        let mut waiting = Waiting::new(RetryPolicy::LEGACY);
        assert_eq!(waiting.throttled(2, 7, 5, (0, 9)), 0);
        // 50 ms doubled six times is 3.2 s.
        let due = waiting.due(4).expect("after four seconds");
        assert_eq!(due.of_kind(2).collect::<Vec<_>>(), [(8, 5, 13)]);
        assert_eq!(RetryPolicy::LEGACY.attempts_max, 10);
        assert_eq!(waiting.throttled(2, 10, 5, (0, 9)), 5);
    }
}
