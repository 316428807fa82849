//! What tables and indexes there are, and which nodes hold which of their partitions.

use crate::index::IndexRule;
use crate::key::{KeyHasher, KeySchema, KeyValue, PrimaryKey};
use crate::partition::{Boundary, LimitMode, PartitionId, PartitionMap, SplitError};
use crate::schema::{TableSchema, Throughput};
use crate::throttle::ThrottledResource;
use crate::{Validation, error::Error};
use kvrig_base::id::ActorId;
use std::rc::Rc;

/// A table or global index, numbered in its catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyspaceId(pub u16);

/// One partition of a table or index, as the group of its replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    /// Of what.
    pub keyspace: KeyspaceId,
    /// Which partition of it.
    pub partition: PartitionId,
}

/// How throughput is limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Whether reads and writes of a partition are limited each by itself.
    pub mode: LimitMode,
}

/// What a keyspace is.
#[derive(Clone, Debug)]
pub enum KeyspaceKind {
    /// A table.
    Table {
        /// Its schema without global indexes, which are keyspaces of their own.
        schema: Box<TableSchema>,
        /// Those.
        indexes: Vec<KeyspaceId>,
    },
    /// A global index.
    Index {
        /// Of which table.
        table: KeyspaceId,
        /// Its number in the schema.
        number: usize,
        /// What entries an item has in it.
        rule: Box<IndexRule>,
    },
}

/// One table or global index.
#[derive(Clone, Debug)]
pub struct Keyspace {
    /// Its name.
    pub name: Box<str>,
    /// What it is.
    pub kind: KeyspaceKind,
    /// Its capacity.
    pub throughput: Throughput,
}

/// All tables and indexes; it does not change while the service runs.
#[derive(Clone, Debug)]
pub struct Catalog {
    hasher: KeyHasher,
    keyspaces: Vec<Keyspace>,
    /// How partitions are limited.
    pub limits: Limits,
}

impl Keyspace {
    /// The schema of a table; nothing for an index.
    pub fn schema(&self) -> Option<&TableSchema> {
        match &self.kind {
            KeyspaceKind::Table { schema, .. } => Some(schema),
            KeyspaceKind::Index { .. } => None,
        }
    }
    /// The key by which it is divided into partitions.
    pub fn key(&self) -> &KeySchema {
        match &self.kind {
            KeyspaceKind::Table { schema, .. } => &schema.key,
            KeyspaceKind::Index { rule, .. } => &rule.key,
        }
    }
    /// What a request is told that it throttles.
    pub(super) const fn resource(&self) -> ThrottledResource {
        match &self.kind {
            KeyspaceKind::Table { .. } => ThrottledResource::Table,
            KeyspaceKind::Index { .. } => ThrottledResource::Index,
        }
    }
    /// The global indexes of a table.
    pub fn indexes(&self) -> &[KeyspaceId] {
        match &self.kind {
            KeyspaceKind::Table { indexes, .. } => indexes,
            KeyspaceKind::Index { .. } => &[],
        }
    }
}

impl Catalog {
    /// A catalog without tables.
    pub const fn new(hasher: KeyHasher, limits: Limits) -> Self {
        Self {
            hasher,
            keyspaces: Vec::new(),
            limits,
        }
    }
    /// Adds a table and its global indexes, and says which keyspaces they are, the table first.
    ///
    /// # Errors
    /// What CreateTable would refuse, and a name that is taken.
    pub fn add(&mut self, schema: TableSchema) -> Result<Vec<KeyspaceId>, Error> {
        schema.check()?;
        if self.find(&schema.name).is_ok() {
            return Err(Error::ResourceInUse { table: schema.name });
        }
        let first = self.keyspaces.len();
        let ids: Vec<KeyspaceId> = (first..=first + schema.global.len())
            .filter_map(|number| u16::try_from(number).ok().map(KeyspaceId))
            .collect();
        if ids.len() <= schema.global.len() {
            return Err(Validation::TooManyTables.into());
        }
        let rules = IndexRule::all(&schema).split_off(schema.local.len());
        let indexes = ids[1..].to_vec();
        let global = schema.global.clone();
        self.keyspaces.push(Keyspace {
            name: schema.name.clone(),
            throughput: schema.throughput,
            kind: KeyspaceKind::Table {
                schema: Box::new(TableSchema {
                    global: Vec::new(),
                    ..schema
                }),
                indexes,
            },
        });
        for (number, (index, rule)) in global.into_iter().zip(rules).enumerate() {
            self.keyspaces.push(Keyspace {
                name: index.name,
                throughput: index.throughput,
                kind: KeyspaceKind::Index {
                    table: ids[0],
                    number,
                    rule: Box::new(rule),
                },
            });
        }
        Ok(ids)
    }
    /// How keys are placed.
    pub const fn hasher(&self) -> KeyHasher {
        self.hasher
    }
    /// All tables and indexes in the order of their numbers.
    pub fn keyspaces(&self) -> &[Keyspace] {
        &self.keyspaces
    }
    /// One of them; nothing for a number of another catalog.
    pub fn get(&self, id: KeyspaceId) -> Option<&Keyspace> {
        self.keyspaces.get(usize::from(id.0))
    }
    /// The table called `name`.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`].
    pub fn find(&self, name: &str) -> Result<(KeyspaceId, &TableSchema), Error> {
        let mut tables = self.keyspaces.iter().zip(0..);
        tables
            .find_map(|(keyspace, number)| match &keyspace.kind {
                KeyspaceKind::Table { schema, .. } if *keyspace.name == *name => {
                    Some((KeyspaceId(number), &**schema))
                }
                _ => None,
            })
            .ok_or(Error::ResourceNotFound)
    }
    /// The rules of a table's global indexes, whose key attributes its items must fit.
    pub(super) fn index_rules(&self, table: KeyspaceId) -> impl Iterator<Item = &IndexRule> {
        let indexes = self.get(table).map(Keyspace::indexes).unwrap_or_default();
        indexes
            .iter()
            .filter_map(|&index| match &self.get(index)?.kind {
                KeyspaceKind::Index { rule, .. } => Some(&**rule),
                KeyspaceKind::Table { .. } => None,
            })
    }
    /// Where a key lies among the partitions.
    pub fn boundary(&self, key: &PrimaryKey) -> Boundary {
        Boundary {
            hash: self.hasher.hash(&key.partition),
            sort: key.sort.clone(),
        }
    }
}

