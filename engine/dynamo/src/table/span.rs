//! The stretch of places that a query or scan reads.

use super::request::{ScanDirection, Segment, SortCondition};
use super::store::{BasePlace, InnerPlace, Place, SortPlace};
use crate::error::Validation;
use crate::key::{KeyHash, KeySchema, KeyValue};
use crate::limits::SCAN_SEGMENTS_MAX;
use std::ops::Bound;

/// From one place to another.
#[derive(Clone, Debug)]
pub(crate) struct PlaceSpan {
    pub(crate) start: Bound<Place>,
    pub(crate) end: Bound<Place>,
}

impl PlaceSpan {
    /// Whether a place lies in it.
    pub(crate) fn has(&self, place: &Place) -> bool {
        let is_behind_start = match &self.start {
            Bound::Included(start) => place >= start,
            Bound::Excluded(start) => place > start,
            Bound::Unbounded => true,
        };
        let is_before_end = match &self.end {
            Bound::Included(end) => place <= end,
            Bound::Excluded(end) => place < end,
            Bound::Unbounded => true,
        };
        is_behind_start && is_before_end
    }
    /// Leaves out what lies up to `place`, in the direction of reading.
    ///
    /// # Errors
    /// [`Validation::StartKeyOutside`].
    pub(super) fn resume(
        &mut self,
        place: Place,
        direction: ScanDirection,
    ) -> Result<(), Validation> {
        if !self.has(&place) {
            return Err(Validation::StartKeyOutside);
        }
        match direction {
            ScanDirection::Forward => self.start = Bound::Excluded(place),
            ScanDirection::Backward => self.end = Bound::Excluded(place),
        }
        Ok(())
    }
}

/// The part of an item collection whose sort keys meet a condition.
///
/// # Errors
/// A condition where there is no sort key, with values of another type, or with ends in the wrong
/// order.
pub(super) fn collection_span(
    hash: KeyHash,
    partition: &KeyValue,
    sort: Option<&SortCondition>,
    key: &KeySchema,
) -> Result<PlaceSpan, Validation> {
    let at = |sort, base| {
        Bound::Included(Place {
            hash,
            inner: InnerPlace {
                partition: partition.clone(),
                sort,
                base,
            },
        })
    };
    let before = |value: &KeyValue| at(SortPlace::Value(value.clone()), BasePlace::Start);
    let behind = |value: &KeyValue| at(SortPlace::Value(value.clone()), BasePlace::End);
    let excluded = |bound| match bound {
        Bound::Included(place) => Bound::Excluded(place),
        bound => bound,
    };
    let first = at(SortPlace::Start, BasePlace::Start);
    let last = at(SortPlace::End, BasePlace::End);
    let Some(condition) = sort else {
        return Ok(PlaceSpan {
            start: first,
            end: last,
        });
    };
    check_condition(condition, key)?;
    let (start, end) = match condition {
        SortCondition::Equal(value) => (before(value), behind(value)),
        SortCondition::Less(value) => (first, excluded(before(value))),
        SortCondition::LessOrEqual(value) => (first, behind(value)),
        SortCondition::Greater(value) => (excluded(behind(value)), last),
        SortCondition::GreaterOrEqual(value) => (before(value), last),
        SortCondition::Between(low, high) => (before(low), behind(high)),
        SortCondition::BeginsWith(prefix) => {
            let end = match next_prefix(prefix) {
                Some(next) => excluded(before(&next)),
                None => last,
            };
            (before(prefix), end)
        }
    };
    Ok(PlaceSpan { start, end })
}

fn check_condition(condition: &SortCondition, key: &KeySchema) -> Result<(), Validation> {
    let sort = key.sort.as_ref().ok_or(Validation::NoSortKey)?;
    let (value, other) = match condition {
        SortCondition::Equal(value)
        | SortCondition::Less(value)
        | SortCondition::LessOrEqual(value)
        | SortCondition::Greater(value)
        | SortCondition::GreaterOrEqual(value)
        | SortCondition::BeginsWith(value) => (value, None),
        SortCondition::Between(low, high) => (low, Some(high)),
    };
    for value in std::iter::once(value).chain(other) {
        if value.scalar() != sort.scalar {
            return Err(Validation::ConditionKeyType);
        }
    }
    match (condition, other) {
        (SortCondition::BeginsWith(KeyValue::Number(_)), _) => {
            Err(Validation::WrongConditionOperand {
                function: "begins_with",
                actual: sort.scalar.attribute_type(),
            })
        }
        (_, Some(high)) if value > high => Err(Validation::BetweenOutOfOrder),
        _ => Ok(()),
    }
}

/// The least value behind all that begin with `prefix`, if there is one.
fn next_prefix(prefix: &KeyValue) -> Option<KeyValue> {
    match prefix {
        KeyValue::Number(_) => None,
        KeyValue::Binary(bytes) => {
            let last = bytes.iter().rposition(|byte| *byte < u8::MAX)?;
            let mut next = bytes[..=last].to_vec();
            next[last] += 1;
            Some(KeyValue::Binary(next.into()))
        }
        KeyValue::String(text) => {
            // The order of UTF-8 is that of code points, between which there is one gap.
            let (start, raised) = text.char_indices().rev().find_map(|(start, last)| {
                let raised = match last {
                    '\u{d7ff}' => Some('\u{e000}'),
                    last => char::from_u32(u32::from(last) + 1),
                };
                Some((start, raised?))
            })?;
            Some(KeyValue::String(
                format!("{}{raised}", &text[..start]).into(),
            ))
        }
    }
}

/// One part of the space of hashes, all of which are equal but for one place.
///
/// # Errors
/// [`Validation::Segment`].
pub(super) fn segment_span(segment: Segment) -> Result<PlaceSpan, Validation> {
    let Segment { segment, total } = segment;
    if !(1..=SCAN_SEGMENTS_MAX).contains(&total) || segment >= total {
        return Err(Validation::Segment { segment, total });
    }
    // Any place with the hash lies behind this one: no key value is smaller than an empty string.
    let first = |number: u32| Place {
        hash: KeyHash::new(u128::MAX / u128::from(total) * u128::from(number)),
        inner: InnerPlace {
            partition: KeyValue::String("".into()),
            sort: SortPlace::Start,
            base: BasePlace::Start,
        },
    };
    Ok(PlaceSpan {
        start: Bound::Included(first(segment)),
        end: match segment + 1 == total {
            true => Bound::Unbounded,
            false => Bound::Excluded(first(segment + 1)),
        },
    })
}
