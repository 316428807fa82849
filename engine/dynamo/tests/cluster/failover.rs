//! Leaders that die, replicas that lag, and what clients see of it.

use super::history::{Operation, fault};
use super::host::{Host, NODES, Shape, millis};
use super::{eventual, host, item, key, number, put, schema, strong, value};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::key::{KeyHash, KeyValue, PrimaryKey};
use kvrig_dynamo::partition::Boundary;
use kvrig_dynamo::roles::Answer;
use kvrig_dynamo::{Error, Item};

#[test]
fn without_a_leader_nobody_writes_or_reads_strongly_for_about_two_seconds() {
    let mut host = host(&Shape::new(schema()));
    host.ask(put(item("a", 0))).expect("it is acceptable");
    let leader = host.leader(0).expect("the directory names one");
    host.crash_at(millis(5_000), leader);
    let (mut writes, mut reads, mut stale) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..500 {
        let at = 3_000 + n * 20;
        writes.push(host.ask_at(millis(at), put(item("a", n as i64))));
        reads.push(host.ask_at(millis(at + 5), strong("a")));
        stale.push(host.ask_at(millis(at + 10), eventual("a")));
    }
    host.run_until(millis(20_000));
    let outage = |ids: &[u64]| {
        let done = ids
            .iter()
            .map(|id| &host.told[id])
            .filter(|told| told.answer.is_ok());
        let times: Vec<Time> = done.map(|told| told.at).collect();
        let gaps = times.windows(2).map(|pair| pair[1].since(pair[0]));
        gaps.max().expect("many were answered")
    };
    for ids in [&writes, &reads] {
        let span = outage(ids);
        let expected = Span::from_millis(1_400)..Span::from_millis(2_600);
        assert!(expected.contains(&span), "{span}");
    }
    let missed = stale
        .iter()
        .filter(|id| host.told[id].answer.is_err())
        .count();
    assert_eq!(missed, 0, "eventual reads go on");
    assert!(
        outage(&stale) <= Span::from_millis(600),
        "{}",
        outage(&stale)
    );
    assert_ne!(host.leader(0), Some(leader));
    assert_eq!(value(&host.ask(strong("a"))), Some(499));
}

#[test]
fn a_node_that_comes_back_catches_up_and_can_lead() {
    let mut host = host(&Shape::new(schema()));
    for round in 0..3 {
        let leader = host.leader(0).expect("somebody leads");
        let now = host.now;
        host.crash_at(now, leader);
        host.run_until(now + Span::from_secs(3));
        // The first write may still go to the dead node, which the router has last heard of.
        let _ = host.ask(put(item("a", -1)));
        for n in 0..50 {
            host.ask(put(item("a", round * 50 + n)))
                .expect("another leads");
        }
        host.restart_at(host.now, leader);
        host.run_until(host.now + Span::from_secs(2));
        for _ in 0..3 {
            assert_eq!(value(&host.ask(eventual("a"))), Some(round * 50 + 49));
        }
    }
    assert_eq!(host.contents.borrow().changes_kept(), 0);
}

#[test]
fn two_dead_nodes_stop_writes_until_one_is_back() {
    let mut host = host(&Shape::new(schema()));
    host.ask(put(item("a", 1))).expect("all are there");
    let now = host.now;
    host.crash_at(now, ActorId(NODES + 1));
    host.crash_at(now, ActorId(NODES + 2));
    host.run_until(now + Span::from_secs(3));
    assert_eq!(host.ask(put(item("a", 2))), Err(Error::InternalServerError));
    assert_eq!(host.ask(strong("a")), Err(Error::InternalServerError));
    host.restart_at(host.now, ActorId(NODES + 1));
    host.run_until(host.now + Span::from_secs(4));
    host.ask(put(item("a", 3))).expect("two of three are there");
    assert_eq!(value(&host.ask(strong("a"))), Some(3));
}

/// Crashes, restarts and splits at times that the seed draws, one node at a time or all.
fn misfortunes(host: &mut Host, seed: u64, secs: u64) {
    let mut draws = Seed(seed).stream("misfortunes").sequence(0);
    let mut at = 1_000;
    while at < secs * 1_000 {
        at += 200 + draws.below(2_500);
        match draws.below(8) {
            0 => {
                let share = u128::MAX / 1_000 * u128::from(draws.below(1_000));
                let boundary = Boundary {
                    hash: KeyHash::new(share),
                    sort: None,
                };
                let directory = host.autoadmin().directory().clone();
                let found =
                    directory.find(kvrig_dynamo::roles::KeyspaceId(0), (boundary.hash, None));
                let (group, _) = found.expect("every place lies in a partition");
                host.autoadmin().split_at(group, boundary, millis(at));
            }
            1 => {
                for node in 0..3 {
                    host.crash_at(millis(at), ActorId(NODES + node));
                    host.restart_at(millis(at + 100 + draws.below(500)), ActorId(NODES + node));
                }
            }
            _ => {
                let node = ActorId(NODES + draws.below(3) as u32);
                host.crash_at(millis(at), node);
                host.restart_at(millis(at + 50 + draws.below(4_000)), node);
            }
        }
    }
    // At the end all are there.
    for node in 0..3 {
        host.restart_at(millis(secs * 1_000 + 5_000), ActorId(NODES + node));
    }
}

