//! Requests to a DynamoDB table: a workload whose keys are placed by a design of partition keys.

mod layout;
mod requests;
mod shared;

pub(super) use requests::Rehearsal;
pub(super) use shared::SharedDraws;

use super::setup::Setup;
use super::workload::WorkloadInputs;
use crate::dynamo::{Checked, Collection, Demand, Items, Members, Places};
use crate::study::{Cell, Dynamodb, KeyDesign, KeyName, Selection, SortName};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::{Bytes, Rate};
use kvrig_base::random::{Seed, Stream};
use kvrig_base::result::Finding;
use kvrig_base::row::Row;
use kvrig_base::time::Span;
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::key::{KeyHash, KeyHasher};
use kvrig_workloads::popularity::KeySpace;
use kvrig_workloads::{KeyId, KeySource, Mix, OpKind, Popularity, Workload};
use layout::{Layout, values};
use shared::Placed;
use std::borrow::Cow;
use std::sync::Arc;

/// What a cell's clients ask for, before the seed is known.
#[derive(Debug)]
pub(super) struct TrafficInputs {
    workload: WorkloadInputs,
    /// Where a trace does not say what its requests do.
    mix: Mix,
    design: KeyDesign,
    index: Option<KeyDesign>,
    reads: ReadConsistency,
    /// Keys where they are drawn.
    keys: u64,
    has_item_size: bool,
    shared: Arc<SharedDraws>,
}

impl TrafficInputs {
    /// Reads what the workload of a cell names.
    ///
    /// # Errors
    /// What cannot be read, or what a table has no request for.
    pub(super) fn read(
        cell: &Cell,
        table: &Dynamodb,
        setup: &mut Setup<'_>,
    ) -> Result<Self, Diagnostic> {
        let refuse = |message: &str, help: &str| {
            Err(Diagnostic::new(diagnostic::CONTRADICTION, message).help(help.to_owned()))
        };
        let [space] = cell.workload.spaces.as_slice() else {
            return refuse(
                "the keys of a table are one key space",
                "leave `workload.keyspace` out",
            );
        };
        let workload = setup.workload(cell)?;
        if workload.pacing.is_none() {
            return refuse(
                "clients that wait for replies do not say how much they ask for: replies take no \
                 time here",
                "give `workload.arrivals` instead of `workload.clients`",
            );
        }
        let unknown = |kind: OpKind| is_write(kind).is_none();
        let asked = space.mix.iter().filter(|(_, share)| share.0 > 0);
        let in_trace = OpKind::ALL.iter().copied().filter(|&kind| {
            workload
                .replay()
                .is_some_and(|replay| replay.trace().asks_for(kind))
        });
        let has_kinds = workload
            .replay()
            .is_some_and(|replay| replay.trace().has_kinds());
        let wrong = match has_kinds {
            true => in_trace.map(Some).find(|kind| kind.is_some_and(unknown)),
            false => asked
                .map(|(kind, _)| Some(*kind))
                .find(|kind| kind.is_some_and(unknown)),
        };
        if let Some(Some(kind)) = wrong {
            return refuse(
                &format!(
                    "`{}` is no request for one item of a DynamoDB table",
                    kind.name()
                ),
                "use get, put, insert, delete and the like",
            );
        }
        let is_drawn = matches!(space.selection, Selection::Drawn(_));
        let keys = match (space.keys, is_drawn) {
            (Some(keys), _) => keys,
            (None, false) => 1,
            (None, true) => {
                return Err(Diagnostic::new(
                    diagnostic::MISSING_KEY,
                    "missing key `workload.keys`",
                )
                .help("`workload.keys` says how many keys are drawn from"));
            }
        };
        let mix = Mix::new(&space.mix)
            .map_err(|error| Diagnostic::new(diagnostic::CONTRADICTION, error.to_string()))?;
        Ok(Self {
            workload,
            mix,
            design: cell.workload.key_design,
            index: table.index.map(|index| KeyDesign {
                key: index.key,
                suffixes: 1,
                sort: index.sort,
            }),
            reads: table.reads,
            keys,
            has_item_size: space.has_item_size,
            shared: Arc::clone(&setup.draws),
        })
    }
    /// Requests a second, on average.
    pub(super) fn rate(&self) -> Rate {
        self.workload
            .pacing
            .as_ref()
            .map_or(Rate(0), |(_, profile)| profile.mean_rate())
    }
    /// The trace that is replayed, if there is one.
    pub(super) fn replays(&self) -> bool {
        self.workload.replay().is_some()
    }
    /// Memory that points of a study share whose cells these are, each with how long its requests
    /// come, under so many seeds. For estimates.
    pub(super) fn shared_memory<'a>(
        cells: impl Iterator<Item = (&'a Self, Span)>,
        seeds: u32,
    ) -> Bytes {
        // Cells that ask at the same rates see the same arrivals.
        let mut longest: Vec<(&Self, Span)> = Vec::new();
        let mut keys = 0;
        for (cell, span) in cells.filter(|(cell, _)| !cell.replays()) {
            keys = keys.max(cell.keys());
            let paced =
                |(known, _): &&mut (&Self, Span)| known.workload.pacing == cell.workload.pacing;
            match longest.iter_mut().find(paced) {
                Some((_, known)) => *known = (*known).max(span),
                None => longest.push((cell, span)),
            }
        }
        let arrivals = longest
            .iter()
            .map(|(cell, span)| cell.requests_within(*span));
        let all = arrivals.fold(0, u64::saturating_add);
        let seeds = u64::from(seeds);
        SharedDraws::bytes(all.saturating_mul(seeds), keys.saturating_mul(seeds))
    }
    /// Requests expected within `span`.
    pub(super) fn requests_within(&self, span: Span) -> u64 {
        let requests = u128::from(self.rate().0) * u128::from(span.as_picos());
        u64::try_from(requests / 1_000_000_000_000_000_000).unwrap_or(u64::MAX)
    }
    /// Keys that are drawn from, for estimates.
    pub(super) fn keys(&self) -> u64 {
        self.workload
            .replay()
            .map_or(self.keys, kvrig_workloads::trace::Replay::keys)
    }

