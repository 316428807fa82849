//! DynamoDB: its numbers, items, keys, capacity units and prices, as pure functions and data.
//!
//! This crate reads no clock, does no input or output, starts no thread and draws nothing at random:
//! what it answers follows from its requests alone.

pub mod number;

pub use number::Number;
