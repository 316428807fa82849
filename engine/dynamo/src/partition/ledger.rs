//! What became of tokens: granted, spent, spilled, left.

use super::bucket::PARTS;

/// The account of one bucket in parts of a token, 10^12 of which are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// What it had at first and gained since.
    pub granted: i128,
    /// What was taken and not given back.
    pub spent: i128,
    /// What it had no room for.
    pub spilled: i128,
    /// What it has; less than none while in debt.
    pub left: i128,
}

impl Ledger {
    /// Whole tokens that were spent, none where more were given back than were ever taken.
    pub fn spent_tokens(&self) -> u64 {
        u64::try_from(self.spent / PARTS).unwrap_or(0)
    }
    /// Whether every part that was granted is accounted for.
    pub const fn balances(&self) -> bool {
        let Self {
            granted,
            spent,
            spilled,
            left,
        } = *self;
        granted.wrapping_sub(spent).wrapping_sub(spilled) == left
    }
}
