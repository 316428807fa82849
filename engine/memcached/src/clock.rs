//! The clock: the main thread's timer, once a second.

use crate::store::Store;
use crate::thread::Message;
use kvrig_base::id::ActorId;
use kvrig_base::seam::sync::SyncForm;
use kvrig_base::seam::{Cx, Effect, Input};
use kvrig_base::time::{Span, Time};
use std::sync::Arc;

/// How often the clock looks (`memcached:memcached.c`, clock_handler).
const PERIOD: Span = Span::from_secs(1);

/// The main thread, as far as its timer goes: it sets the server's clock, and wakes the maintenance
/// thread where the table is overfull (`memcached:assoc.c`, assoc_start_expand).
#[derive(Debug)]
pub(crate) struct Clock<S: SyncForm> {
    store: Arc<Store<S>>,
    maintainer: ActorId,
    due: Time,
}

impl<S: SyncForm> Clock<S> {
    pub(crate) fn new(store: Arc<Store<S>>, maintainer: ActorId) -> Self {
        Self {
            store,
            maintainer,
            due: Time::START + PERIOD,
        }
    }
    pub(crate) fn handle(&mut self, cx: &mut Cx<'_, Message>, input: &Input<'_, Message>) {
        if !matches!(input, Input::Deadline) || cx.now() < self.due {
            return;
        }
        // The timer is armed anew from when it went off.
        self.due = cx.now() + PERIOD;
        self.store.set_clock(cx.now());
        if self.store.table().wants_to_expand() {
            cx.effect(Effect::Send {
                to: self.maintainer,
                message: Message::Expand,
                bytes: 0,
            });
        }
    }
    pub(crate) fn next_deadline(&self) -> Time {
        self.due
    }
}
