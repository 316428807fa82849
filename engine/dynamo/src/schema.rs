//! Schemas of tables: keys, secondary indexes with their projections, and throughput.

use crate::error::Validation;
use crate::item::Item;
use crate::key::{KeyAttribute, KeySchema, ScalarType};
use crate::limits::{
    GLOBAL_INDEXES_MAX, KEY_NAME_BYTES_MAX, LOCAL_INDEXES_MAX, NAME_CHARS, PROJECTED_ATTRIBUTES_MAX,
};

/// Read or write units per second that a table or index may be given by default (AWS Developer
/// Guide, quotas, "Throughput default quotas").
pub const THROUGHPUT_MAX: u64 = 40_000;

/// How the capacity of a table or global index is paid and limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throughput {
    /// `PAY_PER_REQUEST`: per request, limited by what was used before.
    OnDemand,
    /// `PROVISIONED`: per hour, limited to units per second.
    Provisioned {
        /// Read capacity units per second.
        read: u64,
        /// Write capacity units per second.
        write: u64,
    },
}

/// Which attributes a secondary index holds beside the keys of the index and of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projection {
    /// `ALL`: all of them.
    All,
    /// `KEYS_ONLY`: none.
    KeysOnly,
    /// `INCLUDE`: those that are named.
    Include(Vec<Box<str>>),
}

/// A local secondary index: another sort key within each item collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalIndex {
    /// Its name.
    pub name: Box<str>,
    /// Its sort key.
    pub sort: KeyAttribute,
    /// What it holds.
    pub projection: Projection,
}

/// A global secondary index: another key, with partitions and capacity of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalIndex {
    /// Its name.
    pub name: Box<str>,
    /// Its key.
    pub key: KeySchema,
    /// What it holds.
    pub projection: Projection,
    /// Its capacity.
    pub throughput: Throughput,
}

/// The schema of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Its name.
    pub name: Box<str>,
    /// Its primary key.
    pub key: KeySchema,
    /// Its capacity.
    pub throughput: Throughput,
    /// Units per second, of reads and of writes each, that it and each of its indexes may be given.
    pub throughput_quota: u64,
    /// Its local secondary indexes.
    pub local: Vec<LocalIndex>,
    /// Its global secondary indexes.
    pub global: Vec<GlobalIndex>,
}

impl Projection {
    /// Whether the attribute `name`, which is no key, is held.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::KeysOnly => false,
            Self::Include(names) => names.iter().any(|other| **other == *name),
        }
    }
    /// What an index with the key `index` holds of an item of a table with the key `table`.
    pub fn project(&self, item: &Item, index: &KeySchema, table: &KeySchema) -> Item {
        if matches!(self, Self::All) {
            return item.clone();
        }
        item.iter()
            .filter(|(name, _)| index.has(name) || table.has(name) || self.has(name))
            .map(|(name, value)| (name, value.clone()))
            .collect()
    }
}

impl LocalIndex {
    /// The key of the index in a table with the key `table`.
    pub fn key(&self, table: &KeySchema) -> KeySchema {
        KeySchema {
            partition: table.partition.clone(),
            sort: Some(self.sort.clone()),
        }
    }
}

impl TableSchema {
    /// An on-demand table without indexes.
    pub fn new(name: &str, key: KeySchema) -> Self {
        Self {
            name: name.into(),
            key,
            throughput: Throughput::OnDemand,
            throughput_quota: THROUGHPUT_MAX,
            local: Vec::new(),
            global: Vec::new(),
        }
    }
    /// The same with another capacity.
    #[must_use]
    pub fn throughput(mut self, throughput: Throughput) -> Self {
        self.throughput = throughput;
        self
    }
    /// The same with another quota than [`THROUGHPUT_MAX`]: AWS raises it on request (Guide, quotas,
    /// "Throughput default quotas").
    #[must_use]
    pub const fn throughput_quota(mut self, units_per_sec: u64) -> Self {
        self.throughput_quota = units_per_sec;
        self
    }
    /// The same with a local index more.
    #[must_use]
    pub fn local(mut self, name: &str, sort: (&str, ScalarType), projection: Projection) -> Self {
        self.local.push(LocalIndex {
            name: name.into(),
            sort: KeyAttribute::new(sort.0, sort.1),
            projection,
        });
        self
    }
    /// The same with a global index more, whose capacity is that of the table.
    #[must_use]
    pub fn global(mut self, name: &str, key: KeySchema, projection: Projection) -> Self {
        self.global.push(GlobalIndex {
            name: name.into(),
            key,
            projection,
            throughput: self.throughput,
        });
        self
    }

