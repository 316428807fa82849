//! From counted work to virtual time: cost profiles, cache tag arrays, and the meter.
//!
//! Nothing here counts work, and no price is written in code: every number comes from a profile
//! that names its source.

mod cache;
mod copied_pages;
mod meter;
mod profile;
mod reader;
#[cfg(test)]
mod tests;

pub use cache::{CacheLevel, CacheModel, Hits, Tlb};
pub use meter::{OutOfRange, Pricing, PricingMeter};
pub use profile::{
    DiskPrices, Fit, HostPrices, LinkPrices, MemoryPrices, Profile, ProfileKind, SHARED_VM_2026,
    TYPICAL_2026, embedded_profiles,
};
