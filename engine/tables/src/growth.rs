//! Following a table through its growths: where each began and ended, and its longest call.

use crate::event::{TableEvent, TableEventKind};
use kvrig_base::measured::{Growth, GrowthPauses, Pause};
use kvrig_base::seam::Cause;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The growths of one table that is filled by inserts, from its events and the lengths of calls.
///
/// A growth lasts from the call that allocates the new array to the one that gives the old array
/// back; where a table has none to give back, to the one that moves the last entry. What a length
/// is, virtual or real nanoseconds, is up to who measures.
#[derive(Debug)]
pub struct GrowthWatch {
    /// How many of the longest calls of a growth are kept.
    keeps: usize,
    current: Option<Current>,
    done: Vec<GrowthPauses>,
}

/// A call: its length, the number of its insert, and what took most of it.
type Call = (u64, u64, Cause);

#[derive(Debug)]
struct Current {
    growth: Growth,
    /// The longest calls, the shortest of them on top.
    longest: BinaryHeap<Reverse<Call>>,
    /// The length that a call must exceed to be kept.
    exceeds: Option<u64>,
    /// The longest up to the call that moved the last entry.
    longest_at_end: BinaryHeap<Reverse<Call>>,
}

impl GrowthWatch {
    /// A watch that keeps so many of the longest calls of each growth.
    pub fn keeping(longest: usize) -> Self {
        Self {
            keeps: longest,
            current: None,
            done: Vec::new(),
        }
    }

    /// Takes one call: the number of its insert, counted from one, the events that it left, its
    /// length, and what took most of it, which is asked only where it matters. Says whether it took
    /// long over that, so that who times calls does not count it as the next one's.
    #[inline]
    pub fn call(
        &mut self,
        insert: u64,
        mut events: impl FnMut() -> Option<TableEvent>,
        ns: u64,
        cause: impl FnOnce() -> Cause,
    ) -> bool {
        match events() {
            // By far the most calls.
            None => self
                .current
                .as_mut()
                .is_some_and(|current| current.take(self.keeps, insert, ns, cause)),
            Some(first) => {
                let events: Vec<TableEvent> = std::iter::once(first)
                    .chain(std::iter::from_fn(events))
                    .collect();
                self.call_with_events(insert, &events, ns, cause);
                true
            }
        }
    }

    fn call_with_events(
        &mut self,
        insert: u64,
        events: &[TableEvent],
        ns: u64,
        cause: impl FnOnce() -> Cause,
    ) {
        for event in events {
            if let TableEventKind::Started { from, to } = event.kind {
                self.finish();
                self.current = Some(Current::new(from, to, insert));
            }
        }
        let Some(current) = &mut self.current else {
            return;
        };
        current.take(self.keeps, insert, ns, cause);
        let mut is_over = false;
        for event in events {
            match event.kind {
                TableEventKind::Ended { from, .. } if from == current.growth.from => {
                    current.growth.ended = Some(insert);
                    current.longest_at_end = current.longest.clone();
                }
                TableEventKind::Freed { buckets, .. } if buckets == current.growth.from => {
                    current.growth.freed = Some(insert);
                    is_over = true;
                }
                _ => {}
            }
        }
        if is_over {
            self.finish();
        }
    }

    /// The growths that are over, in order.
    pub fn done(&self) -> &[GrowthPauses] {
        &self.done
    }

    /// All growths whose last entry has moved.
    pub fn into_growths(mut self) -> Vec<GrowthPauses> {
        self.finish();
        self.done
    }

    /// Ends the growth that goes on; one that has not moved its last entry is forgotten.
    fn finish(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        if current.growth.ended.is_none() {
            return;
        }
        let longest = match current.growth.freed {
            Some(_) => current.longest,
            None => current.longest_at_end,
        };
        let pause = |Reverse((ns, at, cause)): Reverse<Call>| Pause {
            ns,
            at,
            cause: cause.name().to_owned(),
        };
        self.done.push(GrowthPauses {
            growth: current.growth,
            longest: longest.into_sorted_vec().into_iter().map(pause).collect(),
        });
    }
}

