//! DynamoDB: its numbers, items, keys, capacity units and prices, as pure functions and data.
//!
//! This crate reads no clock, does no input or output, starts no thread and draws nothing at random:
//! what it answers follows from its requests alone.

pub mod capacity;
pub mod database;
pub mod error;
pub mod examples;
pub mod expression;
pub mod item;
pub mod key;
pub mod limits;
pub mod number;
pub mod partition;
pub mod price;
pub mod scaling;
pub mod schema;
pub mod table;
pub mod throttle;
pub mod value;

pub use database::Database;
pub use error::{Error, Validation};
pub use item::{AttributeMap, Item};
pub use number::Number;
pub use schema::TableSchema;
pub use table::Table;
pub use value::AttributeValue;
