//! A small host of the seam for the actors of the service: messages that take seeded times, nodes that
//! crash and come back, and clients that ask and remember what they were told.

use kvrig_base::id::ActorId;
use kvrig_base::random::{Seed, Sequence};
use kvrig_base::seam::{Actor, Cx, Effect, Effects, Input, Outbox, Work};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_dynamo::database::{TransactGetItems, TransactWriteItems};
use kvrig_dynamo::key::KeyHasher;
use kvrig_dynamo::partition::LimitMode;
use kvrig_dynamo::roles::{
    AdmissionServer, Answer, Autoadmin, Batch, Catalog, Contents, Coordinator, Directory, GroupId,
    KeyspaceId, Limits, Message, PageRequest, ReplicaState, Request, Role, Router, RouterConfig,
    SplitPolicy, StorageNode,
};
use kvrig_dynamo::{Error, TableSchema};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) const AUTOADMIN: ActorId = ActorId(0);
pub(crate) const ADMISSION: ActorId = ActorId(1);
pub(crate) const COORDINATOR: ActorId = ActorId(2);
pub(crate) const ROUTER: ActorId = ActorId(3);
/// The first storage node; the others follow.
pub(crate) const NODES: u32 = 4;
/// Clients are actors beyond all others.
const CLIENT: ActorId = ActorId(1_000);

pub(crate) fn millis(n: u64) -> Time {
    Time::START + Span::from_millis(n)
}

#[derive(Debug)]
enum Event {
    Message {
        from: ActorId,
        to: ActorId,
        message: Message,
        /// How often the receiver had crashed when it was sent.
        life: u32,
    },
    Crash(ActorId),
    Restart(ActorId),
    Ask {
        id: u64,
        message: Message,
    },
}

/// One answered request.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) asked: Time,
    pub(crate) at: Time,
    pub(crate) answer: Result<Answer, Error>,
}

/// What a service is made of.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) schema: TableSchema,
    /// Tables beside it, of one partition each.
    pub(crate) others: Vec<TableSchema>,
    pub(crate) partitions: u32,
    pub(crate) index_partitions: u32,
    pub(crate) nodes: u32,
    /// The longest time of a message; the shortest is a tenth of it.
    pub(crate) delay_max: Span,
    /// One message of so many takes twenty times as long.
    pub(crate) stragglers: Option<u64>,
    pub(crate) splits: SplitPolicy,
    pub(crate) mode: LimitMode,
}

impl Shape {
    pub(crate) fn new(schema: TableSchema) -> Self {
        Self {
            schema,
            others: Vec::new(),
            partitions: 1,
            index_partitions: 1,
            nodes: 3,
            delay_max: Span::from_millis(1),
            stragglers: None,
            splits: SplitPolicy::default(),
            mode: LimitMode::default(),
        }
    }
}

pub(crate) struct Host {
    roles: Vec<Role>,
    down: Vec<bool>,
    /// How often each actor has crashed.
    lives: Vec<u32>,
    events: BTreeMap<(Time, u64), Event>,
    sequence: u64,
    delays: Sequence,
    delay_max: Span,
    stragglers: Option<u64>,
    pub(crate) now: Time,
    next_id: u64,
    asked: BTreeMap<u64, Time>,
    pub(crate) told: BTreeMap<u64, Told>,
    pub(crate) contents: Rc<RefCell<Contents>>,
    table: Box<str>,
    work: Work,
}

