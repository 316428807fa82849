//! What a cell runs on, read once and shared by its points: store, profile, workload.

use crate::client::{OpenArrivals, Patience, RedisRequests};
use crate::cost::Profile;
use crate::study::{self, Cell, Files, Load, Origin, Placed, RehashKnobs, Selection, Study};
use kvrig_base::diagnostic::{self, Code, Diagnostic};
use kvrig_base::digest::Digest;
use kvrig_base::quantity::{Bytes, Rate, Share};
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_redis::Config;
use kvrig_workloads::popularity::{Hotspot, KeySpace, WeightedKeys, Ycsb};
use kvrig_workloads::trace::{Replay, Trace, TraceFormat};
use kvrig_workloads::{
    Arrivals, KeySource, Mix, OpKind, Pacing, Plan, Popularity, RateProfile, Scramble, Sizes,
    Workload,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The value of `maxmemory` that stands for the memory in use just before the table grows.
const AT_DOUBLING: &str = "at-doubling";

/// The exponent of YCSB's scrambled generator (`ZipfianGenerator.ZIPFIAN_CONSTANT`).
const YCSB_EXPONENT: study::Millionths = study::Millionths(990_000);

/// No growth is waited for longer than a day.
const LONGEST_GROWTH: Span = Span::from_secs(24 * 3600);

/// A cell with everything read that it names.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) cell: Cell,
    pub(super) knobs: RehashKnobs,
    pub(super) profile: Profile,
    pub(super) config: Config,
    /// Whether the memory limit is to be what is in use when the table grows.
    pub(super) limit_at_doubling: bool,
    /// Files that it names, with the digest of their content.
    pub(super) files: Vec<(String, Digest)>,
    keys: Keys,
    mix: Mix,
    key_size: Sizes,
    value_size: Sizes,
    pacing: Option<(Pacing, RateProfile)>,
}

/// Where keys come from, before the size of the key space is known.
#[derive(Clone, Debug)]
enum Keys {
    Drawn {
        popularity: study::Popularity,
        weights: Option<Arc<WeightedKeys>>,
        scramble: Scramble,
    },
    Recorded(Replay),
}

