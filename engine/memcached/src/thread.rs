//! The threads of one server as actors that share a store.

use crate::clock::Clock;
use crate::config::Config;
use crate::maintainer::Maintainer;
use crate::store::Store;
use crate::worker::Worker;
use kvrig_base::id::ActorId;
use kvrig_base::seam::sync::SyncForm;
use kvrig_base::seam::{Actor, Cx, Input};
use kvrig_base::time::{Time, Wall};
use std::sync::Arc;

pub use crate::maintainer::{BACK_OFF, MOVES_PER_CALL};

/// What threads say to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the maintenance thread: the table is overfull.
    Expand,
}

/// One thread of a server.
#[derive(Debug)]
pub struct ServerThread<S: SyncForm> {
    store: Arc<Store<S>>,
    role: Role<S>,
}

#[derive(Debug)]
enum Role<S: SyncForm> {
    Worker(Worker<S>),
    Maintainer(Maintainer<S>),
    Clock(Clock<S>),
}

/// An empty store for the threads of a server that starts at civil time `wall`. In the simulator's
/// form they are all actors of one thread.
pub fn shared_store<S: SyncForm>(config: Config, wall: Wall) -> Arc<Store<S>> {
    Arc::new(Store::new(config, wall))
}

/// The threads of a server on `store`: the workers, the maintenance thread of the hash table, and
/// the clock. Their host must number them from `first` on in this order.
pub fn threads<S: SyncForm>(
    config: Config,
    store: &Arc<Store<S>>,
    first: ActorId,
) -> Vec<ServerThread<S>> {
    let shared = || Arc::clone(store);
    let maintainer = ActorId(first.0 + config.workers);
    (0..config.workers)
        .map(|_| Role::Worker(Worker::new(shared())))
        .chain([
            Role::Maintainer(Maintainer::new(shared())),
            Role::Clock(Clock::new(shared(), maintainer)),
        ])
        .map(|role| ServerThread {
            store: shared(),
            role,
        })
        .collect()
}

impl<S: SyncForm> ServerThread<S> {
    /// What all threads of the server share.
    pub fn store(&self) -> &Store<S> {
        &self.store
    }
}

impl<S: SyncForm> Actor for ServerThread<S> {
    type Message = Message;

    fn handle(&mut self, cx: &mut Cx<'_, Message>, input: Input<'_, Message>) {
        match &mut self.role {
            Role::Worker(worker) => worker.handle(cx, &input),
            Role::Maintainer(maintainer) => maintainer.handle(cx, &input),
            Role::Clock(clock) => clock.handle(cx, &input),
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        match &self.role {
            Role::Worker(_) => None,
            Role::Maintainer(maintainer) => maintainer.next_deadline(),
            Role::Clock(clock) => Some(clock.next_deadline()),
        }
    }
    fn resident_bytes(&self) -> u64 {
        self.store.used_memory()
    }
}
