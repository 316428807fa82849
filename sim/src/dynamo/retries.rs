//! Requests that wait before they are sent again.

use super::config::Retrying;
use super::host::Request;
use kvrig_base::random::Stream;
use kvrig_base::time::Time;
use kvrig_dynamo::retry::RetryQuota;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A request with how often it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) request: Request,
    /// The number of the request in the order of arrival.
    pub(super) number: u64,
    /// Attempts so far.
    pub(super) sent: u32,
    /// The client that sends it and the router that it goes through: both in turn.
    pub(super) client: u32,
    pub(super) router: u32,
}

/// Clients and what they are about to send again, in the order of time and then of the throttling.
#[derive(Debug)]
pub(super) struct Retries {
    rule: Retrying,
    draws: Stream,
    quotas: Vec<RetryQuota>,
    /// When, the ticket that settles ties, and where the attempt lies.
    due: BinaryHeap<Reverse<(Time, u64, u32)>>,
    attempts: Vec<Attempt>,
    free: Vec<u32>,
    planned: u64,
}

impl Retries {
    pub(super) fn new(rule: Retrying, draws: Stream) -> Self {
        Self {
            quotas: vec![RetryQuota::full(); rule.clients.max(1) as usize],
            rule,
            draws,
            due: BinaryHeap::new(),
            attempts: Vec::new(),
            free: Vec::new(),
            planned: 0,
        }
    }
    #[inline]
    fn quota(&mut self, client: u32) -> Option<&mut RetryQuota> {
        match self.rule.has_quota {
            true => self.quotas.get_mut(client as usize),
            false => None,
        }
    }
    /// An attempt was let through.
    #[inline]
    pub(super) fn succeeded(&mut self, attempt: &Attempt) {
        let was_retried = attempt.sent > 1;
        if let Some(quota) = self.quota(attempt.client) {
            quota.succeeded(was_retried);
        }
    }
    /// An attempt was throttled; whether the request is sent again.
    pub(super) fn throttled(&mut self, attempt: Attempt, now: Time) -> bool {
        let draw = self.draws.at(attempt.number, u64::from(attempt.sent)).0[0];
        let Some(wait) = self.rule.policy.wait(attempt.sent, draw) else {
            return false;
        };
        if self
            .quota(attempt.client)
            .is_some_and(|quota| !quota.try_retry())
        {
            return false;
        }
        let place = match self.free.pop() {
            Some(place) => {
                self.attempts[place as usize] = attempt;
                place
            }
            None => {
                self.attempts.push(attempt);
                (self.attempts.len() - 1) as u32
            }
        };
        let at = now.saturating_add(wait);
        self.due.push(Reverse((at, self.planned, place)));
        self.planned += 1;
        true
    }
    /// When the next one is due, [`Time::NEVER`] where none is.
    #[inline]
    pub(super) fn next_at(&self) -> Time {
        match self.due.peek() {
            Some(Reverse((at, _, _))) => *at,
            None => Time::NEVER,
        }
    }
    /// Takes the next one.
    pub(super) fn pop(&mut self) -> Option<Attempt> {
        let Reverse((_, _, place)) = self.due.pop()?;
        self.free.push(place);
        Some(self.attempts[place as usize])
    }
    /// How many wait.
    pub(super) fn waiting(&self) -> u64 {
        self.due.len() as u64
    }
    /// How many were planned.
    pub(super) const fn planned(&self) -> u64 {
        self.planned
    }
}
