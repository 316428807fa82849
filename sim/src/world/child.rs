//! Forked children: they run at the instant of the fork, and what they wrote happens later.
//!
//! The child's code runs in zero virtual time on the state of that instant; what it asked for is
//! recorded, together with the work between. Then the recording is released: each stretch of work
//! takes a core of the parent's helpers, each file operation the disk. The child therefore does not
//! learn of a file operation that fails later: the operations after it are dropped and the child's
//! outcome is failure.

use super::actor::Delivery;
use super::directory::Contents;
use super::disk::Outcome;
use super::effects::{FileOwner, FileTask};
use super::event::Event;
use super::model::{ChildReport, Fork, Model, Observer};
use super::pool::Task;
use super::{CallKind, World};
use crate::record::EventKind;
use kvrig_base::id::{ActorId, CoreId, JobId};
use kvrig_base::seam::{Actor, ChildHost, ChildOutcome, FileError, FileOp, Input, Work};
use kvrig_base::time::{Span, Time};
use std::collections::VecDeque;

/// Whose pages a child's own touches are: nobody's, it writes to none that it shares.
const NOBODY: ActorId = ActorId(u32::MAX);
const MIB: u64 = 1 << 20;

/// A stretch of a child's work and the file operation after it; the last one has none.
#[derive(Debug)]
struct Stretch {
    work: Span,
    op: Option<(FileOp, Vec<u8>)>,
}

/// A child that has been forked and has not exited.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) actor: ActorId,
    job: JobId,
    forked: Time,
    stretches: VecDeque<Stretch>,
    worked: Span,
    bytes_written: u64,
    pages_copied: u64,
    outcome: ChildOutcome,
    /// It is the actor itself that works, on its own core.
    is_in_place: bool,
}

/// Records what a child does.
struct Recorder<'a> {
    work: &'a mut Work,
    keeps_data: bool,
    spent: Span,
    stretches: VecDeque<Stretch>,
    bytes_written: u64,
}

impl Recorder<'_> {
    fn stretch_so_far(&mut self) -> Span {
        let spent = self.work.spent();
        let stretch = spent - self.spent;
        self.spent = spent;
        stretch
    }
}

impl ChildHost for Recorder<'_> {
    fn work(&mut self) -> &mut Work {
        self.work
    }
    fn file(&mut self, op: FileOp, data: &[u8]) -> Result<(), FileError> {
        let work = self.stretch_so_far();
        let (op, data) = match op {
            FileOp::Append { file, data: range } => {
                let bytes = range.end - range.start;
                self.bytes_written += bytes as u64;
                let kept = if self.keeps_data {
                    data[range].to_vec()
                } else {
                    Vec::new()
                };
                (
                    FileOp::Append {
                        file,
                        data: 0..bytes,
                    },
                    kept,
                )
            }
            other => (other, Vec::new()),
        };
        self.stretches.push_back(Stretch {
            work,
            op: Some((op, data)),
        });
        Ok(())
    }
}