/// Reads what cells name, each file once.
pub(super) struct Reader<'a> {
    study: &'a Study,
    files: &'a dyn Files,
    traces: BTreeMap<(String, Option<String>), Arc<Trace>>,
    profiles: BTreeMap<String, Profile>,
    digests: RefCell<BTreeMap<String, Digest>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(study: &'a Study, files: &'a dyn Files) -> Self {
        Self {
            study,
            files,
            traces: BTreeMap::new(),
            profiles: BTreeMap::new(),
            digests: RefCell::default(),
        }
    }

    /// Reads everything that `cell` names.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest, with its place in the study file.
    pub(super) fn inputs(&mut self, cell: &Cell) -> Result<Inputs, Diagnostic> {
        let study::StudyKind::Rehash(knobs) = &cell.kind;
        let mut profile = self.profile(&cell.host.profile)?;
        if let Some(latency) = cell.host.link_latency {
            profile.link.latency = latency;
        }
        if let Some(bandwidth) = cell.host.link_bandwidth {
            profile.link.bytes_per_second = bandwidth.0;
        }
        if let Some(sync) = cell.host.disk_sync {
            profile.disk.sync = sync;
        }
        if let Some(bandwidth) = cell.host.disk_bandwidth {
            profile.disk.bytes_per_second = bandwidth.0;
        }
        let (config, limit_at_doubling) = self.config(cell)?;
        let mix = Mix::new(&cell.workload.mix).map_err(|error| self.contradiction(&error))?;
        let keys = self.keys(cell)?;
        if matches!(keys, Keys::Drawn { .. }) && mix.share(OpKind::Insert) == Share(0) {
            return Err(self
                .contradiction(&"the mix makes no new keys, so the table never grows")
                .help("give `insert` a share in `workload.mix`, or a trace in `workload.trace`"));
        }
        let (key_size, value_size) = (
            self.sizes(&cell.workload.key_size)?,
            self.sizes(&cell.workload.value_size)?,
        );
        let digests = self.digests.borrow();
        Ok(Inputs {
            files: digests
                .iter()
                .map(|(name, digest)| (name.clone(), *digest))
                .collect(),
            cell: cell.clone(),
            knobs: knobs.clone(),
            profile,
            config,
            limit_at_doubling,
            keys,
            mix,
            key_size,
            value_size,
            pacing: match &cell.workload.load {
                Load::Open { arrivals, .. } => Some(self.pacing(arrivals)?),
                Load::Closed { .. } => None,
            },
        })
    }

    fn contradiction(&self, message: &dyn std::fmt::Display) -> Diagnostic {
        Diagnostic::new(diagnostic::CONTRADICTION, message.to_string())
    }
    fn at(&self, code: Code, at: Origin, message: String, label: &str) -> Diagnostic {
        self.study.sources.diagnostic(code, at, message, label)
    }
    /// Reads a file that the study names; a failure points at the name.
    fn read(&self, file: &Placed<String>) -> Result<Vec<u8>, Diagnostic> {
        let bytes = self.files.read(&file.value).map_err(|error| {
            let mut placed = self.at(diagnostic::UNREADABLE, file.at, error.message, "named here");
            placed.help = error.help;
            placed
        })?;
        self.digests
            .borrow_mut()
            .insert(file.value.clone(), Digest::of(&bytes));
        Ok(bytes)
    }
    fn read_text(&self, file: &Placed<String>) -> Result<String, Diagnostic> {
        String::from_utf8(self.read(file)?).map_err(|_| {
            let message = format!("{} is not text", file.value);
            self.at(diagnostic::UNREADABLE, file.at, message, "named here")
        })
    }

    /// A built-in profile by its name, or one from a file by its path.
    fn profile(&mut self, name: &Placed<String>) -> Result<Profile, Diagnostic> {
        if let Some(profile) = self.profiles.get(&name.value) {
            return Ok(profile.clone());
        }
        let is_file = name.value.ends_with(".toml") || name.value.contains('/');
        let profile = match is_file {
            true => Profile::parse(&name.value, &self.read_text(name)?)?,
            false => Profile::embedded(&name.value).map_err(|error| {
                let mut placed = self.at(
                    diagnostic::UNKNOWN_NAME,
                    name.at,
                    error.message,
                    "no such profile",
                );
                placed.help = error.help;
                placed
            })?,
        };
        self.profiles.insert(name.value.clone(), profile.clone());
        Ok(profile)
    }

    fn config(&self, cell: &Cell) -> Result<(Config, bool), Diagnostic> {
        let mut config = Config {
            growth_guard: cell.redis.growth_guard,
            ..Config::default()
        };
        let mut limit_at_doubling = false;
        for directive in &cell.redis.conf {
            if directive.name.value == "maxmemory" && directive.value.value == AT_DOUBLING {
                limit_at_doubling = true;
                continue;
            }
            let set = config.set(&directive.name.value, &directive.value.value);
            set.map_err(|error| {
                let mut placed = self.at(
                    diagnostic::STORE_DIRECTIVE,
                    directive.name.at,
                    error.message,
                    "not honoured",
                );
                placed.help = error.help;
                placed
            })?;
        }
        Ok((config, limit_at_doubling))
    }

    fn keys(&mut self, cell: &Cell) -> Result<Keys, Diagnostic> {
        match &cell.workload.selection {
            Selection::Drawn(popularity) => {
                if let study::Popularity::Ycsb(theta) = popularity
                    && *theta != YCSB_EXPONENT
                {
                    return Err(self
                        .contradiction(&"YCSB's generator has its exponent, 0.99, wired in")
                        .help("write `popularity.ycsb = { theta = 0.99 }`, or use `zipf`"));
                }
                let weights = match popularity {
                    study::Popularity::Weights(file) => {
                        let bytes = self.read(file)?;
                        Some(Arc::new(WeightedKeys::read(&file.value, bytes.as_slice())?))
                    }
                    _ => None,
                };
                let scramble = match cell.workload.scramble {
                    true => Scramble::Bijection,
                    false => Scramble::Identity,
                };
                Ok(Keys::Drawn {
                    popularity: popularity.clone(),
                    weights,
                    scramble,
                })
            }
            Selection::Trace {
                file,
                format,
                copies,
            } => {
                let trace = self.trace(file, format.as_ref())?;
                let replay = Replay::new(trace, u64::from(*copies)).map_err(|error| {
                    self.at(
                        diagnostic::OUT_OF_RANGE,
                        file.at,
                        error.to_string(),
                        "this trace",
                    )
                })?;
                Ok(Keys::Recorded(replay))
            }
        }
    }
    fn trace(
        &mut self,
        file: &Placed<String>,
        format: Option<&Placed<String>>,
    ) -> Result<Arc<Trace>, Diagnostic> {
        let key = (
            file.value.clone(),
            format.map(|format| format.value.clone()),
        );
        if let Some(trace) = self.traces.get(&key) {
            return Ok(Arc::clone(trace));
        }
        let stated = format.map(|format| format.value.as_str());
        let layout = TraceFormat::choose(&file.value, stated).map_err(|error| {
            let at = format.map_or(file.at, |format| format.at);
            let mut placed = self.at(diagnostic::TRACE_FORMAT, at, error.message, "this one");
            placed.help = error.help;
            placed
        })?;
        let bytes = self.read(file)?;
        let trace = Arc::new(Trace::read(&file.value, bytes.as_slice(), &layout)?);
        self.traces.insert(key, Arc::clone(&trace));
        Ok(trace)
    }

    fn sizes(&self, sizes: &study::Sizes) -> Result<Sizes, Diagnostic> {
        match sizes {
            study::Sizes::Fixed(bytes) => Ok(Sizes::Fixed(*bytes)),
            study::Sizes::Uniform { min, max } => {
                Sizes::uniform(*min, *max).map_err(|error| self.contradiction(&error))
            }
            study::Sizes::Histogram(file) => {
                Sizes::from_cachebench(&file.value, &self.read_text(file)?)
            }
        }
    }

    fn pacing(&self, arrivals: &study::Arrivals) -> Result<(Pacing, RateProfile), Diagnostic> {
        let (pacing, profile) = match *arrivals {
            study::Arrivals::Poisson(rate) => (Pacing::Poisson, RateProfile::constant(rate)),
            study::Arrivals::Constant(rate) => (Pacing::Constant, RateProfile::constant(rate)),
            study::Arrivals::OnOff { rate, on, off } => {
                (Pacing::Poisson, RateProfile::on_off(on, off, rate, Rate(0)))
            }
            study::Arrivals::Step { from, to, at } => {
                (Pacing::Poisson, RateProfile::step(from, at, to))
            }
            study::Arrivals::Ramp { from, to, over } => {
                (Pacing::Poisson, RateProfile::ramp(from, to, over))
            }
        };
        profile
            .map(|profile| (pacing, profile))
            .map_err(|error| self.contradiction(&error))
    }
}

