//! Conditions of writes and filters of reads.

use super::OperatorBudget;
use super::path::DocumentPath;
use crate::error::Validation;
use crate::item::{Item, check_nesting};
use crate::limits::IN_OPERANDS_MAX;
use crate::number::Number;
use crate::value::{AttributeType, AttributeValue};
use std::borrow::Cow;
use std::cmp::Ordering;

/// What a condition compares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A value of the request.
    Value(AttributeValue),
    /// The value at a path of the item.
    Path(DocumentPath),
    /// `size(path)`: UTF-16 code units of a string, bytes of a binary, members of a set, elements of a list
    /// or map.
    Size(DocumentPath),
}

/// `=`, `<>`, `<`, `<=`, `>`, `>=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// `=`: of one type and equal.
    Equal,
    /// `<>`: all else, a missing attribute included.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

/// A condition on an item; an item that does not exist has no attributes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Two operands compare so.
    Compare(Operand, Comparator, Operand),
    /// The first lies from the second to the third, both included.
    Between(Operand, Operand, Operand),
    /// The first equals one of the others.
    In(Operand, Vec<Operand>),
    /// There is a value at the path.
    AttributeExists(DocumentPath),
    /// There is none.
    AttributeNotExists(DocumentPath),
    /// The value at the path has this type.
    AttributeType(DocumentPath, AttributeType),
    /// The string or binary at the path begins with the operand.
    BeginsWith(DocumentPath, Operand),
    /// The string, set or list at the path contains the operand.
    Contains(DocumentPath, Operand),
    /// All of them hold.
    And(Vec<Condition>),
    /// At least one of them holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

impl Comparator {
    const fn name(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
    fn holds(self, left: &AttributeValue, right: &AttributeValue) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left.compare(right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => left.compare(right).is_some_and(Ordering::is_le),
            Self::Greater => left.compare(right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => left.compare(right).is_some_and(Ordering::is_ge),
        }
    }
}

impl Operand {
    fn check(&self) -> Result<(), Validation> {
        match self {
            Self::Value(value) => check_nesting(value),
            Self::Path(path) | Self::Size(path) => path.check(),
        }
    }
    /// Whether a value of the request has an order or may be compared at all.
    fn check_type(
        &self,
        function: &'static str,
        is_allowed: fn(AttributeType) -> bool,
    ) -> Result<(), Validation> {
        match self {
            Self::Value(value) if !is_allowed(value.attribute_type()) => {
                Err(Validation::WrongConditionOperand {
                    function,
                    actual: value.attribute_type(),
                })
            }
            _ => Ok(()),
        }
    }
    fn of<'v>(&'v self, item: &'v Item) -> Option<Cow<'v, AttributeValue>> {
        match self {
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Path(path) => path.of(item).map(Cow::Borrowed),
            Self::Size(path) => {
                let size = Number::from(size(path.of(item)?)?);
                Some(Cow::Owned(AttributeValue::Number(size)))
            }
        }
    }
}

/// What `size()` says of a value; numbers, truths and NULL have none. Strings are counted in UTF-16
/// code units, as in Java (dynoxide 3.2, which compares itself with the service).
fn size(value: &AttributeValue) -> Option<u64> {
    let size = match value {
        AttributeValue::String(text) => text.encode_utf16().count(),
        AttributeValue::Binary(bytes) => bytes.len(),
        AttributeValue::StringSet(set) => set.members().len(),
        AttributeValue::NumberSet(set) => set.members().len(),
        AttributeValue::BinarySet(set) => set.members().len(),
        AttributeValue::List(values) => values.len(),
        AttributeValue::Map(map) => map.len(),
        AttributeValue::Number(_) | AttributeValue::Bool(_) | AttributeValue::Null => return None,
    };
    Some(size as u64)
}

const fn is_ordered(kind: AttributeType) -> bool {
    matches!(
        kind,
        AttributeType::String | AttributeType::Number | AttributeType::Binary
    )
}

const fn is_sequence(kind: AttributeType) -> bool {
    matches!(kind, AttributeType::String | AttributeType::Binary)
}

impl Condition {
    /// Whether the condition can be judged at all, before any item is seen.
    ///
    /// # Errors
    /// Too many operators, values of types that an operator does not take, and paths or values that
    /// nest too deep.
    pub fn check(&self) -> Result<(), Validation> {
        self.check_within(&mut OperatorBudget::new())
    }

