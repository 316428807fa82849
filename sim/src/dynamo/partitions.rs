//! The partitions of one table or index: what each lets through, how hot it is, and its splits.

use super::config::{Capacity, Generation, TableRules};
use super::gate::{Gate, HALVES, Kind, units};
use super::heat::Heat;
use super::places::{Place, Places};
use super::record::{Cooled, HEAT_WINDOW, HeatCell, SplitEvent, Tokens};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::{Seed, Stream};
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::capacity::{ReadConsistency, WriteMode, WriteUnits};
use kvrig_dynamo::key::KeyHash;
use kvrig_dynamo::partition::{
    Allocation, BURST_SPAN, Boundary, Ledger, Observed, PARTITION_READS_MAX, PARTITION_WRITES_MAX,
    PartitionBuckets, PartitionId, PartitionMap, REPLICAS, Refused, Replica, Sample, Source,
    TokenBucket, read_blocks, split_point, warm_partitions,
};
use std::collections::{BTreeMap, BTreeSet};

const MINUTE: Span = Span::from_secs(60);

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// To read an item of so many bytes.
    Read {
        /// Bytes with names.
        bytes: u64,
        /// How consistently.
        consistency: ReadConsistency,
    },
    /// To write an item of so many bytes.
    Write {
        /// Bytes with names, the larger of before and after.
        bytes: u64,
    },
}

/// Who refused an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its partition: share, burst or limit.
    KeyRange,
    /// The table or index as a whole.
    Provisioned,
}

/// An attempt that nothing stands in the way of: what it will be charged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    slot: usize,
    kind: Kind,
    /// Write units, or half units of reads.
    tokens: u64,
    blocks: u64,
    consistency: ReadConsistency,
    replica: Replica,
    source: Source,
}

/// One partition. What every write asks for lies in its first line of cache, and in the two that the
/// buckets begin with.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Slot {
    /// Write units since it was made.
    written: u64,
    window: Window,
    node: usize,
    heat: Heat,
    buckets: PartitionBuckets,
    /// Eventual reads so far: each goes to the next replica.
    turn: u64,
    born: Time,
    /// Blocks read since it was made.
    read_blocks: u64,
    /// Half units of reads since then.
    read: u64,
}

/// What a partition did in the present window.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    written: u64,
    read: u64,
    /// Blocks by the replica that served most, in parts of one replica.
    read_work: u64,
    refused_written: u64,
    refused_read: u64,
}

/// One table or index.
#[derive(Clone, Debug)]
pub struct Partitions {
    rules: TableRules,
    map: PartitionMap,
    places: Places,
    /// By partition number; those that were split stay where they are.
    slots: Vec<Slot>,
    nodes: Vec<(TokenBucket, TokenBucket)>,
    gate: Gate,
    splits_due: BTreeSet<(Time, u32)>,
    growth_due: BTreeSet<(Time, u64)>,
    /// Partitions that were asked for by peaks.
    wanted: u64,
    delays: Stream,
    /// Write units gained before `rate_from`, and per second since.
    gained: u128,
    rate: u64,
    rate_from: Time,
    first_refused: Option<Time>,
    boosts_from: Option<Time>,
    window: u32,
    minute: (u64, u64),
    peak: (u64, u64),
    pub(super) cells: Vec<HeatCell>,
    pub(super) splits: Vec<SplitEvent>,
    pub(super) tokens: Vec<Tokens>,
    refusals: BTreeMap<u32, Cooled>,
}

