//! DynamoDB: numbers, items, keys, tables, capacity units, prices and partitions, as pure functions
//! and data.
//!
//! This crate reads no clock, does no input or output, starts no thread and draws nothing at random:
//! what it answers follows from its requests and the times that it is told.
//!
//! Where to start: [`table`] answers the requests that concern one table and [`database`] those that
//! concern several; [`capacity`] says what they consume and [`price`] what that costs; [`partition`]
//! divides a table and says what each part lets through; [`examples`] carries out what AWS publishes.
//!
//! What is not here: the text of expressions and the JSON protocol, which are read into the typed
//! requests; time to live and streams; replicas, routers and whoever decides on splits. Global
//! indexes follow their table at once unless who hosts the table leaves them out of its schema and
//! applies [`index`] by itself.

pub mod capacity;
pub mod database;
pub mod error;
pub mod examples;
pub mod expression;
pub mod index;
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
