//! The study document: every key that a study file may have.
//!
//! A document is one layer of several, so every setting is optional here; which are needed is
//! decided when a cell is resolved. Tagged choices are tables (`popularity.zipf = { s = 0.99 }`).

use super::cost::Cost;
use super::declare::{choice, names, table};
use super::dynamo::{Delay, Dynamodb, FidelityName, ModelName};
use super::part::{At, Located, Named, Part, Printed, Report, merge_option};
use super::scalars::{Count, Moment, Word};
use super::source::{Node, Origin, Value};
use super::workload::{Nothing, Workload};
use kvrig_base::quantity::{Bandwidth, Bytes, Rate, Share};
use kvrig_base::time::{Span, Wall};
use kvrig_tables::TableKind;
use schemars::{Schema, SchemaGenerator, json_schema};

/// The one schema version that this program reads.
pub(super) const SCHEMA: u64 = 1;

table! {
    /// A whole study file.
    pub struct Document {
        flatten settings: Settings,
        /// Version of the form of this file: 1.
        schema: Located<Count>,
        /// The title of the report.
        title: Located<String>,
        /// Path of a setting to a list of its values; every combination is a cell.
        sweep: Sweep,
        /// Settings of named cells beside the sweep.
        variant: Named<Settings>,
        /// Thresholds; a miss makes the run fail.
        slo: Vec<At<Slo>>,
        /// By how much metrics may worsen against a baseline.
        gate: Named<Gate>,
        /// What `--quick` replaces; the report is stamped.
        quick: Quick,
    }
}

table! {
    /// The settings that cells may differ in.
    pub struct Settings {
        /// The question, and its knobs.
        study: At<Study>,
        /// How long and how often.
        run: Run,
        /// The machine.
        host: Host,
        /// The store under study.
        store: Store,
        /// What clients ask for, and when.
        workload: Workload,
        /// What happens during the run besides requests.
        event: Vec<Event>,
    }
}

table! {
    /// What `--quick` replaces.
    pub struct Quick {
        flatten settings: Settings,
        /// Axes with fewer values.
        sweep: Sweep,
        /// The variants that are run, by name; all of them where this is not written.
        variants: Vec<Located<String>>,
    }
}

choice! {
    /// The question.
    pub enum Study {
        /// How long does growth stop the store, and who waits?
        Rehash(Rehash) = "rehash",
        /// Who waits behind one big command?
        BigKeys(BigKeys) = "big-keys",
        /// What hit ratio does memory buy?
        Eviction(Eviction) = "eviction",
        /// How much skew can a table take before it throttles?
        HotPartitions(HotPartitions) = "hot-partitions",
        /// What do burst, adaptive capacity and splits save, and how soon?
        AdaptiveCapacity(Box<AdaptiveCapacity>) = "adaptive-capacity",
        /// Where do the prices of DynamoDB's capacity modes cross?
        Cost(Box<Cost>) = "cost",
    }
    later {
        "loss-windows", "trade-offs",
        "fork", "client-sharding", "failover", "reshard", "cache-aside",
        "dax", "gsi", "messaging", "contention", "global-tables",
    }
}

table! {
    /// Knobs of the study `rehash`.
    pub struct Rehash {
        /// Hash tables to compare.
        tables: Vec<Located<TableName>>,
        /// Entries at which the table grows, powers of two.
        doublings: Vec<Located<Count>>,
        /// Start this long before the doubling, at the insert rate.
        lead_in: Located<Span>,
        /// Stop this long after the old table is freed.
        lead_out: Located<Span>,
        /// Sizes at which the table alone is measured, powers of two.
        size_curve: Vec<Located<Count>>,
        /// Places of tables that never grow, powers of two: probes of a look-up by way of probing,
        /// and by hash function under keys that were chosen to collide.
        fixed_places: Vec<Located<Count>>,
        /// Lets the number of keys fall and rise once instead of growing past a doubling.
        swing: Swing,
        /// Many nodes behind clients that ask several of them at once; each grows at the doubling.
        fleet: Fleet,
    }
}

