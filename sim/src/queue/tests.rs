//! The queues against their contract: every trajectory equals the oracle's.

use super::{Agenda, BinaryHeapQueue, EventQueue, Key, RadixHeap, Scheduled, Timer};
use kvrig_base::id::ActorId;
use kvrig_base::random::{Seed, below};
use kvrig_base::time::{Span, Time};
use proptest::prelude::*;

fn at(picos: u64) -> Time {
    Time::from_picos(picos)
}

/// One step of a script that is played to two queues.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Push this far after the present, from this actor.
    Push {
        delay: u64,
        actor: u32,
    },
    Pop,
    Peek,
    /// Move the present this many 16ths of the way to the earliest event.
    Advance {
        sixteenths: u64,
    },
}

/// Delays of all magnitudes, with many ties and many at the present itself.
fn delay() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => Just(0),
        3 => 0..4_u64,
        2 => (0..45_u32, 0..64_u64).prop_map(|(shift, digit)| digit << shift),
        2 => 0..1_u64 << 50,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (delay(), 0..8_u32).prop_map(|(delay, actor)| Step::Push { delay, actor }),
        4 => Just(Step::Pop),
        1 => Just(Step::Peek),
        1 => (0..17_u64).prop_map(|sixteenths| Step::Advance { sixteenths }),
    ]
}

