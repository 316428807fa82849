//! Two workers on one store: the second waits for the lock on its own core, in virtual time. The
//! same store is checked under loom in `engine/base/tests/shared_store_loom.rs`.

use super::scenario::{ask, micros, run, way_back, world};
use kvrig_base::seam::sync::Simulated;
use kvrig_base::seam::{Actor, Counter, Cx, Effect, Input};
use kvrig_base::time::{Span, Time};
use shared_store::{AFTER, BEFORE, HELD, SharedCounter};
use std::rc::Rc;

#[path = "../../../engine/base/tests/shared_store/mod.rs"]
mod shared_store;

struct Worker {
    counter: Rc<SharedCounter<Simulated>>,
    /// Stops the others for 50 us when it is told to.
    stopping: bool,
}

impl Actor for Worker {
    type Message = ();

    fn handle(&mut self, cx: &mut Cx<'_, ()>, input: Input<'_, ()>) {
        match input {
            Input::Command {
                conn,
                args: [b"add"],
            } => {
                let before = self.counter.add(cx.work);
                cx.reply(conn).write(before.to_string().as_bytes());
            }
            Input::Command {
                conn,
                args: [b"try"],
            } => {
                let reply = match self.counter.try_add(cx.work) {
                    Some(before) => before.to_string(),
                    None => "busy".to_owned(),
                };
                cx.reply(conn).write(reply.as_bytes());
            }
            Input::Command {
                conn,
                args: [b"stop"],
            } => {
                self.stopping = true;
                cx.effect(Effect::StopWorkers);
                cx.reply(conn).write(b"1");
            }
            Input::TurnEnd if self.stopping => {
                self.stopping = false;
                cx.work.count(Counter::Commands, 50);
                cx.effect(Effect::ResumeWorkers);
            }
            _ => {}
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

fn workers() -> Vec<Worker> {
    let counter = Rc::new(SharedCounter::new());
    (0..2)
        .map(|_| Worker {
            counter: Rc::clone(&counter),
            stopping: false,
        })
        .collect()
}

/// From the intended start of a request at an idle worker to the beginning of its call.
const TO_CALL: u64 = 21 + 5 + 10 + 2;

#[test]
fn a_worker_waits_for_the_lock_until_the_other_gives_it_back() {
    let mut world = world(workers(), true);
    let asked = vec![
        (micros(1_000), 0, vec!["add"]),
        (micros(1_002), 1, vec!["add"]),
    ];
    ask(&mut world, &[0, 1], asked);
    let seen = run(&mut world);

    let first = 1_000 + TO_CALL;
    let released = first + BEFORE + HELD;
    assert_eq!(seen.reply(0).started, micros(first));
    assert_eq!(seen.ended(0), micros(released + AFTER + 3) + way_back(1));

    // The second asks for the lock 2 us after the first took it, and has it when that gives it back.
    assert_eq!(seen.reply(1).started, micros(first + 2));
    assert_eq!(
        seen.ended(1),
        micros(released + HELD + AFTER + 3) + way_back(1)
    );
    // Its service does not count the wait, its response does.
    assert_eq!(
        seen.reply(1).service,
        Span::from_micros(2 + BEFORE + HELD + AFTER + 3)
    );
}

#[test]
fn an_attempt_is_refused_exactly_while_the_lock_is_held() {
    // The lock is held from 1 us after the first call begins to 5 us after.
    for (delay, expected_bytes, expected_work) in [
        (3, "busy".len(), BEFORE + AFTER),
        (4, "1".len(), BEFORE + HELD + AFTER),
    ] {
        let mut world = world(workers(), true);
        let asked = vec![
            (micros(1_000), 0, vec!["add"]),
            (micros(1_000 + delay), 1, vec!["try"]),
        ];
        ask(&mut world, &[0, 1], asked);
        let seen = run(&mut world);
        assert_eq!(
            seen.reply(1).bytes,
            expected_bytes as u64,
            "{delay} us later"
        );
        assert_eq!(seen.reply(1).handled, Span::from_micros(expected_work));
    }
}

#[test]
fn stopping_the_workers_waits_for_their_turns_and_holds_back_their_next() {
    let mut world = world(workers(), true);
    let asked = vec![
        (micros(1_000), 1, vec!["add"]),
        (micros(1_004), 0, vec!["stop"]),
        (micros(1_010), 1, vec!["add"]),
    ];
    ask(&mut world, &[0, 1], asked);
    let seen = run(&mut world);

    // Worker 1 ends its turn when its reply has left; only then does worker 0 have the store to
    // itself. It works 50 us, writes for 3, and lets worker 1 wake up for what came meanwhile.
    let parked = 1_000 + TO_CALL + BEFORE + HELD + AFTER + 3;
    assert_eq!(seen.ended(0), micros(parked) + way_back(1));
    let resumed = parked + 50;
    assert_eq!(seen.ended(1), micros(resumed + 3) + way_back(1));
    assert_eq!(seen.reply(2).started, micros(resumed + 5 + 10 + 2));
}
