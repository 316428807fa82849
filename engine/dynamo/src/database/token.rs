//! Client tokens: which transactions were carried out within the last ten minutes.

use super::ConsumedByTable;
use crate::limits::CLIENT_TOKEN_SECS;
use kvrig_base::time::{Span, Time};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::{BTreeMap, VecDeque};
use std::hash::Hash;

/// What a token came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestDigest(u128);

impl RequestDigest {
    pub(crate) fn of(request: &impl Hash) -> Self {
        let mut hasher = SipHasher13::new();
        request.hash(&mut hasher);
        Self(hasher.finish128().as_u128())
    }
}

/// A transaction that was carried out.
#[derive(Clone, Debug)]
pub(crate) struct CarriedOut {
    pub(crate) request: RequestDigest,
    /// What it consumes where it is repeated.
    pub(crate) repeated: ConsumedByTable,
}

/// Tokens in the order in which their transactions were carried out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    by_name: BTreeMap<Box<str>, CarriedOut>,
    by_age: VecDeque<(Time, Box<str>)>,
}

impl Tokens {
    /// What `token` came with, if it is still remembered at `now`.
    pub(crate) fn find(&mut self, token: &str, now: Time) -> Option<&CarriedOut> {
        let age_max = Span::from_secs(CLIENT_TOKEN_SECS);
        while let Some((at, name)) = self.by_age.front()
            && now.since(*at) >= age_max
        {
            self.by_name.remove(name);
            self.by_age.pop_front();
        }
        self.by_name.get(token)
    }
    /// Remembers a token that is not remembered yet.
    pub(crate) fn remember(&mut self, token: &str, carried_out: CarriedOut, now: Time) {
        self.by_name.insert(token.into(), carried_out);
        self.by_age.push_back((now, token.into()));
    }
}
