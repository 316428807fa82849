//! What requests say about the inside of items: paths, conditions, projections and updates.
//!
//! These are the typed forms that expressions are read into; they hold no text and no
//! placeholders.

mod condition;
mod path;
mod projection;
mod update;

pub use condition::{Comparator, Condition, Operand};
pub use path::{DocumentPath, PathElement};
pub(crate) use projection::check_projection;
pub use projection::project;
pub use update::{SetAction, SetOperand, Update};

use crate::error::Validation;
use crate::limits::OPERATORS_MAX;

/// Operators that an expression may still have. Every node takes one, so that no expression is too
/// deep to be judged.
struct OperatorBudget(usize);

impl OperatorBudget {
    const fn new() -> Self {
        Self(OPERATORS_MAX)
    }
    fn take(&mut self) -> Result<(), Validation> {
        self.0 = self.0.checked_sub(1).ok_or(Validation::TooManyOperators)?;
        Ok(())
    }
}
