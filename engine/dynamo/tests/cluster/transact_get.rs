//! Items that are read as they were at one moment, while others write them.

use super::host::{COORDINATOR, Host, NODES, Shape, millis};
use super::transactions::puts;
use super::{delete, item, key, number, put, schema};
use kvrig_base::id::ActorId;
use kvrig_base::random::{Seed, Sequence};
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::database::{
    BatchGetItem, KeysToGet, TransactGet, TransactGetItems, TransactGetOutput,
};
use kvrig_dynamo::error::{CancellationReason, Validation};
use kvrig_dynamo::expression::DocumentPath;
use kvrig_dynamo::key::KeyHasher;
use kvrig_dynamo::roles::{Answer, Batch, KeyspaceId};
use kvrig_dynamo::schema::Throughput;
use kvrig_dynamo::table::PutItem;
use kvrig_dynamo::{Database, Error, Item, TableSchema};

fn gets(names: &[&str]) -> TransactGetItems {
    let get = |name: &&str| TransactGet {
        table: "simple".into(),
        key: key(name),
        projection: Vec::new(),
    };
    TransactGetItems {
        gets: names.iter().map(get).collect(),
    }
}

fn shape(partitions: u32) -> Shape {
    let mut shape = Shape::new(schema());
    shape.partitions = partitions;
    shape
}

fn transact_get(host: &mut Host, request: TransactGetItems) -> Result<TransactGetOutput, Error> {
    let id = host.transact_get_at(host.now, request);
    got(host.await_answer(id))
}

fn got(answer: Result<Answer, Error>) -> Result<TransactGetOutput, Error> {
    match answer? {
        Answer::TransactGot(output) => Ok(output),
        other => panic!("{other:?} is no answer to TransactGetItems"),
    }
}

fn values(output: &TransactGetOutput) -> Vec<Option<i64>> {
    let items = output.items.iter();
    items.map(|item| number(item.as_ref()?)).collect()
}

/// The reasons of a cancelled transaction.
fn codes(error: &Error) -> Vec<&'static str> {
    match error {
        Error::TransactionCanceled(cancellation) => {
            let reasons = cancellation.reasons.iter();
            reasons.map(CancellationReason::code).collect()
        }
        other => panic!("{other}"),
    }
}

/// Half units that an answer says were consumed.
fn consumed(answer: &Result<Answer, Error>) -> u64 {
    let consumed = match answer {
        Ok(Answer::TransactGot(output)) => &output.consumed,
        Err(Error::TransactionCanceled(cancellation)) => &cancellation.consumed,
        _ => return 0,
    };
    let tables = consumed.iter();
    tables.map(|(_, units)| units.table.read.halves()).sum()
}

/// Half units that the partitions of the table were charged with on all nodes.
fn charged(host: &Host, shape: &Shape) -> u64 {
    let nodes = (0..shape.nodes).map(|number| host.node(ActorId(NODES + number)));
    let partitions = (0..shape.partitions).map(|number| host.group(number));
    let partitions: Vec<_> = partitions.collect();
    nodes
        .flat_map(|node| partitions.iter().filter_map(|group| node.spent(*group).0))
        .sum()
}

