//! Inputs into the node; replies and effects out of it.

use super::child::Child;
use super::{CHILD, Server};
use kvrig_base::id::JobId;
use kvrig_base::seam::{Actor, ChildOutcome, Cx, Effect, FileOutcome, Input};
use kvrig_redis::{NoMessage, Node};

impl Server {
    /// Hands one input over and takes the replies; says how many bytes of it were used up. The
    /// effects are left for [`Server::carry_out`].
    pub(super) fn hand_over(&mut self, input: Input<'_, NoMessage>) -> usize {
        self.call(|node, cx| {
            node.handle(cx, input);
            cx.consumed()
        })
    }

    /// Lets the node end as SHUTDOWN without options does.
    pub(super) fn end_node(&mut self) {
        self.call(|node, cx| node.end(cx));
        self.carry_out();
    }

    /// Calls the node now and takes the replies.
    fn call<R>(&mut self, call: impl FnOnce(&mut Node, &mut Cx<'_, NoMessage>) -> R) -> R {
        self.work.begin();
        let now = self.lap.begin();
        let mut cx = Cx::new(
            now,
            self.clock.wall_at(now),
            &mut self.work,
            &mut self.outbox,
            &mut self.effects,
        );
        let returned = call(&mut self.node, &mut cx);
        self.take_replies();
        returned
    }

    fn take_replies(&mut self) {
        for (conn, bytes) in self.outbox.runs() {
            let connection = self.connections.get_mut(conn.index());
            if let Some(Some(connection)) = connection {
                connection.push(bytes);
                if !connection.is_dirty {
                    connection.is_dirty = true;
                    self.dirty.push(conn);
                }
            }
        }
        self.outbox.clear();
    }

    /// Carries out what the node has asked for, and what it asks for when it hears of that.
    pub(super) fn carry_out(&mut self) {
        while !self.effects.is_empty() {
            let (mut list, data) = self.effects.take();
            for effect in list.drain(..) {
                self.effect(&effect, &data);
            }
            if self.effects.is_empty() {
                self.effects.reuse(list, data);
            }
        }
    }

    /// The node hears at once how a child or its own work has ended.
    fn tell_exit(&mut self, job: JobId, outcome: ChildOutcome) {
        self.hand_over(Input::ChildExit { job, outcome });
    }

    fn effect(&mut self, effect: &Effect<NoMessage>, data: &[u8]) {
        match *effect {
            Effect::Close { conn } => {
                if let Some(connection) = self.connection(conn) {
                    connection.is_closing = true;
                    // The end of the turn closes it, with or without output.
                    self.mark_dirty(conn);
                }
            }
            Effect::PauseReading { conn } => {
                if let Some(connection) = self.connection(conn) {
                    connection.is_paused = true;
                }
            }
            Effect::ResumeReading { conn } => {
                if let Some(connection) = self.connection(conn) {
                    connection.is_paused = false;
                    self.resumed.push(conn);
                }
            }
            Effect::Offload { job, .. } => {
                self.hand_over(Input::OffloadDone { job });
            }
            // One actor alone has nobody to stop.
            Effect::StopWorkers | Effect::ResumeWorkers => {}
            Effect::Send { message, .. } => match message {},
            Effect::File { ticket, ref op, .. } => {
                let done = self.files.carry_out(op, data);
                let outcome = match &done {
                    Ok(done) => done.outcome(),
                    Err(error) => FileOutcome::Failed {
                        bytes: 0,
                        error: *error,
                    },
                };
                self.hand_over(Input::File { ticket, outcome });
            }
            Effect::Perform { job } => {
                let outcome = self.node.run_child(job, &mut self.files);
                self.tell_exit(job, outcome);
            }
            Effect::EndChild { job } => {
                if let Some(child) = self.child.take_if(|child| child.job == job) {
                    child.end();
                    child.forget(self.poll.registry());
                    self.tell_exit(job, ChildOutcome::Failed);
                }
            }
            Effect::Exit => self.is_exiting = true,
            Effect::Fork { job } => {
                let (directory, registry) = (&self.directory, self.poll.registry());
                match Child::begin(&self.node, job, directory, registry, CHILD) {
                    Ok(child) => self.child = Some(child),
                    Err(_) => self.tell_exit(job, ChildOutcome::Failed),
                }
            }
        }
    }
}
