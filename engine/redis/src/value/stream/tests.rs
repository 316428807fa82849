//! Streams beside a sorted map of entries.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const LIMITS: NodeLimits = NodeLimits {
    bytes: 200,
    entries: 4,
};

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

#[derive(Clone, Debug)]
enum Change {
    Add(u64, Vec<(u8, u8)>),
    Delete(u64),
    TrimTo(u64),
    TrimFrom(u64),
}

fn change() -> impl Strategy<Value = Change> {
    let pairs = || vec((0..3_u8, any::<u8>()), 1..4);
    prop_oneof![
        6 => (1..4_u64, pairs()).prop_map(|(gap, pairs)| Change::Add(gap, pairs)),
        3 => (0..40_u64).prop_map(Change::Delete),
        1 => (0..20_u64).prop_map(Change::TrimTo),
        1 => (0..60_u64).prop_map(Change::TrimFrom),
    ]
}

fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 1 }
}

fn entries(log: &Log, direction: Direction) -> Vec<(StreamId, Vec<Vec<u8>>)> {
    let mut work = Work::unpriced();
    let mut all = Vec::new();
    let everything = (StreamId::MIN, StreamId::MAX);
    log.walk(everything, direction, &mut work, |entry, work| {
        let mut texts = Vec::new();
        entry.for_each(work, |field, value, _| {
            texts.push(field.as_slice().to_vec());
            texts.push(value.as_slice().to_vec());
        });
        all.push((entry.id, texts));
        true
    });
    all
}

fn trim(keep: Keep) -> Trim {
    Trim {
        keep,
        is_approximate: false,
        limit: None,
    }
}

proptest! {
    #[test]
    fn it_behaves_as_a_sorted_map_of_entries(changes in vec(change(), 0..80)) {
        let mut work = Work::unpriced();
        let (mut log, mut model) = (Log::default(), Model::new());
        for change in changes {
            match change {
                Change::Add(gap, pairs) => {
                    let texts: Vec<Vec<u8>> = pairs.iter()
                        .flat_map(|(field, value)| [vec![b'f', *field], value.to_string().into_bytes()])
                        .collect();
                    let slices: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
                    let id = id(log.last_id().ms + gap);
                    let added = log.append(Some(AskedId::Whole(id)), 0, &slices, LIMITS, &mut work);
                    prop_assert_eq!(added, Ok(id));
                    model.insert(id, texts);
                }
                Change::Delete(ms) => {
                    let was_there = model.remove(&id(ms)).is_some();
                    prop_assert_eq!(log.delete(&[id(ms)], &mut work), u64::from(was_there));
                }
                Change::TrimTo(most) => {
                    let gone = (model.len() as u64).saturating_sub(most);
                    prop_assert_eq!(log.trim(trim(Keep::Last(most)), &mut work), gone);
                    for _ in 0..gone { model.pop_first(); }
                }
                Change::TrimFrom(ms) => {
                    let stays = model.split_off(&id(ms));
                    prop_assert_eq!(log.trim(trim(Keep::From(id(ms))), &mut work), model.len() as u64);
                    model = stays;
                }
            }
            let mut expected: Vec<_> = model.clone().into_iter().collect();
            prop_assert_eq!(log.len(), expected.len() as u64);
            prop_assert_eq!(log.first_id(), expected.first().map_or(StreamId::MIN, |(id, _)| *id));
            prop_assert_eq!(entries(&log, Direction::Forwards), expected.clone());
            expected.reverse();
            prop_assert_eq!(entries(&log, Direction::Backwards), expected);
            let bytes = log.node_bytes;
            log.sum_node_bytes();
            prop_assert_eq!(log.node_bytes, bytes);
        }
    }
}

#[test]
fn ids_of_new_entries_never_go_back() {
    let (mut log, mut work) = (Log::default(), Work::unpriced());
    let mut add = |asked, now_ms| log.append(asked, now_ms, &[b"f", b"v"], LIMITS, &mut work);
    let id = |ms, seq| StreamId { ms, seq };
    assert_eq!(add(None, 5), Ok(id(5, 0)));
    assert_eq!(add(None, 3), Ok(id(5, 1)));
    assert_eq!(add(Some(AskedId::Millisecond(5)), 0), Ok(id(5, 2)));
    assert_eq!(add(Some(AskedId::Millisecond(7)), 0), Ok(id(7, 0)));
    let back = Some(AskedId::Whole(id(7, 0)));
    assert_eq!(add(back, 0), Err(Refused::NotAbove));
    let last = Some(AskedId::Whole(StreamId::MAX));
    assert_eq!(add(last, 0), Ok(StreamId::MAX));
    assert_eq!(add(None, 0), Err(Refused::NotAbove));
}

#[test]
fn a_group_knows_its_pending_entries_and_their_bytes() {
    let mut work = Work::unpriced();
    let mut stream = Stream::default();
    let empty = stream.footprint();
    stream.create_group(b"g", Group::new(StreamId::MIN, None), &mut work);
    let with_group = stream.footprint();
    stream.with_group(b"g", |group, _| {
        let one = group.see_consumer(b"one", 1, &mut work);
        let other = group.see_consumer(b"other", 2, &mut work);
        for ms in 0..100 {
            group.deliver(id(ms), one, 1, &mut work);
            group.deliver(id(ms), other, 2, &mut work);
        }
        assert_eq!(group.pending().len(), 100);
        assert!(group.acknowledge(id(7), &mut work));
        assert!(!group.acknowledge(id(7), &mut work));
        assert_eq!(group.delete_consumer(b"one", &mut work), 0);
        assert_eq!(group.delete_consumer(b"other", &mut work), 99);
        assert!(group.pending().is_empty());
    });
    assert_eq!(stream.footprint(), with_group);
    assert!(stream.destroy_group(b"g", &mut work));
    // The tree of groups stays.
    let left = stream.footprint().bytes - empty.bytes;
    assert_eq!(left, EMPTY_TREE_BYTES);
}
