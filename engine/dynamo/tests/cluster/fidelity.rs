//! The three fidelities throttle the same requests.

use super::host::{Host, Shape};
use super::{get, put};
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::key::{KeyHasher, KeySchema, ScalarType};
use kvrig_dynamo::partition::LimitMode;
use kvrig_dynamo::roles::{Answer, Direct, Fidelity, LOOK_AHEAD_MAX, Request};
use kvrig_dynamo::schema::Throughput;
use kvrig_dynamo::{Error, Item, TableSchema};

const PARTITIONS: u32 = 3;

/// Requests at one node's pace: reads and writes of items of several sizes, half of them on one key.
fn arrivals(count: u64, gap: Span) -> Vec<(Time, Request)> {
    let mut draws = Seed(3).stream("arrivals").sequence(0);
    let mut at = Time::START;
    let requests = (0..count).map(|_| {
        at += Span::from_picos(gap.as_picos() + draws.below(gap.as_picos()));
        let name = match draws.below(2) {
            0 => "hot".to_owned(),
            _ => draws.below(500).to_string(),
        };
        let request = match draws.below(4) {
            0 => get(&name, ReadConsistency::Strong),
            1 => get(&name, ReadConsistency::Eventual),
            _ => {
                let bytes = 100 + draws.below(3_000) as usize;
                put(Item::from([
                    ("pk", name.as_str().into()),
                    ("v", "x".repeat(bytes).into()),
                ]))
            }
        };
        (at, request)
    });
    requests.collect()
}

/// What throttled a request, or nothing.
fn reason(outcome: &Result<Answer, Error>) -> Option<String> {
    match outcome {
        Ok(_) => None,
        Err(Error::Throttled { reason, .. }) => Some(reason.name()),
        Err(other) => panic!("{other}"),
    }
}

fn direct(
    schema: &TableSchema,
    mode: LimitMode,
    fidelity: Fidelity,
    arrivals: &[(Time, Request)],
) -> Vec<Option<String>> {
    let partitions = (PARTITIONS, mode);
    let mut table = Direct::new(
        schema.clone(),
        KeyHasher::default(),
        partitions,
        fidelity,
        Time::START,
    )
    .expect("a schema that can be");
    arrivals
        .iter()
        .map(|(at, request)| reason(&table.handle(request.clone(), *at)))
        .collect()
}

fn replicated(
    schema: &TableSchema,
    mode: LimitMode,
    arrivals: &[(Time, Request)],
) -> Vec<Option<String>> {
    let mut shape = Shape::new(schema.clone());
    shape.partitions = PARTITIONS;
    // Messages that take no time: everything that a request causes happens at its instant.
    shape.delay_max = Span::ZERO;
    shape.mode = mode;
    let mut host = Host::new(&shape, 1);
    let ids: Vec<u64> = arrivals
        .iter()
        .map(|(at, request)| host.ask_at(*at, request.clone()))
        .collect();
    let end = arrivals.last().map_or(Time::START, |(at, _)| *at);
    host.run_until(end + Span::from_secs(1));
    ids.iter().map(|id| reason(&host.told[id].answer)).collect()
}

fn assert_equal(schema: &TableSchema, mode: LimitMode, arrivals: &[(Time, Request)]) {
    let expected = direct(schema, mode, Fidelity::Admission, arrivals);
    let throttled = expected.iter().flatten().count();
    assert!(
        throttled * 20 > arrivals.len(),
        "{throttled} were throttled"
    );
    assert!(
        throttled * 10 < arrivals.len() * 9,
        "{throttled} were throttled"
    );
    assert_eq!(expected, direct(schema, mode, Fidelity::Items, arrivals));
    assert_eq!(expected, replicated(schema, mode, arrivals));
}

fn schema() -> TableSchema {
    TableSchema::new("simple", KeySchema::simple("pk", ScalarType::String))
}

#[test]
fn partition_limits_throttle_the_same_requests_in_all_fidelities() {
    let arrivals = arrivals(20_000, Span::from_micros(200));
    for mode in [LimitMode::Independent, LimitMode::LinearCombination] {
        assert_equal(&schema(), mode, &arrivals);
    }
}

#[test]
fn table_limits_throttle_the_same_requests_in_all_fidelities() {
    // What 300 s have saved is soon used up by so many.
    let arrivals = arrivals(20_000, Span::from_millis(4));
    let schema = schema().throughput(Throughput::Provisioned { read: 5, write: 10 });
    assert_equal(&schema, LimitMode::Independent, &arrivals);
}

#[test]
fn looking_ahead_changes_no_answer() {
    let table = || {
        let partitions = (PARTITIONS, LimitMode::Independent);
        let hasher = KeyHasher::default();
        Direct::new(schema(), hasher, partitions, Fidelity::Items, Time::START)
            .expect("a schema that can be")
    };
    let (mut ahead, mut plain) = (table(), table());
    let mut requests = arrivals(5_000, Span::from_micros(200));
    // Some have no key, others the wrong type of one, or values of their own memory.
    for (number, (_, request)) in requests.iter_mut().enumerate() {
        let item = match number % 7 {
            0 => Item::new(),
            1 => Item::from([("pk", 7.into())]),
            2 => Item::from([
                ("pk", "k".repeat(300).as_str().into()),
                ("l", vec![].into()),
            ]),
            _ => continue,
        };
        *request = put(item);
    }
    // One more at a time than are looked at.
    for block in requests.chunks(LOOK_AHEAD_MAX + 1) {
        let asked: Vec<Request> = block.iter().map(|(_, request)| request.clone()).collect();
        ahead.look_ahead(&asked);
        for (at, request) in block {
            let told = ahead.handle(request.clone(), *at);
            assert_eq!(told, plain.handle(request.clone(), *at));
        }
    }
}

#[test]
fn sizes_alone_cannot_judge_conditions_and_say_so() {
    let fidelity = Fidelity::Admission;
    let partitions = (1, LimitMode::Independent);
    let hasher = KeyHasher::default();
    let mut table = Direct::new(schema(), hasher, partitions, fidelity, Time::START)
        .expect("a schema that can be");
    let update = Request::Update(kvrig_dynamo::table::UpdateItem {
        key: Item::from([("pk", "a".into())]),
        ..Default::default()
    });
    let told = table.handle(update, Time::START).expect_err("no items");
    assert!(told.to_string().contains("fidelity"), "{told}");
    let replicated = Direct::new(
        schema(),
        hasher,
        partitions,
        Fidelity::Replicated,
        Time::START,
    );
    assert!(replicated.is_err());
}