impl Current {
    fn new(from: u64, to: u64, insert: u64) -> Self {
        Self {
            growth: Growth {
                from,
                to,
                started: insert,
                ended: None,
                freed: None,
            },
            longest: BinaryHeap::new(),
            exceeds: None,
            longest_at_end: BinaryHeap::new(),
        }
    }
    /// Keeps a call if it is among the longest, and says whether it is.
    #[inline]
    fn take(&mut self, keeps: usize, insert: u64, ns: u64, cause: impl FnOnce() -> Cause) -> bool {
        let is_long = self.exceeds.is_none_or(|exceeds| ns > exceeds);
        if is_long {
            self.keep(keeps, (ns, insert, cause()));
        }
        is_long
    }
    fn keep(&mut self, keeps: usize, call: Call) {
        self.longest.push(Reverse(call));
        if self.longest.len() > keeps {
            self.longest.pop();
        }
        if self.longest.len() == keeps {
            self.exceeds = self.longest.peek().map(|Reverse(call)| call.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(from: u64) -> TableEventKind {
        TableEventKind::Started { from, to: 2 * from }
    }
    fn ended(from: u64) -> TableEventKind {
        TableEventKind::Ended {
            from,
            to: 2 * from,
            moved: from,
        }
    }
    fn freed(buckets: u64) -> TableEventKind {
        TableEventKind::Freed { buckets, pages: 0 }
    }

    /// Watches calls of these lengths, with these events.
    fn watch(calls: &[(u64, &[TableEventKind])]) -> Vec<GrowthPauses> {
        let mut watch = GrowthWatch::keeping(2);
        for (index, (ns, kinds)) in calls.iter().enumerate() {
            let mut events = kinds.iter().map(|&kind| TableEvent { kind, len: 0 });
            let insert = index as u64 + 1;
            watch.call(insert, || events.next(), *ns, || Cause::RehashStep);
        }
        watch.into_growths()
    }

    fn longest(growths: &[GrowthPauses]) -> Vec<Vec<(u64, u64)>> {
        let pairs = |growth: &GrowthPauses| {
            let longest = growth.longest.iter();
            longest.map(|pause| (pause.ns, pause.at)).collect()
        };
        growths.iter().map(pairs).collect()
    }

    #[test]
    fn a_growth_lasts_until_its_old_array_is_freed() {
        let growths = watch(&[
            (90, &[]),
            (5, &[started(4)]),
            (7, &[]),
            (6, &[ended(4)]),
            (8, &[freed(4)]),
            (91, &[]),
        ]);
        assert_eq!(longest(&growths), [[(8, 5), (7, 3)]]);
        let growth = growths[0].growth;
        assert_eq!(
            (growth.started, growth.ended, growth.freed),
            (2, Some(4), Some(5))
        );
    }

    #[test]
    fn without_an_array_to_free_it_lasts_until_the_last_entry_has_moved() {
        let growths = watch(&[
            (5, &[started(4)]),
            (6, &[ended(4)]),
            (70, &[]),
            (3, &[started(8)]),
            (4, &[ended(8)]),
            (80, &[]),
        ]);
        assert_eq!(longest(&growths), [[(6, 2), (5, 1)], [(4, 5), (3, 4)]]);
    }

    #[test]
    fn a_growth_may_begin_and_end_in_one_call() {
        let growths = watch(&[(5, &[started(4), ended(4), freed(4)]), (6, &[])]);
        assert_eq!(longest(&growths), [[(5, 1)]]);
    }

    #[test]
    fn a_growth_that_never_ends_is_not_told() {
        assert!(watch(&[(5, &[started(4)]), (6, &[])]).is_empty());
    }
}