table! {
    /// Knobs of the study `big-keys`.
    pub struct BigKeys {
        /// Commands, each run alone on a node of its own.
        commands: Vec<Located<BigCommand>>,
        /// Elements of the value that the command works on; keys in the store for `keys` and the
        /// flushes.
        sizes: Vec<Located<Count>>,
        /// Bytes of one element: a member, a field and as much for its value.
        element_size: Located<Bytes>,
        /// Small keys that the other clients ask for.
        keys: Located<Count>,
        /// Start this long before the command.
        lead_in: Located<Span>,
        /// Requests that are meant to start so long after the command are told as after it.
        window: Located<Span>,
        /// For each of these, up to how many elements a command keeps the core no longer.
        limits: Vec<Located<Span>>,
    }
}

table! {
    /// Knobs of the study `eviction`.
    pub struct Eviction {
        /// Keys that popularity is drawn over; a trace brings its own.
        keys: Located<Count>,
        /// Requests that reference caches replay; of a trace no more than it has.
        requests: Located<Count>,
        /// Sizes of reference caches, in keys.
        sizes: Vec<Located<Count>>,
        /// Requests that the node serves: the first of those.
        node_requests: Located<Count>,
        /// Sizes of the node, in keys: its limit is the memory that so many take.
        node_sizes: Vec<Located<Count>>,
        /// Policies of the node.
        policies: Vec<Located<PolicyName>>,
        /// Keys that are sampled for an eviction, by the node and by the reference sampler.
        samples: Located<Count>,
    }
}

table! {
    /// Knobs of the study `hot-partitions`.
    pub struct HotPartitions {
        /// A minute is clean if at most this share of the attempts is throttled.
        clean: Located<Share>,
        /// Whether the highest clean rate of every cell is searched for.
        find_max_rate: Located<bool>,
        /// How long the table is run with splits that take no time, to see what they cannot heal.
        healed: Located<Span>,
        /// What is behind admission: nothing, or items that are put and read.
        fidelity: Located<FidelityName>,
    }
}

table! {
    /// Knobs of the study `adaptive-capacity`; a load whose length is not given is left out.
    pub struct AdaptiveCapacity {
        /// Models to compare.
        models: Vec<Located<ModelName>>,
        /// Writes per second of one key on each partition of a table of 100 write units a partition.
        uneven: Vec<Located<Rate>>,
        /// How long those are sent.
        uneven_span: Located<Span>,
        /// Strong reads per second on 150 read units that were not used for five minutes.
        saved_reads: Located<Rate>,
        /// How long those are sent.
        saved_span: Located<Span>,
        /// Writes per second to one partition key.
        one_key: Located<Rate>,
        /// How long those are sent.
        one_key_span: Located<Span>,
        /// Delays of splits that they are sent under.
        split_delays: Vec<Located<Span>>,
        /// Writes per second to a new table on demand at the end of a ramp.
        ramp_to: Located<Rate>,
        /// Lengths of ramps.
        ramps: Vec<Located<Span>>,
        /// How long the end of a ramp lasts.
        ramp_hold: Located<Span>,
        /// Writes per second to an auto-scaled table before a step.
        step_from: Located<Rate>,
        /// Writes per second after it.
        step_to: Located<Rate>,
        /// How long the writes before the step are sent.
        step_before: Located<Span>,
        /// How long the writes after it are.
        step_after: Located<Span>,
        /// From the minute that decides to the alarm of auto scaling.
        alarm_delay: Delay,
        /// From the alarm to the new capacity.
        update_delay: Delay,
    }
}

names! {
    /// A command that may be big.
    pub enum BigCommand expected "the name of a command" {
        /// DEL of a list.
        DelList = "del-list",
        /// DEL of a set.
        DelSet = "del-set",
        /// DEL of a hash.
        DelHash = "del-hash",
        /// DEL of a sorted set.
        DelZset = "del-zset",
        /// DEL of a string of so many elements' bytes.
        DelString = "del-string",
        /// UNLINK of a list.
        UnlinkList = "unlink-list",
        /// UNLINK of a set.
        UnlinkSet = "unlink-set",
        /// UNLINK of a hash.
        UnlinkHash = "unlink-hash",
        /// UNLINK of a sorted set.
        UnlinkZset = "unlink-zset",
        /// UNLINK of a string of so many elements' bytes.
        UnlinkString = "unlink-string",
        /// LRANGE of a whole list.
        Lrange = "lrange",
        /// SMEMBERS of a set.
        Smembers = "smembers",
        /// HGETALL of a hash.
        Hgetall = "hgetall",
        /// SORT of a list of numbers.
        Sort = "sort",
        /// SINTER of two sets that share half of their members.
        Sinter = "sinter",
        /// KEYS * in a store of so many keys.
        Keys = "keys",
        /// FLUSHALL of a store of so many keys.
        Flushall = "flushall",
        /// FLUSHALL ASYNC of a store of so many keys.
        FlushallAsync = "flushall-async",
        /// Every command of this version.
        All = "all",
    }
}

