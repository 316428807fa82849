//! The vocabulary of all kvrig crates.
//!
//! This crate does no input or output, reads no clock and starts no thread. It holds the words that
//! the others share, so that a store, a workload and a report mean the same thing by them:
//!
//! - quantities with their units: [`time`], [`quantity`];
//! - names of things: [`id`];
//! - addressed random streams and integer probabilities: [`random`];
//! - every maximum, with its name: [`limits`];
//! - [`seam`]: the contract between an engine and its hosts, and the receipts of work;
//! - [`calibration`]: what the parts of a machine took, from which prices are fitted;
//! - results: [`metric`], [`row`] and [`result`] are all that a report ever sees of a run, and
//!   [`measured`] what a real clock said beside it; [`validation`] holds real servers beside predictions.

pub mod calibration;
pub mod diagnostic;
pub mod digest;
pub mod id;
pub mod limits;
pub mod measured;
pub mod metric;
pub mod quantity;
pub mod random;
pub mod result;
pub mod row;
pub mod seam;
pub mod time;
pub mod validation;
