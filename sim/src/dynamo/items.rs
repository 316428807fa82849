//! The items of a table, for runs that keep them: who is let through really puts and gets.
//!
//! Admission stays what it is without them; they only say how large what a request meets is. So a write
//! is charged by the larger of what it replaces and what it leaves, and a read by what is there.

use super::host::Request;
use super::partitions::Demand;
use super::places::{Collection, Place, sort_key};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_dynamo::capacity::{ConsumedCapacity, ReadConsistency};
use kvrig_dynamo::error::Error;
use kvrig_dynamo::key::{KeyHash, KeyHasher, KeySchema, KeyValue, PrimaryKey, ScalarType};
use kvrig_dynamo::schema::Projection;
use kvrig_dynamo::table::{GetItem, PutItem, ReturnOld};
use kvrig_dynamo::{AttributeValue, Item, Table, TableSchema};
use std::collections::BTreeMap;

/// Names of the attributes of an item: its key, and what fills it up to its size.
const PARTITION_KEY: &str = "pk";
const SORT_KEY: &str = "sk";
const REST: &str = "v";
/// The attribute by which an index has its entries.
const INDEX_KEY: &str = "ik";

/// Which items of a collection requests ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// A collection is one item.
    Single,
    /// Those with the sort keys of the places.
    Sorted,
    /// Every write is of an item of its own, that no other request asks for.
    New,
}

/// What requests consumed, or were charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Consumed {
    /// Write units.
    pub(super) written: u64,
    /// Half units of reads.
    pub(super) read_halves: u64,
    /// Write units of the index.
    pub(super) index_written: u64,
}

/// The items of a table.
#[derive(Clone, Debug)]
pub struct Items {
    table: Table,
    /// Partition keys of the collections.
    names: Vec<AttributeValue>,
    /// Those of the index, if there is one.
    index_names: Vec<AttributeValue>,
    members: Members,
    /// What fills items, by its bytes: items with as many share them.
    rests: BTreeMap<u64, AttributeValue>,
    /// What requests consumed.
    consumed: Consumed,
    /// Whether every item is as large as it was before the first request.
    is_as_filled: bool,
    /// The first request that the table refused.
    refused: Option<Error>,
}

impl Items {
    /// A table without items whose collections have the partition keys `names`, placed by `hasher`, and
    /// those of its index, if it has one, `index_names`. An index is for [`Members::New`] alone: of others
    /// nobody knows which entries a write removes.
    ///
    /// # Errors
    /// An index where there can be none.
    pub fn new(
        hasher: KeyHasher,
        names: Vec<String>,
        index_names: Option<Vec<String>>,
        members: Members,
    ) -> Result<Self, Diagnostic> {
        if index_names.is_some() && members != Members::New {
            let message = "items that are written again have entries in an index that nobody knows";
            return Err(Diagnostic::new(diagnostic::CONTRADICTION, message));
        }
        let key = match members {
            Members::Single => KeySchema::simple(PARTITION_KEY, ScalarType::String),
            Members::Sorted | Members::New => KeySchema::composite(
                (PARTITION_KEY, ScalarType::String),
                (SORT_KEY, ScalarType::Binary),
            ),
        };
        let mut schema = TableSchema::new("table", key);
        if index_names.is_some() {
            let key = KeySchema::simple(INDEX_KEY, ScalarType::String);
            schema = schema.global("index", key, Projection::All);
        }
        let table = Table::new(schema, hasher).map_err(|error| refusal(&error.into()))?;
        let values = |names: Vec<String>| names.into_iter().map(AttributeValue::from).collect();
        Ok(Self {
            table,
            names: values(names),
            index_names: index_names.map(values).unwrap_or_default(),
            members,
            rests: BTreeMap::new(),
            consumed: Consumed::default(),
            is_as_filled: true,
            refused: None,
        })
    }
    /// Gives every collection an item of so many bytes before the first request, where a collection is one
    /// item; others begin without items.
    ///
    /// # Errors
    /// An item that DynamoDB would refuse.
    pub fn fill(&mut self, bytes: impl Fn(Collection) -> u64) -> Result<(), Diagnostic> {
        if self.members != Members::Single {
            return Ok(());
        }
        for number in 0..self.names.len() as u32 {
            let collection = Collection(number);
            let place = Place {
                collection,
                sort: 0,
            };
            let key = self.key(place, 0);
            let item = self.item(key, bytes(collection));
            let put = PutItem {
                item,
                ..PutItem::default()
            };
            self.table.put(put).map_err(|error| refusal(&error))?;
        }
        Ok(())
    }

