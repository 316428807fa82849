//! Groups of clients: the connections, the link and the state of one source of load.

use super::{Arguments, Arrivals, Patience, PatienceCounts, Requests};
use crate::cost::LinkPrices;
use crate::queue::SourceId;
use crate::record::Latencies;
use crate::world::Link;
use kvrig_base::id::{ActorId, ConnId, RequestId};
use kvrig_base::time::Time;
use std::ops::Range;

/// Many independent users behind a number of connections: requests start when they are meant to.
///
/// A connection may have several requests under way; they are answered in order.
#[derive(Clone, Debug)]
pub struct OpenLoop<R, T> {
    /// Who is asked: connection `n` goes to target `n` modulo their number.
    pub targets: Vec<ActorId>,
    /// Number of connections.
    pub connections: u32,
    /// The network path, the same in both directions.
    pub link: LinkPrices,
    /// What is asked.
    pub requests: R,
    /// When.
    pub arrivals: T,
    /// How long clients wait; without it, until the reply comes.
    pub patience: Option<Patience>,
}

/// A number of clients of which each waits for its reply before it thinks and asks again.
#[derive(Clone, Debug)]
pub struct ClosedLoop<R> {
    /// Who is asked: client `n` asks target `n` modulo their number.
    pub targets: Vec<ActorId>,
    /// Number of clients; each has one connection.
    pub clients: u32,
    /// The network path, the same in both directions.
    pub link: LinkPrices,
    /// What is asked, and how long clients think.
    pub requests: R,
    /// When clients begin; see [`Requests::first_think`].
    pub start: Time,
    /// Requests of all clients together, after which they stop; none goes on for ever.
    pub requests_max: Option<u64>,
    /// How long clients wait; without it, until the reply comes.
    pub patience: Option<Patience>,
}

/// A number of clients of which each asks several targets at once, waits for the last reply, thinks
/// and asks again, as for a page whose parts lie on several shards.
///
/// Every client has one connection to every target: connection `n` of the group belongs to client
/// `n` divided by the number of targets.
#[derive(Clone, Debug)]
pub struct FanOut<R> {
    /// Who may be asked.
    pub targets: Vec<ActorId>,
    /// Number of clients.
    pub clients: u32,
    /// Parts of one request, each a request of its own to the target that
    /// [`Requests::connection`] chooses; two may go to the same.
    pub parts: u32,
    /// The network path, the same in both directions.
    pub link: LinkPrices,
    /// What is asked, and how long clients think.
    pub requests: R,
    /// When clients begin; see [`Requests::first_think`].
    pub start: Time,
}

/// A client that waits for the parts of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathering {
    /// Parts without a reply.
    pub(crate) missing: u32,
    pub(crate) intended: Time,
    /// The end of the last reply so far.
    pub(crate) ended: Time,
}

/// The lane of an open loop: its source of arrivals and the requests that are drawn ahead.
#[derive(Debug)]
pub(crate) struct Lane<T> {
    pub(crate) arrivals: T,
    pub(crate) source: SourceId,
    /// Slot of the request that has been sent and not yet arrived; clients that may ask again
    /// send at the instant itself and draw nothing ahead.
    pub(crate) ahead: Option<u32>,
    /// The first target.
    pub(crate) target: ActorId,
    pub(crate) drawn: Drawn,
}

/// The next requests of an open loop, drawn together so that the machine can be told what they will
/// want of memory. Neither what they say nor when they start depends on what happens meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    /// When each is meant to start; fewer than there are arguments where the arrivals have ended.
    starts: Vec<Time>,
    args: Vec<Arguments>,
    /// The next that was not taken.
    next: usize,
}

impl Drawn {
    /// Requests that are drawn together: as many as their lines stay in the near caches.
    const TOGETHER: u64 = 32;

    /// Draws the requests from `first` on if all that were drawn are taken, and says whether it did.
    pub(crate) fn refill(
        &mut self,
        first: RequestId,
        arrivals: &mut impl Arrivals,
        requests: &mut impl Requests,
    ) -> bool {
        if self.next < self.starts.len() {
            return false;
        }
        self.next = 0;
        self.starts.clear();
        self.args
            .resize_with(Self::TOGETHER as usize, Arguments::default);
        for (args, number) in self.args.iter_mut().zip(first.0..) {
            let id = RequestId(number);
            let Some(start) = arrivals.intended_start(id) else {
                break;
            };
            args.clear();
            requests.fill(id, args);
            self.starts.push(start);
        }
        true
    }
    /// What the requests say that were not taken.
    pub(crate) fn args(&self) -> &[Arguments] {
        &self.args[self.next..self.starts.len()]
    }
    /// Takes the next request: puts what it says into `args`, and says when it is meant to start.
    pub(crate) fn take(&mut self, args: &mut Arguments) -> Option<Time> {
        let start = *self.starts.get(self.next)?;
        std::mem::swap(args, &mut self.args[self.next]);
        self.next += 1;
        Some(start)
    }
}

#[derive(Debug)]
pub(crate) enum GroupKind<T> {
    Open(Lane<T>),
    Closed {
        requests_max: u64,
    },
    /// Clients that ask `parts` of `targets` targets at once.
    FanOut {
        parts: u32,
        targets: u32,
        gathering: Vec<Gathering>,
    },
}

/// A source of load as the world keeps it.
#[derive(Debug)]
pub(crate) struct Group<R, T> {
    pub(crate) kind: GroupKind<T>,
    pub(crate) requests: R,
    pub(crate) next: RequestId,
    pub(crate) connections: Range<u32>,
    /// The clients' own way out, which keeps the order in which they send.
    pub(crate) up: Link,
    /// The way back from each target.
    pub(crate) down: Vec<Link>,
    pub(crate) service: Latencies,
    pub(crate) response: Latencies,
    pub(crate) patience: Option<Patience>,
    pub(crate) counts: PatienceCounts,
}

impl<R: Requests, T> Group<R, T> {
    /// The number of the next request.
    pub(crate) fn take_id(&mut self) -> RequestId {
        let id = self.next;
        self.next.0 += 1;
        id
    }
    /// The connection that an open loop sends `id` on.
    pub(crate) fn connection_of(&mut self, id: RequestId) -> ConnId {
        let count = self.connections.end - self.connections.start;
        let chosen = self.requests.connection(id, count);
        assert!(
            chosen < count,
            "request {id} was given to connection {chosen} of {count}"
        );
        ConnId(self.connections.start + chosen)
    }
}
