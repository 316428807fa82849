//! Updates: SET, REMOVE, ADD and DELETE, all of which see the item as it was.

use super::OperatorBudget;
use super::path::{DocumentPath, PathElement, overlapping};
use crate::error::Validation;
use crate::item::{Item, check_item, check_nesting};
use crate::key::KeySchema;
use crate::value::AttributeValue;

/// What an update does; each place is changed by one clause at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Update {
    /// SET: the value at a path becomes this.
    pub set: Vec<(DocumentPath, SetAction)>,
    /// REMOVE: the value at a path goes.
    pub remove: Vec<DocumentPath>,
    /// ADD: a number is added to the number at a path, or members to the set.
    pub add: Vec<(DocumentPath, AttributeValue)>,
    /// DELETE: members are taken out of the set at a path.
    pub delete: Vec<(DocumentPath, AttributeValue)>,
}

/// What SET makes of its operands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetAction {
    /// The operand itself.
    To(SetOperand),
    /// `a + b`.
    Plus(SetOperand, SetOperand),
    /// `a - b`.
    Minus(SetOperand, SetOperand),
}

/// An operand of SET.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOperand {
    /// A value of the request.
    Value(AttributeValue),
    /// The value at a path.
    Path(DocumentPath),
    /// `if_not_exists`: the value at a path, or else the operand.
    IfNotExists(DocumentPath, Box<SetOperand>),
    /// `list_append`: the second list behind the first.
    ListAppend(Box<SetOperand>, Box<SetOperand>),
}

impl SetAction {
    /// The value itself.
    pub fn value(value: impl Into<AttributeValue>) -> Self {
        Self::To(SetOperand::Value(value.into()))
    }
    fn operands(&self) -> impl Iterator<Item = &SetOperand> {
        let (one, two) = match self {
            Self::To(operand) => (operand, None),
            Self::Plus(left, right) | Self::Minus(left, right) => (left, Some(right)),
        };
        std::iter::once(one).chain(two)
    }
    fn of(&self, item: &Item) -> Result<AttributeValue, Validation> {
        let (left, right, is_sum) = match self {
            Self::To(operand) => return operand.of(item),
            Self::Plus(left, right) => (left, right, true),
            Self::Minus(left, right) => (left, right, false),
        };
        let (AttributeValue::Number(left), AttributeValue::Number(right)) =
            (left.of(item)?, right.of(item)?)
        else {
            return Err(Validation::WrongOperandType);
        };
        let number = match is_sum {
            true => left.checked_add(right),
            false => left.checked_sub(right),
        };
        Ok(AttributeValue::Number(number?))
    }
}

impl SetOperand {
    fn check(&self, budget: &mut OperatorBudget) -> Result<(), Validation> {
        budget.take()?;
        match self {
            Self::Value(value) => check_nesting(value),
            Self::Path(path) => path.check(),
            Self::IfNotExists(path, operand) => {
                path.check()?;
                operand.check(budget)
            }
            Self::ListAppend(first, second) => {
                first.check(budget)?;
                second.check(budget)
            }
        }
    }
    fn of(&self, item: &Item) -> Result<AttributeValue, Validation> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Path(path) => path.of(item).cloned().ok_or(Validation::MissingAttribute),
            Self::IfNotExists(path, operand) => match path.of(item) {
                Some(value) => Ok(value.clone()),
                None => operand.of(item),
            },
            Self::ListAppend(first, second) => match (first.of(item)?, second.of(item)?) {
                (AttributeValue::List(mut values), AttributeValue::List(more)) => {
                    values.extend(more);
                    Ok(AttributeValue::List(values))
                }
                _ => Err(Validation::WrongOperandType),
            },
        }
    }
}

