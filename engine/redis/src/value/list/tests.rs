use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn strings(list: &List, work: &mut Work) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    list.walk(0, End::Right, work, |item, _| {
        all.push(item.bytes().as_slice().to_vec());
        true
    });
    all
}

#[derive(Clone, Debug)]
enum Change {
    Push(bool, Vec<u8>),
    Pop(bool),
    Set(usize, Vec<u8>),
    Insert(bool, usize, Vec<u8>),
    Remove(bool, usize, usize),
    RemoveRange(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let element = || {
        prop_oneof![
            vec(b'a'..b'e', 0..12),
            (b'a'..b'e', 20..70_usize).prop_map(|(byte, times)| vec![byte; times])
        ]
    };
    prop_oneof![
        6 => (any::<bool>(), element()).prop_map(|(left, element)| Change::Push(left, element)),
        1 => any::<bool>().prop_map(Change::Pop),
        1 => (any::<usize>(), element()).prop_map(|(at, element)| Change::Set(at, element)),
        3 => (any::<bool>(), any::<usize>(), element()).prop_map(|(before, at, element)| Change::Insert(before, at, element)),
        1 => (any::<bool>(), any::<usize>(), 1..4_usize).prop_map(|(left, at, most)| Change::Remove(left, at, most)),
        1 => (any::<usize>(), 0..6_usize).prop_map(|(at, count)| Change::RemoveRange(at, count)),
    ]
}

fn end(left: bool) -> End {
    if left { End::Left } else { End::Right }
}

proptest! {
    #[test]
    fn it_behaves_as_a_list_of_strings(changes in vec(change(), 0..80), node in prop_oneof![Just(NodeLimit::Elements(3)), Just(NodeLimit::Bytes(40)), Just(NodeLimit::Bytes(200))], compress_depth in 0..4_u32) {
        let mut work = Work::unpriced();
        let (mut list, mut model) = (List::new(ListLimits { node, compress_depth }), Vec::<Vec<u8>>::new());
        for change in changes {
            let at = |index: usize| (!model.is_empty()).then(|| index % model.len());
            match change {
                Change::Push(left, element) => {
                    list.push(end(left), &element, &mut work);
                    model.insert(if left { 0 } else { model.len() }, element);
                }
                Change::Pop(left) => {
                    let popped = list.pop(end(left), &mut work, |item, _| item.bytes().as_slice().to_vec());
                    let expected = if model.is_empty() { None } else { Some(model.remove(if left { 0 } else { model.len() - 1 })) };
                    prop_assert_eq!(popped, expected);
                }
                Change::Set(index, element) => if let Some(at) = at(index) {
                    prop_assert!(list.set(at, &element, &mut work));
                    model[at] = element;
                },
                Change::Insert(before, index, element) => if let Some(at) = at(index) {
                    let pivot = model[at].clone();
                    let first = model.iter().position(|present| *present == pivot).unwrap();
                    let side = if before { Side::Before } else { Side::After };
                    prop_assert!(list.insert(side, &pivot, &element, &mut work));
                    model.insert(first + usize::from(!before), element);
                },
                Change::Remove(left, index, most) => if let Some(at) = at(index) {
                    let element = model[at].clone();
                    let removed = list.remove(end(left), &element, most, &mut work);
                    let mut places: Vec<usize> = (0..model.len()).filter(|&at| model[at] == element).collect();
                    if !left { places.reverse(); }
                    places.truncate(most);
                    prop_assert_eq!(removed, places.len());
                    places.sort_unstable();
                    for at in places.into_iter().rev() { model.remove(at); }
                },
                Change::RemoveRange(index, count) => if let Some(at) = at(index) {
                    list.remove_range(at, count, &mut work);
                    model.drain(at..(at + count).min(model.len()));
                },
            }
            prop_assert_eq!(strings(&list, &mut work), model.clone());
            prop_assert_eq!(list.len(), model.len());
            let bytes: u64 = list.nodes.iter().map(Node::allocated_bytes).sum();
            prop_assert_eq!(list.pack_bytes, bytes);
            prop_assert!(list.nodes.iter().all(|node| node.len() > 0 && !node.is_open()));
            let depth = compress_depth as usize;
            for (index, node) in list.nodes.iter().enumerate() {
                let is_within = index < depth || index + depth >= list.nodes.len();
                prop_assert!(!node.is_compressed() || depth > 0 && !is_within);
            }
            let copied = list.copy(&mut work);
            prop_assert_eq!(copied.pack_bytes <= list.pack_bytes, true);
            prop_assert_eq!(strings(&copied, &mut work), model.clone());
            for (at, expected) in model.iter().enumerate() {
                let found = list.read(at, &mut work, |item, _| item.bytes().as_slice().to_vec()).map(|(found, _)| found);
                prop_assert_eq!(found.as_ref(), Some(expected));
            }
        }
    }
}

/// A list of `count` elements that repeat themselves, in listpacks of a few.
fn repetitive(count: usize, compress_depth: u32, work: &mut Work) -> List {
    let node = NodeLimit::Elements(4);
    let mut list = List::new(ListLimits {
        node,
        compress_depth,
    });
    for number in 0..count {
        list.push(End::Right, format!("{number:a<60}").as_bytes(), work);
    }
    list
}

fn compressed(list: &List) -> Vec<usize> {
    let nodes = list.nodes.iter().enumerate();
    nodes
        .filter(|(_, node)| node.is_compressed())
        .map(|(index, _)| index)
        .collect()
}

#[test]
fn nodes_beyond_the_depth_are_compressed_and_those_within_never() {
    let mut work = Work::unpriced();
    for (depth, expected) in [
        (0, 0..0),
        (1, 1..9),
        (2, 2..8),
        (4, 4..6),
        (5, 0..0),
        (u32::MAX, 0..0),
    ] {
        let list = repetitive(40, depth, &mut work);
        assert_eq!(list.nodes(), 10);
        assert_eq!(
            compressed(&list),
            expected.collect::<Vec<_>>(),
            "depth {depth}"
        );
    }
}

#[test]
fn a_node_that_comes_near_an_end_is_plain_again() {
    let mut work = Work::unpriced();
    let mut list = repetitive(40, 2, &mut work);
    list.remove_range(0, 8, &mut work);
    assert_eq!(compressed(&list), [2, 3, 4, 5]);
    list.remove_range(0, 20, &mut work);
    assert_eq!((list.nodes(), compressed(&list).len()), (3, 0));
}

#[test]
fn a_short_node_and_one_that_gains_too_little_stay_plain() {
    let mut work = Work::unpriced();
    let node = NodeLimit::Elements(1);
    // Seven bytes of frame, two of the element and the byte that says its length.
    for (text, is_compressed) in [
        ("a".repeat(38), false),
        ("a".repeat(39), true),
        (
            "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".to_owned(),
            false,
        ),
    ] {
        let mut list = List::new(ListLimits {
            node,
            compress_depth: 1,
        });
        for _ in 0..3 {
            list.push(End::Right, text.as_bytes(), &mut work);
        }
        assert_eq!(list.nodes[1].is_compressed(), is_compressed, "{text}");
    }
}

#[test]
fn a_reader_pays_for_both_ways_and_leaves_the_node_compressed() {
    let mut work = Work::unpriced();
    let (plain, list) = (repetitive(40, 0, &mut work), repetitive(40, 1, &mut work));
    let mut visits = |list: &List, index| {
        work.begin();
        assert!(list.read(index, &mut work, |_, _| ()).is_some());
        work.counts().get(Counter::EntriesVisited)
    };
    assert_eq!(visits(&list, 1), visits(&plain, 1));
    assert!(visits(&list, 17) > visits(&plain, 17) + 50);
    assert!(list.nodes[4].is_compressed());
    assert!(list.footprint().bytes < plain.footprint().bytes * 2 / 3);
}