/// Any request: of items that are there and not, of keys that cannot be, of tables that are not.
fn random(draws: &mut Sequence) -> TransactGetItems {
    if draws.below(20) == 0 {
        let (first, count) = (draws.below(100), draws.below(103));
        let names: Vec<String> = (first..first + count).map(|n| n.to_string()).collect();
        return gets(&names.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let count = draws.below(8);
    let gets = (0..count).map(|_| {
        let name = draws.below(200).to_string();
        let key = match draws.below(200) {
            0 => Item::new(),
            1 => Item::from([("pk", 7.into())]),
            2 => item(&name, 1),
            _ => key(&name),
        };
        let projection = match draws.below(60) {
            0 => vec![DocumentPath::new("v"), DocumentPath::new("v").name("x")],
            1..10 => vec![DocumentPath::new("v"), DocumentPath::new("pk")],
            _ => Vec::new(),
        };
        TransactGet {
            table: if draws.below(200) == 0 {
                "none"
            } else {
                "simple"
            }
            .into(),
            key,
            projection,
        }
    });
    TransactGetItems {
        gets: gets.collect(),
    }
}

#[test]
fn alone_it_answers_what_a_database_by_itself_does() {
    let shape = shape(5);
    let mut host = Host::new(&shape, 1);
    let mut database = Database::new(KeyHasher::default());
    database.create_table(schema()).expect("it can be");
    let mut draws = Seed(7).stream("reads").sequence(0);
    for number in 0..150 {
        let bytes = match draws.below(5) {
            0 => 100_000 + draws.below(290_000),
            _ => draws.below(13_000),
        };
        let item = Item::from([
            ("pk", number.to_string().as_str().into()),
            ("v", "x".repeat(bytes as usize).into()),
        ]);
        let put = PutItem {
            item,
            ..PutItem::default()
        };
        let mut contents = host.contents.borrow_mut();
        let table = contents.table_mut(KeyspaceId(0)).expect("it is there");
        table.put(put.clone()).expect("acceptable");
        let table = database.table_mut("simple").expect("it is there");
        table.put(put).expect("acceptable");
    }
    let before = charged(&host, &shape);
    let (mut kinds, mut told) = (std::collections::BTreeMap::<_, u64>::new(), 0);
    for _ in 0..3_000 {
        let request = random(&mut draws);
        let expected = database.transact_get(&request);
        let answer = transact_get(&mut host, request.clone());
        assert_eq!(answer, expected, "{request:?}");
        let kind = expected
            .as_ref()
            .map_or_else(ToString::to_string, |_| String::new());
        *kinds.entry(kind).or_default() += 1;
        if answer != Err(Validation::TransactionTooLarge.into()) {
            told += consumed(&answer.map(Answer::TransactGot));
        }
        // Nobody is throttled: this is about answers.
        host.run_until(host.now + Span::from_millis(200));
    }
    assert!(kinds[""] > 1_500 && kinds.len() >= 7, "{kinds:?}");
    let too_large = kinds[&Validation::TransactionTooLarge.to_string()];
    assert!(too_large > 10, "{kinds:?}");
    // A transaction that is too large was read once, and nobody is told of it.
    assert!(charged(&host, &shape) - before > told, "{told}");
}

/// What readers saw of two items: transactions, and single strong reads in one batch.
#[derive(Default, Debug)]
struct Seen {
    transactions: Vec<[Option<i64>; 2]>,
    conflicts: usize,
    failures: usize,
    batches: Vec<[Option<i64>; 2]>,
}

/// Asks for both items in both ways at random times, `count` times.
fn ask_readers(host: &mut Host, draws: &mut Sequence, count: u64, until: u64) -> Vec<[u64; 2]> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let at = Time::START + Span::from_micros(draws.below(until * 1_000));
        let mut batch = BatchGetItem::default();
        let wanted = KeysToGet {
            keys: vec![key("a"), key("b")],
            consistency: ReadConsistency::Strong,
            ..KeysToGet::default()
        };
        batch.tables.insert("simple".into(), wanted);
        ids.push([
            host.transact_get_at(at, gets(&["a", "b"])),
            host.batch_at(at, Batch::Get(batch)),
        ]);
    }
    ids
}

fn seen(host: &Host, ids: &[[u64; 2]]) -> Seen {
    let mut seen = Seen::default();
    for [transaction, batch] in ids {
        match got(host.told[transaction].answer.clone()) {
            Ok(output) => {
                let values = values(&output);
                seen.transactions.push([values[0], values[1]]);
            }
            Err(Error::InternalServerError) => seen.failures += 1,
            Err(error) => {
                assert!(codes(&error).contains(&"TransactionConflict"), "{error}");
                seen.conflicts += 1;
            }
        }
        if let Ok(Answer::BatchGot(output)) = &host.told[batch].answer {
            let items = output.items.get("simple");
            let of = |name: &str| {
                let mut items = items.into_iter().flatten();
                let item = items.find(|item| item.get("pk") == Some(&name.into()))?;
                number(item)
            };
            seen.batches.push([of("a"), of("b")]);
        }
    }
    seen
}

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    let (mut torn_batches, mut done, mut conflicts) = (0, 0, 0);
    for seed in 0..30 {
        let mut shape = shape(4);
        shape.delay_max = Span::from_millis(1 + seed % 20);
        // Some decisions come late, so that a second look finds an item that is still to be changed.
        shape.stragglers = [None, Some(20)][seed as usize % 2];
        let mut host = Host::new(&shape, seed);
        let mut draws = Seed(seed).stream("transactions").sequence(0);
        for n in 0..200 {
            let at = millis(n * 50 + draws.below(50));
            host.transact_at(at, puts(&["a", "b"], n as i64));
        }
        let ids = ask_readers(&mut host, &mut draws, 600, 10_000);
        host.run_until(millis(13_000));
        let seen = seen(&host, &ids);
        for [a, b] in &seen.transactions {
            assert_eq!(a, b, "seed {seed}");
        }
        assert_eq!(seen.failures, 0);
        torn_batches += seen.batches.iter().filter(|[a, b]| a != b).count();
        (done, conflicts) = (done + seen.transactions.len(), conflicts + seen.conflicts);
    }
    // What the second phase is for: single reads of the same items at the same time.
    assert!(torn_batches > 100, "{torn_batches}");
    assert!(done > 5_000 && conflicts > 1_000, "{done} {conflicts}");
}