    /// Whether requests say enough of items for a table to keep them.
    ///
    /// # Errors
    /// Kinds that change parts of items, and an index of items that are written again.
    pub(super) fn check_items(&self) -> Result<(), Diagnostic> {
        let refuse = |message: String, help: &str| {
            Err(Diagnostic::new(diagnostic::CONTRADICTION, message).help(help.to_owned()))
        };
        if self.index.is_some() && self.design.key != KeyName::OrderId {
            return refuse(
                "requests do not tell which entries an item that is written again had in an index"
                    .to_owned(),
                "leave `store.dynamodb.global_index` out, give every write an item of its own by \
                 `key_design.partition.key = \"order_id\"`, or choose `fidelity = \"admission\"`",
            );
        }
        let recorded = self.workload.replay().map(|replay| replay.trace());
        let asks_for = |kind: OpKind| match recorded.filter(|trace| trace.has_kinds()) {
            Some(trace) => trace.asks_for(kind),
            None => self.mix.share(kind).0 > 0,
        };
        let mut parts = OpKind::ALL.iter().copied().filter(|kind| {
            !matches!(kind, OpKind::Get | OpKind::Set | OpKind::Insert) && asks_for(*kind)
        });
        match parts.next() {
            Some(kind) => refuse(
                format!(
                    "requests do not tell what `{}` leaves of an item",
                    kind.name()
                ),
                "use get, put and insert, or choose `fidelity = \"admission\"`",
            ),
            None => Ok(()),
        }
    }
    /// Items that a table has at most after so many requests, where it keeps them.
    pub(super) fn items_max(&self, requests: u64) -> u64 {
        match (self.design.key, self.design.sort) {
            (KeyName::OrderId, _) | (_, SortName::Random | SortName::Increasing) => requests,
            (_, SortName::None) => self.keys().saturating_mul(u64::from(self.design.suffixes)),
        }
    }

    /// The requests under a seed.
    ///
    /// # Errors
    /// If a parameter of the workload is out of range.
    pub(super) fn traffic(&self, seed: Seed) -> Result<Traffic<'_>, Diagnostic> {
        let space = KeySpace::fixed(self.keys);
        let workload = self
            .workload
            .workload(space, seed)
            .map_err(|error| Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string()))?;
        let keys = match &workload.plan().keys {
            KeySource::Recorded(replay) => replay.keys(),
            KeySource::Drawn {
                popularity: Popularity::Weights(weights),
                ..
            } => weights.keys(),
            KeySource::Drawn { .. } => self.keys,
        };
        let words = seed.stream("dynamo.placement").at(0, 0).0;
        let layout = |design| Layout::new(design, self.keys);
        Ok(Traffic {
            inputs: self,
            table: layout(self.design),
            index: self.index.map(layout),
            alike: self.alike(&workload),
            workload: Arc::new(workload),
            keys,
            hasher: KeyHasher::new(words),
            values: seed.stream("dynamo.values"),
            seed,
        })
    }
}

