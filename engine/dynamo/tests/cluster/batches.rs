//! Batches through the router: what one table by itself would answer, and what becomes of requests that
//! are throttled.

use super::host::{Host, Shape, millis};
use super::{item, key, schema};
use kvrig_base::random::{Seed, Sequence};
use kvrig_base::time::Span;
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::database::{
    BatchGetItem, BatchGetOutput, BatchWriteItem, BatchWriteOutput, KeysToGet, WriteRequest,
};
use kvrig_dynamo::expression::DocumentPath;
use kvrig_dynamo::key::{KeyHasher, KeySchema, KeyValue, ScalarType};
use kvrig_dynamo::partition::PartitionMap;
use kvrig_dynamo::roles::{Answer, Batch, KeyspaceId};
use kvrig_dynamo::schema::{Projection, Throughput};
use kvrig_dynamo::table::PutItem;
use kvrig_dynamo::{AttributeMap, Database, Error, Item, TableSchema};

fn write(requests: Vec<WriteRequest>) -> BatchWriteItem {
    BatchWriteItem {
        tables: [("simple".into(), requests)].into(),
    }
}

fn get(keys: Vec<AttributeMap>) -> BatchGetItem {
    let wanted = KeysToGet {
        keys,
        consistency: ReadConsistency::Strong,
        ..KeysToGet::default()
    };
    BatchGetItem {
        tables: [("simple".into(), wanted)].into(),
    }
}

fn got(host: &mut Host, request: BatchGetItem) -> Result<BatchGetOutput, Error> {
    match host.batch(Batch::Get(request))? {
        Answer::BatchGot(output) => Ok(output),
        other => panic!("{other:?} is no answer to BatchGetItem"),
    }
}

fn wrote(host: &mut Host, request: BatchWriteItem) -> Result<BatchWriteOutput, Error> {
    match host.batch(Batch::Write(request))? {
        Answer::BatchWrote(output) => Ok(output),
        other => panic!("{other:?} is no answer to BatchWriteItem"),
    }
}

/// An item that is large, or small, or in the index, or that neither table nor index can hold.
fn any_item(dice: &mut Sequence) -> Item {
    let name = dice.below(60).to_string();
    let mut item = item(&name, dice.below(9) as i64);
    match dice.below(400) {
        0 => _ = item.insert("s", 1.into()),
        1 => _ = item.remove("pk"),
        2 => _ = item.insert("v", "x".repeat(500_000).into()),
        3..50 => _ = item.insert("w", "x".repeat(20_000).into()),
        50..200 => _ = item.insert("s", ["open", "paid"][dice.below(2) as usize].into()),
        _ => {}
    }
    item
}

fn any_write(dice: &mut Sequence) -> BatchWriteItem {
    // Now and then there are none, and now and then too many.
    let count = dice.below(27);
    let mut requests = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..count {
        let item = any_item(dice);
        let keeps_double = dice.below(500) == 0;
        if !seen.insert(format!("{:?}", item.get("pk"))) && !keeps_double {
            continue;
        }
        requests.push(match dice.below(4) {
            0 => WriteRequest::Delete(item.only(["pk"])),
            _ => WriteRequest::Put(item),
        });
    }
    let mut request = write(requests);
    if dice.below(30) == 0 {
        request.tables.insert("none".into(), vec![]);
    }
    request
}

fn any_get(dice: &mut Sequence) -> BatchGetItem {
    let first = dice.below(60);
    let count = dice.below(60);
    let keys = (first..first + count).map(|number| key(&(number % 60).to_string()));
    let mut request = get(keys.collect());
    for wanted in request.tables.values_mut() {
        wanted.projection = match dice.below(3) {
            0 => vec![DocumentPath::new("pk"), DocumentPath::new("v")],
            _ => vec![],
        };
    }
    request
}

#[test]
fn the_service_answers_batches_as_a_database_by_itself_does() {
    let schema = schema().global(
        "by-s",
        KeySchema::simple("s", ScalarType::String),
        Projection::Include(vec!["v".into()]),
    );
    let mut shape = Shape::new(schema.clone());
    (shape.partitions, shape.index_partitions) = (4, 2);
    let mut host = Host::new(&shape, 1);
    let mut database = Database::new(KeyHasher::default());
    database.create_table(schema).expect("a schema that can be");
    let mut dice = Seed(5).stream("batches").sequence(0);
    let mut refused = 0;
    for _ in 0..400 {
        let request = any_write(&mut dice);
        let expected = database.batch_write(request.clone());
        refused += u32::from(expected.is_err());
        assert_eq!(wrote(&mut host, request), expected);
        let request = any_get(&mut dice);
        let expected = database.batch_get(&request);
        assert_eq!(got(&mut host, request), expected);
        // Limits of partitions are another test's business.
        host.run_until(host.now + Span::from_secs(30));
    }
    assert!((20..200).contains(&refused), "{refused}");
}

