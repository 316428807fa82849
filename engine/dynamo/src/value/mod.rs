//! Attribute values: ten types, their sizes and how deep they may nest.

mod set;

pub use set::{BinarySet, NumberSet, SetMember, StringSet, ValueSet};

use crate::item::AttributeMap;
use crate::number::Number;
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::fmt;

/// Bytes that a list or map counts before its contents (AWS Developer Guide, "DynamoDB item sizes
/// and formats").
const CONTAINER_BYTES: u64 = 3;
/// Bytes that each element of a list or map counts beside its name and value (same chapter).
const ELEMENT_BYTES: u64 = 1;

/// One attribute value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AttributeValue {
    /// `S`: text in UTF-8. Up to 23 bytes lie in the value itself; copies share a longer one.
    String(SmolStr),
    /// `N`: a number.
    Number(Number),
    /// `B`: bytes.
    Binary(Box<[u8]>),
    /// `BOOL`.
    Bool(bool),
    /// `NULL`.
    Null,
    /// `SS`.
    StringSet(StringSet),
    /// `NS`.
    NumberSet(NumberSet),
    /// `BS`.
    BinarySet(BinarySet),
    /// `L`: values of any types in an order.
    List(Vec<AttributeValue>),
    /// `M`: named values of any types.
    Map(AttributeMap),
}

/// The type of an attribute value, printed as DynamoDB abbreviates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeType {
    /// `S`.
    String,
    /// `N`.
    Number,
    /// `B`.
    Binary,
    /// `BOOL`.
    Bool,
    /// `NULL`.
    Null,
    /// `SS`.
    StringSet,
    /// `NS`.
    NumberSet,
    /// `BS`.
    BinarySet,
    /// `L`.
    List,
    /// `M`.
    Map,
}

impl AttributeType {
    /// DynamoDB's abbreviation, such as `S` or `BOOL`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "S",
            Self::Number => "N",
            Self::Binary => "B",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
            Self::StringSet => "SS",
            Self::NumberSet => "NS",
            Self::BinarySet => "BS",
            Self::List => "L",
            Self::Map => "M",
        }
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl AttributeValue {
    /// Its type.
    pub const fn attribute_type(&self) -> AttributeType {
        match self {
            Self::String(_) => AttributeType::String,
            Self::Number(_) => AttributeType::Number,
            Self::Binary(_) => AttributeType::Binary,
            Self::Bool(_) => AttributeType::Bool,
            Self::Null => AttributeType::Null,
            Self::StringSet(_) => AttributeType::StringSet,
            Self::NumberSet(_) => AttributeType::NumberSet,
            Self::BinarySet(_) => AttributeType::BinarySet,
            Self::List(_) => AttributeType::List,
            Self::Map(_) => AttributeType::Map,
        }
    }

    /// Bytes that the value counts in an item's size (AWS Developer Guide, "DynamoDB item sizes and
    /// formats").
    ///
    /// Its depth must have been checked: this visits every level.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::String(text) => text.len() as u64,
            Self::Number(number) => number.size_bytes(),
            Self::Binary(bytes) => bytes.len() as u64,
            Self::Bool(_) | Self::Null => 1,
            Self::StringSet(set) => set.members().iter().map(|text| text.len() as u64).sum(),
            Self::NumberSet(set) => set.members().iter().map(|number| number.size_bytes()).sum(),
            Self::BinarySet(set) => set.members().iter().map(|bytes| bytes.len() as u64).sum(),
            Self::List(values) => {
                let elements = values
                    .iter()
                    .map(|value| value.size_bytes() + ELEMENT_BYTES);
                CONTAINER_BYTES + elements.sum::<u64>()
            }
            Self::Map(map) => CONTAINER_BYTES + map.size_bytes() + ELEMENT_BYTES * map.len() as u64,
        }
    }

    /// Whether the value has at most `levels` levels, of which it is the first.
    ///
    /// Looks no deeper than that, so that no value is too deep to be judged.
    pub fn fits_levels(&self, levels: u32) -> bool {
        let Some(below) = levels.checked_sub(1) else {
            return false;
        };
        match self {
            Self::List(values) => values.iter().all(|value| value.fits_levels(below)),
            Self::Map(map) => map.iter().all(|(_, value)| value.fits_levels(below)),
            _ => true,
        }
    }

    /// How two values compare by `<` and its like: only strings, numbers and binaries have an
    /// order, each among themselves.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::String(left), Self::String(right)) => Some(left.cmp(right)),
            (Self::Number(left), Self::Number(right)) => Some(left.cmp(right)),
            (Self::Binary(left), Self::Binary(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}
impl From<String> for AttributeValue {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}
impl From<Number> for AttributeValue {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}
impl From<i64> for AttributeValue {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}
impl From<&[u8]> for AttributeValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.into())
    }
}
impl From<bool> for AttributeValue {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}
impl From<StringSet> for AttributeValue {
    fn from(set: StringSet) -> Self {
        Self::StringSet(set)
    }
}
impl From<NumberSet> for AttributeValue {
    fn from(set: NumberSet) -> Self {
        Self::NumberSet(set)
    }
}
impl From<BinarySet> for AttributeValue {
    fn from(set: BinarySet) -> Self {
        Self::BinarySet(set)
    }
}
impl From<Vec<AttributeValue>> for AttributeValue {
    fn from(values: Vec<AttributeValue>) -> Self {
        Self::List(values)
    }
}
impl From<AttributeMap> for AttributeValue {
    fn from(map: AttributeMap) -> Self {
        Self::Map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_fits_in_four_words() {
        assert!(size_of::<AttributeValue>() <= 32);
    }
}
