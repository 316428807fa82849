//! Whether what clients were told of one item can have happened in some order, one after another.
//!
//! Every value is written once. So each value with the reads that saw it is a cluster, and the answer
//! follows from times alone (Gibbons and Korach, "Testing shared memories", SIAM J. Comput. 26, 1997):
//! let a cluster's zone lie between the first end and the last start of its operations. Where the end
//! comes first, the value must have been there throughout the zone. No two such zones may overlap, and
//! no other zone may lie inside one.

use kvrig_base::time::Time;
use std::collections::BTreeMap;

/// A write or read of the value; no value is that the item is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) value: Option<i64>,
    pub(crate) is_write: bool,
    pub(crate) start: Time,
    /// [`Time::NEVER`] for a write of which nobody knows whether it happened.
    pub(crate) end: Time,
}

#[derive(Clone, Copy, Debug)]
struct Zone {
    first_end: Time,
    last_start: Time,
}

/// What is wrong with a history, if anything is.
pub(crate) fn fault(operations: &[Operation]) -> Option<String> {
    let mut clusters: BTreeMap<Option<i64>, Vec<Operation>> = BTreeMap::new();
    clusters.entry(None).or_default().push(Operation {
        value: None,
        is_write: true,
        start: Time::START,
        end: Time::START,
    });
    for operation in operations {
        clusters
            .entry(operation.value)
            .or_default()
            .push(*operation);
    }
    let mut zones = Vec::new();
    for (value, cluster) in clusters {
        let Some(write) = cluster.iter().find(|one| one.is_write) else {
            return Some(format!("{value:?} was read and never written"));
        };
        if let Some(read) = cluster.iter().find(|one| one.end < write.start) {
            return Some(format!(
                "{value:?} was read at {} before it was written",
                read.end
            ));
        }
        let first_end = cluster.iter().map(|one| one.end).min()?;
        if first_end == Time::NEVER {
            // A write that perhaps happened and was never seen.
            continue;
        }
        let last_start = cluster.iter().map(|one| one.start).max()?;
        zones.push((
            value,
            Zone {
                first_end,
                last_start,
            },
        ));
    }
    for (number, (value, zone)) in zones.iter().enumerate() {
        if zone.first_end >= zone.last_start {
            continue;
        }
        for (other_number, (other_value, other)) in zones.iter().enumerate() {
            if other_number == number {
                continue;
            }
            let is_forward = other.first_end < other.last_start;
            let clashes = match is_forward {
                true => other.first_end < zone.last_start && zone.first_end < other.last_start,
                false => zone.first_end < other.last_start && other.first_end < zone.last_start,
            };
            if clashes {
                return Some(format!(
                    "{value:?} was there from {} to {}, but {other_value:?} came between",
                    zone.first_end, zone.last_start
                ));
            }
        }
    }
    None
}

#[test]
fn the_checker_refuses_what_cannot_have_happened() {
    let at = super::host::millis;
    let operation = |value, is_write, start, end| Operation {
        value,
        is_write,
        start: at(start),
        end: at(end),
    };
    let good = [
        operation(Some(1), true, 1, 5),
        operation(None, false, 2, 3),
        operation(Some(1), false, 4, 6),
        operation(Some(2), true, 7, 9),
        operation(Some(2), false, 8, 10),
    ];
    assert_eq!(fault(&good), None);
    let lost = [operation(Some(1), true, 1, 2), operation(None, false, 3, 4)];
    assert!(fault(&lost).is_some());
    let back = [
        operation(Some(1), true, 1, 2),
        operation(Some(2), true, 3, 4),
        operation(Some(1), false, 5, 6),
    ];
    assert!(fault(&back).is_some());
    let flicker = [
        operation(Some(1), true, 1, 2),
        operation(Some(2), true, 3, 20),
        operation(Some(2), false, 5, 6),
        operation(Some(1), false, 7, 8),
    ];
    assert!(fault(&flicker).is_some());
    let unknown = Operation {
        end: Time::NEVER,
        ..operation(Some(3), true, 3, 4)
    };
    assert_eq!(fault(&[unknown]), None);
    assert_eq!(fault(&[unknown, operation(Some(3), false, 50, 60)]), None);
    assert!(fault(&[operation(Some(7), false, 1, 2)]).is_some());
}
