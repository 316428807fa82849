//! Projections: the parts of an item that some paths name.

use super::path::{DocumentPath, PathElement, overlapping};
use crate::error::Validation;
use crate::item::{AttributeMap, Item};
use crate::value::AttributeValue;
use std::collections::BTreeMap;

/// What is wanted of one value: all of it, or some of its parts.
#[derive(Default)]
struct Wanted<'p> {
    is_whole: bool,
    names: BTreeMap<&'p str, Wanted<'p>>,
    indexes: BTreeMap<u32, Wanted<'p>>,
}

/// Whether `paths` can be projected together.
///
/// # Errors
/// A path of the wrong length, and two of which one goes through the other.
pub(crate) fn check_projection(paths: &[DocumentPath]) -> Result<(), Validation> {
    paths.iter().try_for_each(DocumentPath::check)?;
    match overlapping(paths) {
        Some([one, two]) => Err(Validation::OverlappingProjection {
            one: one.to_string(),
            two: two.to_string(),
        }),
        None => Ok(()),
    }
}

/// The parts of `item` that `paths` name, each inside the maps and lists that it lies in. Elements
/// of a list move together.
pub fn project<'p>(item: &Item, paths: impl IntoIterator<Item = &'p DocumentPath>) -> Item {
    let mut root = Wanted::default();
    for path in paths {
        let mut place = root.names.entry(path.root()).or_default();
        for element in path.rest() {
            place = match element {
                PathElement::Name(name) => place.names.entry(name).or_default(),
                PathElement::Index(index) => place.indexes.entry(*index).or_default(),
            };
        }
        place.is_whole = true;
    }
    root.of_map(item)
}

impl Wanted<'_> {
    fn of_map(&self, map: &AttributeMap) -> AttributeMap {
        self.names
            .iter()
            .filter_map(|(name, wanted)| Some((*name, wanted.of(map.get(name)?)?)))
            .collect()
    }
    fn of(&self, value: &AttributeValue) -> Option<AttributeValue> {
        if self.is_whole {
            return Some(value.clone());
        }
        match value {
            AttributeValue::Map(map) => {
                let part = self.of_map(map);
                (!part.is_empty()).then_some(AttributeValue::Map(part))
            }
            AttributeValue::List(values) => {
                let part: Vec<_> = self
                    .indexes
                    .iter()
                    .filter_map(|(index, wanted)| wanted.of(values.get(*index as usize)?))
                    .collect();
                (!part.is_empty()).then_some(AttributeValue::List(part))
            }
            _ => None,
        }
    }
}