impl Update {
    /// An update that changes nothing; it still creates the item.
    pub fn new() -> Self {
        Self::default()
    }
    /// The same with SET `path` to `action`.
    #[must_use]
    pub fn set(mut self, path: impl Into<DocumentPath>, action: SetAction) -> Self {
        self.set.push((path.into(), action));
        self
    }
    /// The same with REMOVE `path`.
    #[must_use]
    pub fn remove(mut self, path: impl Into<DocumentPath>) -> Self {
        self.remove.push(path.into());
        self
    }
    /// The same with ADD `value` to `path`.
    #[must_use]
    pub fn add(mut self, path: impl Into<DocumentPath>, value: impl Into<AttributeValue>) -> Self {
        self.add.push((path.into(), value.into()));
        self
    }
    /// The same with DELETE `value` from `path`.
    #[must_use]
    pub fn delete(
        mut self,
        path: impl Into<DocumentPath>,
        value: impl Into<AttributeValue>,
    ) -> Self {
        self.delete.push((path.into(), value.into()));
        self
    }
    /// The places that it changes.
    pub fn paths(&self) -> impl Iterator<Item = &DocumentPath> {
        let set = self.set.iter().map(|(path, _)| path);
        let add = self.add.iter().map(|(path, _)| path);
        let delete = self.delete.iter().map(|(path, _)| path);
        set.chain(&self.remove).chain(add).chain(delete)
    }