    /// Whether a table can be created so.
    ///
    /// # Errors
    /// The first thing that CreateTable would refuse: names, numbers of indexes, attributes of two
    /// types, projections, throughput.
    pub fn check(&self) -> Result<(), Validation> {
        check_name(&self.name, "TableName")?;
        check_count("local", self.local.len(), LOCAL_INDEXES_MAX)?;
        check_count("global", self.global.len(), GLOBAL_INDEXES_MAX)?;
        self.check_index_names()?;
        self.check_key_attributes()?;
        self.check_projections()?;
        check_throughput(self.throughput, self.throughput_quota, &self.name)?;
        for index in &self.global {
            let is_on_demand = |throughput| throughput == Throughput::OnDemand;
            if is_on_demand(index.throughput) != is_on_demand(self.throughput) {
                return Err(Validation::MixedBillingModes {
                    index: index.name.clone(),
                });
            }
            check_throughput(index.throughput, self.throughput_quota, &index.name)?;
        }
        Ok(())
    }

    fn check_index_names(&self) -> Result<(), Validation> {
        let mut names: Vec<&str> = Vec::new();
        let local = self.local.iter().map(|index| &*index.name);
        for name in local.chain(self.global.iter().map(|index| &*index.name)) {
            check_name(name, "IndexName")?;
            if names.contains(&name) {
                return Err(Validation::DuplicateIndexName { name: name.into() });
            }
            names.push(name);
        }
        match &self.key.sort {
            None if !self.local.is_empty() => Err(Validation::LocalIndexWithoutSortKey),
            _ => Ok(()),
        }
    }

    /// Every attribute has one type in all keys, and no key has an attribute twice.
    fn check_key_attributes(&self) -> Result<(), Validation> {
        let local = self.local.iter().map(|index| index.key(&self.key));
        let global = self.global.iter().map(|index| index.key.clone());
        let mut attributes: Vec<KeyAttribute> = Vec::new();
        for key in std::iter::once(self.key.clone()).chain(local).chain(global) {
            if key
                .sort
                .as_ref()
                .is_some_and(|sort| sort.name == key.partition.name)
            {
                return Err(Validation::KeyAttributeTwice {
                    name: key.partition.name,
                });
            }
            for attribute in key.attributes() {
                if attribute.name.is_empty() || attribute.name.len() > KEY_NAME_BYTES_MAX {
                    return Err(Validation::KeyNameLength {
                        name: attribute.name.clone(),
                    });
                }
                let known = attributes.iter().find(|known| known.name == attribute.name);
                match known {
                    Some(known) if known.scalar != attribute.scalar => {
                        return Err(Validation::AttributeOfTwoTypes {
                            name: attribute.name.clone(),
                        });
                    }
                    Some(_) => {}
                    None => attributes.push(attribute.clone()),
                }
            }
        }
        Ok(())
    }

    fn check_projections(&self) -> Result<(), Validation> {
        let local = self
            .local
            .iter()
            .map(|index| (&index.name, &index.projection));
        let global = self
            .global
            .iter()
            .map(|index| (&index.name, &index.projection));
        let mut named = 0;
        for (index, projection) in local.chain(global) {
            let Projection::Include(names) = projection else {
                continue;
            };
            named += names.len();
            let mut sorted: Vec<_> = names.iter().collect();
            sorted.sort_unstable();
            let is_double = sorted.windows(2).any(|pair| pair[0] == pair[1]);
            let is_wrong = |name: &str| name.is_empty() || name.len() > KEY_NAME_BYTES_MAX;
            if names.is_empty() || is_double || names.iter().any(|name| is_wrong(name)) {
                return Err(Validation::ProjectionNames {
                    index: index.clone(),
                });
            }
        }
        match named > PROJECTED_ATTRIBUTES_MAX {
            true => Err(Validation::TooManyProjectedAttributes { count: named }),
            false => Ok(()),
        }
    }
}

fn check_count(kind: &'static str, count: usize, max: usize) -> Result<(), Validation> {
    match count > max {
        true => Err(Validation::TooManyIndexes { kind, count, max }),
        false => Ok(()),
    }
}

fn check_name(name: &str, field: &'static str) -> Result<(), Validation> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    match NAME_CHARS.contains(&name.len()) && name.bytes().all(is_allowed) {
        true => Ok(()),
        false => Err(Validation::Name {
            field,
            name: name.into(),
        }),
    }
}

fn check_throughput(throughput: Throughput, quota: u64, resource: &str) -> Result<(), Validation> {
    let Throughput::Provisioned { read, write } = throughput else {
        return Ok(());
    };
    for (kind, units) in [("ReadCapacityUnits", read), ("WriteCapacityUnits", write)] {
        if !(1..=quota).contains(&units) {
            return Err(Validation::ThroughputOutOfRange {
                resource: resource.into(),
                kind,
                units,
                quota,
            });
        }
    }
    Ok(())
}
