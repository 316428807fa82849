//! Batches at a router: each request goes its own way, and what they come to is gathered.

use super::{Origin, Router};
use crate::error::Error;
use crate::roles::batch::Batch;
use crate::roles::message::{Answer, Message};
use kvrig_base::seam::Cx;

/// A batch whose requests are not all answered yet.
#[derive(Debug)]
pub(super) struct Gathering {
    origin: Origin,
    batch: Batch,
    results: Vec<Option<Result<Answer, Error>>>,
    /// Results that are missing.
    missing: usize,
}

impl Router {
    /// A batch has come in: its requests go their ways one by one.
    pub(super) fn accept_batch(
        &mut self,
        cx: &mut Cx<'_, Message>,
        (id, origin): (u64, Origin),
        batch: Batch,
    ) {
        let requests = match batch.requests(&self.catalog) {
            Ok(requests) => requests,
            Err(error) => return self.answer(cx, (id, origin), Err(error)),
        };
        let gathering = Gathering {
            origin,
            batch,
            results: vec![None; requests.len()],
            missing: requests.len(),
        };
        self.batches.insert(id, gathering);
        for (number, (table, request)) in requests.into_iter().enumerate() {
            let single = (self.take_id(), Origin::Batch(id, number));
            self.accept(cx, single, &table, Box::new(request));
        }
    }
    /// A request of a batch is answered; with the last of them the batch is.
    pub(super) fn gather(
        &mut self,
        cx: &mut Cx<'_, Message>,
        (id, number): (u64, usize),
        result: Result<Answer, Error>,
    ) {
        let Some(gathering) = self.batches.get_mut(&id) else {
            return;
        };
        gathering.results[number] = Some(result);
        gathering.missing -= 1;
        if gathering.missing == 0
            && let Some(gathered) = self.batches.remove(&id)
        {
            let results = gathered.results.into_iter().flatten().collect();
            let answer = gathered.batch.answer(results);
            self.answer(cx, (id, gathered.origin), answer);
        }
    }
}
