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
    /// The client of a request.
    fn quota(&mut self, number: u64) -> Option<&mut RetryQuota> {
        let client = (number % self.quotas.len() as u64) as usize;
        self.rule.has_quota.then(|| &mut self.quotas[client])
    }
    /// An attempt was let through.
    pub(super) fn succeeded(&mut self, attempt: &Attempt) {
        let was_retried = attempt.sent > 1;
        if let Some(quota) = self.quota(attempt.number) {
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
            .quota(attempt.number)
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
    /// When the next one is due.
    #[inline]
    pub(super) fn next_at(&self) -> Option<Time> {
        self.due.peek().map(|Reverse((at, _, _))| *at)
    }
    /// Takes the next one.
    pub(super) fn pop(&mut self) -> Option<(Time, Attempt)> {
        let Reverse((at, _, place)) = self.due.pop()?;
        self.free.push(place);
        Some((at, self.attempts[place as usize]))
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
