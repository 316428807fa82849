//! Worked examples that AWS publishes, each carried out here and compared with what AWS says.
//!
//! Examples about requests store items of the stated sizes in a table and send the request, so that
//! they test the whole way to the consumed capacity and not only its arithmetic.

mod partitions;
mod prices;
mod reads;
mod rig;
mod sizes;
mod throttling;
mod throughput;
mod writes;

/// One worked example.
#[derive(Clone, Copy, Debug)]
pub struct WorkedExample {
    /// Where it is published.
    pub source: &'static str,
    /// What is done.
    pub case: &'static str,
    /// What comes of it, with units.
    pub expected: &'static str,
    /// Does it here and says what comes of it.
    pub actual: fn() -> String,
}

impl WorkedExample {
    /// Whether the same comes of it here.
    pub fn holds(&self) -> bool {
        (self.actual)() == self.expected
    }
}

/// Writes examples of one source as `case => expected: expression`.
macro_rules! examples {
    ($name:ident, $source:expr; $($case:literal => $expected:literal: $actual:expr;)*) => {
        pub(super) const $name: &[WorkedExample] = &[$(WorkedExample {
            source: $source,
            case: $case,
            expected: $expected,
            actual: || $actual.to_string(),
        }),*];
    };
}
use examples;

/// All worked examples, those of one source together.
pub fn worked_examples() -> impl Iterator<Item = &'static WorkedExample> {
    [
        reads::ITEMS,
        reads::PAGES,
        reads::PROVISIONED,
        reads::TRANSACTIONS,
        writes::ITEMS,
        writes::CONDITIONS,
        writes::TRANSACTIONS,
        writes::INDEXES,
        sizes::ITEMS,
        sizes::LIMITS,
        partitions::COUNTS,
        partitions::STATIC,
        partitions::BURST,
        partitions::LIMITS,
        throughput::ON_DEMAND,
        throughput::WARM,
        throughput::SCALING,
        throughput::DECREASES,
        throttling::REASONS,
        prices::SHOP,
        prices::PROVISIONED,
        prices::CHECKS,
    ]
    .into_iter()
    .flatten()
}