names! {
    /// A policy of `maxmemory-policy`.
    pub enum PolicyName expected "the name of a policy" {
        /// Of few sampled keys that expire, the longest unused leaves.
        VolatileLru = "volatile-lru",
        /// Of few sampled keys that expire, the least used leaves.
        VolatileLfu = "volatile-lfu",
        /// Any key that expires leaves.
        VolatileRandom = "volatile-random",
        /// Of few sampled keys that expire, the one that expires first leaves.
        VolatileTtl = "volatile-ttl",
        /// Of few sampled keys, the longest unused leaves.
        AllkeysLru = "allkeys-lru",
        /// Of few sampled keys, the least used leaves.
        AllkeysLfu = "allkeys-lfu",
        /// Any key leaves.
        AllkeysRandom = "allkeys-random",
        /// Nothing leaves; writes are refused.
        NoEviction = "noeviction",
    }
}

table! {
    /// Many nodes behind clients that ask several of them at once.
    pub struct Fleet {
        /// Number of nodes.
        nodes: Located<Count>,
        /// Requests, each to a drawn node, that a client sends at once and waits for.
        parts: Located<Count>,
        /// How much nodes differ in keys at the start, as a share of the doubling.
        stagger: Located<Share>,
    }
}

table! {
    /// A number of keys that falls from its highest to its lowest and rises again, evenly.
    pub struct Swing {
        /// Keys at the lowest point.
        low: Located<Count>,
        /// Keys at the start and at the end.
        high: Located<Count>,
        /// How long it takes, there and back.
        period: Located<Span>,
    }
}

names! {
    /// A hash table.
    pub enum TableName expected "the name of a table" {
        /// Chaining that moves everything at once when it doubles.
        AtOnce = "at-once",
        /// The two tables of Redis 7.0.
        Redis70 = "redis-7.0",
        /// The two tables of Redis 7.4.
        Redis74 = "redis-7.4",
        /// The table of Valkey 8.1.
        Valkey81 = "valkey-8.1",
        /// The table of Valkey's development branch, which frees its old array in slices.
        ValkeyUnstable = "valkey-unstable",
        /// The table of Memcached 1.6.
        Memcached16 = "memcached-1.6",
        /// Open addressing that moves everything at once, as Rust's standard map does.
        OpenAtOnce = "open-at-once",
        /// Open addressing that moves eight entries an insertion, as griddle does.
        OpenAmortised = "open-amortised",
        /// Extendible hashing that splits one segment at a time, as Dragonfly's table does.
        Segmented = "segmented",
        /// kvrig's own table.
        Kvrig = "kvrig",
        /// Every table of this version.
        All = "all",
    }
}

impl TableName {
    /// The tables of this version: those that the tables' own crate has.
    pub fn built() -> impl Iterator<Item = Self> {
        let names = || TableKind::ALL.iter().map(|kind| kind.name());
        Self::ALL
            .iter()
            .copied()
            .filter(move |table| names().any(|name| name == table.name()))
    }
}

table! {
    /// How long and how often.
    pub struct Run {
        /// Simulated time of a cell, where the study does not decide it.
        duration: Located<Span>,
        /// The seed from which every random stream is derived.
        seed: Located<Count>,
        /// Replications of every cell, each under its own seed.
        seeds: Located<Count>,
        /// Civil time at the start of the run, as the nodes see it.
        start: Located<Wall>,
        /// The run is refused if it would need more memory.
        max_memory: Located<Bytes>,
    }
}

table! {
    /// The machine.
    pub struct Host {
        /// Cores; the store's process runs on one of them.
        cores: Located<Count>,
        /// Cost profile: a built-in name or a file.
        profile: Located<String>,
        /// The network between clients and store, instead of the profile's.
        link: Link,
        /// The disk, instead of the profile's.
        disk: Disk,
    }
}

table! {
    /// A network link.
    pub struct Link {
        /// One-way delay.
        latency: Located<Span>,
        /// Bytes per second in each direction.
        bandwidth: Located<Bandwidth>,
    }
}

