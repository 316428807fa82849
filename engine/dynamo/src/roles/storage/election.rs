//! How a group without a leader finds one.
//!
//! A follower whose promise has run out first asks the others whether they still hear the leader
//! (Elhemali et al., USENIX ATC 2022, section 6.2: gray failures); only when one of them does not, so
//! that a majority has lost it, does it ask for votes. A replica votes once in an epoch, for a log that
//! is no shorter than its own, and only when what it promised its last leader has run out.

use super::Node;
use super::replica::{ASK_SPAN, Replica, Standing};
use crate::roles::ELECTION_STEP;
use crate::roles::contents::{Epoch, LogIndex};
use crate::roles::message::{Body, Message, send};
use kvrig_base::id::ActorId;
use kvrig_base::seam::Cx;
use kvrig_base::time::Time;

impl Replica {
    /// It has not heard from its leader for a lease, or nobody has answered its last question.
    pub(super) fn ask_for_leader(&mut self, cx: &mut Cx<'_, Message>) {
        self.standing = Standing::Asking;
        self.wake_after_asking(cx.now());
        for other in self.others() {
            send(cx, other, Body::Probe(self.group));
        }
    }
    /// Another asks whether the leader can be heard.
    pub(super) fn probed(&self, cx: &mut Cx<'_, Message>, from: ActorId) {
        let is_reachable = match &self.standing {
            Standing::Leader(leader) => cx.now() < leader.lease_until(self.number),
            _ => cx.now() < self.promised_until,
        };
        let group = self.group;
        send(
            cx,
            from,
            Body::Probed {
                group,
                is_reachable,
            },
        );
    }
    /// One who does not hear the leader either makes a majority.
    pub(super) fn probe_answered(&mut self, cx: &mut Cx<'_, Message>, is_reachable: bool) {
        if is_reachable || !matches!(self.standing, Standing::Asking) {
            return;
        }
        self.standing = Standing::Candidate;
        self.epoch += 1;
        self.wake_after_asking(cx.now());
        let (index, epoch) = self.log.last();
        for other in self.others() {
            let ask = Body::Elect {
                group: self.group,
                epoch: self.epoch,
                last: (epoch, index),
            };
            send(cx, other, ask);
        }
    }
    /// Another wants to lead.
    pub(super) fn vote(
        &mut self,
        cx: &mut Cx<'_, Message>,
        from: ActorId,
        epoch: Epoch,
        last: (Epoch, LogIndex),
    ) {
        let is_bound = match &self.standing {
            Standing::Leader(leader) => cx.now() < leader.lease_until(self.number),
            _ => cx.now() < self.promised_until,
        };
        let led = matches!(self.standing, Standing::Leader(_));
        let mut is_granted = false;
        if !is_bound && epoch > self.epoch {
            let (index, own) = self.log.last();
            self.epoch = epoch;
            self.standing = Standing::Follower;
            is_granted = last >= (own, index);
            // Who has the longer log keeps its own turn.
            if is_granted || led {
                self.wake_after_asking(cx.now());
            }
        }
        let vote = Body::Vote {
            group: self.group,
            epoch,
            is_granted,
        };
        send(cx, from, vote);
    }
    /// One vote beside its own is a majority of three.
    pub(super) fn voted(
        &mut self,
        cx: &mut Cx<'_, Message>,
        node: &Node,
        epoch: Epoch,
        is_granted: bool,
    ) {
        if is_granted && epoch == self.epoch && matches!(self.standing, Standing::Candidate) {
            self.lead(cx, node);
            let elected = Body::Elected {
                group: self.group,
                epoch,
            };
            send(cx, node.autoadmin, elected);
        }
    }
    fn wake_after_asking(&mut self, now: Time) {
        self.wakes_at = now + ASK_SPAN + ELECTION_STEP * self.number as u64;
    }
}
