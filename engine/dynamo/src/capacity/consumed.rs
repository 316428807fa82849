//! The capacity that a request consumed, by table and index.

use super::{ReadUnits, WriteUnits};

/// A secondary index of a table, by its place in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexId {
    /// The local index with this number, whose capacity is the table's.
    Local(usize),
    /// The global index with this number, whose capacity is its own.
    Global(usize),
}

/// Read and write units of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Read units.
    pub read: ReadUnits,
    /// Write units.
    pub write: WriteUnits,
}

/// The capacity that a request consumed of one table and its indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumedCapacity {
    /// Units of the table itself.
    pub table: Units,
    /// Units of the indexes that were touched, in ascending order.
    indexes: Vec<(IndexId, Units)>,
}

impl Units {
    /// Reads alone.
    pub const fn read(read: ReadUnits) -> Self {
        Self {
            read,
            write: WriteUnits::ZERO,
        }
    }
    /// Writes alone.
    pub const fn write(write: WriteUnits) -> Self {
        Self {
            read: ReadUnits::ZERO,
            write,
        }
    }
    fn add(&mut self, other: Self) {
        self.read += other.read;
        self.write += other.write;
    }
}

impl ConsumedCapacity {
    /// Units of the table alone.
    pub const fn of_table(table: Units) -> Self {
        Self {
            table,
            indexes: Vec::new(),
        }
    }
    /// Adds units of an index; none leave no trace.
    pub fn add_index(&mut self, index: IndexId, units: Units) {
        if units == Units::default() {
            return;
        }
        match self
            .indexes
            .binary_search_by_key(&index, |(index, _)| *index)
        {
            Ok(place) => self.indexes[place].1.add(units),
            Err(place) => self.indexes.insert(place, (index, units)),
        }
    }
    /// Adds what another request consumed of the same table.
    pub fn add(&mut self, other: &Self) {
        self.table.add(other.table);
        for (index, units) in &other.indexes {
            self.add_index(*index, *units);
        }
    }
    /// The indexes that were touched with their units, in ascending order.
    pub fn indexes(&self) -> &[(IndexId, Units)] {
        &self.indexes
    }
    /// Units of one index.
    pub fn index(&self, index: IndexId) -> Units {
        self.indexes
            .iter()
            .find(|(other, _)| *other == index)
            .map_or(Units::default(), |(_, units)| *units)
    }
    /// Units of the table and of all indexes: `CapacityUnits` of the response.
    pub fn total(&self) -> Units {
        let mut total = self.table;
        for (_, units) in &self.indexes {
            total.add(*units);
        }
        total
    }
    /// Units that are charged to the table's own throughput: its local indexes share it.
    pub fn of_table_throughput(&self) -> Units {
        let mut total = self.table;
        for (index, units) in &self.indexes {
            if matches!(index, IndexId::Local(_)) {
                total.add(*units);
            }
        }
        total
    }
}