impl Partitions {
    /// A table or index with nothing used for five minutes; `name` tells its draws apart.
    pub fn new(rules: TableRules, mut places: Places, seed: Seed, name: &str) -> Self {
        let map = PartitionMap::even(rules.partitions);
        places.settle(&map);
        let rate = units(rules.capacity).1;
        let mut partitions = Self {
            gained: u128::from(rate) * u128::from(BURST_SPAN.as_picos())
                / u128::from(Span::from_secs(1).as_picos()),
            rate,
            rate_from: Time::START,
            gate: Gate::new(&rules, Time::START),
            slots: Vec::new(),
            nodes: Vec::new(),
            splits_due: BTreeSet::new(),
            growth_due: BTreeSet::new(),
            wanted: u64::from(rules.partitions),
            delays: seed.stream(&format!("dynamo.delays.{name}")),
            first_refused: None,
            boosts_from: None,
            window: 0,
            minute: (0, 0),
            peak: (0, 0),
            cells: Vec::new(),
            splits: Vec::new(),
            tokens: Vec::new(),
            refusals: BTreeMap::new(),
            rules,
            map,
            places,
        };
        for partition in 0..partitions.map.partitions().len() as u32 {
            partitions.add_slot(partition, Time::START);
        }
        partitions
    }
    fn add_slot(&mut self, partition: u32, now: Time) {
        let (reads, writes) = match self.gate.shares(partition) {
            Some((reads, writes)) => (Allocation::full(reads, now), Allocation::full(writes, now)),
            None => (Allocation::unshared(now), Allocation::unshared(now)),
        };
        let per_node = self.rules.node.map_or(1, |node| node.partitions.max(1));
        let node = (partition / per_node) as usize;
        if let Some(rule) = self.rules.node {
            let bucket = |rate| TokenBucket::full(rate, Span::from_secs(1), now);
            let pair = (bucket(rule.read * HALVES), bucket(rule.write));
            while self.nodes.len() <= node {
                self.nodes.push(pair);
            }
        }
        self.slots.push(Slot {
            buckets: PartitionBuckets::new(reads, writes, self.rules.limits, now),
            node,
            heat: Heat::default(),
            turn: 0,
            born: now,
            window: Window::default(),
            written: 0,
            read_blocks: 0,
            read: 0,
        });
    }
    /// How many partitions there are.
    pub fn count(&self) -> u32 {
        self.map.partitions().len() as u32
    }
    /// The number of the partition that a place lies in.
    pub fn partition_of(&self, place: Place) -> u32 {
        self.places.home(place)
    }
    /// Whether attempts on the collection of a place are counted.
    #[inline]
    pub(super) fn is_counted(&self, place: Place) -> bool {
        self.places.is_counted(place.collection)
    }

