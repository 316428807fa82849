//! `kvrig validate redis`: what the simulator says of a server, to be held beside a real one.
//!
//! [`traffic`] says what is asked, the same over real sockets as in the simulator. A [`calibration`]
//! takes prices from a few loads of GET and SET; [`prediction`] is made with them, and
//! [`comparison`] says what follows. The server is Redis's or the project's own ([`Engine`]).

pub mod calibration;
pub mod charts;
pub mod comparison;
pub mod growth;
pub mod prediction;
pub mod traffic;

use kvrig_base::id::ConnId;
use kvrig_base::random::Seed;
use kvrig_base::seam::{Actor, Cx, Effects, Input, Outbox, Work};
use kvrig_base::time::{Time, Wall};
use kvrig_redis::{Config, NoMessage, Node};
use kvrig_tables::TableKind;

/// Any civil time: nothing here expires.
const START: Wall = Wall::from_unix_millis(0);

/// The server whose work is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// redis-server 7.0.
    Redis,
    /// The project's own server.
    Own,
}

impl Engine {
    const fn table(self) -> TableKind {
        match self {
            Self::Redis => TableKind::Redis70,
            Self::Own => TableKind::Kvrig,
        }
    }
    /// What decides the work that is counted and the memory that is told.
    fn config(self) -> Config {
        Config {
            models_bucket_arrays: self == Self::Own,
            ..Config::default()
        }
    }
}

/// A node that is handed commands directly: no time passes.
struct Direct {
    node: Node,
    work: Work,
    outbox: Outbox,
    effects: Effects<NoMessage>,
}

impl Direct {
    const CONN: ConnId = ConnId(0);

    fn new(config: Config, engine: Engine) -> Self {
        let mut direct = Self {
            node: Node::new(config, engine.table(), Seed(1)),
            work: Work::unpriced(),
            outbox: Outbox::default(),
            effects: Effects::default(),
        };
        direct.hand_over(Input::Connected { conn: Self::CONN });
        direct
    }
    fn hand_over(&mut self, input: Input<'_, NoMessage>) {
        self.work.begin();
        self.outbox.clear();
        let mut cx = Cx::new(
            Time::START,
            START,
            &mut self.work,
            &mut self.outbox,
            &mut self.effects,
        );
        self.node.handle(&mut cx, input);
    }
    fn command(&mut self, args: &[&[u8]]) {
        let conn = Self::CONN;
        self.hand_over(Input::Command { conn, args });
    }
    /// The node, without the connection.
    fn into_node(mut self) -> Node {
        self.hand_over(Input::Closed { conn: Self::CONN });
        self.node
    }
}
