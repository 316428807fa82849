//! A pop that finds nothing is answered later, in the turn of the push on another connection.

use super::scenario::{ask, micros, run, way_back, world};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Actor, Counter, Cx, Input};
use kvrig_base::time::{Span, Time};
use std::collections::VecDeque;

/// How long a pop waits before it is answered with nothing.
const PATIENCE: Span = Span::from_micros(3_000);

/// A queue whose `pop` waits for a `push`.
#[derive(Debug, Default)]
struct Mailbox {
    items: VecDeque<Vec<u8>>,
    waiting: VecDeque<(ConnId, Time)>,
}

impl Actor for Mailbox {
    type Message = ();

    fn handle(&mut self, cx: &mut Cx<'_, ()>, input: Input<'_, ()>) {
        match input {
            Input::Command {
                conn,
                args: [b"pop"],
            } => {
                cx.work.count(Counter::Commands, 1);
                match self.items.pop_front() {
                    Some(item) => cx.reply(conn).write(&item),
                    None => self.waiting.push_back((conn, cx.now() + PATIENCE)),
                }
            }
            Input::Command {
                conn,
                args: [b"push", item],
            } => {
                cx.work.count(Counter::Commands, 2);
                cx.reply(conn).write(b"1");
                match self.waiting.pop_front() {
                    Some((waiting, _)) => cx.reply(waiting).write(item),
                    None => self.items.push_back(item.to_vec()),
                }
            }
            Input::Deadline => {
                let now = cx.now();
                while self.waiting.front().is_some_and(|(_, until)| *until <= now) {
                    let (conn, _) = self.waiting.pop_front().expect("there is a front");
                    cx.reply(conn).write(b"nothing");
                }
            }
            _ => {}
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        self.waiting.front().map(|(_, until)| *until)
    }
}

#[test]
fn a_waiting_pop_is_answered_by_a_push_on_another_connection() {
    let mut world = world(vec![Mailbox::default()], false);
    let asked = vec![
        (micros(1_000), 0, vec!["pop"]),
        (micros(2_000), 1, vec!["push", "letter"]),
        (micros(3_000), 1, vec!["push", "another"]),
    ];
    ask(&mut world, &[0, 0], asked);
    let seen = run(&mut world);

    // The push arrives at 2,021: wake-up 5, turn 10, read 2, command 2. Then one write for each
    // connection, in the order in which they were answered: the pusher's, the popper's.
    let pushed = 2_021 + 5 + 10 + 2 + 2;
    assert_eq!(seen.ended(1), micros(pushed + 3) + way_back(1));
    assert_eq!(seen.ended(0), micros(pushed + 3 + 3) + way_back(6));
    // The pop's own part is its read, its call and its write: the millisecond between is waiting.
    assert_eq!(seen.reply(0).started, micros(1_021 + 5 + 10 + 2));
    assert_eq!(seen.reply(0).service, Span::from_micros(2 + 1 + 3));
    assert_eq!(seen.reply(0).response, seen.ended(0).since(micros(1_000)));
    assert_eq!(
        seen.reply(2).bytes,
        1,
        "the second push found nobody waiting"
    );
}

#[test]
fn a_pop_that_nobody_answers_ends_at_its_deadline() {
    let mut world = world(vec![Mailbox::default()], false);
    ask(&mut world, &[0], vec![(micros(1_000), 0, vec!["pop"])]);
    let seen = run(&mut world);

    // The pop is handled at 1,038, and its deadline is 3,000 later; then wake-up 5, turn 10 and a
    // call that counts nothing.
    let called = 1_021 + 5 + 10 + 2;
    assert_eq!(seen.reply(0).started, micros(called));
    assert_eq!(
        seen.ended(0),
        micros(called + 3_000 + 5 + 10 + 3) + way_back(7)
    );
}