table! {
    /// A disk.
    pub struct Disk {
        /// Time of a sync of little data.
        sync: Located<Span>,
        /// Sequential bytes per second.
        bandwidth: Located<Bandwidth>,
    }
}

table! {
    /// The store under study.
    pub struct Store {
        /// Redis.
        redis: Redis,
        /// DynamoDB.
        dynamodb: Dynamodb,
    }
    later { "memcached", "valkey" }
}

table! {
    /// Redis.
    pub struct Redis {
        /// Version whose rules hold.
        version: Located<RedisVersion>,
        /// Configuration under the names of redis.conf.
        conf: Named<Located<Word>>,
        /// Whether a table is kept from growing beyond `maxmemory`, as from 6.2 on; true unless
        /// said otherwise.
        growth_guard: Located<bool>,
    }
}

names! {
    /// A version of Redis whose rules are known.
    pub enum RedisVersion expected "a version of Redis in quotes" {
        /// 7.0.
        V70 = "7.0",
        /// 7.4: grows only as memory allows under a limit, shrinks sooner.
        V74 = "7.4",
    }
}

/// One thing that happens during the run.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: Located<Moment>,
    pub(super) action: Action,
}

choice! {
    /// What happens.
    pub enum Action {
        /// The store forks and writes a snapshot.
        Bgsave(Nothing) = "bgsave",
    }
    later { "kill", "power-cut", "disk-stall", "config", "rate" }
}

/// An event is its moment and the one action beside it.
impl Part for Event {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            report.wrong_type(node, "a table such as `{ at = \"5s\", bgsave = {} }`");
            return None;
        };
        let Some(place) = entries.iter().position(|entry| entry.key == "at") else {
            report.missing(node.at, "at", "when the event happens");
            return None;
        };
        let mut actions = entries.clone();
        let moment = actions.remove(place).node;
        let at = Part::read(&moment, report);
        let action = Node {
            at: node.at,
            value: Value::Table(actions),
        };
        let action = Action::read(&action, report)?;
        Some(Self { at: at?, action })
    }
    fn merge(&mut self, over: Self) {
        *self = over;
    }
    fn print(&self) -> Printed {
        let mut entries = vec![("at".to_owned(), self.at.print())];
        if let Printed::Table(action) = self.action.print() {
            entries.extend(action);
        }
        Printed::Table(entries)
    }
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let bgsave = Nothing::schema(generator);
        let at = <Located<Moment>>::schema(generator);
        json_schema!({
            "type": "object",
            "properties": { "at": at, "bgsave": bgsave },
            "required": ["at"],
            "minProperties": 2,
            "maxProperties": 2,
            "additionalProperties": false,
        })
    }
}

table! {
    /// A threshold.
    pub struct Slo {
        /// The metric.
        metric: Located<String>,
        /// Which rows: axis and value; without `variant`, the cells of the sweep.
        r#where: Named<Located<Word>>,
        /// The value may be at most this, in the metric's unit.
        max: Located<Word>,
        /// The value must be at least this, in the metric's unit.
        min: Located<Word>,
    }
    rules {
        fn check(&self, report: &mut Report<'_>) {
            if let (Some(_), Some(min)) = (&self.max, &self.min) {
                report.contradiction(
                    min.at,
                    "`max` and `min` are both given".to_owned(),
                    "write two thresholds",
                );
            }
        }
    }
}

table! {
    /// How much worse a metric may be than the baseline; both must be passed to fail.
    pub struct Gate {
        /// Share of the baseline's value.
        worse: Located<Share>,
        /// Difference that never matters, in the metric's unit.
        floor: Located<Word>,
    }
}

/// Axes of a sweep, in the order of writing.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep(pub(super) Vec<Axis>);

/// One axis: a path and its values.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// The path with the place of each of its parts.
    pub(super) path: Vec<(String, Origin)>,
    pub(super) values: Vec<Node>,
}

impl Axis {
    pub(super) fn dotted(&self) -> String {
        self.path
            .iter()
            .map(|(part, _)| part.as_str())
            .collect::<Vec<_>>()
            .join(".")
    }
}

