//! DynamoDB's roles on hosts: which actors a service has, on which cores they run, and the network
//! between them.
//!
//! Every role has a host of its own, joined to all others by the same kind of link in both directions.
//! Storage nodes share their contents by pointer, which the roles allow for; see
//! [`kvrig_dynamo::roles::Contents`].

mod mortal;

pub use mortal::Mortal;

use crate::cost::LinkPrices;
use crate::world::{DiskConfig, Model, Placement, World};
use kvrig_base::id::ActorId;
use kvrig_base::time::Time;
use kvrig_dynamo::key::KeyHasher;
use kvrig_dynamo::roles::{
    AdmissionServer, Autoadmin, Catalog, Contents, Coordinator, Directory, Limits, Role, Router,
    RouterConfig, SplitPolicy, StorageNode,
};
use kvrig_dynamo::{Error, TableSchema};
use std::cell::RefCell;
use std::rc::Rc;

/// What a service is to be made of.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Its tables, each with the partitions that it begins with and those of each of its global
    /// indexes.
    pub tables: Vec<(TableSchema, u32)>,
    /// Request routers: at least one.
    pub routers: u32,
    /// Storage nodes: at least three.
    pub nodes: u32,
    /// Cores of each host.
    pub cores: u32,
    /// The network between hosts, one direction.
    pub link: LinkPrices,
    /// Where keys are placed.
    pub hasher: KeyHasher,
    /// How partitions are limited.
    pub limits: Limits,
    /// When hot partitions are split.
    pub splits: SplitPolicy,
}

/// The actors of a service in a world.
#[derive(Clone, Debug)]
pub struct Service {
    /// Who keeps the directory.
    pub autoadmin: ActorId,
    /// Who lends tokens.
    pub admission: ActorId,
    /// Who carries out transactions.
    pub coordinator: ActorId,
    /// What clients connect to.
    pub routers: Vec<ActorId>,
    /// Who holds replicas.
    pub nodes: Vec<ActorId>,
    /// What the replicas hold, to be filled before a run.
    pub contents: Rc<RefCell<Contents>>,
}

impl Topology {
    /// Adds the actors of the service to `world`, which has none yet and has not begun.
    ///
    /// # Errors
    /// What CreateTable would refuse of a table.
    ///
    /// # Panics
    /// If the world has actors, or if there are no routers, no cores or fewer than three nodes.
    pub fn build<M>(&self, world: &mut World<M>) -> Result<Service, Error>
    where
        M: Model<Actor: From<Role>>,
    {
        assert!(self.routers > 0, "clients connect to a router");
        let mut catalog = Catalog::new(self.hasher, self.limits);
        let mut partitions = Vec::new();
        for (schema, count) in &self.tables {
            let keyspaces = catalog.add(schema.clone())?;
            partitions.extend(keyspaces.iter().map(|_| *count));
        }
        let catalog = Rc::new(catalog);
        let contents = Contents::shared(&catalog)?;
        let ids = |from: u32, count: u32| (from..from + count).map(ActorId).collect::<Vec<_>>();
        let (autoadmin, admission, coordinator) = (ActorId(0), ActorId(1), ActorId(2));
        let (routers, nodes) = (ids(3, self.routers), ids(3 + self.routers, self.nodes));
        let directory = Rc::new(Directory::even(&partitions, &nodes));
        let config = RouterConfig {
            autoadmin,
            admission,
            coordinator,
        };
        let mut roles = vec![
            Role::Autoadmin(Autoadmin::new(Rc::clone(&directory), self.splits)),
            Role::Admission(AdmissionServer::new(Rc::clone(&catalog), Time::START)),
            Role::Coordinator(Coordinator::new(
                autoadmin,
                Rc::clone(&catalog),
                Rc::clone(&directory),
            )),
        ];
        let router = |_| Role::Router(Router::new(config, Rc::clone(&catalog)));
        roles.extend(routers.iter().map(router));
        roles.extend(nodes.iter().map(|&node| {
            Role::Storage(StorageNode::new(
                (node, autoadmin),
                Rc::clone(&catalog),
                Rc::clone(&contents),
                Rc::clone(&directory),
                Time::START,
            ))
        }));
        let count = roles.len() as u32;
        for (role, id) in roles.into_iter().zip(0..) {
            let added = self.place(world, role);
            assert_eq!(added, ActorId(id), "the world has no actors before");
        }
        for from in (0..count).map(ActorId) {
            for to in (0..count).map(ActorId).filter(|to| *to != from) {
                world.add_path(from, to, &self.link);
            }
        }
        Ok(Service {
            autoadmin,
            admission,
            coordinator,
            routers,
            nodes,
            contents,
        })
    }

    /// Puts a role on a host of its own.
    fn place<M>(&self, world: &mut World<M>, role: Role) -> ActorId
    where
        M: Model<Actor: From<Role>>,
    {
        let pool = world.add_pool(self.cores);
        // The roles write no files and fork nothing.
        let disk = world.add_disk(DiskConfig::default());
        let placement = Placement {
            pool,
            helpers: pool,
            disk,
            store: None,
        };
        world.add_actor(role.into(), placement)
    }
}
