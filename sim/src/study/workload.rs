//! The keys of `[workload]`: what a study file may say about what clients ask for, and when.

use super::declare::{choice, table};
use super::dynamo::KeyDesign;
use super::part::{At, Located, Named, Report, Whole};
use super::scalars::{Count, Millionths};
use kvrig_base::quantity::{Bytes, Rate, Share};
use kvrig_base::time::Span;

table! {
    /// What clients ask for, and when.
    pub struct Workload {
        flatten space: Space,
        /// Open loop: when requests are meant to start.
        arrivals: At<Arrivals>,
        /// Closed loop: clients that each wait for the reply before they ask again.
        clients: Located<Count>,
        /// Closed loop: mean pause of a client between a reply and its next request, drawn
        /// exponentially.
        think_time: Located<Span>,
        /// Open loop: connections that the requests are spread over.
        connections: Located<Count>,
        /// How long a client waits for a reply before it gives up; without it, for ever.
        timeout: Located<Span>,
        /// Whether a client sends again what it has given up.
        retries: Retries,
        /// Key spaces beside one another, each with its weight; what one does not say is as above.
        keyspace: Vec<KeySpace>,
        /// Share of new keys that is added to a mix without `insert`, for studies of growth.
        inserts: Located<Share>,
        /// A recorded trace in place of popularity, and of what else it records.
        trace: Located<String>,
        /// Format of the trace, where its name does not tell.
        trace_format: Located<String>,
        /// Copies of the trace's key space, each under keys of its own, to fill a larger store.
        trace_copies: Located<Count>,
        /// Which attribute a DynamoDB table is partitioned by.
        key_design: At<KeyDesign>,
    }
    rules {
        fn check(&self, report: &mut Report<'_>) {
            if let (Some(popularity), Some(_)) = (&self.space.popularity, &self.trace) {
                report.contradiction(
                    popularity.at,
                    "`popularity` and `trace` both say which keys are asked for".to_owned(),
                    "keep one of the two; a trace replaces popularity",
                );
            }
            if let (Some(_), Some(trace)) = (&self.keyspace, &self.trace) {
                report.contradiction(
                    trace.at,
                    "`keyspace` and `trace` both say which keys are asked for".to_owned(),
                    "keep one of the two; a trace is a whole workload",
                );
            }
            if let (Some(_), Some(clients)) = (&self.arrivals, &self.clients) {
                report.contradiction(
                    clients.at,
                    "`arrivals` (open loop) and `clients` (closed loop) are both given".to_owned(),
                    "keep one of the two",
                );
            }
        }
        fn yield_to(&mut self, over: &Self) {
            if over.trace.is_some() {
                self.space.popularity = None;
                self.keyspace = None;
            }
            if over.space.popularity.is_some() || over.keyspace.is_some() {
                (self.trace, self.trace_format, self.trace_copies) = (None, None, None);
            }
            if over.clients.is_some() {
                (self.arrivals, self.connections) = (None, None);
            }
            if over.arrivals.is_some() {
                (self.clients, self.think_time) = (None, None);
            }
        }
    }
}

impl Workload {
    /// The load and the study's own needs, without what a whole workload of another source replaces.
    pub(super) fn load_alone(self) -> Self {
        Self {
            arrivals: self.arrivals,
            clients: self.clients,
            think_time: self.think_time,
            connections: self.connections,
            timeout: self.timeout,
            retries: self.retries,
            inserts: self.inserts,
            key_design: self.key_design,
            ..Self::default()
        }
    }
}

table! {
    /// What is asked for in one key space.
    pub struct Space {
        /// Operations and their shares, together 100 %.
        mix: Whole<Named<Located<Share>>>,
        /// Keys that exist at the start, where the study does not decide it.
        keys: Located<Count>,
        /// What keys begin with, kept whole at every length; it must not end in a digit.
        key_prefix: Located<String>,
        /// Which keys are asked for how often.
        popularity: At<Popularity>,
        /// Whether popular keys are spread over the key space.
        scramble: Located<bool>,
        /// Length of keys.
        key_size: At<Sizes>,
        /// Length of values.
        value_size: At<Sizes>,
        /// Length of items, names and keys included, in place of the two: for DynamoDB.
        item_size: At<Sizes>,
        /// Time to live of every key that is written, the keys present at the start included.
        ttl: Located<Span>,
        /// Members or fields that the collection under a key may have.
        members: Located<Count>,
        /// How many keys a scan reads, or members the top of a sorted set.
        scan_length: At<Lengths>,
    }
}

