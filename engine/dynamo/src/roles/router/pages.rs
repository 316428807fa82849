//! Pages at a router: one partition is asked after another, each as a read of its own that takes tokens
//! and may be sent again.

use super::{Awaits, Origin, Pending, Router};
use crate::capacity::ReadConsistency;
use crate::error::Error;
use crate::partition::Replica;
use crate::roles::message::{Answer, Message};
use crate::roles::page::{PageRequest, Paging, PartRead};
use crate::table::PagePart;
use crate::throttle::ThrottledOperation;
use kvrig_base::seam::{Counter, Cx};

/// A page that is not answered yet.
#[derive(Debug)]
pub(super) struct Page {
    origin: Origin,
    paging: Paging,
    /// What is asked of a partition at present.
    read: Option<Box<PartRead>>,
}

impl Page {
    /// What is to be asked of the partition that is next.
    pub(super) fn read(&self) -> Option<Box<PartRead>> {
        self.read.clone()
    }
}

impl Router {
    /// A request of a page has come in.
    pub(super) fn accept_page(
        &mut self,
        cx: &mut Cx<'_, Message>,
        (id, origin): (u64, Origin),
        table: &str,
        request: &PageRequest,
    ) {
        cx.work.count(Counter::KeysHashed, 1);
        let paging = match Paging::new(request, table, &self.catalog) {
            Ok(paging) => paging,
            Err(error) => return self.answer(cx, (id, origin), Err(error)),
        };
        let page = Page {
            origin,
            paging,
            read: None,
        };
        self.pages.insert(id, page);
        self.ask_part(cx, id);
    }
    /// Asks for what is next of a page.
    fn ask_part(&mut self, cx: &mut Cx<'_, Message>, page: u64) {
        let Some(Page { paging, .. }) = self.pages.get(&page) else {
            return;
        };
        let mut pending = Pending::new(Origin::Page(page), Awaits::Tokens);
        pending.keyspace = paging.keyspace;
        pending.operation = ThrottledOperation::Read;
        pending.taken = paging.consistency().halves();
        if paging.consistency() == ReadConsistency::Eventual {
            pending.replica = Some(Replica::for_read(self.reads) as usize);
            self.reads += 1;
        }
        let id = self.take_id();
        self.pending.insert(id, pending);
        self.take_tokens(cx, id);
    }
    /// Takes note of where the part lies that a request asks for, by the directory as it is known now.
    pub(super) fn place_part(&mut self, id: u64) {
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        let Origin::Page(page) = pending.origin else {
            return;
        };
        let map = self.directory.as_ref();
        let map = map.and_then(|directory| directory.map(pending.keyspace));
        if let (Some(map), Some(page)) = (map, self.pages.get_mut(&page)) {
            let read = page.paging.next_part(map);
            let start = read.range.0.clone();
            pending.at = (start.hash, start.sort);
            page.read = Some(Box::new(read));
        }
    }
    /// A partition has given its part.
    pub(super) fn take_part(&mut self, cx: &mut Cx<'_, Message>, id: u64, part: PagePart) {
        let Some(Origin::Page(number)) = self.pending.get(&id).map(|pending| pending.origin) else {
            return;
        };
        let Some(page) = self.pages.get_mut(&number) else {
            return;
        };
        let (used, goes_on) = page.paging.take(part);
        self.settle(id, used);
        if goes_on {
            return self.ask_part(cx, number);
        }
        if let Some(Page { origin, paging, .. }) = self.pages.remove(&number) {
            let answer = Answer::Paged(paging.into_page());
            self.answer(cx, (number, origin), Ok(answer));
        }
    }
    /// A part of a page has failed for good.
    pub(super) fn end_page(
        &mut self,
        cx: &mut Cx<'_, Message>,
        number: u64,
        result: Result<Answer, Error>,
    ) {
        // What succeeds is taken elsewhere.
        let Err(error) = result else {
            return;
        };
        if let Some(Page { origin, paging, .. }) = self.pages.remove(&number) {
            let answer = paging.cut_short(error).map(Answer::Paged);
            self.answer(cx, (number, origin), answer);
        }
    }
}
