//! Keys: their schema, their values with limits, and the hash that places them.

use crate::error::Validation;
use crate::item::{AttributeMap, Item};
use crate::limits::{PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX};
use crate::number::Number;
use crate::value::{AttributeType, AttributeValue};
use siphasher::sip128::{Hasher128, SipHasher13};
use smol_str::SmolStr;
use std::fmt;
use std::hash::Hasher;

/// The types that a key attribute may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScalarType {
    /// `S`.
    String,
    /// `N`.
    Number,
    /// `B`.
    Binary,
}

/// A key attribute: its name and the type that it has in every item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// The attribute's name.
    pub name: Box<str>,
    /// Its type.
    pub scalar: ScalarType,
}

/// The key schema of a table or index: simple, or composite with a sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySchema {
    /// The partition key, `HASH`.
    pub partition: KeyAttribute,
    /// The sort key, `RANGE`.
    pub sort: Option<KeyAttribute>,
}

/// The value of a key attribute; values of one type are ordered as a sort key orders them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    /// `S`, in the order of its UTF-8 bytes. Up to 23 of them lie in the value itself, so that few keys
    /// need memory of their own.
    String(SmolStr),
    /// `N`, in the order of its value.
    Number(Number),
    /// `B`, in the order of its bytes, which are unsigned.
    Binary(Box<[u8]>),
}

/// The primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrimaryKey {
    /// The value of the partition key.
    pub partition: KeyValue,
    /// The value of the sort key, if the schema has one.
    pub sort: Option<KeyValue>,
}

/// Which part of a key an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRole {
    Partition,
    Sort,
}

impl ScalarType {
    /// The type of values that it names.
    pub const fn attribute_type(self) -> AttributeType {
        match self {
            Self::String => AttributeType::String,
            Self::Number => AttributeType::Number,
            Self::Binary => AttributeType::Binary,
        }
    }
}

impl KeyAttribute {
    /// A key attribute.
    pub fn new(name: &str, scalar: ScalarType) -> Self {
        Self {
            name: name.into(),
            scalar,
        }
    }
}

impl KeySchema {
    /// A key of a partition key alone.
    pub fn simple(name: &str, scalar: ScalarType) -> Self {
        Self {
            partition: KeyAttribute::new(name, scalar),
            sort: None,
        }
    }
    /// A key of a partition key and a sort key.
    pub fn composite(partition: (&str, ScalarType), sort: (&str, ScalarType)) -> Self {
        Self {
            partition: KeyAttribute::new(partition.0, partition.1),
            sort: Some(KeyAttribute::new(sort.0, sort.1)),
        }
    }
    /// Its attributes, the partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }
    /// Whether the attribute called `name` is part of the key.
    pub fn has(&self, name: &str) -> bool {
        self.attributes().any(|attribute| *attribute.name == *name)
    }

    /// The primary key of an item that is to be stored.
    ///
    /// # Errors
    /// A key attribute that is missing, of another type, empty, or longer than its limit.
    pub fn key_of(&self, item: &Item) -> Result<PrimaryKey, Validation> {
        let value = |attribute: &KeyAttribute, role| {
            let value = item
                .get(&attribute.name)
                .ok_or_else(|| Validation::MissingKey {
                    name: attribute.name.clone(),
                })?;
            let key = KeyValue::of(value, attribute.scalar).ok_or_else(|| {
                Validation::KeyTypeMismatch {
                    name: attribute.name.clone(),
                    expected: attribute.scalar.attribute_type(),
                    actual: value.attribute_type(),
                }
            })?;
            key.check(&attribute.name, role)?;
            Ok(key)
        };
        self.parts(value)
    }

    /// The primary key that a request names by exactly the attributes of this schema.
    ///
    /// # Errors
    /// Other attributes or types than the schema has, and values that are empty or too long.
    pub fn key_from(&self, key: &AttributeMap) -> Result<PrimaryKey, Validation> {
        if key.len() != self.attributes().count() {
            return Err(Validation::KeyDoesNotMatchSchema);
        }
        self.parts(|attribute, role| {
            let value = key
                .get(&attribute.name)
                .and_then(|value| KeyValue::of(value, attribute.scalar))
                .ok_or(Validation::KeyDoesNotMatchSchema)?;
            value.check(&attribute.name, role)?;
            Ok(value)
        })
    }

    /// The attributes that make up `key`.
    pub fn attributes_of(&self, key: &PrimaryKey) -> AttributeMap {
        let sort = self.sort.as_ref().zip(key.sort.as_ref());
        std::iter::once((&self.partition, &key.partition))
            .chain(sort)
            .map(|(attribute, value)| (&*attribute.name, value.to_attribute()))
            .collect()
    }

    fn parts(
        &self,
        value: impl Fn(&KeyAttribute, KeyRole) -> Result<KeyValue, Validation>,
    ) -> Result<PrimaryKey, Validation> {
        Ok(PrimaryKey {
            partition: value(&self.partition, KeyRole::Partition)?,
            sort: match &self.sort {
                Some(sort) => Some(value(sort, KeyRole::Sort)?),
                None => None,
            },
        })
    }
}

