//! A request router: finds who serves a key, asks the table's tokens for leave, and sends requests on.
//!
//! It keeps the directory that it got last and asks for a newer one when a node says that something is
//! elsewhere, or does not answer. A write that was sent and not answered is never sent again, since it
//! may have happened: its client is told that the service failed.

mod batches;
mod pages;
mod transactions;

use super::admission_server::rate;
use super::directory::{Catalog, Directory, KeyspaceId};
use super::message::{Answer, Body, Failure, Inside, Message, Request, send};
use super::share::{Asked, Share};
use super::wire::{ReadArguments, write_answer};
use super::{ANSWER_SPAN, RETRY_SPAN, SENDS_MAX};
use crate::capacity::{ConsumedCapacity, ReadConsistency, WriteMode, WriteUnits};
use crate::database::ConsumedByTable;
use crate::error::Error;
use crate::key::{KeyHash, KeyValue};
use crate::partition::{Lease, Replica};
use crate::throttle::{ThrottledLimit, ThrottledOperation, ThrottlingReason};
use batches::Gathering;
use kvrig_base::id::{ActorId, ConnId};
use kvrig_base::seam::{Counter, Cx, Effect, Input};
use kvrig_base::time::{Span, Time};
use pages::Page;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use transactions::Admission;

/// How long a node that did not answer is spared eventual reads. Ours.
const SPARED_SPAN: Span = Span::from_secs(1);

/// How old a directory may be before its use asks for a newer one on the side. In the paper every use
/// does (Elhemali et al., USENIX ATC 2022, section 6.6), so that the load on who keeps it is constant;
/// here a use answers for all within so long a time.
const REFRESH_SPAN: Span = Span::from_millis(250);

/// Whom a router works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterConfig {
    /// Who knows where partitions lie.
    pub autoadmin: ActorId,
    /// Who lends tokens.
    pub admission: ActorId,
    /// Who carries out transactions.
    pub coordinator: ActorId,
}

/// Who has asked.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Conn(ConnId),
    Actor(ActorId, u64),
    /// A batch, as its request with this number.
    Batch(u64, usize),
    /// A page, as a part of it.
    Page(u64),
    /// A transaction, for the tokens of one of its tables.
    Admission(u64),
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    Tokens,
    Directory,
    Answer,
    /// That it may be sent again.
    Retry,
    Coordinator,
}

/// A request that is not answered yet.
#[derive(Debug)]
struct Pending {
    origin: Origin,
    keyspace: KeyspaceId,
    operation: ThrottledOperation,
    /// Where its item lies.
    at: (KeyHash, Option<KeyValue>),
    /// For an eventual read, which replica it goes to first.
    replica: Option<usize>,
    /// Tokens taken for it.
    taken: u64,
    sends: u32,
    /// The node that has it.
    node: ActorId,
    awaits: Awaits,
    wakes_at: Time,
    /// What is asked; a write is away while it is sent.
    request: Option<Box<Request>>,
}

/// The tokens of one table, and who waits for more.
#[derive(Debug)]
struct Tokens {
    share: Share,
    /// When it asks again, while it waits for the admission server.
    asked: Option<Time>,
    waiting: VecDeque<u64>,
}

/// A request of a connection and its answer, which waits for those before it.
type Queued = (u64, Option<Vec<u8>>);

/// A request router.
#[derive(Debug)]
pub struct Router {
    config: RouterConfig,
    catalog: Rc<Catalog>,
    directory: Option<Rc<Directory>>,
    /// Whether it has asked for the directory, and when it asks again.
    asked: Option<Time>,
    /// When a use of the directory asks for a newer one.
    refresh_at: Time,
    tokens: BTreeMap<(KeyspaceId, ThrottledOperation), Tokens>,
    pending: BTreeMap<u64, Pending>,
    batches: BTreeMap<u64, Gathering>,
    pages: BTreeMap<u64, Page>,
    admissions: BTreeMap<u64, Admission>,
    timers: BTreeSet<(Time, u64)>,
    next: u64,
    /// Eventual reads so far: they go to the replicas in turn.
    reads: u64,
    spared: BTreeMap<ActorId, Time>,
    /// Answers of each connection in the order of its requests.
    answers: BTreeMap<ConnId, VecDeque<Queued>>,
}

