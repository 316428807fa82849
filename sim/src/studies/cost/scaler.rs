//! Auto scaling of one kind of capacity: metrics by the minute, alarms, updates.
//!
//! AWS Developer Guide, "Managing throughput capacity automatically with DynamoDB auto scaling": alarms
//! on two minutes above the target or fifteen far below call UpdateTable; both take a while, and while
//! they do the old capacity holds. Capacity and metrics are in parts of a unit here, so that minutes
//! need not be rounded to units.

use crate::study::CapacityScaling;
use kvrig_base::random::{Stream, below};
use kvrig_base::time::Wall;
use kvrig_dynamo::scaling::{DecreaseQuota, SCALE_IN_MINUTES, Scaling, TargetTracking};

/// Parts of a unit per second: half units in a minute.
pub(super) const PARTS: u64 = 120;

/// What the alarms and UpdateTable are about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Underway {
    /// An alarm is about to call UpdateTable.
    Alarm { at: u64, units: u64 },
    /// The update is done at this minute.
    Update { at: u64, units: u64 },
}

/// Auto scaling of reads or of writes.
#[derive(Clone, Debug)]
pub(super) struct Scaler {
    scaling: CapacityScaling,
    tracking: TargetTracking,
    /// Consumed parts of the last minutes, the latest last.
    minutes: Vec<u64>,
    underway: Option<Underway>,
    changed_at: Option<u64>,
    delays: Stream,
    /// Reads or writes, to tell their draws apart.
    entity: u64,
    pub(super) increases: u64,
    pub(super) decreases: u64,
}

impl Scaler {
    pub(super) fn new(scaling: CapacityScaling, delays: Stream, entity: u64) -> Self {
        Self {
            scaling,
            tracking: TargetTracking {
                target_percent: scaling.target_percent,
                min: scaling.min.saturating_mul(PARTS),
                max: scaling.max.saturating_mul(PARTS),
            },
            minutes: Vec::with_capacity(SCALE_IN_MINUTES as usize),
            underway: None,
            changed_at: None,
            delays,
            entity,
            increases: 0,
            decreases: 0,
        }
    }
    /// The capacity that a table starts with whose first seconds ask for `units` per second.
    pub(super) fn first(&self, units: u64) -> u64 {
        let parts = self.tracking.capacity_for(units.saturating_mul(PARTS));
        parts.div_ceil(PARTS)
    }
    /// What is provisioned from the end of minute `minute` on, when `units` were and `parts` were
    /// consumed in it.
    pub(super) fn minute(
        &mut self,
        minute: u64,
        (units, parts): (u64, u64),
        wall: Wall,
        quota: &mut DecreaseQuota,
    ) -> u64 {
        if self.minutes.len() == SCALE_IN_MINUTES as usize {
            self.minutes.remove(0);
        }
        self.minutes.push(parts);
        let before_alarm = self.advance(minute, units, wall, quota);
        if self.underway.is_none() {
            self.underway = self.alarm(minute, before_alarm);
        }
        // Without delays, all of it happens at once.
        self.advance(minute, before_alarm, wall, quota)
    }
    /// Calls UpdateTable where an alarm is due, and applies what is done.
    fn advance(&mut self, minute: u64, units: u64, wall: Wall, quota: &mut DecreaseQuota) -> u64 {
        if let Some(Underway::Alarm { at, units: wanted }) = self.underway
            && at <= minute
        {
            let is_allowed = wanted > units || quota.try_use(wall);
            let at = minute + self.scaling.update_minutes;
            self.underway = is_allowed.then_some(Underway::Update { at, units: wanted });
        }
        match self.underway {
            Some(Underway::Update { at, units: wanted }) if at <= minute => {
                self.underway = None;
                self.changed_at = Some(minute);
                match wanted > units {
                    true => self.increases += 1,
                    false => self.decreases += 1,
                }
                wanted
            }
            _ => units,
        }
    }
    fn alarm(&self, minute: u64, units: u64) -> Option<Underway> {
        let decision = self
            .tracking
            .decide(units.saturating_mul(PARTS), &self.minutes);
        let (parts, cooldown) = match decision {
            Scaling::Keep => return None,
            Scaling::Out(parts) => (parts, self.scaling.cooldown_out_minutes),
            Scaling::In(parts) => (parts, self.scaling.cooldown_in_minutes),
        };
        let wanted = parts.div_ceil(PARTS);
        let rested = |at: u64| minute.saturating_sub(at) >= cooldown;
        if wanted == units || !self.changed_at.is_none_or(rested) {
            return None;
        }
        let word = self.delays.at(self.entity, minute).0[0];
        Some(Underway::Alarm {
            at: minute + below(word, self.scaling.alarm_minutes + 1),
            units: wanted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::Seed;

    fn scaler(alarm_minutes: u64, update_minutes: u64) -> Scaler {
        let scaling = CapacityScaling {
            target_percent: 70,
            min: 1,
            max: 40_000,
            alarm_minutes,
            update_minutes,
            cooldown_out_minutes: 0,
            cooldown_in_minutes: 0,
        };
        Scaler::new(scaling, Seed(1).stream("alarms"), 0)
    }

    fn wall(minute: u64) -> Wall {
        Wall::from_unix_millis(1_767_225_600_000 + minute * 60_000)
    }

    /// Capacities by minute under loads of so many units per second.
    fn run(scaler: &mut Scaler, first: u64, loads: &[u64]) -> Vec<u64> {
        let mut quota = DecreaseQuota::default();
        let mut units = first;
        let minutes = loads.iter().enumerate().map(|(minute, load)| {
            let minute = minute as u64;
            units = scaler.minute(minute, (units, load * PARTS), wall(minute), &mut quota);
            units
        });
        minutes.collect()
    }

    #[test]
    fn capacity_follows_two_minutes_above_the_target_when_the_update_is_done() {
        let at_once = run(&mut scaler(0, 0), 100, &[90, 90, 90]);
        assert_eq!(at_once, [100, 129, 129]);
        let later = run(&mut scaler(0, 2), 100, &[90; 5]);
        assert_eq!(later, [100, 100, 100, 129, 129]);
    }

    #[test]
    fn a_load_that_falls_for_good_takes_fifteen_minutes_and_uses_up_decreases() {
        let mut scaler = scaler(0, 0);
        let loads: Vec<u64> = std::iter::repeat_n(50, 14).chain([50, 50]).collect();
        assert_eq!(run(&mut scaler, 100, &loads)[13..], [100, 72, 72]);
        let mut scaler = self::scaler(0, 0);
        // Always a little less than before: a decrease whenever one is allowed.
        let loads: Vec<u64> = (0..24 * 60).map(|minute| 20_000 - 12 * minute).collect();
        run(&mut scaler, 40_000, &loads);
        assert!((5..=27).contains(&scaler.decreases), "{}", scaler.decreases);
    }

    #[test]
    fn minutes_are_not_rounded_to_units() {
        // 70.5 of 100 units is above the target of 70 %.
        let mut quota = DecreaseQuota::default();
        let mut scaler = scaler(0, 0);
        let parts = 70 * PARTS + PARTS / 2;
        let first = scaler.minute(0, (100, parts), wall(0), &mut quota);
        assert_eq!(scaler.minute(1, (first, parts), wall(1), &mut quota), 101);
    }
}