/// Who holds the replicas of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPlace {
    /// The nodes.
    pub replicas: [ActorId; 3],
    /// Which of them leads, as far as is known.
    pub leader: usize,
    /// In which epoch it was elected.
    pub epoch: u64,
}

impl GroupPlace {
    /// The nodes beginning with the leader.
    pub fn in_turn(&self) -> [ActorId; 3] {
        std::array::from_fn(|number| self.replicas[(self.leader + number) % 3])
    }
}

/// Partitions and their places: what routers cache.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Goes up with every change.
    pub version: u64,
    /// For each keyspace its partitions, and their places in the same order.
    keyspaces: Vec<(PartitionMap, Vec<GroupPlace>)>,
}

impl Directory {
    /// Partitions of all keyspaces on `nodes`, of which there are at least three: `partitions` says how
    /// many each keyspace has. Replicas of a partition lie on neighbouring nodes, and each node leads
    /// its part.
    ///
    /// # Panics
    /// If there are fewer than three nodes.
    pub fn even(partitions: &[u32], nodes: &[ActorId]) -> Self {
        assert!(nodes.len() >= 3, "three replicas lie on distinct nodes");
        let mut first = 0;
        let keyspaces = partitions.iter().map(|&count| {
            let map = PartitionMap::even(count);
            let places = map.partitions().iter().map(|_| {
                let replicas = std::array::from_fn(|number| nodes[(first + number) % nodes.len()]);
                first += 1;
                GroupPlace {
                    replicas,
                    leader: 0,
                    epoch: 1,
                }
            });
            let places = places.collect();
            (map, places)
        });
        Self {
            version: 1,
            keyspaces: keyspaces.collect(),
        }
    }
    /// The partition that a place lies in.
    pub fn find(
        &self,
        keyspace: KeyspaceId,
        at: (crate::key::KeyHash, Option<&KeyValue>),
    ) -> Option<(GroupId, &GroupPlace)> {
        let (map, places) = self.keyspaces.get(usize::from(keyspace.0))?;
        let index = map.index_of(at.0, at.1);
        let partition = map.partitions()[index].id;
        let group = GroupId {
            keyspace,
            partition,
        };
        Some((group, &places[index]))
    }
    /// Where a partition lies; nothing for one that was split.
    pub fn place(&self, group: GroupId) -> Option<&GroupPlace> {
        let (map, places) = self.keyspaces.get(usize::from(group.keyspace.0))?;
        let mut partitions = map.partitions().iter();
        places.get(partitions.position(|one| one.id == group.partition)?)
    }
    /// All partitions with their places.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &GroupPlace)> {
        let keyspaces = self.keyspaces.iter().zip(0..);
        keyspaces.flat_map(|((map, places), number)| {
            let ids = map.partitions().iter().map(move |partition| GroupId {
                keyspace: KeyspaceId(number),
                partition: partition.id,
            });
            ids.zip(places)
        })
    }
    /// The partitions of a keyspace.
    pub fn map(&self, keyspace: KeyspaceId) -> Option<&PartitionMap> {
        Some(&self.keyspaces.get(usize::from(keyspace.0))?.0)
    }
    /// Takes note of a leader, unless a later one is known, and says whether anything changed.
    pub(super) fn elected(
        this: &mut Rc<Self>,
        group: GroupId,
        leader: ActorId,
        epoch: u64,
    ) -> bool {
        let Some(place) = this.place(group).copied() else {
            return false;
        };
        let known = place.replicas.iter().position(|node| *node == leader);
        let Some(leader) = known.filter(|leader| epoch > place.epoch || *leader != place.leader)
        else {
            return false;
        };
        if epoch < place.epoch {
            return false;
        }
        let directory = Rc::make_mut(this);
        if let Some(place) = directory.place_mut(group) {
            (place.leader, place.epoch) = (leader, epoch);
        }
        directory.version += 1;
        true
    }
    /// The children that a partition would be split into now.
    ///
    /// # Errors
    /// [`SplitError`].
    pub(super) fn split(
        this: &mut Rc<Self>,
        group: GroupId,
        at: Boundary,
    ) -> Result<[GroupId; 2], SplitError> {
        let place = *this.place(group).ok_or(SplitError::NoSuchPartition)?;
        let directory = Rc::make_mut(this);
        let (map, places) = directory
            .keyspaces
            .get_mut(usize::from(group.keyspace.0))
            .ok_or(SplitError::NoSuchPartition)?;
        let children = map.split(group.partition, at)?;
        let first = map
            .partitions()
            .iter()
            .position(|partition| partition.id == children[0])
            .ok_or(SplitError::NoSuchPartition)?;
        places.insert(first, place);
        directory.version += 1;
        Ok(children.map(|partition| GroupId {
            keyspace: group.keyspace,
            partition,
        }))
    }
    fn place_mut(&mut self, group: GroupId) -> Option<&mut GroupPlace> {
        let (map, places) = self.keyspaces.get_mut(usize::from(group.keyspace.0))?;
        let mut partitions = map.partitions().iter();
        places.get_mut(partitions.position(|one| one.id == group.partition)?)
    }
}
