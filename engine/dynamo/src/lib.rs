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
//! [`roles`] are the actors that serve tables together: routers, storage nodes with replicas, and those
//! who administer them.
//!
//! What is not here: the text of expressions and the JSON protocol, which are read into the typed
//! requests; time to live and streams. Global indexes of a [`Table`] by itself follow it at once; those
//! of a served table lag behind it.
//!
//! ```
//! use kvrig_dynamo::key::{KeyHasher, KeySchema, ScalarType};
//! use kvrig_dynamo::table::{GetItem, PutItem};
//! use kvrig_dynamo::{Item, Table, TableSchema};
//!
//! let schema = TableSchema::new("users", KeySchema::simple("id", ScalarType::String));
//! let mut users = Table::new(schema, KeyHasher::default())?;
//! let item = Item::from([("id", "ann".into()), ("visits", 7.into())]);
//! users.put(PutItem { item: item.clone(), ..PutItem::default() })?;
//! let output = users.get(&GetItem::new(item.only(["id"])))?;
//! assert_eq!(output.item, Some(item));
//! assert_eq!(output.consumed.table.read.to_string(), "0.5");
//! # Ok::<(), kvrig_dynamo::Error>(())
//! ```

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
pub mod retry;
pub mod roles;
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