    /// Asks memory for the items that requests to these places, with the hashes of their partition keys,
    /// will ask for.
    pub(super) fn warm(&self, places: impl Iterator<Item = (Place, KeyHash)>) {
        let names = places.map(|(place, hash)| {
            if let Some(AttributeValue::String(name)) = self.names.get(place.collection.0 as usize)
            {
                kvrig_tables::prefetch(name.as_str());
            }
            hash
        });
        let hashes: Vec<KeyHash> = names.collect();
        if self.members == Members::Single {
            self.table.prefetch(&hashes);
        }
    }
    /// What a request wants of the item that is there now: it is the request numbered `number`.
    pub(super) fn demand(&self, request: &Request, number: u64) -> Demand {
        let there = self.bytes_at(request.place, number);
        match request.demand {
            Demand::Write { bytes } => {
                let after = bytes.max(self.key_bytes(request));
                let bytes = there.map_or(after, |before| before.max(after));
                Demand::Write { bytes }
            }
            Demand::Read { consistency, .. } => Demand::Read {
                bytes: there.unwrap_or(0),
                consistency,
            },
        }
    }
    /// Carries a request out that was let through.
    pub(super) fn carry_out(&mut self, request: &Request, number: u64) {
        let mut key = self.key(request.place, number);
        let consumed = match request.demand {
            Demand::Write { bytes } => {
                if let Some(name) = self.index_name(request) {
                    key.insert(INDEX_KEY, name.clone());
                }
                self.put(key, bytes)
            }
            Demand::Read { consistency, .. } => self.get(key, consistency),
        };
        match consumed {
            Ok(consumed) => {
                self.consumed.written += consumed.table.write.0;
                self.consumed.read_halves += consumed.table.read.halves();
                self.consumed.index_written += consumed.total().write.0 - consumed.table.write.0;
            }
            Err(error) => _ = self.refused.get_or_insert(error),
        }
    }
    /// Checks that its requests consumed what they were charged.
    ///
    /// # Errors
    /// The first request that the table refused, and `KV4001` where the two differ.
    pub(super) fn check(&self, charged: Consumed) -> Result<(), Diagnostic> {
        if let Some(error) = &self.refused {
            return Err(refusal(error));
        }
        if charged == self.consumed {
            return Ok(());
        }
        let message = format!(
            "requests were charged {charged:?}, and items consumed {:?}",
            self.consumed
        );
        Err(Diagnostic::new(diagnostic::CONSERVATION, message))
    }

    /// The same items for another run, as if they had met no request; nothing where one has left an item
    /// larger or smaller than it was.
    pub fn again(self) -> Option<Self> {
        self.is_as_filled.then_some(Self {
            consumed: Consumed::default(),
            ..self
        })
    }