#[test]
fn of_two_writes_one_after_the_other_the_second_is_never_seen_alone() {
    let (mut torn_batches, mut done, mut between) = (0, 0, 0);
    for seed in 0..20 {
        let mut shape = shape(4);
        shape.delay_max = Span::from_millis(1 + seed % 10);
        shape.stragglers = Some(10);
        let mut host = Host::new(&shape, seed);
        let mut draws = Seed(seed).stream("writes").sequence(0);
        let ids = ask_readers(&mut host, &mut draws, 400, 8_000);
        let mut n = 0;
        while host.now < millis(8_000) {
            n += 1;
            // An item that is gone counts as less than any: it goes last and comes first.
            for request in match n % 5 {
                0 => [delete("b"), delete("a")],
                _ => [put(item("a", n)), put(item("b", n))],
            } {
                host.ask(request).expect("no transaction writes");
            }
        }
        host.run_until(millis(10_000));
        let seen = seen(&host, &ids);
        let is_torn = |[a, b]: &&[Option<i64>; 2]| b > a;
        assert_eq!(seen.transactions.iter().find(is_torn), None, "seed {seed}");
        torn_batches += seen.batches.iter().filter(is_torn).count();
        between += seen.transactions.iter().filter(|[a, b]| a > b).count();
        done += seen.transactions.len();
    }
    assert!(torn_batches > 20, "{torn_batches}");
    assert!(done > 2_000 && between > 100, "{done} {between}");
}

#[test]
fn writes_of_other_items_are_in_nobody_s_way() {
    let mut shape = shape(2);
    shape.delay_max = Span::from_millis(10);
    shape.stragglers = Some(20);
    let mut host = Host::new(&shape, 1);
    for n in 0..8_000_u64 {
        let name = format!("other-{}", n % 50);
        host.ask_at(millis(n), put(item(&name, n as i64)));
    }
    let names = ["a", "b", "c", "d"];
    let ids: Vec<u64> = (0..400)
        .map(|n| host.transact_get_at(millis(n * 20), gets(&names)))
        .collect();
    host.run_until(millis(12_000));
    for id in ids {
        let answer = &host.told[&id].answer;
        assert!(answer.is_ok(), "{answer:?}");
        assert_eq!(consumed(answer), 16, "each item is read twice, and no more");
    }
}

#[test]
fn nothing_is_torn_while_nodes_crash_and_partitions_are_split() {
    let (mut done, mut failures) = (0, 0);
    for seed in 0..30 {
        let mut shape = shape(2);
        shape.delay_max = Span::from_millis(1 + seed % 20);
        let mut host = Host::new(&shape, seed);
        let mut draws = Seed(seed).stream("crashes").sequence(0);
        for n in 0..400 {
            let at = millis(n * 50 + draws.below(50));
            host.transact_at(at, puts(&["a", "b"], n as i64));
        }
        let ids = ask_readers(&mut host, &mut draws, 800, 20_000);
        for n in 0..6 {
            let at = 500 + n * 3_000 + draws.below(1_500);
            let actor = match draws.below(4) {
                3 => COORDINATOR,
                node => ActorId(NODES + node as u32),
            };
            host.crash_at(millis(at), actor);
            host.restart_at(millis(at + 100 + draws.below(2_500)), actor);
        }
        for round in 1..4 {
            host.run_until(millis(round * 4_000));
            let directory = host.autoadmin().directory().clone();
            let map = directory.map(KeyspaceId(0)).expect("it is the table");
            for partition in map.partitions() {
                let group = host.group(partition.id.0);
                let at = map.middle(partition.id).expect("it has a middle");
                let now = host.now;
                host.autoadmin().split_at(group, at, now);
            }
        }
        host.run_until(millis(30_000));
        assert!(host.autoadmin().splits() >= 4, "seed {seed}");
        let seen = seen(&host, &ids);
        for [a, b] in &seen.transactions {
            assert_eq!(a, b, "seed {seed}");
        }
        (done, failures) = (done + seen.transactions.len(), failures + seen.failures);
        assert_eq!(host.contents.borrow().changes_kept(), 0, "seed {seed}");
    }
    assert!(done > 3_000 && failures > 500, "{done} {failures}");
}