    /// The hash of a place's partition key.
    #[inline]
    pub(super) fn hash(&self, place: Place) -> KeyHash {
        self.places.hash(place)
    }
    /// Asks memory for what requests to these places will need, all at once: otherwise each would wait
    /// for its own after the one before is done.
    pub(super) fn warm(&self, places: impl Iterator<Item = Place>) {
        let touched = places.fold(0, |sum: u64, place| {
            let slot = &self.slots[self.places.home(place) as usize];
            sum ^ slot.written ^ slot.buckets.mode() as u64
        });
        std::hint::black_box(touched);
    }
    /// Whether an attempt passes at `now`; nothing is taken.
    ///
    /// # Errors
    /// Who has nothing left. It is booked in the partition's window.
    #[inline]
    pub(super) fn open(
        &mut self,
        place: Place,
        demand: Demand,
        router: u32,
        now: Time,
    ) -> Result<Opened, Why> {
        let index = self.places.home(place) as usize;
        let slot = &mut self.slots[index];
        let mut opened = Opened {
            slot: index,
            kind: Kind::Write,
            tokens: 0,
            blocks: 0,
            consistency: ReadConsistency::Eventual,
            replica: Replica::Leader,
            source: Source::Allocated,
        };
        let node = self.nodes.get_mut(slot.node);
        let source = match demand {
            Demand::Write { bytes } => {
                opened.tokens = WriteUnits::for_change(None, Some(bytes), WriteMode::Standard).0;
                slot.buckets.open_write(node.map(|node| &mut node.1), now)
            }
            Demand::Read { bytes, consistency } => {
                opened.kind = Kind::Read;
                opened.blocks = read_blocks(bytes);
                opened.consistency = consistency;
                opened.tokens = opened.blocks * halves(consistency);
                opened.replica = Replica::for_read(slot.turn);
                slot.turn += u64::from(consistency == ReadConsistency::Eventual);
                let node = node.map(|node| &mut node.0);
                slot.buckets
                    .open_read(consistency, opened.replica, node, now)
            }
        };
        let why = match source {
            Err(Refused::Allocation | Refused::Node | Refused::Limit) => Why::KeyRange,
            Ok(source) => {
                opened.source = source;
                match self.gate.is_open(opened.kind, router, opened.tokens, now) {
                    true => return Ok(opened),
                    false => Why::Provisioned,
                }
            }
        };
        match opened.kind {
            Kind::Read => slot.window.refused_read += opened.tokens,
            Kind::Write => slot.window.refused_written += opened.tokens,
        }
        if self.first_refused.is_none() {
            self.refuse_first(now);
        }
        Err(why)
    }
    #[cold]
    fn refuse_first(&mut self, now: Time) {
        self.first_refused = Some(now);
        if self.rules.generation == Generation::Adaptive2017 {
            self.boosts_from = Some(now + self.rules.reaction.draw(self.delays, u64::MAX, 0));
        }
    }
    /// Charges an attempt that [`Partitions::open`] has let pass at the same time.
    #[inline]
    pub(super) fn charge(&mut self, opened: &Opened, place: Place, router: u32, now: Time) {
        self.gate.take(opened.kind, router, opened.tokens, now);
        let slot = &mut self.slots[opened.slot];
        let node = self.nodes.get_mut(slot.node);
        match opened.kind {
            Kind::Write => {
                let node = node.map(|node| &mut node.1);
                slot.buckets
                    .charge_write(opened.tokens, (opened.source, node), now);
                slot.window.written += opened.tokens;
                slot.written += opened.tokens;
            }
            Kind::Read => {
                let node = node.map(|node| &mut node.0);
                let (consistency, replica) = (opened.consistency, opened.replica);
                slot.buckets.charge_read(
                    opened.blocks,
                    consistency,
                    replica,
                    (opened.source, node),
                    now,
                );
                slot.window.read += opened.tokens;
                slot.window.read_work += opened.blocks * leader_part(consistency);
                slot.read_blocks += opened.blocks;
                slot.read += opened.tokens;
            }
        }
        slot.heat.sample(place, opened.tokens, now);
    }