table! {
    /// One of several key spaces.
    pub struct KeySpace {
        flatten space: Space,
        /// Its share of the operations beside the other weights.
        weight: Located<Count>,
    }
}

choice! {
    /// How many records are read at once.
    pub enum Lengths {
        /// Every length from 1 on alike.
        Uniform(LongestRead) = "uniform",
        /// Zipf: short reads are the most frequent.
        Zipf(LongestRead) = "zipf",
    }
}
table! {
    /// The longest read.
    pub struct LongestRead {
        /// Records at most.
        max: Located<Count>,
    }
}

table! {
    /// Whether a client sends again what it has given up.
    pub struct Retries {
        /// How often a request is sent after its first attempt.
        max: Located<Count>,
        /// Ceiling of the first pause, which is drawn uniformly below it; it doubles every time.
        backoff_base: Located<Span>,
        /// Highest ceiling.
        backoff_cap: Located<Span>,
    }
}

choice! {
    /// When requests are meant to start.
    pub enum Arrivals {
        /// Independent of one another.
        Poisson(Steady) = "poisson",
        /// Evenly spaced.
        Constant(Steady) = "constant",
        /// Bursts: Poisson at the rate for a while, then silence.
        OnOff(OnOff) = "on-off",
        /// Poisson whose rate changes once.
        Step(Step) = "step",
        /// Poisson whose rate grows or falls evenly.
        Ramp(Ramp) = "ramp",
        /// Poisson whose rate rises and falls as a sine wave, day by day.
        Diurnal(Diurnal) = "diurnal",
        /// Poisson with a rate for each part of a period, over and over: a table by the hour.
        Table(RateTable) = "table",
        /// A renewal process: gaps by the generalised Pareto law, as in Facebook's ETC.
        GPareto(GParetoGaps) = "gpareto",
    }
}
table! {
    /// A steady stream.
    pub struct Steady {
        /// Requests per second.
        rate: Located<Rate>,
    }
}
table! {
    /// Bursts.
    pub struct OnOff {
        /// Requests per second during a burst.
        rate: Located<Rate>,
        /// Length of a burst.
        on: Located<Span>,
        /// Length of the silence after it.
        off: Located<Span>,
    }
}
table! {
    /// One change of rate.
    pub struct Step {
        /// Requests per second before.
        from: Located<Rate>,
        /// Requests per second after.
        to: Located<Rate>,
        /// When it changes.
        at: Located<Span>,
    }
}
table! {
    /// An even change of rate.
    pub struct Ramp {
        /// Requests per second at the start.
        from: Located<Rate>,
        /// Requests per second at the end.
        to: Located<Rate>,
        /// How long the change takes.
        over: Located<Span>,
    }
}

table! {
    /// A sine wave.
    pub struct Diurnal {
        /// Requests per second at the lowest.
        low: Located<Rate>,
        /// Requests per second at the highest.
        high: Located<Rate>,
        /// Length of a day; 24h where it is not given.
        period: Located<Span>,
        /// When in the period the rate is highest; at its middle where it is not given.
        peak_at: Located<Span>,
    }
}
table! {
    /// Rates one after another.
    pub struct RateTable {
        /// Requests per second in each equal part of the period.
        rates: Vec<Located<Rate>>,
        /// Length of the whole table; 24h where it is not given.
        period: Located<Span>,
    }
}
table! {
    /// Gaps by the generalised Pareto law from zero on.
    pub struct GParetoGaps {
        /// Requests per second on average.
        rate: Located<Rate>,
        /// The shape, below 1: 0 is Poisson, above it gaps are longer-tailed and bursts denser.
        shape: Located<Millionths>,
    }
}

