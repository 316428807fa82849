//! One actor in this thread, on a real clock.

use crate::clock::Clock;
use crate::meter::{ClockMeter, Lap};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{
    Actor, ChildOutcome, Cx, Effect, Effects, FileError, FileOutcome, Input, Outbox, Work,
};
use std::collections::BTreeSet;
use std::rc::Rc;

/// How often effects may lead to further effects within one turn; an actor that asks again and
/// again for what it is refused is stopped.
const EFFECT_ROUNDS_MAX: usize = 16;

/// Why a turn was not carried out whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The actor asked for something that this host does not have. The actor was told that it
    /// failed, and can go on.
    #[error("the store asked for {0}, which this host does not have")]
    NotHosted(&'static str),
    /// There is no such connection, or it is closed.
    #[error("connection {0} is not open")]
    NotOpen(ConnId),
    /// The actor wants no input of this connection.
    #[error("the store has paused connection {0}")]
    Paused(ConnId),
    /// The actor does not stop asking.
    #[error("the store asked {EFFECT_ROUNDS_MAX} times within one turn for what it was refused")]
    Restless,
}

impl From<HostError> for Diagnostic {
    fn from(error: HostError) -> Self {
        Self::new(diagnostic::NOT_HOSTED, error.to_string())
    }
}

/// Hosts one actor in the calling thread: commands go in, replies stay in a buffer until the next
/// turn, deadlines are met when [`Host::run_due`] is called.
///
/// There are no files, children and peers. Background jobs are done as soon as they are asked for.
#[derive(Debug)]
pub struct Host<A: Actor> {
    actor: A,
    clock: Rc<dyn Clock>,
    lap: Lap,
    work: Work,
    /// The receipt of calls that end a turn or answer an effect.
    aside: Work,
    outbox: Outbox,
    effects: Effects<A::Message>,
    open: BTreeSet<ConnId>,
    paused: BTreeSet<ConnId>,
    next_conn: u32,
}

impl<A: Actor> Host<A> {
    /// A host of `actor` on `clock`.
    pub fn new(actor: A, clock: Rc<dyn Clock>) -> Self {
        let lap = Lap::new(Rc::clone(&clock));
        Self {
            actor,
            work: Work::new(Box::new(ClockMeter(lap.clone()))),
            aside: Work::new(Box::new(ClockMeter(lap.clone()))),
            lap,
            clock,
            outbox: Outbox::default(),
            effects: Effects::default(),
            open: BTreeSet::new(),
            paused: BTreeSet::new(),
            next_conn: 0,
        }
    }
    /// Opens a connection.
    ///
    /// # Errors
    /// What the actor asked for and this host does not have.
    pub fn connect(&mut self) -> Result<ConnId, HostError> {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.open.insert(conn);
        self.turn(Input::Connected { conn })?;
        Ok(conn)
    }
    /// Closes a connection from the client's side; closing it twice changes nothing.
    ///
    /// # Errors
    /// What the actor asked for and this host does not have.
    pub fn close(&mut self, conn: ConnId) -> Result<(), HostError> {
        if !self.open.remove(&conn) {
            return Ok(());
        }
        self.paused.remove(&conn);
        self.turn(Input::Closed { conn }).map(|_| ())
    }
    /// Hands over one whole command as a turn of its own.
    ///
    /// # Errors
    /// A connection that takes no command, or what the actor asked for and this host does not have.
    pub fn command(&mut self, conn: ConnId, args: &[&[u8]]) -> Result<(), HostError> {
        self.check(conn)?;
        self.turn(Input::Command { conn, args }).map(|_| ())
    }
    /// Hands over bytes as they come from a socket and says how many were used up; the rest is to
    /// be handed over again, with what follows.
    ///
    /// # Errors
    /// As [`Host::command`].
    pub fn bytes(&mut self, conn: ConnId, bytes: &[u8]) -> Result<usize, HostError> {
        self.check(conn)?;
        self.turn(Input::Bytes { conn, bytes })
    }
    /// Calls the actor if its deadline has passed, and says whether it had.
    ///
    /// # Errors
    /// What the actor asked for and this host does not have.
    pub fn run_due(&mut self) -> Result<bool, HostError> {
        if !self.is_due() {
            return Ok(false);
        }
        self.turn(Input::Deadline)?;
        Ok(true)
    }
    /// Whether the actor's deadline has passed.
    pub fn is_due(&self) -> bool {
        let due = self.actor.next_deadline();
        due.is_some_and(|due| due <= self.clock.now())
    }
    /// The replies of the last turn with their receivers, in order.
    pub fn replies(&self) -> impl Iterator<Item = (ConnId, &[u8])> {
        self.outbox.iter()
    }
    /// The receipt of the last turn's input, with segments in real time.
    pub fn work(&self) -> &Work {
        &self.work
    }
    /// The actor.
    pub fn actor(&self) -> &A {
        &self.actor
    }
    /// The actor, to be prepared or asked.
    pub fn actor_mut(&mut self) -> &mut A {
        &mut self.actor
    }