    fn check_within(&self, budget: &mut OperatorBudget) -> Result<(), Validation> {
        budget.take()?;
        match self {
            Self::Compare(left, comparator, right) => {
                for operand in [left, right] {
                    operand.check()?;
                    if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
                        operand.check_type(comparator.name(), is_ordered)?;
                    }
                }
                Ok(())
            }
            Self::Between(value, low, high) => {
                for operand in [value, low, high] {
                    operand.check()?;
                }
                check_between(low, high)?;
                for operand in [value, low, high] {
                    operand.check_type("BETWEEN", is_ordered)?;
                }
                Ok(())
            }
            Self::In(value, others) => {
                if !(1..=IN_OPERANDS_MAX).contains(&others.len()) {
                    return Err(Validation::InOperands {
                        count: others.len(),
                    });
                }
                value.check()?;
                others.iter().try_for_each(Operand::check)
            }
            Self::AttributeExists(path)
            | Self::AttributeNotExists(path)
            | Self::AttributeType(path, _) => path.check(),
            Self::BeginsWith(path, prefix) => {
                path.check()?;
                prefix.check()?;
                prefix.check_type("begins_with", is_sequence)
            }
            Self::Contains(path, operand) => {
                path.check()?;
                operand.check()?;
                match operand {
                    Operand::Path(other) if other == path => Err(Validation::OperandsNotDistinct {
                        function: "contains",
                        path: path.to_string(),
                    }),
                    _ => Ok(()),
                }
            }
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().try_for_each(|part| part.check_within(budget))
            }
            Self::Not(part) => part.check_within(budget),
        }
    }

    /// Whether it holds for `item`; it must have been checked.
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Compare(left, comparator, right) => match (left.of(item), right.of(item)) {
                (Some(left), Some(right)) => comparator.holds(&left, &right),
                _ => *comparator == Comparator::NotEqual,
            },
            Self::Between(value, low, high) => {
                let (Some(value), Some(low), Some(high)) =
                    (value.of(item), low.of(item), high.of(item))
                else {
                    return false;
                };
                Comparator::GreaterOrEqual.holds(&value, &low)
                    && Comparator::LessOrEqual.holds(&value, &high)
            }
            Self::In(value, others) => value.of(item).is_some_and(|value| {
                others
                    .iter()
                    .any(|other| other.of(item).as_ref() == Some(&value))
            }),
            Self::AttributeExists(path) => path.of(item).is_some(),
            Self::AttributeNotExists(path) => path.of(item).is_none(),
            Self::AttributeType(path, kind) => path
                .of(item)
                .is_some_and(|value| value.attribute_type() == *kind),
            Self::BeginsWith(path, prefix) => match (path.of(item), prefix.of(item).as_deref()) {
                (Some(AttributeValue::String(text)), Some(AttributeValue::String(prefix))) => {
                    text.starts_with(&**prefix)
                }
                (Some(AttributeValue::Binary(bytes)), Some(AttributeValue::Binary(prefix))) => {
                    bytes.starts_with(prefix)
                }
                _ => false,
            },
            Self::Contains(path, operand) => match (path.of(item), operand.of(item)) {
                (Some(value), Some(operand)) => contains(value, &operand),
                _ => false,
            },
            Self::And(parts) => parts.iter().all(|part| part.holds(item)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(item)),
            Self::Not(part) => !part.holds(item),
        }
    }
}

/// Ends that the request itself states must be of one type and in order.
fn check_between(low: &Operand, high: &Operand) -> Result<(), Validation> {
    let (Operand::Value(low), Operand::Value(high)) = (low, high) else {
        return Ok(());
    };
    if low.attribute_type() != high.attribute_type() {
        return Err(Validation::BetweenTypes);
    }
    match low.compare(high) {
        Some(Ordering::Greater) => Err(Validation::BetweenOutOfOrder),
        _ => Ok(()),
    }
}

fn contains(value: &AttributeValue, part: &AttributeValue) -> bool {
    match (value, part) {
        (AttributeValue::String(text), AttributeValue::String(part)) => text.contains(&**part),
        (AttributeValue::Binary(bytes), AttributeValue::Binary(part)) => {
            part.is_empty() || bytes.windows(part.len()).any(|window| window == &**part)
        }
        (AttributeValue::StringSet(set), AttributeValue::String(part)) => set.contains(part),
        (AttributeValue::NumberSet(set), AttributeValue::Number(part)) => set.contains(part),
        (AttributeValue::BinarySet(set), AttributeValue::Binary(part)) => set.contains(part),
        (AttributeValue::List(values), part) => values.contains(part),
        _ => false,
    }
}
