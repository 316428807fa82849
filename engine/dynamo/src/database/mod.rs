//! All tables of an account in one Region, and the requests that concern several at once.

mod batch;
mod token;
mod transaction;

pub use batch::{
    BatchGetItem, BatchGetOutput, BatchWriteItem, BatchWriteOutput, KeysToGet, WriteRequest,
};
pub use transaction::{
    TransactAction, TransactGet, TransactGetItems, TransactGetOutput, TransactWrite,
    TransactWriteItems, TransactWriteOutput,
};

use crate::capacity::ConsumedCapacity;
use crate::error::{Error, Validation};
use crate::key::KeyHasher;
use crate::schema::TableSchema;
use crate::table::Table;
use std::collections::BTreeMap;
pub(crate) use token::{CarriedOut, RequestDigest, Tokens};
pub(crate) use transaction::{check_gets, check_transaction_shape};

/// Consumed capacity by table, in ascending order of names.
pub type ConsumedByTable = Vec<(Box<str>, ConsumedCapacity)>;

/// Tables by their names.
#[derive(Clone, Debug, Default)]
pub struct Database {
    hasher: KeyHasher,
    tables: BTreeMap<Box<str>, Table>,
    tokens: Tokens,
}

impl Database {
    /// No tables yet; the keys of all will be placed by `hasher`.
    pub fn new(hasher: KeyHasher) -> Self {
        Self {
            hasher,
            ..Self::default()
        }
    }
    /// CreateTable, which takes no time here.
    ///
    /// # Errors
    /// A schema that cannot be, and a name that is taken.
    pub fn create_table(&mut self, schema: TableSchema) -> Result<(), Error> {
        let name = schema.name.clone();
        let table = Table::new(schema, self.hasher)?;
        if self.tables.contains_key(&name) {
            return Err(Error::ResourceInUse { table: name });
        }
        self.tables.insert(name, table);
        Ok(())
    }
    /// DeleteTable: gives the table back.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`].
    pub fn delete_table(&mut self, name: &str) -> Result<Table, Error> {
        self.tables.remove(name).ok_or(Error::ResourceNotFound)
    }
    /// The table called `name`.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`].
    pub fn table(&self, name: &str) -> Result<&Table, Error> {
        self.tables.get(name).ok_or(Error::ResourceNotFound)
    }
    /// The table called `name`, to be written to.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`].
    pub fn table_mut(&mut self, name: &str) -> Result<&mut Table, Error> {
        self.tables.get_mut(name).ok_or(Error::ResourceNotFound)
    }
    /// All tables in ascending order of their names.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = &Table> {
        self.tables.values()
    }
}

/// Adds what a request consumed of one table.
pub(crate) fn add_consumed(total: &mut ConsumedByTable, table: &str, consumed: &ConsumedCapacity) {
    match total.binary_search_by(|(name, _)| (**name).cmp(table)) {
        Ok(place) => total[place].1.add(consumed),
        Err(place) => total.insert(place, (table.into(), consumed.clone())),
    }
}

pub(crate) fn check_count(
    operation: &'static str,
    count: usize,
    max: usize,
) -> Result<(), Validation> {
    match (1..=max).contains(&count) {
        true => Ok(()),
        false => Err(Validation::RequestCount {
            operation,
            count,
            max,
        }),
    }
}
