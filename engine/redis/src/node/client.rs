//! What the node remembers of each connection.

use crate::resp::{Parser, Protocol};
use kvrig_base::id::ConnId;

/// What commands may learn and change about their connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The database that SELECT chose.
    pub(crate) database: usize,
    /// The form that replies take.
    pub(crate) protocol: Protocol,
}

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) session: Session,
    pub(super) parser: Parser,
    /// Nothing is read any more; the host closes it once the replies have left.
    pub(super) is_closing: bool,
}

/// All connections, by number.
#[derive(Debug, Default)]
pub(super) struct Clients {
    list: Vec<Option<Box<Client>>>,
    count: usize,
}

impl Clients {
    /// Number of connections.
    pub(super) fn count(&self) -> usize {
        self.count
    }
    /// Begins a connection anew.
    pub(super) fn connect(&mut self, conn: ConnId) {
        self.close(conn);
        self.give_back(conn, Box::default());
        self.count += 1;
    }
    /// Forgets a connection.
    pub(super) fn close(&mut self, conn: ConnId) {
        let place = self.list.get_mut(conn.index());
        if place.is_some_and(|place| place.take().is_some()) {
            self.count -= 1;
        }
    }
    /// Takes a connection out, so that it can be used beside the rest of the node.
    pub(super) fn take(&mut self, conn: ConnId) -> Option<Box<Client>> {
        self.list.get_mut(conn.index()).and_then(Option::take)
    }
    /// Puts it back.
    pub(super) fn give_back(&mut self, conn: ConnId, client: Box<Client>) {
        if self.list.len() <= conn.index() {
            self.list.resize_with(conn.index() + 1, || None);
        }
        self.list[conn.index()] = Some(client);
    }
}