impl KeyValue {
    /// The key value that `value` is, if it has the type `scalar`.
    pub fn of(value: &AttributeValue, scalar: ScalarType) -> Option<Self> {
        match (value, scalar) {
            (AttributeValue::String(text), ScalarType::String) => Some(Self::String(text.clone())),
            (AttributeValue::Number(number), ScalarType::Number) => Some(Self::Number(*number)),
            (AttributeValue::Binary(bytes), ScalarType::Binary) => {
                Some(Self::Binary(bytes.clone()))
            }
            _ => None,
        }
    }
    /// The same as a value of an item.
    pub fn to_attribute(&self) -> AttributeValue {
        match self {
            Self::String(text) => AttributeValue::String(text.clone()),
            Self::Number(number) => AttributeValue::Number(*number),
            Self::Binary(bytes) => AttributeValue::Binary(bytes.clone()),
        }
    }
    /// Its type.
    pub const fn scalar(&self) -> ScalarType {
        match self {
            Self::String(_) => ScalarType::String,
            Self::Number(_) => ScalarType::Number,
            Self::Binary(_) => ScalarType::Binary,
        }
    }
    /// Bytes that it counts in an item's size and against the limits of keys.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::String(text) => text.len() as u64,
            Self::Number(number) => number.size_bytes(),
            Self::Binary(bytes) => bytes.len() as u64,
        }
    }
    /// Whether it begins with `prefix`; a number never does.
    pub fn begins_with(&self, prefix: &Self) -> bool {
        match (self, prefix) {
            (Self::String(text), Self::String(prefix)) => text.starts_with(prefix.as_str()),
            (Self::Binary(bytes), Self::Binary(prefix)) => bytes.starts_with(prefix),
            _ => false,
        }
    }

    /// Whether it is neither empty nor too long for its part of the key called `name`.
    ///
    /// # Errors
    /// The service's message for the attribute `name`.
    pub(crate) fn check(&self, name: &str, role: KeyRole) -> Result<(), Validation> {
        if self.size_bytes() == 0 {
            return Err(Validation::EmptyKeyValue {
                name: name.into(),
                kind: self.kind(),
            });
        }
        match role {
            KeyRole::Partition if self.size_bytes() > PARTITION_KEY_BYTES_MAX => {
                Err(Validation::PartitionKeyTooLong)
            }
            KeyRole::Sort if self.size_bytes() > SORT_KEY_BYTES_MAX => {
                Err(Validation::SortKeyTooLong)
            }
            _ => Ok(()),
        }
    }
    /// What messages about an empty value call it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Binary(_) => "binary",
            _ => "string",
        }
    }
}

impl PrimaryKey {
    /// Bytes that its values count, without the names.
    pub fn size_bytes(&self) -> u64 {
        self.partition.size_bytes() + self.sort.as_ref().map_or(0, KeyValue::size_bytes)
    }
}

/// The place of a partition key value in the space that partitions divide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash([u64; 2]);

impl KeyHash {
    /// The first place.
    pub const MIN: Self = Self([0, 0]);
    /// The last place.
    pub const MAX: Self = Self([u64::MAX, u64::MAX]);

    /// The place numbered `place` from 0 to 2^128 - 1.
    pub const fn new(place: u128) -> Self {
        Self([(place >> 64) as u64, place as u64])
    }
    /// The upper 64 bits of its number.
    pub(crate) const fn upper_word(self) -> u64 {
        self.0[0]
    }
    /// Its number from 0 to 2^128 - 1.
    pub const fn place(self) -> u128 {
        (self.0[0] as u128) << 64 | self.0[1] as u128
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.place())
    }
}

/// Places partition keys: SipHash-1-3 with 128 bits of output under a key of 128 bits.
///
/// AWS says only that an internal hash function is used. This one is our choice: it is fast,
/// places neighbouring keys independently, and its key gives as many placements as a study wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHasher {
    keys: [u64; 2],
}

impl KeyHasher {
    /// The placement numbered by two words; each pair gives another.
    pub const fn new(keys: [u64; 2]) -> Self {
        Self { keys }
    }
    /// Where items with a string as partition key lie: [`KeyHasher::hash`] of what need not be made
    /// a value.
    pub fn hash_text(&self, text: &str) -> KeyHash {
        let mut hasher = SipHasher13::new_with_keys(self.keys[0], self.keys[1]);
        hasher.write(text.as_bytes());
        hasher.write(b"S");
        KeyHash::new(hasher.finish128().as_u128())
    }
    /// Where items with this partition key lie. Equal values of different types lie apart.
    pub fn hash(&self, value: &KeyValue) -> KeyHash {
        let mut hasher = SipHasher13::new_with_keys(self.keys[0], self.keys[1]);
        match value {
            KeyValue::String(text) => return self.hash_text(text),
            KeyValue::Number(number) => {
                hasher.write(&number.unique_bytes());
                hasher.write(b"N");
            }
            KeyValue::Binary(bytes) => {
                hasher.write(bytes);
                hasher.write(b"B");
            }
        }
        KeyHash::new(hasher.finish128().as_u128())
    }
}
