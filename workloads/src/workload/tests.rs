//! Operations: pure in their number, kept apart by key space, and overridden by what a trace says.

use super::*;
use crate::arrivals::{Pacing, RateProfile};
use crate::popularity::{MovingHotspot, Scramble, Turnover};
use crate::trace::{Trace, TraceFormat};
use kvrig_base::digest::Rolling;
use kvrig_base::quantity::{Bytes, Rate, Share};

const SEED: Seed = Seed(42);

/// The workload of the rehash study: 90 % reads, 10 % inserts, Zipf over the keys present.
fn growing(initial: u64) -> Arc<Workload> {
    let space = KeySpace {
        initial,
        max: 1 << 40,
    };
    let stream = Workload::scramble_stream(SEED);
    let popularity = Popularity::zipf(0.99, space, Scramble::Bijection, stream).unwrap();
    let shares = [
        (OpKind::Get, Share::percent(90)),
        (OpKind::Insert, Share::percent(10)),
    ];
    let plan = Plan::new(
        KeySource::Drawn { space, popularity },
        Mix::new(&shares).unwrap(),
        Sizes::Fixed(Bytes(20)),
        Sizes::uniform(Bytes(1), Bytes(1_000)).unwrap(),
    );
    Arc::new(Workload::new(plan, SEED).unwrap())
}

fn replay(csv: &str, copies: u64) -> Arc<Workload> {
    let format = TraceFormat::choose("requests.csv", None).unwrap();
    let trace = Trace::read("requests.csv", csv.as_bytes(), &format).unwrap();
    let plan = Plan::new(
        KeySource::Recorded(Replay::new(Arc::new(trace), copies).unwrap()),
        Mix::only(OpKind::Set),
        Sizes::Fixed(Bytes(20)),
        Sizes::Fixed(Bytes(32)),
    );
    Arc::new(Workload::new(plan, SEED).unwrap())
}

#[test]
fn inserts_make_one_new_key_after_another() {
    let mut operations = Operations::new(growing(1_000));
    let mut next = 1_000;
    for _ in 0..20_000 {
        let op = operations.next_op();
        match op.kind {
            OpKind::Insert => {
                assert_eq!(op.key, KeyId(next));
                next += 1;
            }
            _ => assert!(op.key.0 < next, "{op:?} before it was made"),
        }
    }
    assert_eq!(operations.present(), next);
    assert!((2_800..3_200).contains(&next), "{next}");
}

#[test]
fn an_operation_is_a_function_of_its_number_and_the_keys_present() {
    let workload = growing(5_000);
    let mut operations = Operations::new(workload.clone());
    let mut seen = Vec::new();
    for _ in 0..1_000 {
        let (index, present) = (operations.index(), operations.present());
        seen.push((index, present, operations.next_op()));
    }
    for &(index, present, op) in seen.iter().rev() {
        assert_eq!(workload.op(index, present), op);
    }
}

#[test]
fn a_key_has_one_size_for_as_long_as_it_lives() {
    let workload = growing(10);
    let inserted = workload.op_on(OpKind::Insert, KeyId(7));
    for op in Operations::new(workload)
        .take(2_000)
        .filter(|op| op.key == KeyId(7))
    {
        assert_eq!(op.value_bytes, inserted.value_bytes);
    }
}

/// The first steps of a workload that starts with no keys ask for key 0, which nobody has made.
#[test]
fn a_workload_may_start_empty() {
    let mut operations = Operations::new(growing(0));
    while operations.present() == 0 {
        let op = operations.next_op();
        assert!(op.kind == OpKind::Insert || op.key == KeyId(0));
    }
}

#[test]
fn a_trace_overrides_what_it_says_and_leaves_the_rest_to_the_mix() {
    let says_all = "op,key,key_size,size,ttl\nget,a,9,100,0\ndelete,b,8,0,60\n";
    let ops: Vec<Op> = Operations::new(replay(says_all, 1)).take(3).collect();
    let first = Op {
        kind: OpKind::Get,
        key: KeyId(0),
        key_bytes: 9,
        value_bytes: 100,
        ttl: None,
        member: 0,
        length: 1,
    };
    let ttl = Some(Span::from_secs(60));
    let second = Op {
        kind: OpKind::Delete,
        key: KeyId(1),
        key_bytes: 8,
        value_bytes: 0,
        ttl,
        member: 0,
        length: 1,
    };
    assert_eq!(ops, [first, second, first]);

    let op = replay("a\n", 1).op(0, 0);
    assert_eq!(
        (op.kind, op.key_bytes, op.value_bytes),
        (OpKind::Set, 20, 32)
    );
}

#[test]
fn golden_operations_hold() {
    let mut digest = Rolling::default();
    for op in Operations::new(growing(100_000)).take(10_000) {
        for word in [op.kind as u64, op.key.0, op.key_bytes, op.value_bytes] {
            digest.fold(word);
        }
    }
    assert_eq!(format!("{:016x}", digest.value()), "0c701cb9c231c96c");
}

