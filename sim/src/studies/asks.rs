//! What is asked of a node in a study: the load of many clients, or one command of an operator.

use crate::client::{Arguments, RedisRequests, RequestKind, Requests};
use kvrig_base::id::RequestId;
use kvrig_base::time::Span;

/// Who asks: the load, or somebody who sends one command.
#[derive(Debug)]
pub(super) enum Asks {
    /// The load.
    Load(Box<RedisRequests>),
    /// One command with its arguments, such as BGSAVE.
    Operator(Vec<Box<[u8]>>),
}

impl Asks {
    /// One command of these words.
    pub(super) fn operator(words: &[&[u8]]) -> Self {
        Self::Operator(words.iter().map(|word| Box::from(*word)).collect())
    }
}

impl Requests for Asks {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        match self {
            Self::Load(requests) => requests.fill(id, args),
            Self::Operator(command) => command.iter().for_each(|word| args.push(word)),
        }
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        match self {
            Self::Load(requests) => requests.wire_bytes(args),
            Self::Operator(_) => args.lend(kvrig_redis::resp::request_len) as u64,
        }
    }
    fn kind(&self, args: &Arguments) -> RequestKind {
        match self {
            Self::Load(requests) => requests.kind(args),
            Self::Operator(_) => RequestKind::Other,
        }
    }
    fn first_think(&mut self, client: u32) -> Span {
        match self {
            Self::Load(requests) => requests.first_think(client),
            Self::Operator(_) => Span::ZERO,
        }
    }
    fn think(&mut self, id: RequestId) -> Span {
        match self {
            Self::Load(requests) => requests.think(id),
            Self::Operator(_) => Span::ZERO,
        }
    }
}