#[test]
fn what_clients_are_told_of_is_what_partitions_were_charged_with() {
    let mut shape = shape(4);
    shape.delay_max = Span::from_millis(10);
    let mut host = Host::new(&shape, 1);
    let mut draws = Seed(1).stream("charges").sequence(0);
    let mut ids = Vec::new();
    for n in 0..3_000_u64 {
        let at = millis(n * 3);
        host.transact_at(at, puts(&["a", "b"], n as i64));
        let names = ["a", "b", "c", "d", "e"];
        let count = 1 + draws.below(5) as usize;
        ids.push(host.transact_get_at(at, gets(&names[..count])));
    }
    // One item so often that its partition has not enough for all.
    for n in 0..20_000 {
        let at = millis(10_000) + Span::from_micros(n * 200);
        ids.push(host.transact_get_at(at, gets(&["hot"])));
    }
    host.run_until(millis(20_000));
    let answers = || ids.iter().map(|id| &host.told[id].answer);
    let told: u64 = answers().map(consumed).sum();
    assert_eq!(told, charged(&host, &shape));
    let refused = answers().filter_map(|answer| answer.as_ref().err());
    let codes: Vec<_> = refused.flat_map(codes).collect();
    let count = |code| codes.iter().filter(|other| **other == code).count();
    assert!(count("TransactionConflict") > 300);
    // The partition takes 3,000 units a second, of which each asks for two; a second look that finds
    // nothing left makes the first one useless.
    assert!(count("ThrottlingError") > 14_000);
    let hot = ids[3_000..].iter().map(|id| &host.told[id].answer);
    let (units, done) = (
        hot.clone().map(consumed).sum::<u64>() / 2,
        hot.filter(|answer| answer.is_ok()).count() as u64,
    );
    // Four seconds, and the one that it has saved.
    assert!((14_900..=15_100).contains(&units), "{units}");
    assert!((4_500..=units / 2).contains(&done), "{done}");
}

#[test]
fn a_table_admits_half_as_many_as_strong_reads() {
    let throughput = Throughput::Provisioned { read: 2, write: 10 };
    let mut shape = shape(1);
    shape.schema = shape.schema.throughput(throughput);
    let mut host = Host::new(&shape, 1);
    let ids: Vec<u64> = (0..2_000)
        .map(|n| host.transact_get_at(millis(n * 50), gets(&["a"])))
        .collect();
    host.run_until(millis(101_000));
    let answers: Vec<_> = ids.iter().map(|id| &host.told[id].answer).collect();
    // 300 s of two units are saved; 100 s more gain 200; each takes two.
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((380..=400).contains(&done), "{done}");
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(
        refused
            .clone()
            .all(|error| codes(error) == ["ProvisionedThroughputExceeded"])
    );
    assert_eq!(refused.count(), 2_000 - done);
    let told: u64 = answers.iter().map(|answer| consumed(answer)).sum();
    assert_eq!(told, done as u64 * 4);
    assert_eq!(told, charged(&host, &shape));
}

#[test]
fn a_table_without_tokens_costs_the_others_none() {
    let provisioned = |name: &str, read| {
        let schema = TableSchema::new(name, schema().key);
        schema.throughput(Throughput::Provisioned { read, write: 1 })
    };
    let mut shape = Shape::new(provisioned("simple", 4));
    shape.others = vec![provisioned("dry", 1)];
    let mut host = Host::new(&shape, 1);
    let in_tables = |tables: &[&str]| {
        let mut request = gets(&vec!["a"; tables.len()]);
        for (get, table) in request.gets.iter_mut().zip(tables) {
            get.table = (*table).into();
        }
        request
    };
    // Two units of each table: 150 such reads use up what one unit has saved, and a quarter of the other.
    let (mut done, mut refused) = (0, 0);
    for _ in 0..600 {
        match transact_get(&mut host, in_tables(&["simple", "dry"])) {
            Ok(output) => {
                let tables: Vec<_> = output.consumed.iter().map(|(name, _)| &**name).collect();
                assert_eq!(tables, ["dry", "simple"]);
                done += 1;
            }
            Err(error) => {
                assert_eq!(codes(&error), ["None", "ProvisionedThroughputExceeded"]);
                refused += 1;
            }
        }
    }
    assert!(
        (150..=155).contains(&done) && refused > 400,
        "{done} {refused}"
    );
    // 900 units of 1,200 are left, since those who were refused gave them back.
    let more = (0..600).filter(|_| transact_get(&mut host, in_tables(&["simple"])).is_ok());
    let more = more.count();
    assert!((440..=480).contains(&more), "{more}");
}

#[test]
fn what_is_in_a_read_s_way_is_named_item_by_item() {
    let mut shape = shape(4);
    shape.delay_max = Span::from_millis(20);
    let mut host = Host::new(&shape, 3);
    let mut by_transaction = 0;
    for n in 0..40 {
        let now = host.now;
        host.transact_at(now, puts(&["b", "c"], n));
        let id = host.transact_get_at(now + Span::from_millis(25), gets(&["a", "b"]));
        if let Err(error) = got(host.await_answer(id)) {
            assert_eq!(codes(&error), ["None", "TransactionConflict"]);
            by_transaction += 1;
        }
        host.run_until(host.now + Span::from_millis(500));
    }
    assert!(by_transaction > 10, "{by_transaction}");
}
