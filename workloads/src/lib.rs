//! What clients ask for, and when: popularity, sizes, mixes, arrivals and recorded traces.
//!
//! This crate does not send anything, know any store, read a clock or keep results. It answers two
//! questions. *Which operation is the i-th?* is answered by [`workload::Workload`] as a pure
//! function of the seed, i and the number of keys that exist by then. *When is it meant to start?*
//! is answered by [`arrivals::Arrivals`], in integer picoseconds.
//!
//! Every draw is addressed (`kvrig_base::random`), every decision is an integer comparison, and
//! where a sampler needs a logarithm or a power it calls `libm`, so that the same seed gives the
//! same operations on every machine. Golden digests in the tests hold that.

#![allow(
    clippy::result_large_err,
    reason = "a diagnostic is made once, where a file is read"
)]

pub mod alias;
pub mod arrivals;
pub mod cache;
pub mod error;
pub mod goodness;
pub mod harmonic;
pub mod key;
pub mod law;
pub mod mix;
pub mod permutation;
pub mod popularity;
pub mod presets;
pub mod scan;
pub mod size;
pub mod trace;
pub mod workload;
pub mod ycsb;

pub use arrivals::{Arrivals, Gaps, Pacing, RateProfile};
pub use error::Error;
pub use key::{KeyFormat, KeyId};
pub use law::Law;
pub use mix::{Mix, OpKind};
pub use popularity::{Popularity, Scramble};
pub use scan::Lengths;
pub use size::{Mixed, SizeLaw, Sizes};
pub use workload::{KeySource, Op, Operations, Plan, Workload};