impl TrafficInputs {
    /// What every request wants, where all want the same of keys that are drawn.
    fn alike(&self, workload: &Workload) -> Option<Demand> {
        let [plan] = workload.plans() else {
            return None;
        };
        let is_drawn = matches!(plan.keys, KeySource::Drawn { .. });
        let kind = plan.mix.single().filter(|&kind| kind != OpKind::Insert);
        let (key, value) = (plan.key_size.fixed()?, plan.value_size.fixed()?);
        let writes = is_write(kind.filter(|_| is_drawn)?)?;
        Some(self.demand(writes, key, value))
    }
    /// What a request wants of an item with a key and a value of so many bytes.
    fn demand(&self, writes: bool, key_bytes: u64, value_bytes: u64) -> Demand {
        let bytes = match self.has_item_size {
            true => value_bytes,
            false => key_bytes + value_bytes,
        };
        match writes {
            true => Demand::Write { bytes },
            false => Demand::Read {
                bytes,
                consistency: self.reads,
            },
        }
    }
}

/// Requests under a seed.
#[derive(Clone, Debug)]
pub(super) struct Traffic<'a> {
    inputs: &'a TrafficInputs,
    table: Layout,
    index: Option<Layout>,
    /// What every request wants, where all want the same.
    alike: Option<Demand>,
    workload: Arc<Workload>,
    keys: u64,
    hasher: KeyHasher,
    values: Stream,
    seed: Seed,
}

/// The key of one collection of a value: the value itself, or one of those that it is sharded into.
fn with_suffix(value: &str, suffix: u32, design: KeyDesign) -> Cow<'_, str> {
    match design.suffixes {
        1 => Cow::Borrowed(value),
        _ => Cow::Owned(format!("{value}#{suffix}")),
    }
}

