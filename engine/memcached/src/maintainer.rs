//! The maintenance thread of the hash table: stops everybody, swaps arrays, moves buckets.

use crate::store::Store;
use crate::thread::Message;
use kvrig_base::seam::sync::SyncForm;
use kvrig_base::seam::{Cx, Effect, Input};
use kvrig_base::time::{Span, Time};
use kvrig_tables::memcached::striped::Move;
use std::sync::Arc;

/// How long it sleeps where a worker has the lock that it wants (`memcached:assoc.c`,
/// assoc_maintenance_thread).
pub const BACK_OFF: Span = Span::from_millis(10);
/// Buckets that are moved in one call. The real thread knows no such limit: it goes on until the
/// last bucket, unless it finds a lock taken. The limit is where it lets others have its core.
pub const MOVES_PER_CALL: u32 = 64;

/// The maintenance thread (`memcached:assoc.c`, assoc_maintenance_thread).
#[derive(Debug)]
pub(crate) struct Maintainer<S: SyncForm> {
    store: Arc<Store<S>>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// The workers are being stopped; at the end of the turn all of them stand still.
    Stopping,
    /// The next bucket is to be moved then.
    Moving {
        due: Time,
    },
}

impl<S: SyncForm> Maintainer<S> {
    pub(crate) fn new(store: Arc<Store<S>>) -> Self {
        Self {
            store,
            state: State::Idle,
        }
    }
    pub(crate) fn handle(&mut self, cx: &mut Cx<'_, Message>, input: &Input<'_, Message>) {
        match (input, self.state) {
            (Input::Peer { message, .. }, State::Idle) => {
                let Message::Expand = message;
                cx.effect(Effect::StopWorkers);
                self.state = State::Stopping;
            }
            (Input::TurnEnd, State::Stopping) => {
                self.store.table().expand(cx.work);
                cx.effect(Effect::ResumeWorkers);
                let due = cx.now() + cx.spent();
                self.state = State::Moving { due };
            }
            (Input::Deadline, State::Moving { due }) if due <= cx.now() => self.move_buckets(cx),
            _ => {}
        }
    }
    fn move_buckets(&mut self, cx: &mut Cx<'_, Message>) {
        let mut pause = Span::ZERO;
        for _ in 0..MOVES_PER_CALL {
            match self.store.table().move_bucket(cx.work) {
                Move::Moved => {}
                Move::LockHeld => {
                    pause = BACK_OFF;
                    break;
                }
                Move::Ended | Move::Idle => {
                    self.state = State::Idle;
                    return;
                }
            }
        }
        let due = cx.now() + cx.spent() + pause;
        self.state = State::Moving { due };
    }
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        match self.state {
            State::Moving { due } => Some(due),
            _ => None,
        }
    }
}