    /// When a split or growth takes place next.
    #[inline]
    pub(super) fn next_due(&self) -> Option<Time> {
        let split = self.splits_due.first().map(|(at, _)| *at);
        let growth = self.growth_due.first().map(|(at, _)| *at);
        match (split, growth) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }
    /// Does what is due at `now`.
    pub(super) fn fire(&mut self, now: Time) {
        while let Some(&(at, partition)) = self.splits_due.first().filter(|(at, _)| *at <= now) {
            self.splits_due.remove(&(at, partition));
            self.split_for_heat(partition, now);
        }
        while let Some(&(at, target)) = self.growth_due.first().filter(|(at, _)| *at <= now) {
            self.growth_due.remove(&(at, target));
            self.grow_to(target, now);
        }
    }
    /// Ends a window of [`HEAT_WINDOW`].
    pub(super) fn end_window(&mut self, now: Time) {
        let seconds = HEAT_WINDOW.as_picos() / Span::from_secs(1).as_picos();
        let mut observed = (Vec::new(), Vec::new());
        let may_split = self.rules.splits.filter(|_| self.splits_for_heat());
        for partition in self.map.partitions() {
            let slot = &mut self.slots[partition.id.0 as usize];
            let window = std::mem::take(&mut slot.window);
            self.cells.push(HeatCell {
                window: self.window,
                partition: partition.id.0,
                from_ppm: (((partition.start.hash.place() >> 64) * 1_000_000) >> 64) as u32,
                written: window.written,
                read: window.read,
                refused_written: window.refused_written,
                refused_read: window.refused_read,
            });
            self.minute.0 += window.read;
            self.minute.1 += window.written;
            let rate = |consumed: u64, refused: u64| Observed {
                consumed: consumed / seconds,
                refused: refused / seconds,
            };
            observed.0.push(rate(window.read, window.refused_read));
            observed
                .1
                .push(rate(window.written, window.refused_written));
            let Some(splits) = may_split else { continue };
            if slot.heat.window(used_ppm(&window, seconds), now) {
                let decisions = u64::from(self.window);
                let delay = splits
                    .delay
                    .draw(self.delays, u64::from(partition.id.0), decisions);
                slot.heat.due = Some(now + delay);
                self.splits_due.insert((now + delay, partition.id.0));
            }
        }
        self.window += 1;
        let tokens = self.tokens_left(now);
        self.tokens.push(tokens);
        // Boosts are adjusted once a window.
        if self.boosts_from.is_some_and(|from| now >= from) {
            self.gate.adjust(&observed.0, &observed.1);
            self.spread_shares(now);
        }
        let windows = (MINUTE.as_picos() / HEAT_WINDOW.as_picos()) as u32;
        if self.window.is_multiple_of(windows) {
            self.end_minute(now);
        }
    }
    fn tokens_left(&mut self, now: Time) -> Tokens {
        if let Some((saved_read, saved_written)) = self.gate.saved(now) {
            return Tokens {
                saved_read,
                saved_written,
                share_written: None,
            };
        }
        let mut tokens = Tokens {
            saved_read: i64::MAX,
            saved_written: i64::MAX,
            share_written: Some(0),
        };
        for slot in &mut self.slots {
            let saved = |(allocated, burst): (i64, i64)| allocated.saturating_add(burst);
            let (read, written) = (
                saved(slot.buckets.reads_mut().tokens(now)),
                saved(slot.buckets.writes_mut().tokens(now)),
            );
            tokens.saved_read = tokens.saved_read.min(read);
            tokens.saved_written = tokens.saved_written.min(written);
            let share = slot.buckets.writes_mut().rate();
            tokens.share_written = tokens.share_written.map(|most| most.max(share));
        }
        tokens
    }
    const fn splits_for_heat(&self) -> bool {
        self.rules.generation.splits_for_heat()
    }
    fn spread_shares(&mut self, now: Time) {
        for (number, slot) in self.slots.iter_mut().enumerate() {
            let Some((reads, writes)) = self.gate.shares(number as u32) else {
                return;
            };
            if slot.buckets.reads_mut().rate() != reads {
                slot.buckets.reads_mut().set_rate(reads, now);
            }
            if slot.buckets.writes_mut().rate() != writes {
                slot.buckets.writes_mut().set_rate(writes, now);
            }
        }
    }
    /// A table on demand gets partitions for twice its highest minute, after a delay.
    fn end_minute(&mut self, now: Time) {
        let (read, written) = std::mem::take(&mut self.minute);
        let (read, written) = (read / HALVES / 60, written / 60);
        self.peak = (self.peak.0.max(read), self.peak.1.max(written));
        let (Capacity::OnDemand, Some(splits)) = (self.rules.capacity, self.rules.splits) else {
            return;
        };
        let needed = warm_partitions(self.peak.0 * 2, self.peak.1 * 2);
        if needed > self.wanted {
            self.wanted = needed;
            let delay = splits.delay.draw(self.delays, u64::MAX, needed);
            self.growth_due.insert((now + delay, needed));
        }
    }
    fn grow_to(&mut self, target: u64, now: Time) {
        while u64::from(self.count()) < target {
            let partitions = self.map.partitions();
            let width = |index: usize| {
                let start = partitions[index].start.hash.place();
                let end = partitions
                    .get(index + 1)
                    .map_or(u128::MAX, |next| next.start.hash.place());
                end - start
            };
            let Some(widest) =
                (0..partitions.len()).max_by_key(|&index| (width(index), std::cmp::Reverse(index)))
            else {
                return;
            };
            let id = partitions[widest].id;
            let Some(middle) = self.map.middle(id) else {
                return;
            };
            if !self.split_at(id, &middle, Cooled::Growth, now) {
                return;
            }
        }
    }
    fn split_for_heat(&mut self, partition: u32, now: Time) {
        let samples = self.slots[partition as usize].heat.take_samples();
        let sample = |&(place, units): &(Place, u64)| Sample {
            place: self.places.boundary(place),
            units,
        };
        let samples: Vec<Sample> = samples.iter().map(sample).collect();
        let must_stay = self
            .rules
            .splits
            .is_some_and(|splits| splits.has_local_index);
        match split_point(&samples, must_stay) {
            Ok(boundary) => {
                self.split_at(PartitionId(partition), &boundary, Cooled::Split, now);
            }
            Err(reason) => {
                let cooled = Cooled::from(reason);
                if self.refusals.insert(partition, cooled) != Some(cooled) {
                    self.log(partition, cooled, now);
                }
            }
        }
    }
    /// Whether the partition could be split there.
    fn split_at(&mut self, id: PartitionId, at: &Boundary, cooled: Cooled, now: Time) -> bool {
        let Ok([low, high]) = self.map.split(id, at.clone()) else {
            return false;
        };
        self.slots[id.0 as usize].heat = Heat::default();
        self.splits_due.retain(|&(_, partition)| partition != id.0);
        for child in [low, high] {
            self.add_slot(child.0, now);
        }
        // What the parent did in the present window is told of the first child.
        self.slots[low.0 as usize].window = std::mem::take(&mut self.slots[id.0 as usize].window);
        self.places.split(id.0, at, [low.0, high.0]);
        self.log(id.0, cooled, now);
        true
    }
    fn log(&mut self, partition: u32, cooled: Cooled, now: Time) {
        self.splits.push(SplitEvent {
            at_ns: now.as_nanos(),
            partition,
            cooled,
            partitions: self.count(),
        });
    }
    /// Changes the provisioned write units.
    pub(super) fn set_writes(&mut self, units: u64, now: Time) {
        self.gained = self.gained_by(now);
        (self.rate, self.rate_from) = (units, now);
        self.gate.set_writes(units, now);
    }
    /// Write units that the table has gained up to `now`, saved ones included.
    fn gained_by(&self, now: Time) -> u128 {
        let span = u128::from(now.since(self.rate_from).as_picos());
        self.gained + u128::from(self.rate) * span / u128::from(Span::from_secs(1).as_picos())
    }