    fn put(&mut self, key: Item, bytes: u64) -> Result<ConsumedCapacity, Error> {
        let item = self.item(key, bytes);
        let after = item.size_bytes();
        let put = PutItem {
            item,
            return_values: ReturnOld::AllOld,
            ..PutItem::default()
        };
        let output = self.table.put(put)?;
        // Items of one key and size are the same.
        self.is_as_filled &= output
            .attributes
            .is_some_and(|old| old.size_bytes() == after);
        Ok(output.consumed)
    }
    fn get(&self, key: Item, consistency: ReadConsistency) -> Result<ConsumedCapacity, Error> {
        let get = GetItem::new(key).consistency(consistency);
        self.table.get(&get).map(|output| output.consumed)
    }
    /// Bytes of the item that a request asks for, if it is there.
    fn bytes_at(&self, place: Place, number: u64) -> Option<u64> {
        let AttributeValue::String(name) = self.names.get(place.collection.0 as usize)? else {
            return None;
        };
        let key = PrimaryKey {
            partition: KeyValue::String(name.clone()),
            sort: self.sort(place, number),
        };
        self.table.item_bytes(&key)
    }
    /// The value by which an index has what a request writes.
    fn index_name(&self, request: &Request) -> Option<&AttributeValue> {
        let collection = request.index?.collection;
        self.index_names.get(collection.0 as usize)
    }
    /// Bytes of the keys of an item that a request writes, in the table and in the index.
    fn key_bytes(&self, request: &Request) -> u64 {
        let of = |name: &str, value: Option<&AttributeValue>| {
            value.map_or(0, |value| name.len() as u64 + value.size_bytes())
        };
        let sort = match self.members {
            Members::Single => 0,
            Members::Sorted | Members::New => (SORT_KEY.len() + size_of::<u64>()) as u64,
        };
        let name = self.names.get(request.place.collection.0 as usize);
        of(PARTITION_KEY, name) + sort + of(INDEX_KEY, self.index_name(request))
    }
    fn sort(&self, place: Place, number: u64) -> Option<KeyValue> {
        match self.members {
            Members::Single => None,
            Members::Sorted => Some(sort_key(place.sort)),
            Members::New => Some(sort_key(number)),
        }
    }
    /// The key of the item that a request asks for.
    fn key(&self, place: Place, number: u64) -> Item {
        let mut key = Item::new();
        if let Some(name) = self.names.get(place.collection.0 as usize) {
            key.insert(PARTITION_KEY, name.clone());
        }
        if let Some(sort) = self.sort(place, number) {
            key.insert(SORT_KEY, sort.to_attribute());
        }
        key
    }
    /// The item with this key and so many bytes, names included: at least those of the key.
    fn item(&mut self, key: Item, bytes: u64) -> Item {
        let mut item = key;
        let rest = bytes.saturating_sub(item.size_bytes());
        // A name without a value takes a byte too.
        if let Some(rest) = rest.checked_sub(REST.len() as u64) {
            let filled = self.rests.entry(rest).or_insert_with(|| {
                let text = usize::try_from(rest).map(|rest| "x".repeat(rest));
                text.unwrap_or_default().into()
            });
            item.insert(REST, filled.clone());
        }
        item
    }
}

/// What the table said of a request.
fn refusal(error: &Error) -> Diagnostic {
    Diagnostic::new(
        diagnostic::OUT_OF_RANGE,
        format!("the table refuses an item of the workload: {error}"),
    )
    .help("an item has at most 400 KB and a partition key 2048 bytes: lower `workload.item_size` or `key_size`")
}

#[cfg(test)]
mod tests {
    use super::super::{Generation, Host, Retrying, Scene, TableRules, config::Capacity};
    use super::*;
    use crate::dynamo::{Places, Recorded};
    use kvrig_base::random::Seed;
    use kvrig_base::time::{Span, Time};
    use std::collections::BTreeSet;

    const KEYS: u32 = 50;

    fn items(members: Members) -> Items {
        let names = (0..KEYS).map(|number| number.to_string()).collect();
        let index = (members == Members::New).then(|| vec!["open".to_owned()]);
        Items::new(KeyHasher::default(), names, index, members).unwrap()
    }

    /// Half of the requests read, two in five ask for one key.
    fn requests(bytes: fn(u64) -> u64) -> impl Iterator<Item = Request> {
        let draws = Seed(5).stream("requests");
        (0..60_000_u64).map(move |number| {
            let [word, sort] = draws.at(0, number).0;
            let key = if word % 5 < 2 {
                0
            } else {
                word / 5 % u64::from(KEYS)
            };
            let bytes = bytes(key + number * 1_000);
            Request {
                at: Time::START + Span::from_micros(number * 400),
                place: Place {
                    collection: Collection(key as u32),
                    sort: sort % 3,
                },
                index: None,
                demand: match word >> 32 & 1 {
                    0 => Demand::Write { bytes },
                    _ => Demand::Read {
                        bytes,
                        consistency: ReadConsistency::Strong,
                    },
                },
            }
        })
    }

