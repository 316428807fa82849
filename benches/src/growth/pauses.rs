//! Pauses of growth: the CPU time of every single insertion.

use super::keys::Keys;
use super::{Pass, Set, TEND_EVERY};
use crate::cpu_time::thread_cpu_time;
use hdrhistogram::Histogram;
use kvrig_tables::TableEvent;
use std::time::Duration;

/// Longest pause that the histogram tells from longer ones.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// Figures of a quantile that count.
const SIGNIFICANT_FIGURES: u8 = 3;

/// Fills a set with `entries` keys and reads the clock after each.
///
/// One reading ends one insertion and begins the next, so each pause holds one reading, the making
/// of the key and the recording of the pause before.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// Keys to insert.
    pub entries: u64,
}

/// What was observed while a set grew.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The longest insertion.
    pub longest: Duration,
    /// Its number, from one.
    pub longest_at: u64,
    /// 99.99 of 100 insertions take at most this.
    pub p9999: Duration,
    /// Half of them do.
    pub median: Duration,
    /// The longest share of timer and background thread; none in sets without them.
    pub longest_tending: Option<Duration>,
    /// Events, each with the number of insertions done by then.
    pub events: Vec<(u64, TableEvent)>,
}

/// The longest of the times seen, and where it was.
#[derive(Clone, Copy, Debug, Default)]
struct Longest {
    time: Duration,
    at: u64,
}

impl Longest {
    #[inline]
    fn see(&mut self, time: Duration, at: u64) {
        if time > self.time {
            *self = Self { time, at };
        }
    }
}

impl<K: Keys> Pass<K> for Pauses {
    type Found = Observed;
    fn run<S: Set<K::Key>>(self, mut set: S) -> Observed {
        let nanos_max = PAUSE_MAX.as_nanos() as u64;
        let mut pauses = Histogram::<u64>::new_with_max(nanos_max, SIGNIFICANT_FIGURES)
            .expect("bounds and figures are in range");
        let (mut longest, mut tending) = (Longest::default(), Longest::default());
        let mut events = Vec::new();
        let mut before = thread_cpu_time();
        for number in 1..=self.entries {
            set.insert(K::key(number - 1));
            let after = thread_cpu_time();
            let pause = after - before;
            longest.see(pause, number);
            pauses.saturating_record(pause.as_nanos() as u64);
            before = after;
            while let Some(event) = set.take_event() {
                events.push((number, event));
                before = thread_cpu_time();
            }
            if S::IS_TENDED && number % TEND_EVERY == 0 {
                set.tend();
                let after = thread_cpu_time();
                tending.see(after - before, number);
                before = after;
            }
        }
        Observed {
            longest: longest.time,
            longest_at: longest.at,
            p9999: Duration::from_nanos(pauses.value_at_quantile(0.9999)),
            median: Duration::from_nanos(pauses.value_at_quantile(0.5)),
            longest_tending: S::IS_TENDED.then_some(tending.time),
            events,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::Contender;
    use kvrig_tables::{TableEventKind, TableKind};

    #[test]
    fn doubling_at_once_is_longer_than_all_but_a_few_insertions() {
        let pass = Pauses { entries: 70_000 };
        let observed = Contender::Table(TableKind::AtOnce).grow_integers(pass);
        assert!(observed.longest > observed.p9999 && observed.p9999 >= observed.median);
        assert_eq!(observed.longest_tending, None);
        let started = |event: &&(u64, TableEvent)| {
            matches!(event.1.kind, TableEventKind::Started { to: 131_072, .. })
        };
        assert_eq!(
            observed.events.iter().find(started).map(|event| event.0),
            Some(65_537)
        );
    }

    #[test]
    fn tending_is_told_apart_from_insertions() {
        let pass = Pauses { entries: 200_000 };
        let observed = Contender::Table(TableKind::Memcached16).grow_integers(pass);
        assert!(
            observed
                .longest_tending
                .is_some_and(|time| time > Duration::ZERO)
        );
        assert!(!observed.events.is_empty());
    }
}