impl Router {
    /// A router that has cached nothing yet.
    pub fn new(config: RouterConfig, catalog: Rc<Catalog>) -> Self {
        let mut tokens = BTreeMap::new();
        for (keyspace, number) in catalog.keyspaces().iter().zip(0..) {
            for operation in [ThrottledOperation::Read, ThrottledOperation::Write] {
                if let Some(rate) = rate(keyspace.throughput, operation) {
                    let of_table = Tokens {
                        share: Share::of(rate),
                        asked: None,
                        waiting: VecDeque::new(),
                    };
                    tokens.insert((KeyspaceId(number), operation), of_table);
                }
            }
        }
        Self {
            config,
            catalog,
            directory: None,
            asked: None,
            refresh_at: Time::START,
            tokens,
            pending: BTreeMap::new(),
            batches: BTreeMap::new(),
            pages: BTreeMap::new(),
            admissions: BTreeMap::new(),
            timers: BTreeSet::new(),
            next: 0,
            reads: 0,
            spared: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }
    /// Requests that are not answered yet.
    pub fn in_flight(&self) -> usize {
        let pending = self.pending.values();
        let is_request = |one: &&Pending| !matches!(one.origin, Origin::Admission(_));
        pending.filter(is_request).count()
    }
    pub(super) fn restart(&mut self) {
        let next = self.next;
        *self = Self::new(self.config, Rc::clone(&self.catalog));
        // Answers to what it had asked before must not be taken for others.
        self.next = next;
    }
    pub(super) fn next_deadline(&self) -> Option<Time> {
        let tokens = self.tokens.values().filter_map(|tokens| tokens.asked);
        let timers = self.timers.first().map(|(at, _)| *at);
        timers.into_iter().chain(tokens).chain(self.asked).min()
    }

    pub(super) fn handle(&mut self, cx: &mut Cx<'_, Message>, input: Input<'_, Message>) {
        match input {
            Input::Command { conn, args } => {
                cx.work.count(Counter::Commands, 1);
                let elements = args.len() as u64;
                cx.work.count(Counter::ProtocolElements, elements);
                let id = self.take_id();
                self.answers.entry(conn).or_default().push_back((id, None));
                let origin = Origin::Conn(conn);
                match ReadArguments::read(args) {
                    Ok(ReadArguments { table, request }) => {
                        self.accept(cx, (id, origin), &table, Box::new(request));
                    }
                    Err(error) => self.answer(cx, (id, origin), Err(error)),
                }
            }
            Input::Closed { conn } => _ = self.answers.remove(&conn),
            Input::Peer { from, message } => {
                cx.work.count(Counter::Commands, 1);
                match message {
                    Message::Ask { id, table, request } => {
                        let origin = Origin::Actor(from, id);
                        let id = self.take_id();
                        self.accept(cx, (id, origin), &table, request);
                    }
                    Message::AskBatch { id, batch } => {
                        let origin = Origin::Actor(from, id);
                        let id = self.take_id();
                        self.accept_batch(cx, (id, origin), *batch);
                    }
                    Message::AskPage { id, table, request } => {
                        let origin = Origin::Actor(from, id);
                        let id = self.take_id();
                        self.accept_page(cx, (id, origin), &table, &request);
                    }
                    Message::AskTransactGet { id, request } => {
                        let origin = Origin::Actor(from, id);
                        let id = self.take_id();
                        self.accept_gets(cx, (id, origin), request);
                    }
                    Message::AskTransaction { id, request } => {
                        let origin = Origin::Actor(from, id);
                        let id = self.take_id();
                        self.accept_writes(cx, (id, origin), request);
                    }
                    Message::Answered { .. } => {}
                    Message::Inside(Inside(body)) => self.told(cx, from, body),
                }
            }
            Input::Deadline => self.deadline(cx),
            _ => {}
        }
    }
    const fn take_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A request has come in.
    fn accept(
        &mut self,
        cx: &mut Cx<'_, Message>,
        (id, origin): (u64, Origin),
        table: &str,
        mut request: Box<Request>,
    ) {
        let found = self.catalog.find(table).and_then(|(keyspace, schema)| {
            let key = request.key(&schema.key)?;
            Ok((keyspace, self.catalog.boundary(&key)))
        });
        let (keyspace, at) = match found {
            Ok(found) => found,
            Err(error) => return self.answer(cx, (id, origin), Err(error)),
        };
        cx.work.count(Counter::KeysHashed, 1);
        let mut pending = Pending::new(origin, Awaits::Tokens);
        if let Request::Get(get) = &mut *request
            && get.consistency == ReadConsistency::Eventual
        {
            pending.replica = Some(Replica::for_read(self.reads) as usize);
            self.reads += 1;
        }
        (pending.keyspace, pending.at) = (keyspace, (at.hash, at.sort));
        pending.operation = request.operation();
        pending.taken = tokens_before(&request);
        pending.request = Some(request);
        self.pending.insert(id, pending);
        self.take_tokens(cx, id);
    }
    /// Takes tokens for a request and sends it on, or says that there are none.
    fn take_tokens(&mut self, cx: &mut Cx<'_, Message>, id: u64) {
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        let resource = (pending.keyspace, pending.operation);
        let Some(tokens) = self.tokens.get_mut(&resource) else {
            pending.taken = 0;
            return self.send_on(cx, id);
        };
        if tokens.asked.is_some() {
            return tokens.waiting.push_back(id);
        }
        match tokens.share.ask(pending.taken, cx.now()) {
            Asked::Passes => self.send_on(cx, id),
            Asked::Refused => {
                pending.taken = 0;
                let error = self.provisioned_exceeded(resource);
                self.finish(cx, id, Err(error), 0);
            }
            Asked::Replenish {
                last,
                consumed,
                wanted,
            } => {
                tokens.asked = Some(cx.now() + ANSWER_SPAN);
                tokens.waiting.push_back(id);
                let ask = Body::Replenish {
                    keyspace: resource.0,
                    operation: resource.1,
                    last,
                    consumed,
                    wanted,
                };
                send(cx, self.config.admission, ask);
            }
        }
    }
    fn lent(
        &mut self,
        cx: &mut Cx<'_, Message>,
        resource: (KeyspaceId, ThrottledOperation),
        lease: Lease,
    ) {
        let Some(tokens) = self.tokens.get_mut(&resource) else {
            return;
        };
        if tokens.asked.take().is_some() {
            tokens.share.accept(lease, cx.now());
        }
        for id in std::mem::take(&mut tokens.waiting) {
            self.take_tokens(cx, id);
        }
    }
    fn provisioned_exceeded(
        &self,
        (keyspace, operation): (KeyspaceId, ThrottledOperation),
    ) -> Error {
        let Some(keyspace) = self.catalog.get(keyspace) else {
            return Error::ResourceNotFound;
        };
        Error::Throttled {
            reason: ThrottlingReason {
                resource: keyspace.resource(),
                operation,
                limit: ThrottledLimit::ProvisionedThroughput,
            },
            resource: keyspace.name.clone(),
        }
    }

    /// Sends a request to who should have its item.
    fn send_on(&mut self, cx: &mut Cx<'_, Message>, id: u64) {
        self.place_part(id);
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        if let Origin::Admission(whole) = pending.origin {
            pending.awaits = Awaits::Coordinator;
            return self.admit_next(cx, whole);
        }
        let at = (pending.at.0, pending.at.1.as_ref());
        let found = self
            .directory
            .as_ref()
            .and_then(|directory| directory.find(pending.keyspace, at));
        let Some((group, place)) = found else {
            pending.awaits = Awaits::Directory;
            return self.ask_where(cx);
        };
        let nodes = place.in_turn();
        pending.node = match pending.replica {
            None => nodes[0],
            Some(first) => {
                let turn = (0..nodes.len()).map(|number| nodes[(first + number) % nodes.len()]);
                let now = cx.now();
                let is_spared = |node: &ActorId| self.spared.get(node).is_some_and(|at| now < *at);
                let mut turn = turn.filter(|node| !is_spared(node));
                turn.next().unwrap_or(nodes[first % nodes.len()])
            }
        };
        let is_spared = self
            .spared
            .get(&pending.node)
            .is_some_and(|at| cx.now() < *at);
        if is_spared && pending.replica.is_none() {
            // The leader does not answer: another may lead soon.
            pending.sends += 1;
            pending.awaits = Awaits::Retry;
            if pending.sends >= SENDS_MAX {
                return self.finish(cx, id, Err(Error::InternalServerError), 0);
            }
            self.ask_where(cx);
            return self.wake_at(id, cx.now() + RETRY_SPAN);
        }
        let body = match (pending.origin, pending.operation) {
            (Origin::Page(page), _) => {
                let read = self.pages.get(&page).and_then(Page::read);
                read.map(|read| Body::ReadPart { id, group, read })
            }
            // A read may be sent once more.
            (_, ThrottledOperation::Read) => {
                let request = pending.request.clone();
                request.map(|request| Body::Carry { id, group, request })
            }
            (_, ThrottledOperation::Write) => {
                let request = pending.request.take();
                request.map(|request| Body::Carry { id, group, request })
            }
        };
        let Some(body) = body else {
            return;
        };
        pending.awaits = Awaits::Answer;
        pending.sends += 1;
        send(cx, pending.node, body);
        self.wake_at(id, cx.now() + ANSWER_SPAN);
        if cx.now() >= self.refresh_at {
            self.ask_where(cx);
        }
    }
    fn ask_where(&mut self, cx: &mut Cx<'_, Message>) {
        if self.asked.is_none() {
            self.asked = Some(cx.now() + ANSWER_SPAN);
            send(cx, self.config.autoadmin, Body::WhereIs);
        }
    }

    fn told(&mut self, cx: &mut Cx<'_, Message>, from: ActorId, body: Body) {
        if let Body::Carried { id, .. } | Body::PartRead { id, .. } = &body
            && !self.has_answered(*id, from)
        {
            return;
        }
        match body {
            Body::Located(directory) => {
                self.asked = None;
                self.refresh_at = cx.now() + REFRESH_SPAN;
                let known = self.directory.as_ref().map_or(0, |known| known.version);
                if directory.version >= known {
                    self.directory = Some(directory);
                }
                let waiting = self
                    .pending
                    .iter()
                    .filter(|(_, pending)| pending.awaits == Awaits::Directory);
                let waiting: Vec<u64> = waiting.map(|(id, _)| *id).collect();
                for id in waiting {
                    self.send_on(cx, id);
                }
            }
            Body::Lent {
                keyspace,
                operation,
                lease,
            } => self.lent(cx, (keyspace, operation), lease),
            Body::Carried { id, result, back } => self.carried(cx, id, *result, back),
            Body::PartRead { id, result } => match *result {
                Ok(part) => self.take_part(cx, id, part),
                Err(failure) => self.carried(cx, id, Err(failure), None),
            },
            Body::TransactGot {
                id,
                result,
                consumed,
            } => self.transact_got(cx, id, *result, &consumed),
            Body::Transacted { id, result } => self.transacted(cx, id, result),
            _ => {}
        }
    }
    /// Whether a request waits for this node's answer, which then is there again.
    fn has_answered(&mut self, id: u64, node: ActorId) -> bool {
        let is_awaited = self
            .pending
            .get(&id)
            .is_some_and(|pending| pending.awaits == Awaits::Answer && pending.node == node);
        if is_awaited {
            self.spared.remove(&node);
        }
        is_awaited
    }
    fn carried(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: u64,
        result: Result<Answer, Failure>,
        back: Option<Box<Request>>,
    ) {
        match result {
            Ok(answer) => {
                let used = match &answer {
                    Answer::Got(output) => output.consumed.table.read.halves(),
                    Answer::Wrote(output) => written(&output.consumed),
                    _ => 0,
                };
                self.finish(cx, id, Ok(answer), used);
            }
            Err(Failure::Told(error)) => {
                let used = match &error {
                    Error::ConditionalCheckFailed { consumed, .. } => written(consumed),
                    _ => 0,
                };
                self.finish(cx, id, Err(error), used);
            }
            Err(Failure::NotHere) => {
                let Some(pending) = self.pending.get_mut(&id) else {
                    return;
                };
                if let Some(request) = back {
                    pending.request = Some(request);
                }
                if pending.sends >= SENDS_MAX {
                    return self.finish(cx, id, Err(Error::InternalServerError), 0);
                }
                pending.awaits = Awaits::Retry;
                pending.replica = pending.replica.map(|first| first + 1);
                self.ask_where(cx);
                self.wake_at(id, cx.now() + RETRY_SPAN);
            }
        }
    }
    fn deadline(&mut self, cx: &mut Cx<'_, Message>) {
        let now = cx.now();
        if self.asked.is_some_and(|at| at <= now) {
            self.asked = None;
            self.ask_where(cx);
        }
        let late = self
            .tokens
            .iter()
            .filter(|(_, tokens)| tokens.asked.is_some_and(|at| at <= now));
        let late: Vec<_> = late.map(|(resource, _)| *resource).collect();
        for resource in late {
            // The admission server is away: its routers go on with what they have, which is nothing.
            self.lent(cx, resource, Lease::default());
        }
        while let Some(&(at, id)) = self.timers.first()
            && at <= now
        {
            self.timers.remove(&(at, id));
            let Some(pending) = self.pending.get_mut(&id) else {
                continue;
            };
            pending.wakes_at = Time::NEVER;
            match (pending.awaits, pending.operation) {
                (Awaits::Retry, _) => self.send_on(cx, id),
                (Awaits::Answer, ThrottledOperation::Read) if pending.sends < SENDS_MAX => {
                    let node = pending.node;
                    pending.replica = pending.replica.map(|first| first + 1);
                    self.spared.insert(node, now + SPARED_SPAN);
                    self.ask_where(cx);
                    self.send_on(cx, id);
                }
                (awaits @ (Awaits::Answer | Awaits::Coordinator), _) => {
                    if awaits == Awaits::Answer {
                        let node = pending.node;
                        self.spared.insert(node, now + SPARED_SPAN);
                    }
                    self.ask_where(cx);
                    self.finish(cx, id, Err(Error::InternalServerError), 0);
                }
                (Awaits::Tokens | Awaits::Directory, _) => {}
            }
        }
    }
    fn wake_at(&mut self, id: u64, at: Time) {
        if let Some(pending) = self.pending.get_mut(&id) {
            self.timers.remove(&(pending.wakes_at, id));
            pending.wakes_at = at;
            self.timers.insert((at, id));
        }
    }

    /// Answers a request for good; it has used `used` tokens.
    fn finish(
        &mut self,
        cx: &mut Cx<'_, Message>,
        id: u64,
        result: Result<Answer, Error>,
        used: u64,
    ) {
        // Nothing is left here of one that was answered by the coordinator.
        self.settle_admission(id, &ConsumedByTable::new());
        if let Some(origin) = self.settle(id, used) {
            self.answer(cx, (id, origin), result);
        }
    }
    /// Forgets a request that has used `used` tokens, and says who has asked it.
    fn settle(&mut self, id: u64, used: u64) -> Option<Origin> {
        let pending = self.pending.remove(&id)?;
        self.timers.remove(&(pending.wakes_at, id));
        if let Some(tokens) = self.tokens.get_mut(&(pending.keyspace, pending.operation)) {
            tokens.share.settle(pending.taken, used);
        }
        Some(pending.origin)
    }
    fn answer(
        &mut self,
        cx: &mut Cx<'_, Message>,
        (number, origin): (u64, Origin),
        result: Result<Answer, Error>,
    ) {
        match origin {
            Origin::Batch(batch, number) => self.gather(cx, (batch, number), result),
            Origin::Page(page) => self.end_page(cx, page, result),
            Origin::Admission(whole) => self.refuse_admission(cx, whole, result),
            Origin::Actor(to, id) => {
                let answer = Message::Answered {
                    id,
                    answer: Box::new(result),
                };
                let bytes = answer.size_bytes();
                cx.effect(Effect::Send {
                    to,
                    message: answer,
                    bytes,
                });
            }
            Origin::Conn(conn) => {
                let Some(answers) = self.answers.get_mut(&conn) else {
                    return;
                };
                if let Some((_, answer)) = answers.iter_mut().find(|(id, _)| *id == number) {
                    *answer = Some(write_answer(&result));
                }
                // Answers leave in the order of their requests, as on any HTTP connection.
                while let Some((_, Some(answer))) =
                    answers.pop_front_if(|(_, answer)| answer.is_some())
                {
                    cx.work.count(Counter::BytesCopied, answer.len() as u64);
                    cx.reply(conn).write(&answer);
                }
            }
        }
    }
}

impl Pending {
    fn new(origin: Origin, awaits: Awaits) -> Self {
        Self {
            origin,
            keyspace: KeyspaceId::default(),
            operation: ThrottledOperation::Write,
            at: (KeyHash::MIN, None),
            replica: None,
            taken: 0,
            sends: 0,
            node: ActorId::default(),
            awaits,
            wakes_at: Time::NEVER,
            request: None,
        }
    }
}

/// Tokens that a request takes before it is known what it finds.
pub(super) fn tokens_before(request: &Request) -> u64 {
    match request {
        Request::Get(get) => get.consistency.halves(),
        Request::Put(put) => {
            let bytes = Some(put.item.size_bytes());
            WriteUnits::for_change(None, bytes, WriteMode::Standard).0
        }
        Request::Update(_) | Request::Delete(_) => 1,
    }
}

/// Write tokens of the table itself that were used.
pub(super) fn written(consumed: &ConsumedCapacity) -> u64 {
    consumed.of_table_throughput().write.0
}