    fn run(items: Option<Items>, bytes: fn(u64) -> u64) -> Recorded {
        let capacity = Capacity::Provisioned {
            read: 40_000,
            write: 40_000,
        };
        let scene = Scene {
            table: TableRules::new(Generation::Global2022, capacity, 3),
            index: None,
            retrying: Retrying::NEVER,
            duration: Span::from_secs(24),
        };
        let hasher = KeyHasher::default();
        let hashes = (0..KEYS).map(|number| hasher.hash_text(&number.to_string()));
        let places = Places::new(hashes.collect(), true);
        let mut host = Host::new(scene, places, None, &BTreeSet::new(), Seed(1)).unwrap();
        if let Some(items) = items {
            host = host.keeping(items);
        }
        host.run_each(requests(bytes), &|| false).unwrap()
    }

    /// Sizes that belong to keys, as a workload's do.
    fn by_key(number: u64) -> u64 {
        600 + number % 1_000 * 200
    }

    #[test]
    fn sizes_alone_and_items_throttle_the_same_requests() {
        let mut single = items(Members::Single);
        single.fill(|one| by_key(u64::from(one.0))).unwrap();
        let (alone, kept) = (run(None, by_key), run(Some(single), by_key));
        let throttled = alone.books.throttled();
        assert!((2_000..40_000).contains(&throttled), "{throttled}");
        assert_eq!(alone, kept);
    }

    fn asked(demand: Demand) -> Request {
        Request {
            at: Time::START,
            place: Place::default(),
            index: Some(Place::default()),
            demand,
        }
    }

    /// What requests on one collection meet, one after another.
    fn met(items: &mut Items, demands: &[Demand]) -> Vec<u64> {
        let each = demands.iter().zip(0..).map(|(&demand, number)| {
            let request = asked(demand);
            let met = items.demand(&request, number);
            items.carry_out(&request, number);
            match met {
                Demand::Write { bytes } | Demand::Read { bytes, .. } => bytes,
            }
        });
        each.collect()
    }

    #[test]
    fn requests_are_charged_by_what_they_meet() {
        let write = |bytes| Demand::Write { bytes };
        let read = Demand::Read {
            bytes: 900,
            consistency: ReadConsistency::Strong,
        };
        let demands = [
            read,
            write(600),
            read,
            write(5_000),
            read,
            write(600),
            write(600),
        ];
        let mut single = items(Members::Single);
        // A write by the larger of what it replaces and what it leaves, a read by what is there.
        let expected = [0, 600, 600, 5_000, 5_000, 5_000, 600];
        assert_eq!(met(&mut single, &demands), expected);
        let charged = |written, read_halves, index_written| Consumed {
            written,
            read_halves,
            index_written,
        };
        assert_eq!(single.check(charged(1 + 5 + 5 + 1, 2 + 2 + 4, 0)), Ok(()));
        assert!(single.check(charged(1, 2, 0)).is_err());
        // What is new replaces nothing, nobody reads it, and the index has all of it.
        let mut new = items(Members::New);
        let expected = [0, 600, 0, 5_000, 0, 600, 600];
        assert_eq!(met(&mut new, &demands), expected);
        let written = 1 + 5 + 1 + 1;
        assert_eq!(new.check(charged(written, 2 + 2 + 2, written)), Ok(()));
        // No item is smaller than its key.
        assert_eq!(met(&mut single, &[write(1), write(1)]), [600, 3]);
    }

    #[test]
    fn items_are_used_again_unless_a_write_changed_their_size() {
        let write = |bytes| Demand::Write { bytes };
        let mut single = items(Members::Single);
        single.fill(|_| 600).unwrap();
        met(&mut single, &[write(600), write(600)]);
        let mut again = single.again().expect("they are as they were");
        assert_eq!(again.check(Consumed::default()), Ok(()));
        met(&mut again, &[write(601), write(600)]);
        assert!(again.again().is_none());
        let mut new = items(Members::New);
        met(&mut new, &[write(600)]);
        assert!(new.again().is_none());
    }

    #[test]
    fn an_item_that_no_table_holds_ends_the_run() {
        let mut single = items(Members::Single);
        let told = single.fill(|_| 500_000).unwrap_err();
        assert!(format!("{told:?}").contains("400 KB"), "{told:?}");
    }
}