    fn check(&self, conn: ConnId) -> Result<(), HostError> {
        if !self.open.contains(&conn) {
            return Err(HostError::NotOpen(conn));
        }
        match self.paused.contains(&conn) {
            true => Err(HostError::Paused(conn)),
            false => Ok(()),
        }
    }

    /// One turn of one input; says how many bytes of it were used up.
    fn turn(&mut self, input: Input<'_, A::Message>) -> Result<usize, HostError> {
        self.outbox.clear();
        self.work.begin();
        let now = self.lap.begin();
        let mut cx = Cx::new(
            now,
            self.clock.wall_at(now),
            &mut self.work,
            &mut self.outbox,
            &mut self.effects,
        );
        self.actor.handle(&mut cx, input);
        let consumed = cx.consumed();
        self.call_aside(Input::TurnEnd);
        match self.effects.is_empty() {
            true => Ok(consumed),
            false => self.carry_out().map(|()| consumed),
        }
    }

    fn call_aside(&mut self, input: Input<'_, A::Message>) {
        self.aside.begin();
        let now = self.lap.begin();
        let mut cx = Cx::new(
            now,
            self.clock.wall_at(now),
            &mut self.aside,
            &mut self.outbox,
            &mut self.effects,
        );
        self.actor.handle(&mut cx, input);
    }

    /// Does what can be done of the effects, and answers the rest with failure.
    fn carry_out(&mut self) -> Result<(), HostError> {
        let mut refused = None;
        for _ in 0..EFFECT_ROUNDS_MAX {
            if self.effects.is_empty() {
                return refused.map_or(Ok(()), |what| Err(HostError::NotHosted(what)));
            }
            let (list, data) = self.effects.take();
            for effect in &list {
                let what = self.effect(effect);
                refused = refused.or(what);
            }
            if self.effects.is_empty() {
                self.effects.reuse(list, data);
            }
        }
        Err(HostError::Restless)
    }

    /// Carries out one effect, or answers it with failure and says what it was.
    fn effect(&mut self, effect: &Effect<A::Message>) -> Option<&'static str> {
        match *effect {
            Effect::Close { conn } => {
                if self.open.remove(&conn) {
                    self.paused.remove(&conn);
                    self.call_aside(Input::Closed { conn });
                }
                None
            }
            Effect::PauseReading { conn } => {
                self.paused.insert(conn);
                None
            }
            Effect::ResumeReading { conn } => {
                self.paused.remove(&conn);
                None
            }
            Effect::Offload { job, .. } => {
                self.call_aside(Input::OffloadDone { job });
                None
            }
            // One actor alone has nobody to stop.
            Effect::StopWorkers | Effect::ResumeWorkers => None,
            Effect::Send { .. } => Some("a peer"),
            Effect::File { ticket, .. } => {
                let outcome = FileOutcome::Failed {
                    bytes: 0,
                    error: FileError::Device,
                };
                self.call_aside(Input::File { ticket, outcome });
                Some("a file")
            }
            // There is no child to be ended, and the host's owner ends the process.
            Effect::EndChild { .. } | Effect::Exit => None,
            Effect::Perform { job } | Effect::Fork { job } => {
                let outcome = ChildOutcome::Failed;
                self.call_aside(Input::ChildExit { job, outcome });
                Some("a forked child")
            }
        }
    }
}