/// Where a workload stands when the run begins.
#[derive(Debug)]
pub(super) struct Beginning {
    /// What clients ask from then on.
    pub(super) requests: RedisRequests,
    /// When, in an open loop.
    pub(super) arrivals: Option<OpenArrivals>,
    /// The workload, for filling the store with its keys.
    pub(super) workload: Arc<Workload>,
    /// Keys that are in the store already, in the order of filling.
    pub(super) present: Vec<kvrig_workloads::KeyId>,
}

impl Inputs {
    /// Requests a second, on average.
    pub(super) fn rate(&self) -> Rate {
        match (&self.pacing, &self.cell.workload.load) {
            (Some((_, profile)), _) => profile.mean_rate(),
            // A closed loop sends one request a client for each think time and about 200 us there
            // and back; only estimates and the length of the lead-in depend on it.
            (
                None,
                Load::Closed {
                    clients,
                    think_time,
                },
            ) => {
                let cycle = *think_time + Span::from_micros(200);
                let micro_requests = u128::from(*clients) * 1_000_000_000_000_000_000;
                let rate = micro_requests / u128::from(cycle.as_picos());
                Rate(u64::try_from(rate).unwrap_or(u64::MAX))
            }
            (None, Load::Open { .. }) => Rate(0),
        }
    }
    /// How long the clients wait, and what they do then.
    pub(super) fn patience(&self, seed: Seed) -> Option<Patience> {
        self.cell.workload.patience.map(|patience| Patience {
            timeout: patience.timeout,
            retries: patience.retries,
            backoff: patience.backoff,
            draws: seed.stream("backoff"),
        })
    }
    /// Requests expected within `span`.
    pub(super) fn requests_within(&self, span: Span) -> u64 {
        let requests =
            u128::from(self.rate().0) * u128::from(span.as_picos()) / 1_000_000_000_000_000_000;
        u64::try_from(requests).unwrap_or(u64::MAX)
    }
    /// The time that so many requests take.
    pub(super) fn span_of_requests(&self, requests: u64) -> Span {
        let picos =
            u128::from(requests) * 1_000_000_000_000_000_000 / u128::from(self.rate().0.max(1));
        Span::from_picos(u64::try_from(picos).unwrap_or(u64::MAX)).min(LONGEST_GROWTH)
    }
    /// Keys inserted within `span`, where keys are drawn.
    pub(super) fn inserts_within(&self, span: Span) -> u64 {
        let share = self.mix.share(OpKind::Insert);
        let inserts = u128::from(self.requests_within(span)) * u128::from(share.0);
        u64::try_from(inserts / u128::from(Share::ONE.0)).unwrap_or(u64::MAX)
    }
    /// Mean bytes of a key and its value, for estimates.
    pub(super) fn entry_bytes(&self) -> Bytes {
        Bytes(self.key_bytes().0 + self.value_bytes().0)
    }
    /// Mean bytes of a key.
    pub(super) fn key_bytes(&self) -> Bytes {
        self.key_size.mean()
    }
    /// Mean bytes of a value.
    pub(super) fn value_bytes(&self) -> Bytes {
        self.value_size.mean()
    }

