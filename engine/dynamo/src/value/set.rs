//! Sets of strings, numbers or binaries: never empty, no member twice, no order of their own.

use crate::error::Validation;
use crate::number::Number;
use smol_str::SmolStr;

/// What can be a member of a set.
pub trait SetMember: Ord + Clone {
    /// Why `members`, which are not yet sorted, cannot be a set.
    ///
    /// # Errors
    /// The service's message for an empty member, if there is one.
    fn check(members: &[Self]) -> Result<(), Validation>;
    /// What an empty set is refused with.
    const EMPTY: Validation;
    /// What a set with a member twice is refused with.
    fn duplicates(members: &[Self]) -> Validation;
}

/// A set of values of one type, kept in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ValueSet<T>(Box<[T]>);

/// `SS`.
pub type StringSet = ValueSet<SmolStr>;
/// `NS`.
pub type NumberSet = ValueSet<Number>;
/// `BS`.
pub type BinarySet = ValueSet<Box<[u8]>>;

impl<T: SetMember> ValueSet<T> {
    /// A set of `members`.
    ///
    /// # Errors
    /// No members, a member twice, or an empty member, with the service's messages.
    pub fn new(members: impl IntoIterator<Item = T>) -> Result<Self, Validation> {
        let mut members: Vec<T> = members.into_iter().collect();
        if members.is_empty() {
            return Err(T::EMPTY);
        }
        T::check(&members)?;
        let written = members.clone();
        members.sort_unstable();
        match members.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(T::duplicates(&written)),
            false => Ok(Self(members.into_boxed_slice())),
        }
    }
    /// Its members in ascending order: at least one.
    pub const fn members(&self) -> &[T] {
        &self.0
    }
    /// Whether `member` is in it.
    pub fn contains(&self, member: &T) -> bool {
        self.0.binary_search(member).is_ok()
    }
    /// The members of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut members = [&*self.0, &*other.0].concat();
        members.sort_unstable();
        members.dedup();
        Self(members.into_boxed_slice())
    }
    /// The members that are not in `other`, or nothing where none is left.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<Self> {
        let members: Box<[T]> = self
            .0
            .iter()
            .filter(|member| !other.contains(member))
            .cloned()
            .collect();
        (!members.is_empty()).then_some(Self(members))
    }
}

impl SetMember for SmolStr {
    const EMPTY: Validation = Validation::EmptySet { kind: "string" };
    fn check(members: &[Self]) -> Result<(), Validation> {
        match members.iter().any(|member| member.is_empty()) {
            true => Err(Validation::EmptySetMember { kind: "string" }),
            false => Ok(()),
        }
    }
    fn duplicates(members: &[Self]) -> Validation {
        Validation::DuplicateSetMembers {
            members: Some(members.join(", ")),
        }
    }
}
impl SetMember for Number {
    const EMPTY: Validation = Validation::EmptySet { kind: "number" };
    fn check(_: &[Self]) -> Result<(), Validation> {
        Ok(())
    }
    fn duplicates(_: &[Self]) -> Validation {
        Validation::DuplicateSetMembers { members: None }
    }
}
impl SetMember for Box<[u8]> {
    const EMPTY: Validation = Validation::EmptySet { kind: "binary" };
    fn check(members: &[Self]) -> Result<(), Validation> {
        match members.iter().any(|member| member.is_empty()) {
            true => Err(Validation::EmptySetMember { kind: "binary" }),
            false => Ok(()),
        }
    }
    fn duplicates(_: &[Self]) -> Validation {
        Validation::DuplicateSetMembers { members: None }
    }
}