impl Part for Sweep {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut axes = Vec::new();
        collect_axes(node, &mut Vec::new(), &mut axes, report);
        Some(Self(axes))
    }
    /// An axis of the same path is replaced where it stands.
    fn merge(&mut self, over: Self) {
        for axis in over.0 {
            match self
                .0
                .iter_mut()
                .find(|known| known.dotted() == axis.dotted())
            {
                Some(known) => *known = axis,
                None => self.0.push(axis),
            }
        }
    }
    fn print(&self) -> Printed {
        let axis = |axis: &Axis| {
            let values = axis.values.iter().map(super::print::as_written).collect();
            (axis.dotted(), Printed::List(values))
        };
        Printed::Table(self.0.iter().map(axis).collect())
    }
    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "array", "minItems": 1 } })
    }
}

/// Axes may be written under one quoted path or as nested tables.
fn collect_axes(
    node: &Node,
    path: &mut Vec<(String, Origin)>,
    axes: &mut Vec<Axis>,
    report: &mut Report<'_>,
) {
    let Value::Table(entries) = &node.value else {
        return report.wrong_type(node, "a list of values in square brackets");
    };
    for entry in entries {
        let depth = path.len();
        path.extend(report.sources.path_parts(&entry.key, entry.key_at));
        match &entry.node.value {
            Value::Table(_) => collect_axes(&entry.node, path, axes, report),
            Value::List(values) if !values.is_empty() => {
                axes.push(Axis {
                    path: path.clone(),
                    values: values.clone(),
                });
            }
            Value::List(_) => report.out_of_range(
                entry.node.at,
                "an axis without values".to_owned(),
                "list at least one value, or remove the axis",
            ),
            _ => report.wrong_type(&entry.node, "a list of values in square brackets"),
        }
        path.truncate(depth);
    }
}

impl Study {
    /// The study's name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Rehash(_) => "rehash",
            Self::BigKeys(_) => "big-keys",
            Self::Eviction(_) => "eviction",
            Self::HotPartitions(_) => "hot-partitions",
            Self::AdaptiveCapacity(_) => "adaptive-capacity",
            Self::Cost(_) => "cost",
        }
    }
    /// Whether its store is DynamoDB; Redis otherwise.
    pub(super) const fn is_of_dynamodb(&self) -> bool {
        matches!(self, Self::HotPartitions(_) | Self::AdaptiveCapacity(_))
    }
    /// Axes that its rows have besides those of a sweep.
    pub(super) const fn axes(&self) -> &'static [&'static str] {
        match self {
            Self::Rehash(_) => &[
                "doubling", "hash", "keys", "load", "phase", "places", "probing", "size", "table",
            ],
            Self::BigKeys(_) => &["command", "limit", "phase", "size"],
            Self::Eviction(_) => &["engine", "policy", "requests", "size"],
            Self::HotPartitions(_) => &["bound"],
            Self::AdaptiveCapacity(_) => &["delay", "load", "model", "ramp", "sort"],
            Self::Cost(_) => &[
                "article",
                "curve",
                "of_peak",
                "peak_to_mean",
                "prices",
                "table",
                "term",
                "used",
            ],
        }
    }
}

impl Document {
    /// Puts what `--quick` replaces in place, and leaves out the variants that it does not name
    /// along with their thresholds.
    pub(super) fn apply_quick(&mut self, quick: Quick, report: &mut Report<'_>) {
        self.settings.merge(quick.settings);
        merge_option(&mut self.sweep, quick.sweep);
        let Some(wanted) = quick.variants else { return };
        let variants = self.variant.get_or_insert_with(|| Named(Vec::new()));
        let known: Vec<&str> = variants
            .0
            .iter()
            .map(|(name, _)| name.value.as_str())
            .collect();
        for name in wanted
            .iter()
            .filter(|name| !known.contains(&name.value.as_str()))
        {
            report.unknown_name(name, &known, "no variant is called so");
        }
        let is_wanted = |name: &str| wanted.iter().any(|wanted| wanted.value == name);
        let variant_of = |slo: &Slo| {
            let filter = slo.r#where.as_ref()?;
            let variant = filter.0.iter().find(|(axis, _)| axis.value == "variant")?;
            Some(variant.1.value.0.clone())
        };
        variants.0.retain(|(name, _)| is_wanted(&name.value));
        if let Some(slos) = &mut self.slo {
            slos.retain(|slo| variant_of(&slo.part).is_none_or(|variant| is_wanted(&variant)));
        }
    }
}