#[test]
fn an_answer_ends_before_16_megabytes_as_that_of_a_database_does() {
    let mut shape = Shape::new(schema());
    shape.partitions = 4;
    let mut host = Host::new(&shape, 1);
    let mut database = Database::new(KeyHasher::default());
    database
        .create_table(schema())
        .expect("a schema that can be");
    let names: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    for name in &names {
        let WriteRequest::Put(item) = large(name) else {
            continue;
        };
        let put = PutItem {
            item,
            ..PutItem::default()
        };
        let mut contents = host.contents.borrow_mut();
        let tables = [
            contents.table_mut(KeyspaceId(0)).expect("the table"),
            database.table_mut("simple").expect("the table"),
        ];
        for table in tables {
            table.put(put.clone()).expect("it is acceptable");
        }
    }
    let request = get(names.iter().map(|name| key(name)).collect());
    let expected = database.batch_get(&request).expect("keys of the schema");
    assert_eq!(expected.unprocessed["simple"].keys.len(), 19);
    assert_eq!(got(&mut host, request), Ok(expected));
}

/// Names of keys in one of four partitions.
fn names_in(partition: usize) -> impl Iterator<Item = String> {
    let map = PartitionMap::even(4);
    let is_there = move |name: &String| {
        let hash = KeyHasher::default().hash(&KeyValue::String(name.as_str().into()));
        map.index_of(hash, None) == partition
    };
    (0..).map(|number: u32| number.to_string()).filter(is_there)
}

fn large(name: &str) -> WriteRequest {
    let mut item = item(name, 0);
    item.insert("w", "x".repeat(400_000).into());
    WriteRequest::Put(item)
}

#[test]
fn what_a_hot_partition_throttles_is_unprocessed_and_the_rest_is_done() {
    let mut shape = Shape::new(schema());
    shape.partitions = 4;
    let mut host = Host::new(&shape, 1);
    let hot: Vec<String> = names_in(0).take(24).collect();
    let cool = names_in(1).next().expect("a key in every partition");
    let mut requests: Vec<WriteRequest> = hot.iter().map(|name| large(name)).collect();
    requests.push(WriteRequest::Put(item(&cool, 1)));
    // A partition admits 1,000 units a second, and a batch wants 9,384 of it.
    for second in 0..10 {
        host.run_until(millis(second * 2_000));
        let output = wrote(&mut host, write(requests.clone())).expect("a part is done");
        let left = output.unprocessed.get("simple").map_or(0, Vec::len);
        assert!((20..24).contains(&left), "{left} are unprocessed");
        let units = output.consumed[0].1.table.write.0;
        assert_eq!(units, (24 - left as u64) * 391 + 1);
        for one in output.unprocessed.values().flatten() {
            assert!(requests[..24].contains(one), "the cool key is done");
        }
    }
    let throttled = wrote(&mut host, write(requests[..24].to_vec()));
    let told = throttled.expect_err("nothing of it can be done");
    let Error::Throttled { reason, .. } = told else {
        panic!("{told}");
    };
    assert_eq!(reason.name(), "TableWriteKeyRangeThroughputExceeded");
    // Unprocessed requests are sent again until none is left.
    let mut rest = write(requests.clone());
    for _ in 0..100 {
        host.run_until(host.now + Span::from_secs(1));
        match wrote(&mut host, rest.clone()) {
            Ok(output) if output.unprocessed.is_empty() => return,
            Ok(output) => rest.tables = output.unprocessed,
            Err(Error::Throttled { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("{} are left after 100 s", rest.tables["simple"].len());
}

#[test]
fn keys_that_a_table_has_no_tokens_for_are_unprocessed() {
    let throughput = Throughput::Provisioned {
        read: 10,
        write: 10,
    };
    let table: TableSchema = schema().throughput(throughput);
    let mut shape = Shape::new(table);
    shape.partitions = 4;
    let mut host = Host::new(&shape, 1);
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let puts = names.iter().map(|name| {
        let mut item = item(name, 0);
        item.insert("w", "x".repeat(40_000).into());
        WriteRequest::Put(item)
    });
    let written = wrote(&mut host, write(puts.collect())).expect("they are saved for");
    assert_eq!(written.unprocessed.len(), 0);
    let keys: Vec<AttributeMap> = names.iter().map(|name| key(name)).collect();
    let (mut whole, mut nothing) = (0, 0);
    // 3,000 units are saved, of which 200 are wanted each time.
    for number in 0..40 {
        host.run_until(millis(1_000 + number * 250));
        match got(&mut host, get(keys.clone())) {
            Ok(output) => {
                let left = output
                    .unprocessed
                    .get("simple")
                    .map_or(0, |one| one.keys.len());
                assert_eq!(output.items["simple"].len() + left, 20);
                whole += u32::from(left == 0);
            }
            Err(Error::Throttled { reason, .. }) => {
                assert_eq!(reason.name(), "TableReadProvisionedThroughputExceeded");
                nothing += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(
        (12..=18).contains(&whole) && nothing >= 1,
        "{whole} {nothing}"
    );
}
