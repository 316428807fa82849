//! Roles whose processes die and come back.

use kvrig_base::seam::{Actor, Cx, Input};
use kvrig_base::time::Time;
use kvrig_dynamo::roles::{Message, Role};

/// A role in a process that can die: from then on it hears nothing, says nothing and does nothing, until
/// it comes back with what was in its log.
///
/// What it had begun to send when it died still goes out. A process that clients are connected to leaves
/// their requests without an answer.
#[derive(Debug)]
pub struct Mortal {
    role: Role,
    /// When it comes back, while it is dead.
    dead_until: Option<Time>,
}

impl From<Role> for Mortal {
    fn from(role: Role) -> Self {
        Self {
            role,
            dead_until: None,
        }
    }
}

impl Mortal {
    /// What it is, or was.
    pub const fn role(&self) -> &Role {
        &self.role
    }
    /// Whether it is dead.
    pub const fn is_dead(&self) -> bool {
        self.dead_until.is_some()
    }
    /// Dies, and comes back with the first message or deadline at `until` or later: never, at
    /// [`Time::NEVER`].
    pub const fn die(&mut self, until: Time) {
        self.dead_until = Some(until);
    }
}

impl Actor for Mortal {
    type Message = Message;

    fn handle(&mut self, cx: &mut Cx<'_, Message>, input: Input<'_, Message>) {
        match self.dead_until {
            Some(until) if cx.now() < until => return,
            Some(_) => {
                self.dead_until = None;
                self.role.restart(cx.now());
            }
            None => {}
        }
        self.role.handle(cx, input);
    }
    fn next_deadline(&self) -> Option<Time> {
        match self.dead_until {
            Some(until) => Some(until).filter(|until| *until < Time::NEVER),
            None => self.role.next_deadline(),
        }
    }
}