    /// Where the workload stands one lead-in before the store holds `entries` keys.
    ///
    /// # Errors
    /// If the workload never makes so many keys, or asks for what Redis has no command for.
    pub(super) fn beginning(&self, entries: u64, seed: Seed) -> Result<Beginning, Diagnostic> {
        let lead_in = self.knobs.lead_in;
        let (source, first, present) = match &self.keys {
            Keys::Drawn {
                popularity,
                weights,
                scramble,
            } => {
                let start = entries.saturating_sub(self.inserts_within(lead_in)).max(1);
                let space = KeySpace {
                    initial: start,
                    max: entries.saturating_mul(8),
                };
                let popularity = drawn(popularity, weights.as_ref(), space, *scramble, seed)
                    .map_err(|error| {
                        Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string())
                    })?;
                let present = (0..start).map(kvrig_workloads::KeyId).collect();
                (KeySource::Drawn { space, popularity }, 0, present)
            }
            Keys::Recorded(replay) => {
                let (first, present) = recorded(replay, entries, self.requests_within(lead_in))?;
                (KeySource::Recorded(replay.clone()), first, present)
            }
        };
        // A trace without operations is a trace of reads.
        let mix = match &self.keys {
            Keys::Drawn { .. } => self.mix.clone(),
            Keys::Recorded(_) => Mix::only(OpKind::Get),
        };
        let plan = Plan {
            keys: source,
            mix,
            key_size: self.key_size.clone(),
            value_size: self.value_size.clone(),
            ttl: self.cell.workload.ttl,
        };
        let workload = Workload::new(plan, seed)
            .map_err(|error| Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string()))?;
        let workload = Arc::new(workload);
        let count = present.len() as u64;
        let mut requests = RedisRequests::new(Arc::clone(&workload), first, count)
            .map_err(|error| Diagnostic::new(diagnostic::CONTRADICTION, error.to_string()))?;
        for &key in &present {
            requests.mark_stored(key);
        }
        let arrivals = self.arrivals(&requests, first, seed);
        Ok(Beginning {
            requests,
            arrivals,
            workload,
            present,
        })
    }
    /// The workload over a key space of its own.
    ///
    /// # Errors
    /// If keys are read from a trace.
    pub(super) fn workload_over(
        &self,
        space: KeySpace,
        seed: Seed,
    ) -> Result<Arc<Workload>, Diagnostic> {
        let Keys::Drawn {
            popularity,
            weights,
            scramble,
        } = &self.keys
        else {
            return Err(Diagnostic::new(
                diagnostic::CONTRADICTION,
                "a trace has a course of its own, which cannot follow `study.rehash.swing`",
            ));
        };
        let outside = |error: kvrig_workloads::Error| {
            Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string())
        };
        let popularity =
            drawn(popularity, weights.as_ref(), space, *scramble, seed).map_err(outside)?;
        let plan = Plan {
            keys: KeySource::Drawn { space, popularity },
            mix: self.mix.clone(),
            key_size: self.key_size.clone(),
            value_size: self.value_size.clone(),
            ttl: self.cell.workload.ttl,
        };
        Workload::new(plan, seed).map(Arc::new).map_err(outside)
    }
    /// Whether keys are read from a trace.
    pub(super) fn is_recorded(&self) -> bool {
        matches!(self.keys, Keys::Recorded(_))
    }
    /// When requests of an open loop are meant to start, by the cell's rate.
    pub(super) fn drawn_arrivals(&self, seed: Seed) -> Option<OpenArrivals> {
        let (pacing, profile) = self.pacing.clone()?;
        let draws = seed.stream("arrivals");
        Some(OpenArrivals::Drawn(Arrivals::new(
            pacing, profile, draws, 0,
        )))
    }
    fn arrivals(&self, requests: &RedisRequests, first: u64, seed: Seed) -> Option<OpenArrivals> {
        if let Keys::Recorded(replay) = &self.keys
            && let Some(origin) = replay.time(first)
            && self.pacing.is_some()
        {
            return Some(OpenArrivals::Recorded {
                operations: Box::new(requests.operations().clone()),
                origin,
            });
        }
        self.drawn_arrivals(seed)
    }
}