/// Sessions and carts beside one another, 3 to 1.
fn two_spaces() -> Arc<Workload> {
    let space = |prefix, keys, kinds: &[(OpKind, u64)], size| {
        let shares: Vec<_> = kinds
            .iter()
            .map(|&(kind, percent)| (kind, Share::percent(percent)))
            .collect();
        let keys = KeySource::Drawn {
            space: KeySpace {
                initial: keys,
                max: 1 << 30,
            },
            popularity: Popularity::Uniform,
        };
        let (mix, size) = (Mix::new(&shares).unwrap(), Sizes::Fixed(Bytes(size)));
        Plan {
            key_format: KeyFormat::keeping(prefix).unwrap(),
            members: 10,
            lengths: Lengths::uniform(5),
            ..Plan::new(keys, mix, Sizes::Fixed(Bytes(8)), size)
        }
    };
    let sessions = [(OpKind::Get, 90), (OpKind::Insert, 10)];
    let carts = [
        (OpKind::HashSet, 50),
        (OpKind::Insert, 30),
        (OpKind::Scan, 20),
    ];
    let spaces = vec![
        (3, space("sess:", 100, &sessions, 200)),
        (1, space("cart:", 1_000, &carts, 30)),
    ];
    Arc::new(Workload::of_spaces(spaces, SEED).unwrap())
}

#[test]
fn key_spaces_share_the_operations_and_keep_their_own_keys() {
    let workload = two_spaces();
    assert_eq!(workload.initial_keys(), 1_100);
    let mut operations = Operations::new(workload.clone());
    let (mut next, mut of_space) = ([100, 1_000], [0_u32; 2]);
    let (mut members, mut lengths) = (vec![], vec![]);
    for _ in 0..20_000 {
        let op = operations.next_op();
        let space = op.key.space();
        of_space[space] += 1;
        assert_eq!(op.value_bytes, [200, 30][space]);
        match op.kind {
            OpKind::Insert => {
                assert_eq!(op.key.number(), next[space]);
                next[space] += 1;
            }
            _ => assert!(op.key.number() < next[space]),
        }
        match op.kind {
            OpKind::HashSet => members.push(op.member),
            OpKind::Scan => lengths.push(op.length),
            _ => assert_eq!((op.member, op.length), (0, 1)),
        }
    }
    assert!((14_700..15_300).contains(&of_space[0]), "{of_space:?}");
    assert_eq!(operations.present(), next[0] + next[1]);
    members.sort_unstable();
    members.dedup();
    assert!(members.iter().copied().eq(0..10));
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.iter().copied().eq(1..=5));

    let loaded: Vec<Op> = workload.load_phase().collect();
    assert_eq!(loaded.len(), 1_100);
    assert!(loaded.iter().all(|op| op.kind == OpKind::Insert));
    let mut key = Vec::new();
    workload.write_key(&loaded[1_099], &mut key);
    assert_eq!(key, b"cart:999");
}

/// Adding a key space does not move the operations of those before it.
#[test]
fn key_spaces_draw_from_streams_of_their_own() {
    let both = two_spaces();
    let plans = both.plans();
    let alone = Workload::new(plans[0].clone(), SEED).unwrap();
    for index in 0..1_000 {
        let op = both.op_at(index, Time::START, &[100, 1_000]);
        if op.key.space() == 0 {
            assert_eq!(alone.op(index, 100), op);
        }
    }
    let repeated = vec![(1, plans[0].clone()), (1, plans[0].clone())];
    let error = Workload::of_spaces(repeated, SEED).unwrap_err();
    assert_eq!(error, Error::PrefixRepeats("sess:".to_owned()));
    assert_eq!(
        Workload::of_spaces(vec![], SEED).unwrap_err(),
        Error::NoKeySpaces
    );
}

#[test]
fn a_hot_set_moves_with_the_intended_starts() {
    let space = KeySpace::fixed(1_000);
    let (keys, requests) = (Share::percent(1), Share(999_999_999));
    let turnover = Turnover::Time(Span::from_secs(1));
    let moving = MovingHotspot::new(space, keys, requests, turnover).unwrap();
    let keys = KeySource::Drawn {
        space,
        popularity: Popularity::Moving(moving),
    };
    let size = Sizes::Fixed(Bytes(10));
    let plan = Plan::new(keys, Mix::only(OpKind::Get), size.clone(), size);
    let workload = Arc::new(Workload::new(plan, SEED).unwrap());
    assert!(workload.needs_time() && !growing(10).needs_time());
    let rate = RateProfile::constant(Rate::per_second(100)).unwrap();
    let starts = Arrivals::new(Pacing::Constant, rate, SEED.stream("arrivals"), 0);
    let mut operations = Operations::new(workload).starting(starts.clone());
    for at in starts.take(2_000) {
        let first = moving.first_hot_key(0, at);
        let key = operations.next_op().key.0;
        assert!((first..first + 10).contains(&key), "{key} at {at}");
    }
}

#[test]
fn golden_operations_of_key_spaces_hold() {
    let mut digest = Rolling::default();
    for op in Operations::new(two_spaces()).take(10_000) {
        for word in [op.kind as u64, op.key.0, op.member, u64::from(op.length)] {
            digest.fold(word);
        }
    }
    assert_eq!(format!("{:016x}", digest.value()), "8a8f33d8c66535be");
}

#[test]
fn a_key_drawn_alone_is_that_of_the_whole_operation() {
    let workload = growing(10_000);
    for index in 0..10_000 {
        let op = workload.op(index, 10_000);
        if op.kind != OpKind::Insert {
            let key = workload.drawn_key(index, Time::START, 10_000);
            assert_eq!(key, Some(op.key.number()));
        }
    }
    let recorded = replay("0,a\n1,b\n", 1);
    assert_eq!(recorded.drawn_key(0, Time::START, 2), None);
}
