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
use kvrig_dynamo::key::{KeyHasher, KeySchema, KeyValue, PrimaryKey, ScalarType};
use kvrig_dynamo::table::{GetItem, PutItem};
use kvrig_dynamo::{AttributeValue, Item, Table, TableSchema};
use std::collections::BTreeMap;

/// Names of the attributes of an item: its key, and what fills it up to its size.
const PARTITION_KEY: &str = "pk";
const SORT_KEY: &str = "sk";
const REST: &str = "v";

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

/// The items of a table.
#[derive(Clone, Debug)]
pub struct Items {
    table: Table,
    /// Partition keys of the collections.
    names: Vec<AttributeValue>,
    members: Members,
    /// What fills items, by its bytes: items with as many share them.
    rests: BTreeMap<u64, AttributeValue>,
    /// What requests consumed.
    written: u64,
    read_halves: u64,
    /// The first request that the table refused.
    refused: Option<Error>,
}

impl Items {
    /// A table without items whose collections have these partition keys, placed by `hasher`.
    ///
    /// # Errors
    /// None but a schema that cannot be, which this one is not.
    pub fn new(
        hasher: KeyHasher,
        names: impl Iterator<Item = String>,
        members: Members,
    ) -> Result<Self, Diagnostic> {
        let key = match members {
            Members::Single => KeySchema::simple(PARTITION_KEY, ScalarType::String),
            Members::Sorted | Members::New => KeySchema::composite(
                (PARTITION_KEY, ScalarType::String),
                (SORT_KEY, ScalarType::Binary),
            ),
        };
        let table = Table::new(TableSchema::new("table", key), hasher)
            .map_err(|error| refusal(&error.into()))?;
        Ok(Self {
            table,
            names: names.map(AttributeValue::from).collect(),
            members,
            rests: BTreeMap::new(),
            written: 0,
            read_halves: 0,
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

    /// What a request wants of the item that is there now: it is the request numbered `number`.
    pub(super) fn demand(&self, request: &Request, number: u64) -> Demand {
        let there = self.bytes_at(request.place, number);
        match request.demand {
            Demand::Write { bytes } => {
                let least = self.key(request.place, number).size_bytes();
                let after = bytes.max(least);
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
        let key = self.key(request.place, number);
        let consumed = match request.demand {
            Demand::Write { bytes } => self.put(key, bytes),
            Demand::Read { consistency, .. } => self.get(key, consistency),
        };
        match consumed {
            Ok(consumed) => {
                self.written += consumed.table.write.0;
                self.read_halves += consumed.table.read.halves();
            }
            Err(error) => _ = self.refused.get_or_insert(error),
        }
    }
    /// Checks that its requests consumed what they were charged: write units, and half units of reads.
    ///
    /// # Errors
    /// The first request that the table refused, and `KV4001` where the two differ.
    pub(super) fn check(&self, (written, read_halves): (u64, u64)) -> Result<(), Diagnostic> {
        if let Some(error) = &self.refused {
            return Err(refusal(error));
        }
        if (written, read_halves) == (self.written, self.read_halves) {
            return Ok(());
        }
        let message = format!(
            "{written} write units and {read_halves} half read units were charged, items consumed {} \
             and {}",
            self.written, self.read_halves
        );
        Err(Diagnostic::new(diagnostic::CONSERVATION, message))
    }

    fn put(&mut self, key: Item, bytes: u64) -> Result<ConsumedCapacity, Error> {
        let item = self.item(key, bytes);
        let put = PutItem {
            item,
            ..PutItem::default()
        };
        self.table.put(put).map(|output| output.consumed)
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
        let names = (0..KEYS).map(|number| number.to_string());
        Items::new(KeyHasher::default(), names, members).unwrap()
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
        host.run(requests(bytes), &|| false).unwrap()
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
            index: None,
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
        assert_eq!(single.check((1 + 5 + 5 + 1, 2 + 2 + 4)), Ok(()));
        assert!(single.check((1, 2)).is_err());
        // What is new replaces nothing, and nobody reads it.
        let mut new = items(Members::New);
        let expected = [0, 600, 0, 5_000, 0, 600, 600];
        assert_eq!(met(&mut new, &demands), expected);
        assert_eq!(new.check((1 + 5 + 1 + 1, 2 + 2 + 2)), Ok(()));
        // No item is smaller than its key.
        assert_eq!(met(&mut single, &[write(1), write(1)]), [600, 3]);
    }

    #[test]
    fn an_item_that_no_table_holds_ends_the_run() {
        let mut single = items(Members::Single);
        let told = single.fill(|_| 500_000).unwrap_err();
        assert!(format!("{told:?}").contains("400 KB"), "{told:?}");
    }
}