impl Host {
    pub(crate) fn new(shape: &Shape, seed: u64) -> Self {
        let mut catalog = Catalog::new(KeyHasher::default(), Limits { mode: shape.mode });
        let keyspaces = catalog
            .add(shape.schema.clone())
            .expect("the tests' schemas are right");
        let mut partitions: Vec<u32> = std::iter::once(shape.partitions)
            .chain(keyspaces[1..].iter().map(|_| shape.index_partitions))
            .collect();
        for other in &shape.others {
            let keyspaces = catalog.add(other.clone());
            let keyspaces = keyspaces.expect("the tests' schemas are right");
            partitions.extend(keyspaces.iter().map(|_| 1));
        }
        let catalog = Rc::new(catalog);
        let contents = Contents::shared(&catalog).expect("the tests' schemas are right");
        let nodes: Vec<ActorId> = (0..shape.nodes).map(|n| ActorId(NODES + n)).collect();
        let directory = Rc::new(Directory::even(&partitions, &nodes));
        let config = RouterConfig {
            autoadmin: AUTOADMIN,
            admission: ADMISSION,
            coordinator: COORDINATOR,
        };
        let mut roles = vec![
            Role::Autoadmin(Autoadmin::new(Rc::clone(&directory), shape.splits)),
            Role::Admission(AdmissionServer::new(Rc::clone(&catalog), Time::START)),
            Role::Coordinator(Coordinator::new(
                AUTOADMIN,
                Rc::clone(&catalog),
                Rc::clone(&directory),
            )),
            Role::Router(Router::new(config, Rc::clone(&catalog))),
        ];
        roles.extend(nodes.iter().map(|&node| {
            Role::Storage(StorageNode::new(
                (node, AUTOADMIN),
                Rc::clone(&catalog),
                Rc::clone(&contents),
                Rc::clone(&directory),
                Time::START,
            ))
        }));
        Self {
            down: vec![false; roles.len()],
            lives: vec![0; roles.len()],
            roles,
            events: BTreeMap::new(),
            sequence: 0,
            delays: Seed(seed).stream("delays").sequence(0),
            delay_max: shape.delay_max,
            stragglers: shape.stragglers,
            now: Time::START,
            next_id: 0,
            asked: BTreeMap::new(),
            told: BTreeMap::new(),
            contents,
            table: shape.schema.name.clone(),
            work: Work::unpriced(),
        }
    }

