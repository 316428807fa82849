//! The same inputs give the same events, and what is added beside changes nothing.

use super::scenario::{Asked, TestWorld, ask, micros, run, world};
use kvrig_base::digest::Digest;
use kvrig_base::id::ActorId;
use kvrig_base::seam::{Actor, Counter, Cx, Effect, Input};
use kvrig_base::time::{Span, Time};
use kvrig_sim::world::{Placement, Reply};

/// Answers, has a timer, and tells a peer.
#[derive(Debug)]
struct Chatty {
    peer: Option<ActorId>,
    ticks: u64,
}

impl Actor for Chatty {
    type Message = u64;

    fn handle(&mut self, cx: &mut Cx<'_, u64>, input: Input<'_, u64>) {
        match input {
            Input::Command { conn, args } => {
                cx.work.count(Counter::Commands, 1 + args[0].len() as u64);
                let reply = self.ticks.to_string();
                cx.reply(conn).write(reply.as_bytes());
                if let Some(to) = self.peer {
                    cx.effect(Effect::Send {
                        to,
                        message: self.ticks,
                        bytes: 8,
                    });
                }
            }
            Input::Peer { message, .. } => {
                cx.work.count(Counter::Commands, message % 3);
            }
            Input::Deadline => self.ticks += 1,
            _ => {}
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        Some(Time::START + Span::from_micros(100) * (self.ticks + 1))
    }
}

fn chatty(peer: Option<u32>) -> Chatty {
    Chatty {
        peer: peer.map(ActorId),
        ticks: 0,
    }
}

/// Requests that often meet at one instant: all times are multiples of 40 us.
fn asked() -> Vec<Asked> {
    (0..200_u64)
        .map(|n| (micros(1_000 + n / 3 * 40), (n % 3) as u32, vec!["word"]))
        .collect()
}

fn two_actors() -> TestWorld<Chatty> {
    let mut world = world(vec![chatty(Some(1)), chatty(Some(0))], false);
    ask(&mut world, &[0, 1, 0], asked());
    world
}

fn replies(world: &mut TestWorld<Chatty>) -> Vec<Reply> {
    run(world)
        .replies
        .iter()
        .copied()
        .filter(|reply| reply.group == 0)
        .collect()
}

fn digest(world: &mut TestWorld<Chatty>) -> Digest {
    run(world);
    world.events().digest()
}

#[test]
fn two_runs_of_one_world_have_the_same_events() {
    assert_eq!(digest(&mut two_actors()), digest(&mut two_actors()));
    let mut other = world(vec![chatty(Some(1)), chatty(None)], false);
    ask(&mut other, &[0, 1, 0], asked());
    assert_ne!(digest(&mut two_actors()), digest(&mut other));
}

#[test]
fn an_unrelated_actor_with_clients_of_its_own_renumbers_nothing() {
    let alone = replies(&mut two_actors());
    assert_eq!(alone.len(), 200);
    let mut accompanied = two_actors();
    let (pool, helpers) = (accompanied.add_pool(1), accompanied.add_pool(1));
    let disk = accompanied.add_disk(Default::default());
    let placement = Placement {
        pool,
        helpers,
        disk,
        store: None,
    };
    let third = accompanied.add_actor(chatty(None), placement);
    ask(
        &mut accompanied,
        &[third.0],
        (0..200)
            .map(|n| (micros(1_000 + n * 20), 0, vec!["x"]))
            .collect(),
    );
    assert_eq!(replies(&mut accompanied), alone);
}