choice! {
    /// Which keys are asked for how often.
    pub enum Popularity {
        /// Zipf: the k-th most popular key in proportion to k^-s.
        Zipf(Zipf) = "zipf",
        /// The approximation of Zipf that YCSB draws from.
        Ycsb(Ycsb) = "ycsb",
        /// Every key alike.
        Uniform(Nothing) = "uniform",
        /// Some of the keys get most of the requests.
        Hotspot(Hotspot) = "hotspot",
        /// A hotspot that moves on over the keys.
        Moving(Moving) = "moving-hotspot",
        /// Zipf by age: the newest key is the most popular.
        Latest(Zipf) = "latest",
        /// Exponential by age: the newest keys get most of the requests.
        Exponential(Hotspot) = "exponential",
        /// One key after the other.
        Sequential(Nothing) = "sequential",
        /// Weights of keys from a file.
        Weights(Weights) = "weights",
    }
}
table! {
    /// Zipf.
    pub struct Zipf {
        /// The exponent, 0 to 3.
        s: Located<Millionths>,
    }
}
table! {
    /// YCSB's generator.
    pub struct Ycsb {
        /// The exponent, below 1; YCSB's own is 0.99.
        s: Located<Millionths>,
    }
}
table! {
    /// Some keys are hot.
    pub struct Hotspot {
        /// Share of the keys that are hot.
        keys: Located<Share>,
        /// Share of the requests that go to them.
        requests: Located<Share>,
    }
}
table! {
    /// A hot set that consists of other keys after a while.
    pub struct Moving {
        /// Share of the keys that are hot at a time.
        keys: Located<Share>,
        /// Share of the requests that go to them.
        requests: Located<Share>,
        /// The hot set has moved by its own length after this time (open loop only).
        turnover: Located<Span>,
        /// The hot set has moved by its own length after so many operations.
        turnover_operations: Located<Count>,
    }
    rules {
        fn check(&self, report: &mut Report<'_>) {
            if let (Some(_), Some(operations)) = (&self.turnover, &self.turnover_operations) {
                report.contradiction(
                    operations.at,
                    "`turnover` and `turnover_operations` both say how fast it moves".to_owned(),
                    "keep one of the two",
                );
            }
        }
    }
}
table! {
    /// Weights from a file.
    pub struct Weights {
        /// CSV of key and weight, or a Contributor Insights report in JSON, relative to the study file.
        file: Located<String>,
    }
}
table! {
    /// No settings.
    pub struct Nothing {}
}

choice! {
    /// Lengths of keys or values.
    pub enum Sizes {
        /// All alike.
        Fixed(Located<Bytes>) = "fixed",
        /// Every length between two alike.
        Uniform(UniformSizes) = "uniform",
        /// Lengths and weights from a file.
        Histogram(Histogram) = "histogram",
        /// The normal law.
        Normal(NormalSizes) = "normal",
        /// The generalised extreme value law.
        Gev(LawSizes) = "gev",
        /// The generalised Pareto law.
        GPareto(LawSizes) = "gpareto",
        /// Some lengths with a share each, and the generalised Pareto law for the rest.
        Mixed(MixedSizes) = "mixed",
    }
}
table! {
    /// A bell of lengths.
    pub struct NormalSizes {
        /// Mean in bytes.
        mean: Located<Millionths>,
        /// Standard deviation in bytes.
        deviation: Located<Millionths>,
        /// The shortest: what falls below is this long.
        min: Located<Bytes>,
        /// The longest: what falls above is this long; 250 B for keys and 1 MiB for values where
        /// it is not given, which are Memcached's limits.
        max: Located<Bytes>,
    }
}
table! {
    /// Lengths by a law of three parameters.
    pub struct LawSizes {
        /// Location in bytes.
        location: Located<Millionths>,
        /// Scale in bytes.
        scale: Located<Millionths>,
        /// Shape, below 1.
        shape: Located<Millionths>,
        /// The shortest: what falls below is this long.
        min: Located<Bytes>,
        /// The longest: what falls above is this long; 250 B for keys and 1 MiB for values where
        /// it is not given, which are Memcached's limits.
        max: Located<Bytes>,
    }
}
table! {
    /// Discrete lengths, and a law for the rest.
    pub struct MixedSizes {
        flatten tail: LawSizes,
        /// The discrete lengths.
        sizes: Vec<Located<Bytes>>,
        /// The share of each.
        shares: Vec<Located<Share>>,
    }
}
table! {
    /// A range of lengths.
    pub struct UniformSizes {
        /// The shortest.
        min: Located<Bytes>,
        /// The longest.
        max: Located<Bytes>,
    }
}
table! {
    /// Lengths from a file.
    pub struct Histogram {
        /// CSV of size and weight, or sizes in CacheBench's JSON, relative to the study file.
        file: Located<String>,
    }
}