    fn schedule(&mut self, at: Time, event: Event) {
        self.sequence += 1;
        self.events.insert((at, self.sequence), event);
    }
    /// Asks the router at `at` and names the request.
    pub(crate) fn ask_at(&mut self, at: Time, request: Request) -> u64 {
        let id = self.next_id;
        let message = Message::Ask {
            id,
            table: self.table.clone(),
            request: Box::new(request),
        };
        self.ask_message(at, message)
    }
    pub(crate) fn transact_at(&mut self, at: Time, request: TransactWriteItems) -> u64 {
        let message = Message::AskTransaction {
            id: self.next_id,
            request: Box::new(request),
        };
        self.ask_message(at, message)
    }
    pub(crate) fn transact_get_at(&mut self, at: Time, request: TransactGetItems) -> u64 {
        let message = Message::AskTransactGet {
            id: self.next_id,
            request: Box::new(request),
        };
        self.ask_message(at, message)
    }
    pub(crate) fn batch_at(&mut self, at: Time, batch: Batch) -> u64 {
        let message = Message::AskBatch {
            id: self.next_id,
            batch: Box::new(batch),
        };
        self.ask_message(at, message)
    }
    /// Asks for a page at `at` and names the request.
    pub(crate) fn page_at(&mut self, at: Time, request: PageRequest) -> u64 {
        let message = Message::AskPage {
            id: self.next_id,
            table: self.table.clone(),
            request: Box::new(request),
        };
        self.ask_message(at, message)
    }
    /// Asks for a page now and runs until the answer.
    pub(crate) fn page(&mut self, request: PageRequest) -> Result<Answer, Error> {
        let id = self.page_at(self.now, request);
        self.await_answer(id)
    }
    /// Asks a batch now and runs until the answer.
    pub(crate) fn batch(&mut self, batch: Batch) -> Result<Answer, Error> {
        let id = self.batch_at(self.now, batch);
        self.await_answer(id)
    }
    fn ask_message(&mut self, at: Time, message: Message) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.schedule(at, Event::Ask { id, message });
        id
    }
    /// Asks now and runs until the answer.
    pub(crate) fn ask(&mut self, request: Request) -> Result<Answer, Error> {
        let id = self.ask_at(self.now, request);
        self.await_answer(id)
    }
    pub(crate) fn await_answer(&mut self, id: u64) -> Result<Answer, Error> {
        let end = self.now + Span::from_secs(60);
        while !self.told.contains_key(&id) {
            assert!(self.step(end), "request {id} is never answered");
        }
        self.told[&id].answer.clone()
    }
    pub(crate) fn crash_at(&mut self, at: Time, actor: ActorId) {
        self.schedule(at, Event::Crash(actor));
    }
    pub(crate) fn restart_at(&mut self, at: Time, actor: ActorId) {
        self.schedule(at, Event::Restart(actor));
    }
    pub(crate) fn run_until(&mut self, end: Time) {
        while self.step(end) {}
        self.now = end;
    }
    /// The node that leads a partition of the table.
    pub(crate) fn leader(&self, partition: u32) -> Option<ActorId> {
        let group = self.group(partition);
        let mut nodes = self
            .roles
            .iter()
            .zip(0..)
            .filter(|(_, n)| !self.down[*n as usize]);
        nodes.find_map(|(role, number)| match role {
            Role::Storage(node) => node
                .replicas()
                .any(|one| one == (group, ReplicaState::Leader))
                .then_some(ActorId(number)),
            _ => None,
        })
    }
    pub(crate) fn group(&self, partition: u32) -> GroupId {
        GroupId {
            keyspace: KeyspaceId(0),
            partition: kvrig_dynamo::partition::PartitionId(partition),
        }
    }
    pub(crate) fn autoadmin(&mut self) -> &mut Autoadmin {
        match &mut self.roles[AUTOADMIN.index()] {
            Role::Autoadmin(autoadmin) => autoadmin,
            other => panic!("{other:?} is not the autoadmin"),
        }
    }
    pub(crate) fn node(&self, id: ActorId) -> &StorageNode {
        match &self.roles[id.index()] {
            Role::Storage(node) => node,
            other => panic!("{other:?} is not a storage node"),
        }
    }

    /// Lets the next thing happen, unless that is later than `end`.
    fn step(&mut self, end: Time) -> bool {
        let message = self.events.keys().next().map(|(at, _)| *at);
        let deadline = self
            .roles
            .iter()
            .zip(0..)
            .filter(|(_, number)| !self.down[*number as usize])
            .filter_map(|(role, number)| Some((role.next_deadline()?.max(self.now), number)))
            .min();
        let is_message = match (message, deadline) {
            (Some(message), Some((deadline, _))) => message <= deadline,
            (message, _) => message.is_some(),
        };
        if is_message {
            let Some(entry) = self.events.first_entry() else {
                return false;
            };
            if entry.key().0 > end {
                return false;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
            return true;
        }
        match deadline {
            Some((at, number)) if at <= end => {
                self.now = at;
                self.call(ActorId(number), Input::Deadline);
                true
            }
            _ => false,
        }
    }
    fn happen(&mut self, event: Event) {
        match event {
            Event::Crash(actor) => {
                self.down[actor.index()] = true;
                self.lives[actor.index()] += 1;
            }
            Event::Restart(actor) => {
                self.down[actor.index()] = false;
                self.roles[actor.index()].restart(self.now);
            }
            Event::Ask { id, message } => {
                self.asked.insert(id, self.now);
                if self.down[ROUTER.index()] {
                    return;
                }
                let input = Input::Peer {
                    from: CLIENT,
                    message,
                };
                self.call(ROUTER, input);
            }
            Event::Message {
                to: CLIENT,
                message: Message::Answered { id, answer },
                ..
            } => {
                let told = Told {
                    asked: self.asked[&id],
                    at: self.now,
                    answer: *answer,
                };
                let before = self.told.insert(id, told);
                assert!(before.is_none(), "request {id} is answered twice");
            }
            Event::Message {
                from,
                to,
                message,
                life,
            } => {
                // What was under way to a process that died is lost with it.
                if !self.down[to.index()] && self.lives[to.index()] == life {
                    self.call(to, Input::Peer { from, message });
                }
            }
        }
    }
    fn call(&mut self, actor: ActorId, input: Input<'_, Message>) {
        let (mut outbox, mut effects) = (Outbox::default(), Effects::default());
        self.work.begin();
        let wall = Wall::from_unix_millis(0);
        let mut cx = Cx::new(self.now, wall, &mut self.work, &mut outbox, &mut effects);
        self.roles[actor.index()].handle(&mut cx, input);
        for effect in effects.take().0 {
            let Effect::Send { to, message, .. } = effect else {
                panic!("the service asks for messages alone, not for {effect:?}");
            };
            let shortest = self.delay_max.as_picos() / 10;
            let rest = self.delays.below(self.delay_max.as_picos() - shortest + 1);
            let delay = Span::from_picos(shortest + rest);
            let at = match self.stragglers {
                Some(many) if self.delays.below(many) == 0 => self.now + delay * 20,
                _ => self.now + delay,
            };
            let life = self.lives.get(to.index()).copied().unwrap_or(0);
            let event = Event::Message {
                from: actor,
                to,
                message,
                life,
            };
            self.schedule(at, event);
        }
    }
}