/// Everything that a queue answers to a script, then all that is left in it.
fn play<Q: EventQueue<u64> + Default>(script: &[Step]) -> Vec<(Option<Key>, Option<u64>, usize)> {
    let mut queue = Q::default();
    let mut sequences = [0; 8];
    let mut answers = Vec::new();
    for (number, &step) in script.iter().enumerate() {
        match step {
            Step::Push { delay, actor } => {
                let time = queue.now() + Span::from_picos(delay);
                queue.push(
                    Key::new(time, ActorId(actor), sequences[actor as usize]),
                    number as u64,
                );
                sequences[actor as usize] += 1;
            }
            Step::Pop => {
                let popped = queue.pop();
                answers.push((popped.map(|p| p.0), popped.map(|p| p.1), queue.len()));
            }
            Step::Peek => answers.push((queue.peek(), None, queue.len())),
            Step::Advance { sixteenths } => {
                if let Some(earliest) = queue.peek_time() {
                    let gap = earliest.since(queue.now()).as_picos();
                    queue.advance_to(queue.now() + Span::from_picos(gap / 16 * sixteenths));
                }
            }
        }
    }
    while let Some((key, payload)) = queue.pop() {
        assert_eq!(queue.now(), key.time());
        answers.push((Some(key), Some(payload), queue.len()));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_radix_heap_and_the_binary_heap_give_the_same_trajectory(
        script in prop::collection::vec(step(), 0..400),
    ) {
        prop_assert_eq!(play::<RadixHeap<u64>>(&script), play::<BinaryHeapQueue<u64>>(&script));
    }
}

/// A made-up world on an agenda: actors that answer one another at once or later, sources that feed
/// themselves, timers that are cancelled. Returns the keys and payloads in the order they came up.
fn run_world<Q: EventQueue<Scheduled<u32>> + Default>(
    seed: u64,
    actors: u32,
    initial: u32,
    events: usize,
) -> (Vec<(Key, u32)>, u64, usize) {
    let draws = Seed(seed).stream("queue test");
    let mut agenda: Agenda<u32, Q> = Agenda::default();
    let sources: Vec<_> = (0..5)
        .map(|source| agenda.add_source(ActorId(actors + source)))
        .collect();
    for event in 0..initial {
        let delay = below(draws.at(0, u64::from(event)).0[0], 1 << 40);
        agenda.schedule(ActorId(event % actors), at(delay), event);
    }
    for (number, &source) in sources.iter().enumerate() {
        agenda.arrive(source, at(number as u64), 1_000_000 + number as u32);
    }
    let mut timers: Vec<Timer> = Vec::new();
    let mut trajectory = Vec::new();
    while trajectory.len() < events {
        let Some(event) = agenda.pop() else { break };
        trajectory.push((event.key, event.payload));
        let [word, other] = draws.at(1, trajectory.len() as u64).0;
        let now = event.key.time();
        let delay = Span::from_picos(match word % 4 {
            0 => 0,
            1 => below(other, 3),
            2 => below(other, 1 << 20),
            _ => below(other, 1 << 41),
        });
        if event.payload >= 1_000_000 {
            let source = sources[event.payload as usize - 1_000_000];
            agenda.arrive(source, now + delay, event.payload);
            agenda.schedule(ActorId((word >> 8) as u32 % actors), now, event.payload % 7);
            continue;
        }
        let actor = ActorId((word >> 32) as u32 % actors);
        match (word >> 16) % 8 {
            0 => timers.push(agenda.arm(actor, now + delay, event.payload)),
            1 if !timers.is_empty() => {
                let timer = timers.swap_remove(other as usize % timers.len());
                agenda.cancel(timer);
                agenda.schedule(actor, now + delay, event.payload);
            }
            _ => agenda.schedule(actor, now + delay, event.payload),
        }
    }
    (trajectory, agenda.cancelled(), agenda.len())
}

#[test]
fn a_world_takes_the_same_course_on_either_queue() {
    for (seed, actors, initial) in [(1, 3, 4), (2, 64, 1_000), (3, 1_000, 50_000)] {
        let radix = run_world::<RadixHeap<_>>(seed, actors, initial, 60_000);
        let oracle = run_world::<BinaryHeapQueue<_>>(seed, actors, initial, 60_000);
        assert!(radix == oracle, "seed {seed}: the trajectories differ");
        assert_eq!(radix.0.len(), 60_000);
        assert!(radix.1 > 0, "no timer was cancelled");
    }
}

#[test]
fn ties_come_up_by_actor_and_then_by_sequence() {
    let mut agenda: Agenda<&str> = Agenda::new();
    agenda.schedule(ActorId(2), at(10), "2/0");
    agenda.schedule(ActorId(1), at(10), "1/0");
    agenda.schedule(ActorId(2), at(10), "2/1");
    agenda.schedule(ActorId(0), at(11), "later");
    agenda.schedule(ActorId(1), at(10), "1/1");
    let order: Vec<_> = std::iter::from_fn(|| agenda.pop())
        .map(|event| event.payload)
        .collect();
    assert_eq!(order, ["1/0", "1/1", "2/0", "2/1", "later"]);
}

#[test]
fn an_event_emitted_now_by_an_earlier_actor_comes_up_before_the_ties_that_wait() {
    let mut agenda: Agenda<&str> = Agenda::new();
    agenda.schedule(ActorId(3), at(5), "first");
    agenda.schedule(ActorId(6), at(5), "waiting");
    assert_eq!(agenda.pop().map(|event| event.payload), Some("first"));
    agenda.schedule(ActorId(9), at(5), "later actor");
    agenda.schedule(ActorId(1), at(5), "earlier actor");
    let order: Vec<_> = std::iter::from_fn(|| agenda.pop())
        .map(|event| event.payload)
        .collect();
    assert_eq!(order, ["earlier actor", "waiting", "later actor"]);
}

#[test]
fn an_extra_event_of_one_actor_leaves_the_ties_of_others_as_they_were() {
    let order = |extra: bool| {
        let mut agenda: Agenda<u32> = Agenda::new();
        if extra {
            agenda.schedule(ActorId(0), at(1), 100);
        }
        for actor in [4, 2, 3, 2, 4] {
            agenda.schedule(ActorId(actor), at(7), actor);
        }
        let keys: Vec<Key> = std::iter::from_fn(|| agenda.pop())
            .map(|event| event.key)
            .collect();
        keys.into_iter()
            .filter(|key| key.actor() != ActorId(0))
            .collect::<Vec<_>>()
    };
    assert_eq!(order(false), order(true));
}

#[test]
fn an_arrival_and_a_queued_event_of_one_instant_keep_the_total_order() {
    let mut agenda: Agenda<&str> = Agenda::new();
    let source = agenda.add_source(ActorId(5));
    agenda.arrive(source, at(9), "arrival");
    agenda.schedule(ActorId(4), at(9), "before");
    agenda.schedule(ActorId(6), at(9), "after");
    let order: Vec<_> = std::iter::from_fn(|| agenda.pop())
        .map(|event| event.payload)
        .collect();
    assert_eq!(order, ["before", "arrival", "after"]);
}

#[test]
fn a_cancelled_timer_never_comes_up_and_an_old_handle_cancels_nothing() {
    let mut agenda: Agenda<&str> = Agenda::new();
    let first = agenda.arm(ActorId(0), at(10), "cancelled");
    agenda.schedule(ActorId(0), at(20), "kept");
    assert!(agenda.cancel(first));
    assert!(!agenda.cancel(first), "it was cancelled before");
    assert_eq!((agenda.len(), agenda.cancelled()), (1, 1));
    assert_eq!(agenda.pop().map(|event| event.payload), Some("kept"));
    let second = agenda.arm(ActorId(0), at(30), "in the same slot");
    assert!(!agenda.cancel(first), "its slot serves another timer");
    assert_eq!(
        agenda.pop().map(|event| event.payload),
        Some("in the same slot")
    );
    assert!(!agenda.cancel(second), "it has come up");
    assert!(agenda.is_empty());
}

#[test]
fn popping_until_an_end_does_not_reach_past_it_over_a_cancelled_timer() {
    let mut agenda: Agenda<&str> = Agenda::new();
    let timer = agenda.arm(ActorId(0), at(10), "cancelled");
    agenda.schedule(ActorId(0), at(20), "beyond");
    agenda.cancel(timer);
    assert_eq!(agenda.pop_until(at(15)), None);
    assert_eq!(
        agenda.pop_until(at(20)).map(|event| event.payload),
        Some("beyond")
    );
}

#[test]
fn time_may_run_to_the_last_picosecond() {
    let mut queue = RadixHeap::default();
    for (sequence, picos) in [u64::MAX, 0, 1, u64::MAX - 1, 1 << 63]
        .into_iter()
        .enumerate()
    {
        queue.push(Key::new(at(picos), ActorId(0), sequence as u64), ());
    }
    let times: Vec<u64> = std::iter::from_fn(|| queue.pop())
        .map(|(key, ())| key.time().as_picos())
        .collect();
    assert_eq!(times, [0, 1, 1 << 63, u64::MAX - 1, u64::MAX]);
}

#[test]
#[should_panic(expected = "an event for 4ps was scheduled at 5ps, when that had passed")]
fn scheduling_into_the_past_stops_the_run() {
    let mut agenda: Agenda<()> = Agenda::new();
    agenda.schedule(ActorId(0), at(5), ());
    agenda.pop();
    agenda.schedule(ActorId(0), at(4), ());
}

#[test]
#[should_panic(expected = "source 0 emitted an arrival for 6ps after a later one")]
fn arrivals_out_of_order_stop_the_run() {
    let mut agenda: Agenda<()> = Agenda::new();
    let source = agenda.add_source(ActorId(0));
    agenda.arrive(source, at(7), ());
    agenda.arrive(source, at(6), ());
}
