//! What requests of the study consume: each kind is carried out once on tables of the engine.

use crate::study::{CostKnobs, IndexProjection, ReadDesign};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::Bytes;
use kvrig_dynamo::capacity::{ReadConsistency, Units};
use kvrig_dynamo::item::AttributeMap;
use kvrig_dynamo::key::{KeyHasher, KeySchema, KeyValue, ScalarType};
use kvrig_dynamo::limits::PAGE_BYTES_MAX;
use kvrig_dynamo::schema::Projection;
use kvrig_dynamo::table::{GetItem, PutItem, Query, ReadOptions, Table};
use kvrig_dynamo::{Error, Item, TableSchema};

/// Kinds of requests: eventual reads, strong reads, writes.
pub(super) const KINDS: usize = 3;

/// What one request of each kind consumes of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableUse {
    /// Half units of an eventual and of a strong read.
    pub(super) read_halves: [u64; 2],
    /// Units of a write, with those of the table's indexes; none where nothing is written there.
    pub(super) write_units: u64,
}

/// What one request of each kind consumes, by table.
///
/// # Errors
/// Items that DynamoDB refuses, or a page that takes more than one Query.
pub(super) fn measure(knobs: &CostKnobs, item_bytes: u64) -> Result<Vec<TableUse>, Diagnostic> {
    let tables = match knobs.reads {
        ReadDesign::Item => one_item(item_bytes, &knobs.indexes).map(|table| vec![table]),
        ReadDesign::SingleTable | ReadDesign::MultiTable => {
            let orders = item_bytes.saturating_mul(u64::from(knobs.orders));
            if knobs.customer_bytes.saturating_add(orders) > PAGE_BYTES_MAX {
                let page = Bytes(PAGE_BYTES_MAX);
                let message = format!(
                    "{} orders of {} do not fit into one page of Query, {page}",
                    knobs.orders,
                    Bytes(item_bytes),
                );
                return Err(Diagnostic::new(diagnostic::CONTRADICTION, message)
                    .help("lower study.cost.orders or workload.value_size"));
            }
            match knobs.reads {
                ReadDesign::SingleTable => single_table(knobs, item_bytes),
                _ => multi_table(knobs, item_bytes),
            }
        }
    };
    tables.map_err(|error| {
        let message = format!("DynamoDB would refuse these requests: {error}");
        Diagnostic::new(diagnostic::CONTRADICTION, message)
            .help("correct workload.value_size, study.cost.customer_size or study.cost.indexes")
    })
}

/// What GetItem and PutItem of one item consume in a table with these indexes.
///
/// # Errors
/// If DynamoDB refuses items of so many bytes, or so many indexes.
pub(super) fn one_item(item_bytes: u64, indexes: &[IndexProjection]) -> Result<TableUse, Error> {
    let mut table = table("items", indexes)?;
    let written = put(&mut table, "item", item_bytes)?;
    let read = |consistency| {
        let request = GetItem::new(key("item")).consistency(consistency);
        Ok::<_, Error>(table.get(&request)?.consumed.table)
    };
    Ok(TableUse {
        read_halves: halves(read)?,
        write_units: written.write.0,
    })
}

/// One Query for the customer and all orders, which share a partition key; PutItem of an order.
fn single_table(knobs: &CostKnobs, order_bytes: u64) -> Result<Vec<TableUse>, Error> {
    let mut table = table("shop", &knobs.indexes)?;
    put(&mut table, "customer", knobs.customer_bytes)?;
    let written = put_orders(&mut table, knobs.orders, order_bytes)?;
    Ok(vec![TableUse {
        read_halves: halves(|consistency| query(&table, consistency))?,
        write_units: written.write.0,
    }])
}

/// GetItem of the customer out of one table and Query of the orders out of another.
fn multi_table(knobs: &CostKnobs, order_bytes: u64) -> Result<Vec<TableUse>, Error> {
    let mut customers = table("customers", &[])?;
    put(&mut customers, "customer", knobs.customer_bytes)?;
    let read = |consistency| {
        let request = GetItem::new(key("customer")).consistency(consistency);
        Ok::<_, Error>(customers.get(&request)?.consumed.table)
    };
    let customer_halves = halves(read)?;
    let mut orders = table("orders", &knobs.indexes)?;
    let written = put_orders(&mut orders, knobs.orders, order_bytes)?;
    let customers = TableUse {
        read_halves: customer_halves,
        write_units: 0,
    };
    let orders = TableUse {
        read_halves: halves(|consistency| query(&orders, consistency))?,
        write_units: written.write.0,
    };
    Ok(vec![customers, orders])
}

/// A table with the study's indexes, whose key every item has.
fn table(name: &str, indexes: &[IndexProjection]) -> Result<Table, Error> {
    let key = KeySchema::composite(("pk", ScalarType::String), ("sk", ScalarType::String));
    let schema = TableSchema::new(name, key);
    let numbered = indexes.iter().enumerate();
    let schema = numbered.fold(schema, |schema, (number, projection)| {
        let projection = match projection {
            IndexProjection::All => Projection::All,
            IndexProjection::KeysOnly => Projection::KeysOnly,
        };
        let key = KeySchema::simple("ix", ScalarType::String);
        schema.global(&format!("index-{}", number + 1), key, projection)
    });
    Ok(Table::new(schema, KeyHasher::default())?)
}

/// The key of an item of the collection that is read.
fn key(sort: &str) -> AttributeMap {
    AttributeMap::from([("pk", "customer-1".into()), ("sk", sort.into())])
}

/// Puts a new item of `bytes` bytes and answers what the table and its indexes consumed.
fn put(table: &mut Table, sort: &str, bytes: u64) -> Result<Units, Error> {
    let mut item: Item = key(sort);
    item.insert("ix", "i".into());
    let padding = bytes.saturating_sub(item.size_bytes() + 1);
    item.insert("v", "x".repeat(padding as usize).into());
    let request = PutItem {
        item,
        ..PutItem::default()
    };
    Ok(table.put(request)?.consumed.total())
}

fn put_orders(table: &mut Table, orders: u32, bytes: u64) -> Result<Units, Error> {
    let mut units = Units::default();
    for number in 0..orders {
        units = put(table, &format!("order-{number:05}"), bytes)?;
    }
    Ok(units)
}

fn query(table: &Table, consistency: ReadConsistency) -> Result<Units, Error> {
    let request = Query {
        options: ReadOptions {
            consistency,
            ..ReadOptions::default()
        },
        ..Query::new(KeyValue::String("customer-1".into()))
    };
    Ok(table.query(&request)?.consumed.table)
}

/// Half units of the same read, eventual and strong.
fn halves(read: impl Fn(ReadConsistency) -> Result<Units, Error>) -> Result<[u64; 2], Error> {
    let eventual = read(ReadConsistency::Eventual)?.read.halves();
    let strong = read(ReadConsistency::Strong)?.read.halves();
    Ok([eventual, strong])
}