impl Traffic<'_> {
    /// The item collections of the table, each in its partition of `partitions` even ones.
    pub(super) fn places(&self, partitions: u32) -> Places {
        self.places_of(self.inputs.design, partitions)
    }
    /// Those of the index, if there is one, in the same manner.
    pub(super) fn index_places(&self, partitions: u32) -> Option<Places> {
        let design = self.inputs.index?;
        Some(self.places_of(design, partitions))
    }
    fn places_of(&self, design: KeyDesign, partitions: u32) -> Places {
        let make = || {
            let mut hashes: Vec<KeyHash> = Vec::new();
            self.each_name(design, |name| hashes.push(self.hasher.hash_text(name)));
            Places::new(hashes, false).settled(partitions)
        };
        let places = match values(design.key) {
            Some(_) => make(),
            None => {
                let plan = self.workload.plan();
                let placed = Placed {
                    seed: self.seed,
                    keys: self.keys,
                    suffixes: design.suffixes,
                    format: plan.key_format.clone(),
                    sizes: plan.key_size.clone(),
                    partitions,
                };
                self.inputs.shared.places(placed, make)
            }
        };
        places.with_sort_keys(design.sort != SortName::None)
    }
    /// Tells the partition key of each collection of a design.
    fn each_name(&self, design: KeyDesign, mut tell: impl FnMut(&str)) {
        if let Some(values) = values(design.key) {
            for (value, _) in values {
                (0..design.suffixes).for_each(|suffix| tell(&with_suffix(value, suffix, design)));
            }
            return;
        }
        let mut name = Vec::new();
        for key in 0..self.keys {
            let op = self.workload.op_on(OpKind::Set, KeyId(key));
            self.workload.write_key(&op, &mut name);
            let value = String::from_utf8_lossy(&name);
            (0..design.suffixes).for_each(|suffix| tell(&with_suffix(&value, suffix, design)));
        }
    }
    /// The items of the table, each collection with one where it has a single one; whether there can be
    /// such, [`TrafficInputs::check_items`] says.
    ///
    /// # Errors
    /// Items that a table refuses.
    pub(super) fn items(&self) -> Result<Items, Diagnostic> {
        let design = self.inputs.design;
        let members = match (design.key, design.sort) {
            (KeyName::OrderId, _) => Members::New,
            (_, SortName::None) => Members::Single,
            (_, SortName::Random | SortName::Increasing) => Members::Sorted,
        };
        let names = |design| {
            let mut names = Vec::new();
            self.each_name(design, |name| names.push(name.to_owned()));
            names
        };
        let index = self.inputs.index.map(names);
        let mut items = Items::new(self.hasher, names(design), index, members)?;
        items.fill(|collection| {
            let value = u64::from(collection.0 / design.suffixes);
            let op = self.workload.op_on(OpKind::Set, KeyId(value));
            match self.inputs.demand(true, op.key_bytes, op.value_bytes) {
                Demand::Write { bytes } | Demand::Read { bytes, .. } => bytes,
            }
        })?;
        Ok(items)
    }
    /// What a collection of the table is called.
    pub(super) fn name(&self, collection: Collection) -> String {
        let design = self.inputs.design;
        let (value, suffix) = (
            collection.0 / design.suffixes,
            collection.0 % design.suffixes,
        );
        if let Some(values) = values(design.key) {
            let value = values.get(value as usize).map_or("", |(value, _)| value);
            return with_suffix(value, suffix, design).into_owned();
        }
        if let KeySource::Drawn {
            popularity: Popularity::Weights(weights),
            ..
        } = &self.workload.plan().keys
            && let Some(name) = weights.name(value as usize)
        {
            return name.to_owned();
        }
        let mut name = Vec::new();
        let op = self.workload.op_on(OpKind::Set, KeyId(u64::from(value)));
        self.workload.write_key(&op, &mut name);
        with_suffix(&String::from_utf8_lossy(&name), suffix, design).into_owned()
    }
    /// The expected shares of the `count` most popular collections, the largest first, where they
    /// have a closed form or were counted in the trace.
    pub(super) fn top_shares(&self, count: u64) -> Vec<f64> {
        let design = self.inputs.design;
        let suffixes = f64::from(design.suffixes);
        if let Some(values) = values(design.key) {
            let shares = values.iter().flat_map(|(_, hundredths)| {
                let share = *hundredths as f64 / 100.0 / suffixes;
                (0..design.suffixes).map(move |_| share)
            });
            return shares.take(count as usize).collect();
        }
        if design.key != KeyName::UserId {
            return vec![1.0 / self.keys as f64; count.min(self.keys) as usize];
        }
        match &self.workload.plan().keys {
            KeySource::Recorded(replay) => {
                let mut counts = replay.trace().key_counts();
                counts.sort_unstable_by(|a, b| b.cmp(a));
                let all: u64 = counts.iter().sum();
                let copies = replay.copies();
                let share = |count: &u64| *count as f64 / all.max(1) as f64 / copies as f64;
                let each = counts
                    .iter()
                    .flat_map(|count| (0..copies).map(move |_| share(count)));
                each.take(count as usize).collect()
            }
            KeySource::Drawn { popularity, .. } => {
                let mut before = 0.0;
                let share = |k: u64| {
                    let top = popularity.top_share(k, self.keys)?;
                    Some(top - std::mem::replace(&mut before, top))
                };
                (1..=count.min(self.keys)).map_while(share).collect()
            }
        }
    }
}

/// That nothing was lost in runs, as a finding that rests on the rows of a metric.
pub(super) fn balance(rows: &[Row], metric: &str, checked: &Checked) -> Finding {
    let all = rows.iter().enumerate();
    let of_metric = all.filter(|(_, row)| row.name == metric);
    Finding {
        text: checked.sentence(),
        rows: of_metric.map(|(index, _)| index).collect(),
        warning: false,
    }
}

/// Whether an operation writes an item; nothing where it is no request for one item.
const fn is_write(kind: OpKind) -> Option<bool> {
    match kind {
        OpKind::Get | OpKind::Exists => Some(false),
        OpKind::Set
        | OpKind::Insert
        | OpKind::Add
        | OpKind::Replace
        | OpKind::CompareAndSet
        | OpKind::Append
        | OpKind::Prepend
        | OpKind::Delete
        | OpKind::Increment
        | OpKind::Decrement
        | OpKind::ReadModifyWrite
        | OpKind::Touch => Some(true),
        _ => None,
    }
}
