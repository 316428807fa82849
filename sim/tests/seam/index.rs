//! A request is routed to a partition, which answers and feeds an index on the side: the answer does
//! not wait for the index, and the index lags by a known time.

use super::scenario::{FIRST, TestWorld, ask, micros, profile, run, way_back, world};
use kvrig_base::id::{ActorId, ConnId};
use kvrig_base::seam::{Actor, Counter, Cx, Effect, Input};
use kvrig_base::time::Time;
use kvrig_sim::cost::LinkPrices;
use kvrig_sim::world::CallKind;

const ROUTER: ActorId = ActorId(0);
const PARTITION: ActorId = ActorId(1);
const INDEX: ActorId = ActorId(2);

/// Size of each message between nodes: 1 us on the link.
const MESSAGE_BYTES: u64 = 1_000;

#[derive(Clone, Debug)]
enum Message {
    Put { conn: ConnId, key: Vec<u8> },
    Stored { conn: ConnId },
    Indexed { key: Vec<u8> },
}

/// The three roles as one closed enum: every call is dispatched statically.
#[derive(Debug)]
enum Node {
    Router,
    Partition { keys: Vec<Vec<u8>> },
    Index { keys: Vec<Vec<u8>> },
}

impl Actor for Node {
    type Message = Message;

    fn handle(&mut self, cx: &mut Cx<'_, Message>, input: Input<'_, Message>) {
        match (self, input) {
            (Self::Router, Input::Command { conn, args }) => {
                cx.work.count(Counter::Commands, 1);
                send(
                    cx,
                    PARTITION,
                    Message::Put {
                        conn,
                        key: args[0].to_vec(),
                    },
                );
            }
            (
                Self::Router,
                Input::Peer {
                    message: Message::Stored { conn },
                    ..
                },
            ) => {
                cx.reply(conn).write(b"+OK\r\n");
            }
            (
                Self::Partition { keys },
                Input::Peer {
                    from,
                    message: Message::Put { conn, key },
                },
            ) => {
                cx.work.count(Counter::Commands, 4);
                keys.push(key.clone());
                send(cx, from, Message::Stored { conn });
                send(cx, INDEX, Message::Indexed { key });
            }
            (
                Self::Index { keys },
                Input::Peer {
                    message: Message::Indexed { key },
                    ..
                },
            ) => {
                cx.work.count(Counter::Commands, 100);
                keys.push(key);
            }
            _ => {}
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

fn send(cx: &mut Cx<'_, Message>, to: ActorId, message: Message) {
    cx.effect(Effect::Send {
        to,
        message,
        bytes: MESSAGE_BYTES,
    });
}

fn nodes(link: Option<&LinkPrices>) -> TestWorld<Node> {
    let roles = vec![
        Node::Router,
        Node::Partition { keys: vec![] },
        Node::Index { keys: vec![] },
    ];
    let mut world = world(roles, false);
    if let Some(link) = link {
        for (from, to) in [(ROUTER, PARTITION), (PARTITION, ROUTER), (PARTITION, INDEX)] {
            world.add_path(from, to, link);
        }
    }
    ask(
        &mut world,
        &[ROUTER.0],
        vec![(micros(1_000), FIRST.0, vec!["key"])],
    );
    world
}

fn indexed(world: &TestWorld<Node>) -> usize {
    match world.actor(INDEX) {
        Node::Index { keys } => keys.len(),
        other => panic!("{other:?} is not the index"),
    }
}

#[test]
fn the_answer_does_not_wait_for_the_index() {
    let mut world = nodes(Some(&profile().link));
    // Router: wake-up 5, turn 10, read 2, call 1; the message is a write of 3 and 21 on the way.
    let put = 1_021 + 5 + 10 + 2 + 1 + 3 + 21;
    // Partition: wake-up 5, turn 10, read 2, call 4; first the answer, then the index: 3 each.
    let stored = put + 5 + 10 + 2 + 4 + 3 + 21;
    let fed = stored + 3;
    // Router: wake-up 5, turn 10, read 2, a call that counts nothing, write 3.
    let answered = stored + 5 + 10 + 2 + 3;
    let reached = fed + 5 + 10 + 2;

    world.run_until(micros(fed + 4));
    assert_eq!(indexed(&world), 0, "the index is still waking up");
    assert_eq!(run(&mut world).ended(0), micros(answered) + way_back(5));
    assert_eq!(indexed(&world), 1);
    let calls = &world.observer().calls;
    assert!(
        calls.contains(&(PARTITION, CallKind::Peer, micros(put + 5 + 10 + 2))),
        "{calls:?}"
    );
    assert!(
        calls.contains(&(INDEX, CallKind::Peer, micros(reached))),
        "{calls:?}"
    );
}

#[test]
fn on_one_host_a_message_costs_a_wake_up_and_no_link() {
    let mut world = nodes(None);
    let put = 1_021 + 5 + 10 + 2 + 1;
    let stored = put + 5 + 10 + 1 + 4;
    let answered = stored + 5 + 10 + 1 + 3;
    assert_eq!(run(&mut world).ended(0), micros(answered) + way_back(5));
}
