//! Clients with a time limit, on an actor that works as long as each request says.

use super::scenario::{Script, Seen, TestWorld, micros, profile, way_back, world};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::seam::{Actor, Counter, Cx, Effect, Input};
use kvrig_base::time::{Span, Time};
use kvrig_sim::client::{Backoff, ClosedLoop, OpenLoop, Patience};
use kvrig_sim::world::GroupId;

/// Works for so many microseconds as the request says, and answers; or closes the connection.
#[derive(Debug)]
struct Worker;

impl Actor for Worker {
    type Message = ();

    fn handle(&mut self, cx: &mut Cx<'_, ()>, input: Input<'_, ()>) {
        let Input::Command { conn, args } = input else {
            return;
        };
        let text = std::str::from_utf8(args[0]).expect("a number or a word");
        match text.parse() {
            Ok(micros) => {
                cx.work.count(Counter::Commands, micros);
                cx.reply(conn).write(b"+OK\r\n");
            }
            Err(_) => {
                cx.reply(conn).write(b"+OK\r\n");
                cx.effect(Effect::Close { conn });
            }
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

/// From the intended start of a request at an idle actor to the end of its write, its work aside.
const TO_LEFT: u64 = 21 + 5 + 10 + 2 + 3;

/// A limit of 200 us and pauses of at most 50 us.
fn patience(retries: u32) -> Patience {
    Patience {
        timeout: Span::from_micros(200),
        retries,
        backoff: Backoff {
            base: Span::from_micros(50),
            cap: Span::from_micros(50),
        },
        draws: Seed(1).stream("backoff"),
    }
}

fn script(asked: &[(u64, u32, &'static str)]) -> Vec<(Time, u32, Vec<&'static str>)> {
    asked
        .iter()
        .map(|&(at, conn, work)| (micros(at), conn, vec![work]))
        .collect()
}

fn open_loop(
    world: &mut TestWorld<Worker>,
    connections: u32,
    asked: &[(u64, u32, &'static str)],
    patience: Patience,
) -> GroupId {
    world.add_open_loop(OpenLoop {
        targets: vec![ActorId(0)],
        connections,
        link: profile().link,
        requests: Script::new(script(asked)),
        arrivals: asked.iter().map(|&(at, ..)| micros(at)).collect(),
        patience: Some(patience),
    })
}

fn closed_loop(
    world: &mut TestWorld<Worker>,
    clients: u32,
    works: &[&'static str],
    requests: u64,
    patience: Patience,
) -> GroupId {
    let works = works.iter().cycle().take(requests as usize);
    let asked: Vec<_> = works.map(|work| (0, 0, *work)).collect();
    world.add_closed_loop(ClosedLoop {
        targets: vec![ActorId(0)],
        clients,
        link: profile().link,
        requests: Script::new(script(&asked)),
        start: micros(1_000),
        requests_max: Some(requests),
        patience: Some(patience),
    })
}

fn run(world: &mut TestWorld<Worker>) -> &Seen {
    world.run_until(micros(100_000));
    world.check_books().expect("no request is lost or invented");
    world.observer()
}

#[test]
fn a_reply_in_time_is_as_without_a_limit() {
    let mut world = world(vec![Worker], false);
    let group = open_loop(&mut world, 1, &[(1_000, 0, "10")], patience(3));
    let seen = run(&mut world);
    assert_eq!(seen.ended(0), micros(1_000 + TO_LEFT + 10) + way_back(5));
    assert!(seen.timeouts.is_empty() && seen.late.is_empty());
    let counts = world.patience_counts(group);
    assert_eq!((counts.begun, counts.attempts, counts.answered), (1, 1, 1));
}

#[test]
fn a_request_that_timed_out_is_served_all_the_same() {
    let mut world = world(vec![Worker], false);
    let group = open_loop(&mut world, 1, &[(1_000, 0, "400")], patience(0));
    let seen = run(&mut world);
    assert!(seen.replies.is_empty());
    let late = seen.late[0];
    assert_eq!(late.ended, micros(1_000 + TO_LEFT + 400) + way_back(5));
    assert_eq!(late.service, Span::from_micros(2 + 400 + 3));
    assert_eq!(world.patience_counts(group).wasted, late.service);
    let books = world.check_books().expect("the books balance");
    assert_eq!((books.offered, books.completed, books.late), (1, 0, 1));
    assert_eq!((books.limited.begun, books.limited.failed), (1, 1));
}

#[test]
fn a_retry_waits_behind_what_was_given_up() {
    let mut world = world(vec![Worker], false);
    // The first client's request occupies the core; the other's times out behind it.
    open_loop(&mut world, 1, &[(1_000, 0, "300")], patience(0));
    let group = open_loop(&mut world, 1, &[(1_010, 0, "10")], patience(1));
    let seen = run(&mut world);
    let given_up = &seen.timeouts[1];
    assert_eq!((given_up.group, given_up.at), (group.0, micros(1_210)));
    let pause = given_up.next.expect("it may ask again").since(given_up.at);
    assert!(pause <= Span::from_micros(50));
    // The first attempt is answered late, the second in time; the response is from the first start.
    let late: Vec<(u32, u32)> = seen.late.iter().map(|r| (r.group, r.attempt)).collect();
    assert_eq!(late, [(0, 1), (group.0, 1)]);
    let reply = &seen.replies[0];
    assert_eq!((reply.group, reply.attempt), (group.0, 2));
    assert_eq!(reply.intended, micros(1_010));
    assert_eq!(reply.response, reply.ended.since(micros(1_010)));
    assert!(reply.response > Span::from_micros(200));
}

#[test]
fn retries_stop_at_the_limit_of_attempts() {
    for retries in [0, 1, 3] {
        let mut world = world(vec![Worker], false);
        let group = open_loop(&mut world, 1, &[(1_000, 0, "900")], patience(retries));
        let seen = run(&mut world);
        let attempts: Vec<u32> = seen.timeouts.iter().map(|event| event.attempt).collect();
        assert_eq!(attempts, (1..=retries + 1).collect::<Vec<_>>());
        assert!(seen.timeouts.last().expect("it failed").next.is_none());
        let counts = world.patience_counts(group);
        assert_eq!(counts.attempts, u64::from(retries + 1));
        assert_eq!((counts.failed, counts.late), (1, counts.attempts));
    }
}

#[test]
fn a_closed_loop_goes_on_after_a_failure() {
    let mut world = world(vec![Worker], false);
    let group = closed_loop(&mut world, 1, &["500"], 3, patience(1));
    run(&mut world);
    let counts = world.patience_counts(group);
    assert_eq!((counts.begun, counts.failed), (3, 3));
}

#[test]
fn the_books_balance_at_every_instant() {
    let mut world = world(vec![Worker], false);
    // Short requests that sometimes meet long ones, so that everything that can happen does.
    let works = ["5", "5", "60", "5", "5", "250", "5", "5", "5"];
    closed_loop(&mut world, 2, &works, 200, patience(2));
    let asked = [(1_500, 0, "quit"), (1_600, 0, "1"), (1_700, 1, "1")];
    open_loop(&mut world, 2, &asked, patience(2));
    for instant in 0..6_000 {
        world.run_until(micros(10 * instant));
        let books = world.check_books().expect("the books balance");
        assert!(books.limited.begun <= books.offered);
    }
    let books = world.check_books().expect("the books balance");
    let limited = books.limited;
    assert_eq!(limited.begun, limited.answered + limited.failed);
    assert!(limited.answered > 50 && limited.failed > 10, "{books:?}");
    assert!(books.late > 10 && books.dropped_closed > 0, "{books:?}");
}

#[test]
fn a_limit_at_the_instant_of_the_reply_makes_it_late() {
    let to_reply = Span::from_micros(TO_LEFT + 10) + way_back(5);
    for (timeout, late) in [(to_reply, 1), (to_reply + Span::from_picos(1), 0)] {
        let mut world = world(vec![Worker], false);
        let limit = Patience {
            timeout,
            ..patience(0)
        };
        open_loop(&mut world, 1, &[(1_000, 0, "10")], limit);
        let seen = run(&mut world);
        assert_eq!((seen.late.len(), seen.replies.len()), (late, 1 - late));
    }
}

/// Pauses that the clients of the first group drew, by client and in order.
fn pauses(others: bool) -> Vec<Vec<Span>> {
    let mut world = world(vec![Worker], false);
    let group = closed_loop(&mut world, 2, &["900"], 4, patience(3));
    if others {
        closed_loop(&mut world, 5, &["300"], 50, patience(3));
    }
    let seen = run(&mut world);
    let of_client = |client: u32| {
        let pauses = seen.timeouts.iter().filter_map(|event| {
            let ours = event.group == group.0 && event.conn.0 == client;
            ours.then_some(event.next?.since(event.at))
        });
        pauses.collect()
    };
    (0..2).map(of_client).collect()
}

#[test]
fn pauses_are_the_same_whatever_other_clients_do() {
    let alone = pauses(false);
    let in_company = pauses(true);
    for (alone, in_company) in alone.iter().zip(&in_company) {
        let both = alone.len().min(in_company.len());
        assert!(both >= 3);
        assert_eq!(alone[..both], in_company[..both]);
    }
    assert_ne!(alone[0], alone[1], "clients draw pauses of their own");
}
