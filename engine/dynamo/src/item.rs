//! Items: named attribute values, their size, and what makes one acceptable.

use crate::error::Validation;
use crate::limits::{ATTRIBUTE_NAME_BYTES_MAX, ITEM_BYTES_MAX, NESTING_LEVELS_MAX};
use crate::value::AttributeValue;
use smol_str::SmolStr;

/// Named values in ascending order of their names: an item, or a value of type `M`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AttributeMap {
    /// Names of up to 23 bytes, which nearly all are, lie here and not elsewhere: one place less to
    /// wait for in an item of a large table.
    attributes: Vec<(SmolStr, AttributeValue)>,
}

/// Attributes of an item that memory is asked for ahead: larger items wait for more than these.
const ATTRIBUTES_FORESEEN: usize = 8;

/// An item of a table: a map whose attributes include the primary key.
pub type Item = AttributeMap;

impl AttributeMap {
    /// A map without attributes.
    pub const fn new() -> Self {
        Self {
            attributes: Vec::new(),
        }
    }
    /// The number of attributes.
    pub const fn len(&self) -> usize {
        self.attributes.len()
    }
    /// Whether there is no attribute.
    pub const fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }
    /// The value called `name`.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        let index = self.find(name).ok()?;
        Some(&self.attributes[index].1)
    }
    /// The value called `name`, to be changed in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut AttributeValue> {
        let index = self.find(name).ok()?;
        Some(&mut self.attributes[index].1)
    }
    /// Sets the value called `name` and returns the one that it replaces.
    pub fn insert(
        &mut self,
        name: impl Into<SmolStr>,
        value: AttributeValue,
    ) -> Option<AttributeValue> {
        let name = name.into();
        match self.find(&name) {
            Ok(index) => Some(std::mem::replace(&mut self.attributes[index].1, value)),
            Err(index) => {
                self.attributes.insert(index, (name, value));
                None
            }
        }
    }
    /// Takes the value called `name` out.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        let index = self.find(name).ok()?;
        Some(self.attributes.remove(index).1)
    }
    /// Names and values in ascending order of names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AttributeValue)> {
        self.attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }
    /// Bytes of all names and values: the size of an item (AWS Developer Guide, "DynamoDB item
    /// sizes and formats").
    pub fn size_bytes(&self) -> u64 {
        self.iter()
            .map(|(name, value)| name.len() as u64 + value.size_bytes())
            .sum()
    }
    /// Asks memory for the first names and values, and for nothing that these lead to.
    pub(crate) fn prefetch(&self) {
        for (name, value) in self.attributes.iter().take(ATTRIBUTES_FORESEEN) {
            kvrig_tables::prefetch(name);
            kvrig_tables::prefetch(value);
        }
    }
    /// Asks memory for the texts of these that lie outside their values: a copy counts itself there, and
    /// so does the last one that goes.
    pub(crate) fn prefetch_texts(&self) {
        for (_, value) in self.attributes.iter().take(ATTRIBUTES_FORESEEN) {
            if let AttributeValue::String(text) = value
                && text.is_heap_allocated()
            {
                kvrig_tables::prefetch(text.as_str());
            }
        }
    }
    /// The attributes called `names`, as far as there are such.
    #[must_use]
    pub fn only<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Self {
        names
            .into_iter()
            .filter_map(|name| Some(self.attributes[self.find(name).ok()?].clone()))
            .collect()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.attributes
            .binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

impl<N: Into<SmolStr>> FromIterator<(N, AttributeValue)> for AttributeMap {
    /// Of two values with one name the later stays.
    fn from_iter<I: IntoIterator<Item = (N, AttributeValue)>>(attributes: I) -> Self {
        let named = attributes
            .into_iter()
            .map(|(name, value)| (name.into(), value));
        let mut attributes: Vec<(SmolStr, AttributeValue)> = named.collect();
        attributes.sort_by(|(left, _), (right, _)| left.cmp(right));
        attributes.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                std::mem::swap(&mut later.1, &mut earlier.1);
            }
            is_same
        });
        Self { attributes }
    }
}
impl<const N: usize> From<[(&str, AttributeValue); N]> for AttributeMap {
    fn from(attributes: [(&str, AttributeValue); N]) -> Self {
        attributes.into_iter().collect()
    }
}

/// Whether the value of a request nests within the limit, wherever it is used.
///
/// # Errors
/// [`Validation::NestingTooDeep`].
pub fn check_nesting(value: &AttributeValue) -> Result<(), Validation> {
    match value.fits_levels(NESTING_LEVELS_MAX) {
        true => Ok(()),
        false => Err(Validation::NestingTooDeep),
    }
}

/// The size of an item that is to be stored.
///
/// # Errors
/// Names of the wrong length, values that nest too deep, and more than 400 KB in all.
pub fn check_item(item: &Item) -> Result<u64, Validation> {
    for (name, value) in item.iter() {
        check_nesting(value)?;
        check_names(name, value)?;
    }
    match item.size_bytes() {
        bytes if bytes > ITEM_BYTES_MAX => Err(Validation::ItemTooLarge),
        bytes => Ok(bytes),
    }
}

/// Names at every level; the nesting has been checked.
fn check_names(name: &str, value: &AttributeValue) -> Result<(), Validation> {
    if name.is_empty() {
        return Err(Validation::EmptyAttributeName);
    }
    if name.len() as u64 > ATTRIBUTE_NAME_BYTES_MAX {
        return Err(Validation::AttributeNameTooLong);
    }
    match value {
        AttributeValue::Map(map) => map
            .iter()
            .try_for_each(|(name, value)| check_names(name, value)),
        AttributeValue::List(values) => {
            values.iter().try_for_each(|value| check_names(name, value))
        }
        _ => Ok(()),
    }
}
