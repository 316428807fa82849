//! The host's other promises on one small actor: closed loops, closing, shared cores, helpers.

use super::scenario::{Script, Seen, Stores, ask, micros, profile, run, way_back, world};
use kvrig_base::id::{ActorId, ConnId, JobId};
use kvrig_base::seam::{Actor, Counter, Counts, Cx, Effect, Input};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_sim::client::{ClosedLoop, FanOut};
use kvrig_sim::world::{DiskConfig, Placement, World};
use std::collections::VecDeque;

/// Answers what it is asked, at once or when a helper has done the work.
#[derive(Debug, Default)]
struct Echo {
    offloaded: VecDeque<ConnId>,
    closed: Vec<ConnId>,
}

impl Actor for Echo {
    type Message = ();

    fn handle(&mut self, cx: &mut Cx<'_, ()>, input: Input<'_, ()>) {
        match input {
            Input::Command { conn, args } => {
                cx.work.count(Counter::Commands, 1);
                match args {
                    [b"offload"] => {
                        let mut counts = Counts::default();
                        counts.add(Counter::Commands, 30);
                        cx.effect(Effect::Offload {
                            job: JobId(0),
                            counts,
                        });
                        self.offloaded.push_back(conn);
                    }
                    [b"quit"] => {
                        cx.reply(conn).write(b"+OK\r\n");
                        cx.effect(Effect::Close { conn });
                    }
                    _ => cx.reply(conn).write(b"+OK\r\n"),
                }
            }
            Input::OffloadDone { .. } => {
                let conn = self.offloaded.pop_front().expect("a job was offloaded");
                cx.reply(conn).write(b"+OK\r\n");
            }
            Input::Closed { conn } => self.closed.push(conn),
            _ => {}
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

/// From the intended start of a request at an idle actor to the end of its write.
const TO_LEFT: u64 = 21 + 5 + 10 + 2 + 1 + 3;

#[test]
fn a_closed_loop_asks_again_when_its_reply_has_arrived() {
    let mut world = world(vec![Echo::default()], false);
    let asked = (0..9).map(|_| (Time::START, 0, vec!["ping"])).collect();
    world.add_closed_loop(ClosedLoop {
        targets: vec![ActorId(0)],
        clients: 1,
        link: profile().link,
        requests: Script::new(asked),
        start: micros(1_000),
        requests_max: Some(3),
        patience: None,
    });
    let seen = run(&mut world);
    let cycle = Span::from_micros(TO_LEFT) + way_back(5);
    for request in 0..3 {
        assert_eq!(seen.ended(request), micros(1_000) + cycle * (request + 1));
        assert_eq!(seen.reply(request).response, cycle);
    }
    assert_eq!(seen.replies.len(), 3);
}

#[test]
fn what_comes_on_a_closed_connection_is_dropped_and_booked() {
    let mut world = world(vec![Echo::default()], false);
    let asked = vec![
        (micros(1_000), 0, vec!["quit"]),
        (micros(1_001), 0, vec!["ping"]),
        (micros(3_000), 0, vec!["ping"]),
        (micros(3_000), 1, vec!["ping"]),
    ];
    ask(&mut world, &[0, 0], asked);
    world.run_until(micros(10_000));
    let books = world.check_books().expect("no request is lost");
    assert_eq!(
        (books.offered, books.completed, books.dropped_closed),
        (4, 2, 2)
    );
    assert_eq!(
        world.observer().ended(0),
        micros(1_000 + TO_LEFT) + way_back(5)
    );
    assert_eq!(world.actor(ActorId(0)).closed, [ConnId(0)]);
}

#[test]
fn actors_of_one_core_take_turns_in_the_order_of_asking() {
    let mut world: World<Stores<Echo>> =
        World::new(&profile(), Wall::from_unix_millis(0), Seen::default());
    let (pool, helpers) = (world.add_pool(1), world.add_pool(1));
    let disk = world.add_disk(DiskConfig::default());
    for _ in 0..3 {
        world.add_actor(
            Echo::default(),
            Placement {
                pool,
                helpers,
                disk,
                store: None,
            },
        );
    }
    let asked = [2, 0, 1]
        .map(|conn| (micros(1_000), conn, vec!["ping"]))
        .to_vec();
    ask(&mut world, &[0, 1, 2], asked);
    let seen = run(&mut world);

    // The requests follow one another on the link in 1 us each; a turn takes 16 us.
    let first = 1_021 + 5 + 10 + 2 + 1 + 3;
    assert_eq!(seen.ended(0), micros(first) + way_back(5));
    assert_eq!(seen.ended(1), micros(first + 16) + way_back(5));
    assert_eq!(seen.ended(2), micros(first + 2 * 16) + way_back(5));
    assert_eq!(seen.reply(2).service, Span::from_micros(2 + 1 + 3));
    // Three first turns for the connections, at 10 + 1 each, and three for the requests.
    assert_eq!(world.busy(pool), [Span::from_micros(3 * 11 + 3 * 16)]);
}

#[test]
fn an_offloaded_job_uses_a_helper_and_not_the_actors_core() {
    let mut world = world(vec![Echo::default()], false);
    let asked = vec![
        (micros(1_000), 0, vec!["offload"]),
        (micros(1_020), 1, vec!["ping"]),
    ];
    ask(&mut world, &[0, 0], asked);
    let seen = run(&mut world);

    let offloaded = 1_021 + 5 + 10 + 2 + 1;
    assert_eq!(seen.ended(1), micros(1_020 + TO_LEFT) + way_back(5));
    // The helper is done 30 us later: wake-up 5, turn 10, input 1, a free call, write 3.
    assert_eq!(
        seen.ended(0),
        micros(offloaded + 30 + 5 + 10 + 1 + 3) + way_back(5)
    );
}

#[test]
fn a_client_that_asks_several_targets_waits_for_the_slowest() {
    let mut world = world(
        vec![Echo::default(), Echo::default(), Echo::default()],
        false,
    );
    // Requests of three parts: the second part of the first has 30 us of work done elsewhere, the
    // parts of all others go to one target.
    let first = [(0, "ping"), (1, "offload"), (2, "ping")];
    let others = [(2, "ping")].iter().cycle().take(57);
    let asked = first
        .iter()
        .chain(others)
        .map(|&(target, word)| (Time::START, target, vec![word]))
        .collect();
    let group = world.add_fan_out(FanOut {
        targets: vec![ActorId(0), ActorId(1), ActorId(2)],
        clients: 1,
        parts: 3,
        link: profile().link,
        requests: Script::new(asked),
        start: micros(1_000),
    });
    world.run_until(micros(1_400));
    let books = world.check_books().expect("no request is lost");
    assert!(books.offered > 6 && books.offered.is_multiple_of(3));
    let seen = world.observer();
    // The parts follow one another on the client's link in 1 us each.
    let slowest = micros(1_000 + 1 + TO_LEFT - 3 + 30 + 5 + 10 + 1 + 3) + way_back(5);
    assert_eq!(seen.gathered[0].group, group.0);
    assert_eq!(seen.gathered[0].intended, micros(1_000));
    assert_eq!(seen.gathered[0].ended, slowest);
    assert_eq!(seen.gathered[0].ended, seen.ended(1));
    assert_eq!(seen.gathered[1].intended, slowest);
    assert_eq!(seen.reply(5).conn, ConnId(2));
}