fn drawn(
    popularity: &study::Popularity,
    weights: Option<&Arc<WeightedKeys>>,
    space: KeySpace,
    scramble: Scramble,
    seed: Seed,
) -> Result<Popularity, kvrig_workloads::Error> {
    Ok(match popularity {
        study::Popularity::Zipf(s) => {
            Popularity::zipf(s.as_f64(), space, scramble, Workload::scramble_stream(seed))?
        }
        study::Popularity::Ycsb(_) => Popularity::Ycsb {
            ycsb: Ycsb::default(),
            keys_max: space.max,
        },
        study::Popularity::Uniform => Popularity::Uniform,
        study::Popularity::Hotspot { keys, requests } => {
            Popularity::Hotspot(Hotspot::new(space, *keys, *requests)?)
        }
        study::Popularity::Sequential => Popularity::Sequential,
        study::Popularity::Weights(_) => Popularity::Weights(Arc::clone(
            weights.expect("weights were read with the cell"),
        )),
    })
}

/// The operation of a replay that comes `lead_in` operations before the one that makes the store
/// hold `entries` keys, and the keys that are in the store by then.
fn recorded(
    replay: &Replay,
    entries: u64,
    lead_in: u64,
) -> Result<(u64, Vec<kvrig_workloads::KeyId>), Diagnostic> {
    if replay.keys() < entries {
        let message = format!(
            "the trace has {} keys in {} copies and never fills a table of {entries} entries",
            replay.keys(),
            replay.copies()
        );
        return Err(Diagnostic::new(diagnostic::OUT_OF_RANGE, message)
            .help("raise `workload.trace_copies`, or lower `study.rehash.doublings`"));
    }
    let mut seen = crate::client::Bits::new(replay.keys());
    let mut firsts = Vec::with_capacity(usize::try_from(entries).unwrap_or(0));
    let mut index = 0;
    while (firsts.len() as u64) < entries {
        let (key, _) = replay.request(index);
        if seen.insert(key.0) {
            firsts.push((index, key));
        }
        index += 1;
    }
    let first = index.saturating_sub(lead_in);
    let present = firsts
        .into_iter()
        .take_while(|&(at, _)| at < first)
        .map(|(_, key)| key)
        .collect();
    Ok((first, present))
}