impl<M: Model> World<M> {
    /// Forks `actor`: it stands still for the copy of its page table, and its child begins.
    pub(super) fn fork(&mut self, actor: ActorId, job: JobId) {
        self.collect_copied_pages(actor);
        let hosted = &mut self.hosted[actor.index()];
        let at = hosted.turn.at;
        let resident_bytes = hosted.actor.resident_bytes();
        let prices = &self.profile.host;
        let mapped = u128::from(prices.fork_mib.as_picos()) * u128::from(resident_bytes);
        let mapped = u64::try_from(mapped / u128::from(MIB)).unwrap_or(u64::MAX);
        let span = prices.fork + Span::from_picos(mapped);
        hosted.turn.at = at + span;
        hosted.host.forks += 1;
        hosted.children += 1;
        self.events
            .fold(at, actor, EventKind::Fork, u64::from(job.0), 0);
        let helper = self
            .pools
            .first_core(self.hosted[actor.index()].placement.helpers);
        let child = self.record_child(actor, job, helper, (at, at + span));
        self.pricing.share_pages(actor);
        self.entered = None;
        let slot = self.children.insert(child);
        self.schedule(
            actor,
            at + span,
            Event::Submit {
                task: Task::Child(slot),
            },
        );
        let fork = Fork {
            actor,
            job,
            at,
            span,
            resident_bytes,
        };
        self.observer.fork(&fork, &self.hosted[actor.index()].actor);
    }
    /// Lets `actor` do a child's work in place: its turn is parked until that has ended.
    pub(super) fn perform(&mut self, actor: ActorId, job: JobId) {
        let hosted = &mut self.hosted[actor.index()];
        let (at, core) = (hosted.turn.at, hosted.core);
        hosted.turn.holds += 1;
        let mut child = self.record_child(actor, job, core, (at, at));
        child.is_in_place = true;
        self.entered = None;
        let slot = self.children.insert(child);
        self.work_in_place(slot, at);
    }
    /// Goes on with work in place: its next stretch takes the core that its actor holds.
    fn work_in_place(&mut self, slot: u32, now: Time) {
        let child = self.children.get_mut(slot);
        let work = child.stretches.front().map_or(Span::ZERO, |next| next.work);
        child.worked += work;
        let actor = child.actor;
        self.schedule(actor, now + work, Event::ChildWorked { slot });
    }
    /// Ends a child of `actor`: it exits once what it is doing has ended.
    pub(super) fn end_child(&mut self, actor: ActorId, job: JobId) {
        let mut children = self.children.iter_mut();
        let child =
            children.find(|child| child.actor == actor && child.job == job && !child.is_in_place);
        if let Some(child) = child {
            child.outcome = ChildOutcome::Failed;
            child.stretches.truncate(1);
            if let Some(present) = child.stretches.front_mut() {
                present.op = None;
            }
        }
    }
    /// Runs the child's code on the state as it is now, and records what it does from `begin` on.
    fn record_child(
        &mut self,
        actor: ActorId,
        job: JobId,
        core: CoreId,
        (forked, begin): (Time, Time),
    ) -> Child {
        let hosted = &self.hosted[actor.index()];
        self.pricing.enter(NOBODY, hosted.space, core, begin);
        self.child_work.ask_for_touches();
        self.child_work.begin();
        let disk = &self.disks[hosted.placement.disk.0 as usize];
        let mut recorder = Recorder {
            work: &mut self.child_work,
            keeps_data: disk.contents() == Contents::Kept,
            spent: Span::ZERO,
            stretches: VecDeque::new(),
            bytes_written: 0,
        };
        let outcome = hosted.actor.run_child(job, &mut recorder);
        let work = recorder.stretch_so_far();
        recorder.stretches.push_back(Stretch { work, op: None });
        Child {
            actor,
            job,
            forked,
            stretches: recorder.stretches,
            worked: Span::ZERO,
            bytes_written: recorder.bytes_written,
            pages_copied: 0,
            outcome,
            is_in_place: false,
        }
    }
    /// A child has got `core` for its next stretch of work.
    pub(super) fn child_works(&mut self, slot: u32, core: CoreId, now: Time) {
        let child = self.children.get_mut(slot);
        let work = child
            .stretches
            .front()
            .expect("a living child has a stretch ahead")
            .work;
        child.worked += work;
        let actor = child.actor;
        self.release_core(core, now + work);
        self.schedule(actor, now + work, Event::ChildWorked { slot });
    }
    /// A child has done a stretch of work: its file operation follows, or its exit.
    pub(super) fn child_worked(&mut self, slot: u32, now: Time) {
        let child = self.children.get_mut(slot);
        let stretch = child
            .stretches
            .pop_front()
            .expect("the stretch that was worked");
        match stretch.op {
            None => self.child_exits(slot, now),
            Some((op, data)) => {
                let task = FileTask::new(child.actor, FileOwner::Child { slot }, op, data);
                let task = self.file_tasks.insert(task);
                self.file_begins(task, now);
            }
        }
    }
    /// A file operation of a child has ended.
    pub(super) fn child_file_ended(&mut self, slot: u32, outcome: &Outcome, now: Time) {
        let child = self.children.get_mut(slot);
        if let Outcome::Failed { .. } = outcome {
            child.outcome = ChildOutcome::Failed;
            child.stretches.clear();
            self.child_exits(slot, now);
            return;
        }
        let actor = child.actor;
        if child.is_in_place {
            return self.work_in_place(slot, now);
        }
        self.schedule(
            actor,
            now,
            Event::Submit {
                task: Task::Child(slot),
            },
        );
    }
    fn child_exits(&mut self, slot: u32, now: Time) {
        let child = self.children.get(slot);
        let actor = child.actor;
        if child.is_in_place {
            return self.work_in_place_ends(slot, now);
        }
        self.collect_copied_pages(actor);
        let child = self.children.remove(slot);
        let hosted = &mut self.hosted[actor.index()];
        hosted.children -= 1;
        if hosted.children == 0 {
            self.pricing.unshare_pages(actor);
            self.entered = None;
        }
        self.events
            .fold(now, actor, EventKind::ChildExit, u64::from(child.job.0), 0);
        let report = ChildReport {
            actor,
            job: child.job,
            forked: child.forked,
            exited: now,
            worked: child.worked,
            bytes_written: child.bytes_written,
            pages_copied: child.pages_copied,
            outcome: child.outcome,
        };
        self.observer
            .child(&report, &self.hosted[actor.index()].actor);
        self.deliver(
            actor,
            Delivery::ChildExit {
                job: child.job,
                outcome: child.outcome,
            },
            now,
        );
    }
    /// Tells `actor` that its work in place has ended, and lets its turn go on.
    fn work_in_place_ends(&mut self, slot: u32, now: Time) {
        let Child {
            actor,
            job,
            outcome,
            ..
        } = self.children.remove(slot);
        self.events
            .fold(now, actor, EventKind::ChildExit, u64::from(job.0), 0);
        let turn = &mut self.hosted[actor.index()].turn;
        turn.at = turn.at.max(now);
        let exit = Input::ChildExit { job, outcome };
        self.call(actor, CallKind::ChildExit, None, exit);
        let turn = &mut self.hosted[actor.index()].turn;
        turn.holds -= 1;
        let at = turn.at;
        if let Some(slot) = turn.held_back.pop_front() {
            self.schedule(actor, at, Event::FileBegin { slot });
        }
        self.advance(actor);
    }
    /// Books the pages that `actor` has copied since this was last done on all its children.
    fn collect_copied_pages(&mut self, actor: ActorId) {
        let copied = self.pricing.take_copied_pages(actor);
        self.hosted[actor.index()].host.pages_copied += copied;
        for child in self
            .children
            .iter_mut()
            .filter(|child| child.actor == actor && !child.is_in_place)
        {
            child.pages_copied += copied;
        }
    }
}
