//! Clients: who sends which request when, in open and in closed loop.
//!
//! An **open loop** sends at times that do not depend on replies, as many independent users do; the
//! response is measured from the intended start, so that a stalled server cannot hide the requests
//! that should have been sent meanwhile. A **closed loop** of N clients sends the next request only
//! after the previous reply and a time of thought, as a pool of workers does. Clients of either kind
//! may give up waiting and ask again; see [`Patience`].

mod arguments;
mod groups;
mod memcached;
mod operations;
mod patience;
mod redis;

pub use arguments::Arguments;
pub use groups::{ClosedLoop, FanOut, OpenLoop};
pub(crate) use groups::{Drawn, Gathering, Group, GroupKind, Lane};
pub use memcached::MemcachedRequests;
pub(crate) use operations::Bits;
pub use operations::{OpenArrivals, Operations};
pub use patience::{Backoff, Patience, PatienceCounts};
pub use redis::{NoCommand, RedisRequests};

use kvrig_base::id::RequestId;
use kvrig_base::random::open_unit;
use kvrig_base::time::{Span, Time};

/// The exponential span with this mean that a random word stands for, by inversion.
pub(crate) fn exponential(word: u64, mean: Span) -> Span {
    Span::from_picos((-libm::log(open_unit(word)) * mean.as_picos() as f64) as u64)
}

/// The seconds of a time to live, rounded up; none is zero.
pub(crate) fn whole_seconds(ttl: Option<Span>) -> u64 {
    ttl.map_or(0, |ttl| ttl.as_nanos().div_ceil(1_000_000_000))
}

/// What a request does, as `memtier_benchmark` sorts its statistics (`run_stats.cpp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestKind {
    /// Writes a whole value: SET, and Memcached's set, add and replace.
    Set,
    /// Reads a value that may be missing: GET.
    Get,
    /// Anything else.
    #[default]
    Other,
}

impl RequestKind {
    /// All kinds, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Set, Self::Get, Self::Other];

    /// Its requests in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Set => "Sets",
            Self::Get => "Gets",
            Self::Other => "Others",
        }
    }
}

/// What requests say: the adapter from operations of a workload to commands of a store.
pub trait Requests {
    /// Writes command name and arguments of request `id` into `args`, which is empty.
    ///
    /// Called once for each request, in the order of ids, when it is sent or some requests before: in
    /// an open loop, where nothing that happens meanwhile has an effect on it.
    fn fill(&mut self, id: RequestId, args: &mut Arguments);

    /// Size of the encoded request on the wire.
    fn wire_bytes(&self, args: &Arguments) -> u64;

    /// What kind of request `args` are.
    fn kind(&self, args: &Arguments) -> RequestKind {
        let _ = args;
        RequestKind::Other
    }

    /// Which of the group's `connections` an open loop sends request `id` on; which of its
    /// connections to targets a client uses that asks several at once.
    fn connection(&mut self, id: RequestId, connections: u32) -> u32 {
        (id.0 % u64::from(connections)) as u32
    }

    /// How long after the start of a closed loop its client number `client` first asks.
    fn first_think(&mut self, client: u32) -> Span {
        let _ = client;
        Span::ZERO
    }

    /// How long a closed-loop client waits between the end of request `id` and its next one.
    fn think(&mut self, id: RequestId) -> Span {
        let _ = id;
        Span::ZERO
    }
}

/// When the requests of an open loop are meant to start.
pub trait Arrivals {
    /// The intended start of request `id`, never before that of `id` - 1; none ends the sequence.
    fn intended_start(&mut self, id: RequestId) -> Option<Time>;
}

/// Arrivals at listed times, ascending.
impl Arrivals for Vec<Time> {
    fn intended_start(&mut self, id: RequestId) -> Option<Time> {
        self.get(usize::try_from(id.0).ok()?).copied()
    }
}
