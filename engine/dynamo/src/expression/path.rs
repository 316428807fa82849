//! Document paths: an attribute of an item, or a place inside one.

use crate::error::Validation;
use crate::item::Item;
use crate::limits::NESTING_LEVELS_MAX;
use crate::value::AttributeValue;
use std::fmt;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathElement {
    /// An element of a list, counted from 0.
    Index(u32),
    /// An attribute of an item or map.
    Name(Box<str>),
}

/// A path such as `a.b[3]`: the name of an attribute, then steps into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentPath {
    root: Box<str>,
    rest: Vec<PathElement>,
}

impl DocumentPath {
    /// The attribute `name` of the item, whatever characters the name has.
    pub fn new(name: &str) -> Self {
        Self {
            root: name.into(),
            rest: Vec::new(),
        }
    }
    /// The attribute `name` of the map at this path.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.rest.push(PathElement::Name(name.into()));
        self
    }
    /// The element `index` of the list at this path.
    #[must_use]
    pub fn index(mut self, index: u32) -> Self {
        self.rest.push(PathElement::Index(index));
        self
    }
    /// The attribute of the item that the path goes through.
    pub fn root(&self) -> &str {
        &self.root
    }
    /// The steps behind that attribute.
    pub fn rest(&self) -> &[PathElement] {
        &self.rest
    }
    /// The path without its last step; nothing for an attribute of the item itself.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, through) = self.rest.split_last()?;
        Some(Self {
            root: self.root.clone(),
            rest: through.to_vec(),
        })
    }
    /// Whether its length is within the limit of nesting.
    ///
    /// # Errors
    /// [`Validation::PathLength`], also for an attribute without a name.
    pub fn check(&self) -> Result<(), Validation> {
        let count = usize::from(!self.root.is_empty()) + self.rest.len();
        match (1..=NESTING_LEVELS_MAX as usize).contains(&count) && !self.root.is_empty() {
            true => Ok(()),
            false => Err(Validation::PathLength { count }),
        }
    }
    /// The value at this path.
    pub fn of<'i>(&self, item: &'i Item) -> Option<&'i AttributeValue> {
        let mut value = item.get(&self.root)?;
        for element in &self.rest {
            value = match (element, value) {
                (PathElement::Name(name), AttributeValue::Map(map)) => map.get(name)?,
                (PathElement::Index(index), AttributeValue::List(values)) => {
                    values.get(*index as usize)?
                }
                _ => return None,
            };
        }
        Some(value)
    }
    /// Whether one of the two paths goes through the other, so that both cannot be changed at once.
    pub fn overlaps(&self, other: &Self) -> bool {
        let shared = self.rest.len().min(other.rest.len());
        self.root == other.root && self.rest[..shared] == other.rest[..shared]
    }
}

/// Two of `paths` of which one goes through the other, the earlier of the two first.
pub(super) fn overlapping<'p>(
    paths: impl IntoIterator<Item = &'p DocumentPath>,
) -> Option<[&'p DocumentPath; 2]> {
    let mut sorted: Vec<_> = paths.into_iter().enumerate().collect();
    // A path that goes through another directly follows it, or follows others that do too.
    sorted.sort_by_key(|(number, path)| (*path, *number));
    let pair = sorted
        .windows(2)
        .find(|pair| pair[0].1.overlaps(pair[1].1))?;
    let [(one, first), (other, second)] = [pair[0], pair[1]];
    Some(match one < other {
        true => [first, second],
        false => [second, first],
    })
}

impl From<&str> for DocumentPath {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// As in the service's messages: `[a, b, [3]]`.
impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.root)?;
        for element in &self.rest {
            match element {
                PathElement::Index(index) => write!(f, ", [{index}]")?,
                PathElement::Name(name) => write!(f, ", {name}")?,
            }
        }
        f.write_str("]")
    }
}