/// Runs clients through misfortunes and says what is wrong with what they were told.
fn fault_of(seed: u64, secs: u64) -> Option<String> {
    let mut shape = Shape::new(schema());
    shape.delay_max = Span::from_millis(1 + seed % 40);
    shape.partitions = 1 + (seed % 2) as u32;
    let mut host = Host::new(&shape, seed);
    misfortunes(&mut host, seed, secs);
    let mut draws = Seed(seed).stream("clients").sequence(0);
    let mut asked: Vec<(u64, usize, Option<i64>)> = Vec::new();
    let mut at = 0;
    while at < secs * 1_000 {
        at += draws.below(40);
        let name = draws.below(4) as usize;
        let written = (draws.below(2) == 0).then_some(asked.len() as i64);
        let request = match written {
            Some(value) => put(item(&name.to_string(), value)),
            None => strong(&name.to_string()),
        };
        asked.push((host.ask_at(millis(at), request), name, written));
    }
    for name in 0..4 {
        let id = host.ask_at(millis(secs * 1_000 + 12_000), strong(&name.to_string()));
        asked.push((id, name, None));
    }
    host.run_until(millis(secs * 1_000 + 20_000));
    let mut answered = 0;
    let mut histories = vec![Vec::new(); 4];
    for (id, name, written) in asked {
        let Some(told) = host.told.get(&id) else {
            return Some(format!("request {id} was never answered"));
        };
        let end = match (&told.answer, written) {
            (Ok(_), _) => told.at,
            (Err(Error::InternalServerError), Some(_)) => Time::NEVER,
            (Err(Error::InternalServerError), None) => continue,
            (Err(error), _) => return Some(format!("request {id}: {error}")),
        };
        answered += u32::from(end < Time::NEVER);
        histories[name].push(Operation {
            value: written.or_else(|| value(&told.answer)),
            is_write: written.is_some(),
            start: told.asked,
            end,
        });
    }
    let faults = histories.iter().filter_map(|history| fault(history));
    let lost = (answered < 100).then(|| format!("only {answered} requests were answered"));
    faults.chain(lost).next()
}

#[test]
fn strong_reads_are_linearizable_whatever_happens() {
    for seed in 0..60 {
        assert_eq!(fault_of(seed, 20), None, "seed {seed}");
    }
}

#[test]
#[ignore = "a thousand seeds take minutes"]
fn strong_reads_are_linearizable_over_many_seeds() {
    for seed in 1_000..2_000 {
        assert_eq!(fault_of(seed, 30), None, "seed {seed}");
    }
}

#[test]
fn what_one_replica_shows_never_runs_back() {
    for seed in 0..20 {
        let mut shape = Shape::new(schema());
        shape.delay_max = Span::from_millis(20);
        let mut host = Host::new(&shape, seed);
        misfortunes(&mut host, seed, 15);
        let key = PrimaryKey {
            partition: KeyValue::String("a".into()),
            sort: None,
        };
        let mut shown = [None; 3];
        let mut changes = 0;
        for n in 0..1_000 {
            let id = host.ask_at(host.now, put(item("a", n)));
            // The next write begins when this one is known to be done or can no longer happen.
            let end = host.now + Span::from_millis(15);
            host.run_until(end);
            while !host.told.contains_key(&id) {
                host.run_until(host.now + Span::from_millis(50));
            }
            for (node, last) in (0..3).zip(&mut shown) {
                let Some(item) = host
                    .node(ActorId(NODES + node))
                    .shows(kvrig_dynamo::roles::KeyspaceId(0), &key)
                else {
                    continue;
                };
                let now = item.as_ref().and_then(number);
                assert!(
                    now >= *last,
                    "seed {seed}: node {node} showed {last:?}, then {now:?}"
                );
                changes += u32::from(now > *last);
                *last = now;
            }
        }
        assert!(changes > 300, "seed {seed}: {changes}");
    }
}

#[test]
fn a_follower_that_lags_sees_each_item_as_it_was() {
    let mut shape = Shape::new(schema());
    shape.delay_max = Span::from_millis(100);
    let mut host = host(&shape);
    let first: Vec<Item> = (0..20).map(|n| item(&n.to_string(), 0)).collect();
    for item in first {
        host.ask(put(item)).expect("it is acceptable");
    }
    let mut ids = Vec::new();
    for round in 1..40 {
        for n in 0..20_u64 {
            let at = host.now + Span::from_millis(round * 10 + n % 7);
            host.ask_at(at, put(item(&n.to_string(), round as i64)));
            ids.push((host.ask_at(at, eventual(&n.to_string())), round as i64));
        }
    }
    host.run_until(host.now + Span::from_secs(10));
    let mut behind = 0;
    for (id, round) in ids {
        let found = match &host.told[&id].answer {
            Ok(Answer::Got(output)) => output.item.as_ref().and_then(number),
            other => panic!("{other:?}"),
        };
        let found = found.expect("every item was written");
        assert!((0..40).contains(&found));
        behind += u32::from(found < round);
    }
    assert!(behind > 100, "{behind}");
    assert_eq!(host.ask(strong("0")).map(|_| ()), Ok(()));
    assert_eq!(key("0").len(), 1);
}