    /// Whether the update can be made at all in a table with the key `key`, before any item is
    /// seen.
    ///
    /// # Errors
    /// Too many operators, paths that overlap or change the key, values of types that a clause does
    /// not take, and paths or values that nest too deep.
    pub fn check(&self, key: &KeySchema) -> Result<(), Validation> {
        let mut budget = OperatorBudget::new();
        for path in self.paths() {
            budget.take()?;
            path.check()?;
            if key.has(path.root()) {
                return Err(Validation::KeyIsImmutable {
                    name: path.root().into(),
                });
            }
        }
        for (_, action) in &self.set {
            for operand in action.operands() {
                operand.check(&mut budget)?;
            }
        }
        for (action, clauses) in [("ADD", &self.add), ("DELETE", &self.delete)] {
            for (_, value) in clauses {
                let is_number = matches!(value, AttributeValue::Number(_)) && action == "ADD";
                if !is_number && !is_set(value) {
                    return Err(Validation::WrongActionOperand {
                        action,
                        actual: value.attribute_type(),
                    });
                }
            }
        }
        match overlapping(self.paths()) {
            Some([one, two]) => Err(Validation::OverlappingPaths {
                one: one.to_string(),
                two: two.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// The item after the update, and its size in bytes; the update must have been checked.
    ///
    /// # Errors
    /// Operands that are missing or of the wrong type, paths that lead nowhere, numbers that do not
    /// fit, and an item that becomes too large or too deep.
    pub fn apply(&self, before: &Item) -> Result<(Item, u64), Validation> {
        let mut item = before.clone();
        // Elements that are set behind the end of a list are appended in the order of their
        // indexes, whatever the order of the clauses.
        let mut sets: Vec<_> = self.set.iter().collect();
        sets.sort_unstable_by_key(|(path, _)| path);
        for (path, action) in sets {
            assign(&mut item, path, action.of(before)?)?;
        }
        for (path, value) in &self.add {
            let sum = match path.of(before) {
                None => value.clone(),
                Some(present) => add(present, value)?,
            };
            assign(&mut item, path, sum)?;
        }
        let mut removals: Vec<&DocumentPath> = self.remove.iter().collect();
        for (path, value) in &self.delete {
            match path.of(before) {
                None => check_parent(before, path)?,
                Some(present) => match delete(present, value)? {
                    Some(rest) => assign(&mut item, path, rest)?,
                    None => removals.push(path),
                },
            }
        }
        // From the last element to the first, so that indexes keep their meaning.
        removals.sort_unstable();
        for path in removals.into_iter().rev() {
            remove(&mut item, path)?;
        }
        match check_item(&item) {
            Ok(bytes) => Ok((item, bytes)),
            Err(Validation::ItemTooLarge) => Err(Validation::UpdateTooLarge),
            Err(error) => Err(error),
        }
    }
}

const fn is_set(value: &AttributeValue) -> bool {
    matches!(
        value,
        AttributeValue::StringSet(_) | AttributeValue::NumberSet(_) | AttributeValue::BinarySet(_)
    )
}

fn add(present: &AttributeValue, value: &AttributeValue) -> Result<AttributeValue, Validation> {
    match (present, value) {
        (AttributeValue::Number(left), AttributeValue::Number(right)) => {
            Ok(left.checked_add(*right)?.into())
        }
        (AttributeValue::StringSet(left), AttributeValue::StringSet(right)) => {
            Ok(left.union(right).into())
        }
        (AttributeValue::NumberSet(left), AttributeValue::NumberSet(right)) => {
            Ok(left.union(right).into())
        }
        (AttributeValue::BinarySet(left), AttributeValue::BinarySet(right)) => {
            Ok(left.union(right).into())
        }
        _ => Err(Validation::WrongOperandType),
    }
}

fn delete(
    present: &AttributeValue,
    value: &AttributeValue,
) -> Result<Option<AttributeValue>, Validation> {
    match (present, value) {
        (AttributeValue::StringSet(left), AttributeValue::StringSet(right)) => {
            Ok(left.difference(right).map(Into::into))
        }
        (AttributeValue::NumberSet(left), AttributeValue::NumberSet(right)) => {
            Ok(left.difference(right).map(Into::into))
        }
        (AttributeValue::BinarySet(left), AttributeValue::BinarySet(right)) => {
            Ok(left.difference(right).map(Into::into))
        }
        _ => Err(Validation::WrongOperandType),
    }
}

/// The value that the last step of `path` leads out of, with that step; nothing for an attribute
/// of the item itself.
fn parent<'i, 'p>(
    item: &'i mut Item,
    path: &'p DocumentPath,
) -> Result<Option<(&'i mut AttributeValue, &'p PathElement)>, Validation> {
    let Some((last, through)) = path.rest().split_last() else {
        return Ok(None);
    };
    let mut value = item.get_mut(path.root());
    for element in through {
        value = match (element, value) {
            (PathElement::Name(name), Some(AttributeValue::Map(map))) => map.get_mut(name),
            (PathElement::Index(index), Some(AttributeValue::List(values))) => {
                values.get_mut(*index as usize)
            }
            _ => None,
        };
    }
    match value {
        Some(value) => Ok(Some((value, last))),
        None => Err(Validation::InvalidUpdatePath),
    }
}

/// Whether there is something that can have a part at the last step of `path`.
fn check_parent(item: &Item, path: &DocumentPath) -> Result<(), Validation> {
    let (Some(last), Some(parent)) = (path.rest().last(), path.parent()) else {
        return Ok(());
    };
    match (parent.of(item), last) {
        (Some(AttributeValue::Map(_)), PathElement::Name(_))
        | (Some(AttributeValue::List(_)), PathElement::Index(_)) => Ok(()),
        _ => Err(Validation::InvalidUpdatePath),
    }
}

fn assign(item: &mut Item, path: &DocumentPath, value: AttributeValue) -> Result<(), Validation> {
    match parent(item, path)? {
        None => {
            item.insert(path.root(), value);
        }
        Some((AttributeValue::Map(map), PathElement::Name(name))) => {
            map.insert(name.clone(), value);
        }
        Some((AttributeValue::List(values), PathElement::Index(index))) => {
            match values.get_mut(*index as usize) {
                Some(present) => *present = value,
                None => values.push(value),
            }
        }
        Some(_) => return Err(Validation::InvalidUpdatePath),
    }
    Ok(())
}

fn remove(item: &mut Item, path: &DocumentPath) -> Result<(), Validation> {
    match parent(item, path)? {
        None => {
            item.remove(path.root());
        }
        Some((AttributeValue::Map(map), PathElement::Name(name))) => {
            map.remove(name);
        }
        Some((AttributeValue::List(values), PathElement::Index(index))) => {
            if (*index as usize) < values.len() {
                values.remove(*index as usize);
            }
        }
        Some(_) => return Err(Validation::InvalidUpdatePath),
    }
    Ok(())
}