    /// Checks that neither the table nor a partition let more through than it had gained. Boosts of
    /// adaptive capacity add to what a table has, by as much as the controller errs.
    ///
    /// # Errors
    /// `KV4001` with what did.
    pub(super) fn check(&self, now: Time) -> Result<(), Diagnostic> {
        // One request of 400 KB may go into debt, in each partition where they have the shares.
        let debts = 400 * self.slots.len() as u128;
        let (given, gained) = (u128::from(self.given()), self.gained_by(now) + debts);
        let has_boosts = self.boosts_from.is_some();
        if given > gained && !has_boosts {
            let message =
                format!("the table gave {given} write units where it had gained {gained}");
            return Err(Diagnostic::new(diagnostic::CONSERVATION, message));
        }
        for (number, slot) in self.slots.iter().enumerate() {
            let seconds = now.since(slot.born).as_picos() / Span::from_secs(1).as_picos() + 2;
            // A second's worth at the start, and one request of 400 KB that went into debt.
            let gained = |rate: u64| rate * seconds + 400;
            let limits = [
                ("write units", slot.written, gained(PARTITION_WRITES_MAX)),
                (
                    "blocks",
                    slot.read_blocks,
                    gained(PARTITION_READS_MAX * REPLICAS as u64),
                ),
            ];
            for (what, taken, gained) in limits {
                if taken > gained {
                    let message = format!(
                        "partition {number} gave {taken} {what} where it had gained {gained}"
                    );
                    return Err(Diagnostic::new(diagnostic::CONSERVATION, message));
                }
            }
        }
        Ok(())
    }
    /// Checks that every token that a bucket of the table, of a partition or of a node was granted is
    /// spent, spilled or left, and that what buckets spent is what requests were charged. Says how
    /// many buckets that are.
    ///
    /// # Errors
    /// `KV4001` with the bucket.
    pub(super) fn check_tokens(&self) -> Result<u64, Diagnostic> {
        let unequal = |whose: &str, what: &str, ledger: Ledger| {
            let message = format!("the tokens of {whose} for {what} do not balance: {ledger:?}");
            Diagnostic::new(diagnostic::CONSERVATION, message)
        };
        let mut buckets = 0;
        for (number, slot) in self.slots.iter().enumerate() {
            for (what, ledger) in slot.buckets.ledgers() {
                buckets += 1;
                if !ledger.balances() {
                    return Err(unequal(&format!("partition {number}"), what, ledger));
                }
            }
            let spent = slot.buckets.spent();
            for (what, spent, charged) in [
                ("reads", spent.0, slot.read),
                ("writes", spent.1, slot.written),
            ] {
                if spent.is_some_and(|spent| spent != charged) {
                    let message = format!(
                        "partition {number} charged {charged} tokens of {what} and spent {spent:?}"
                    );
                    return Err(Diagnostic::new(diagnostic::CONSERVATION, message));
                }
            }
        }
        let of_nodes = self
            .nodes
            .iter()
            .flat_map(|(reads, writes)| [("reads", reads.ledger()), ("writes", writes.ledger())]);
        let of_table = self.gate.ledgers().into_iter();
        for (whose, (what, ledger)) in of_table
            .map(|one| ("the table", one))
            .chain(of_nodes.map(|one| ("a node", one)))
        {
            buckets += 1;
            if !ledger.balances() {
                return Err(unequal(whose, what, ledger));
            }
        }
        let charged = |of: fn(&Slot) -> u64| self.slots.iter().map(of).sum::<u64>();
        let charged = [charged(|slot| slot.read), charged(|slot| slot.written)];
        for ((given, unused), charged) in self.gate.given().into_iter().flatten().zip(charged) {
            if given != charged + unused {
                let message = format!(
                    "the table gave {given} tokens, of which {charged} were charged and {unused} \
                     are left with routers"
                );
                return Err(Diagnostic::new(diagnostic::CONSERVATION, message));
            }
        }
        Ok(buckets)
    }
    /// Write units that all partitions gave.
    pub(super) fn given(&self) -> u64 {
        self.slots.iter().map(|slot| slot.written).sum()
    }
    /// Half units of reads that all partitions gave.
    pub(super) fn given_halves(&self) -> u64 {
        self.slots.iter().map(|slot| slot.read).sum()
    }
}

/// Half units of one block.
const fn halves(consistency: ReadConsistency) -> u64 {
    match consistency {
        ReadConsistency::Eventual => 1,
        ReadConsistency::Strong => 2,
        ReadConsistency::Transactional => 4,
    }
}

/// The leader's part of the work of a block, in thirds: eventual reads are spread over all replicas.
const fn leader_part(consistency: ReadConsistency) -> u64 {
    match consistency {
        ReadConsistency::Eventual => 1,
        ReadConsistency::Strong => 3,
        ReadConsistency::Transactional => 6,
    }
}

/// How much of its limit a partition used, by reads or by writes, in parts per million.
const fn used_ppm(window: &Window, seconds: u64) -> u64 {
    let written = window.written * 1_000_000 / (PARTITION_WRITES_MAX * seconds);
    let read = window.read_work * 1_000_000 / (3 * PARTITION_READS_MAX * seconds);
    if written > read { written } else { read }
}
