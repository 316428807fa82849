//! The workload of a cell with everything read that it names: shared by the studies.

use crate::client::{OpenArrivals, RedisRequests};
use crate::study::{self, Files, Load, Origin, Placed, Selection, Study};
use kvrig_base::diagnostic::{self, Code, Diagnostic};
use kvrig_base::digest::Digest;
use kvrig_base::quantity::{Bytes, Rate, Share};
use kvrig_base::random::Seed;
use kvrig_base::time::Span;
use kvrig_workloads::popularity::{
    Exponential, Hotspot, KeySpace, Latest, MovingHotspot, Turnover, WeightedKeys, Ycsb,
};
use kvrig_workloads::trace::{Replay, Trace, TraceFormat, embedded};
use kvrig_workloads::{
    Arrivals, Error, Gaps, KeyFormat, KeySource, Law, Lengths, Mix, Mixed, OpKind, Pacing, Plan,
    Popularity, RateProfile, Scramble, SizeLaw, Sizes, Workload,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The exponent of YCSB's scrambled generator (`ZipfianGenerator.ZIPFIAN_CONSTANT`).
const YCSB_EXPONENT: study::Millionths = study::Millionths(990_000);

/// Files that a study names, with their digests: what was read belongs to a point's identity.
pub(super) struct NamedFiles<'a> {
    study: &'a Study,
    files: &'a dyn Files,
    digests: RefCell<BTreeMap<String, Digest>>,
}

impl<'a> NamedFiles<'a> {
    pub(super) fn new(study: &'a Study, files: &'a dyn Files) -> Self {
        Self {
            study,
            files,
            digests: RefCell::default(),
        }
    }
    /// Every file that was read, with the digest of its content.
    pub(super) fn digests(&self) -> Vec<(String, Digest)> {
        let digests = self.digests.borrow();
        let pair = |(name, digest): (&String, &Digest)| (name.clone(), *digest);
        digests.iter().map(pair).collect()
    }
    /// An error at a place of the study file.
    pub(super) fn at(&self, code: Code, at: Origin, message: String, label: &str) -> Diagnostic {
        self.study.sources.diagnostic(code, at, message, label)
    }
    /// Reads a file that the study names; a failure points at the name.
    pub(super) fn read(&self, file: &Placed<String>) -> Result<Vec<u8>, Diagnostic> {
        // A file of the same name goes before a trace that comes with the program.
        let bytes = self.files.read(&file.value).or_else(|error| {
            if let Some(bytes) = embedded(&file.value) {
                return Ok(bytes.to_vec());
            }
            let mut placed = self.at(diagnostic::UNREADABLE, file.at, error.message, "named here");
            placed.help = error.help;
            Err(placed)
        })?;
        self.digests
            .borrow_mut()
            .insert(file.value.clone(), Digest::of(&bytes));
        Ok(bytes)
    }
    /// Reads a text that the study names.
    pub(super) fn read_text(&self, file: &Placed<String>) -> Result<String, Diagnostic> {
        String::from_utf8(self.read(file)?).map_err(|_| {
            let message = format!("{} is not text", file.value);
            self.at(diagnostic::UNREADABLE, file.at, message, "named here")
        })
    }
}

/// Reads workloads, each trace once.
#[derive(Default)]
pub(super) struct WorkloadReader {
    traces: BTreeMap<(String, Option<String>), Arc<Trace>>,
}

/// The workload of a cell, before the size of its key spaces and the seed are known.
#[derive(Clone, Debug)]
pub(super) struct WorkloadInputs {
    source: Source,
    /// How and when an open loop asks.
    pub(super) pacing: Option<(Pacing, RateProfile)>,
}

#[derive(Clone, Debug)]
enum Source {
    Drawn(Vec<SpaceInputs>),
    Recorded {
        replay: Replay,
        key_size: Sizes,
        value_size: Sizes,
        ttl: Option<Span>,
    },
}

/// One key space.
#[derive(Clone, Debug)]
struct SpaceInputs {
    weight: u64,
    /// Its size beside the other key spaces, if the file says so.
    keys: Option<u64>,
    popularity: study::Popularity,
    weights: Option<Arc<WeightedKeys>>,
    scramble: Scramble,
    mix: Mix,
    key_size: Sizes,
    value_size: Sizes,
    ttl: Option<Span>,
    key_format: KeyFormat,
    members: u64,
    lengths: Lengths,
}

impl WorkloadReader {
    /// Reads everything that the workload of a cell names.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest, with its place in the study file where it has
    /// one.
    pub(super) fn inputs(
        &mut self,
        workload: &study::Workload,
        files: &NamedFiles<'_>,
    ) -> Result<WorkloadInputs, Diagnostic> {
        let pacing = match &workload.load {
            Load::Open { arrivals, .. } => Some(pacing(arrivals).map_err(contradiction)?),
            Load::Closed { .. } => None,
        };
        let several = workload.spaces.len() > 1;
        let mut spaces = Vec::with_capacity(workload.spaces.len());
        for space in &workload.spaces {
            match &space.selection {
                Selection::Drawn(popularity) => {
                    spaces.push(drawn_space(space, popularity, several, files)?);
                }
                Selection::Trace {
                    file,
                    format,
                    copies,
                } => {
                    let trace = self.trace(file, format.as_ref(), files)?;
                    let replay = Replay::new(trace, u64::from(*copies)).map_err(|error| {
                        let message = error.to_string();
                        files.at(diagnostic::OUT_OF_RANGE, file.at, message, "this trace")
                    })?;
                    let source = Source::Recorded {
                        replay,
                        key_size: sizes(&space.key_size, files)?,
                        value_size: sizes(&space.value_size, files)?,
                        ttl: space.ttl,
                    };
                    return Ok(WorkloadInputs { source, pacing });
                }
            }
        }
        let source = Source::Drawn(spaces);
        Ok(WorkloadInputs { source, pacing })
    }
    fn trace(
        &mut self,
        file: &Placed<String>,
        format: Option<&Placed<String>>,
        files: &NamedFiles<'_>,
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
            let mut placed = files.at(diagnostic::TRACE_FORMAT, at, error.message, "this one");
            placed.help = error.help;
            placed
        })?;
        let bytes = files.read(file)?;
        let trace = Arc::new(Trace::read(&file.value, bytes.as_slice(), &layout)?);
        self.traces.insert(key, Arc::clone(&trace));
        Ok(trace)
    }
}

impl WorkloadInputs {
    /// The trace that is replayed, if there is one.
    pub(super) const fn replay(&self) -> Option<&Replay> {
        match &self.source {
            Source::Drawn(_) => None,
            Source::Recorded { replay, .. } => Some(replay),
        }
    }
    /// Requests a second, on average, under a load.
    pub(super) fn rate(&self, load: &Load) -> Rate {
        match (&self.pacing, load) {
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
    /// Requests expected within `span` under a load.
    pub(super) fn requests_within(&self, span: Span, load: &Load) -> u64 {
        let rate = u128::from(self.rate(load).0);
        let requests = rate * u128::from(span.as_picos()) / 1_000_000_000_000_000_000;
        u64::try_from(requests).unwrap_or(u64::MAX)
    }
    /// When requests of an open loop are meant to start, by its own rate.
    pub(super) fn starts(&self, seed: Seed) -> Option<Arrivals> {
        let (pacing, profile) = self.pacing.clone()?;
        Some(Arrivals::new(pacing, profile, seed.stream("arrivals"), 0))
    }
    /// When requests of an open loop are meant to start that begins with operation `first`: as they
    /// were recorded, where a trace has times.
    pub(super) fn arrivals(
        &self,
        requests: &RedisRequests,
        first: u64,
        seed: Seed,
    ) -> Option<OpenArrivals> {
        let drawn = OpenArrivals::Drawn(self.starts(seed)?);
        let origin = self.replay().and_then(|replay| replay.time(first));
        Some(match origin {
            Some(origin) => OpenArrivals::Recorded {
                operations: Box::new(requests.operations().clone()),
                origin,
            },
            None => drawn,
        })
    }
    /// The share of all operations that make a new key, where keys are drawn.
    pub(super) fn insert_share(&self) -> Share {
        let Source::Drawn(spaces) = &self.source else {
            return Share(0);
        };
        let total: u128 = spaces.iter().map(|space| u128::from(space.weight)).sum();
        let inserts: u128 = spaces
            .iter()
            .map(|space| u128::from(space.weight) * u128::from(space.mix.share(OpKind::Insert).0))
            .sum();
        Share(u64::try_from(inserts / total.max(1)).unwrap_or(Share::ONE.0))
    }
    /// Mean bytes of a key and of its value, for estimates: of the key space with the largest
    /// entries where there are several.
    pub(super) fn mean_bytes(&self) -> (Bytes, Bytes) {
        match &self.source {
            Source::Recorded {
                key_size,
                value_size,
                ..
            } => (key_size.mean(), value_size.mean()),
            Source::Drawn(spaces) => {
                let means = spaces
                    .iter()
                    .map(|space| (space.key_size.mean(), space.value_size.mean()));
                let largest = means.max_by_key(|(key, value)| key.0.saturating_add(value.0));
                largest.unwrap_or((Bytes(0), Bytes(0)))
            }
        }
    }
    /// The workload over `space` keys, which key spaces share in proportion to their sizes, or to
    /// their weights where a size is not said; a trace brings its own keys.
    ///
    /// # Errors
    /// If a parameter is out of range.
    pub(super) fn workload(&self, space: KeySpace, seed: Seed) -> Result<Workload, Error> {
        let spaces = match &self.source {
            Source::Recorded {
                replay,
                key_size,
                value_size,
                ttl,
            } => {
                // A trace without operations is a trace of reads.
                let mix = Mix::only(OpKind::Get);
                let keys = KeySource::Recorded(replay.clone());
                let plan = Plan::new(keys, mix, key_size.clone(), value_size.clone());
                return Workload::new(Plan { ttl: *ttl, ..plan }, seed);
            }
            Source::Drawn(spaces) => spaces,
        };
        let sized = spaces.iter().all(|space| space.keys.is_some());
        let size =
            |space: &SpaceInputs| u128::from(space.keys.filter(|_| sized).unwrap_or(space.weight));
        let whole: u128 = spaces.iter().map(size).sum();
        let mut rest = space.initial;
        let mut plans = Vec::with_capacity(spaces.len());
        for (place, inputs) in spaces.iter().enumerate() {
            let share = u128::from(space.initial) * size(inputs) / whole.max(1);
            let initial = match place + 1 == spaces.len() {
                true => rest,
                false => u64::try_from(share).unwrap_or(rest).min(rest),
            };
            rest -= initial;
            let own = KeySpace {
                initial,
                max: space.max,
            };
            plans.push((inputs.weight, inputs.plan(own, place, seed)?));
        }
        Workload::of_spaces(plans, seed)
    }
}

impl SpaceInputs {
    fn plan(&self, space: KeySpace, place: usize, seed: Seed) -> Result<Plan, Error> {
        // A key space beside others scatters its own ranks.
        let scatter = match place {
            0 => Workload::scramble_stream(seed),
            place => seed.stream(&format!("workload.scramble.{place}")),
        };
        let scramble = self.scramble;
        let popularity = match &self.popularity {
            study::Popularity::Zipf(s) => Popularity::zipf(s.as_f64(), space, scramble, scatter)?,
            study::Popularity::Latest(s) => {
                Popularity::Latest(Latest::new(s.as_f64(), space, scatter)?)
            }
            study::Popularity::Ycsb(_) => Popularity::Ycsb {
                ycsb: Ycsb::default(),
                keys_max: space.max,
            },
            study::Popularity::Uniform => Popularity::Uniform,
            study::Popularity::Hotspot { keys, requests } => {
                Popularity::Hotspot(Hotspot::new(space, *keys, *requests)?)
            }
            study::Popularity::Moving {
                keys,
                requests,
                turnover,
            } => {
                let turnover = match *turnover {
                    study::Turnover::Time(span) => Turnover::Time(span),
                    study::Turnover::Operations(count) => Turnover::Operations(count),
                };
                Popularity::Moving(MovingHotspot::new(space, *keys, *requests, turnover)?)
            }
            study::Popularity::Exponential { keys, requests } => {
                Popularity::Exponential(Exponential::new(space, *keys, *requests)?)
            }
            study::Popularity::Sequential => Popularity::Sequential,
            study::Popularity::Weights(_) => Popularity::Weights(Arc::clone(
                self.weights
                    .as_ref()
                    .expect("weights were read with the cell"),
            )),
        };
        let keys = KeySource::Drawn { space, popularity };
        let (key_size, value_size) = (self.key_size.clone(), self.value_size.clone());
        Ok(Plan {
            ttl: self.ttl,
            key_format: self.key_format.clone(),
            members: self.members,
            lengths: self.lengths.clone(),
            ..Plan::new(keys, self.mix.clone(), key_size, value_size)
        })
    }
}

fn contradiction(error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(diagnostic::CONTRADICTION, error.to_string())
}

fn drawn_space(
    space: &study::Space,
    popularity: &study::Popularity,
    several: bool,
    files: &NamedFiles<'_>,
) -> Result<SpaceInputs, Diagnostic> {
    if let study::Popularity::Ycsb(exponent) = popularity
        && *exponent != YCSB_EXPONENT
    {
        return Err(
            contradiction("YCSB's generator has its exponent, 0.99, wired in")
                .help("write `popularity.ycsb = { s = 0.99 }`, or use `zipf`"),
        );
    }
    let weights = match popularity {
        study::Popularity::Weights(file) => {
            let bytes = files.read(file)?;
            let keys = WeightedKeys::read_named(&file.value, bytes.as_slice())?;
            Some(Arc::new(keys))
        }
        _ => None,
    };
    let key_format = match &space.key_prefix {
        Some(prefix) => KeyFormat::keeping(&prefix.value).map_err(|error| {
            let message = error.to_string();
            files.at(diagnostic::OUT_OF_RANGE, prefix.at, message, "this prefix")
        })?,
        None if several => {
            return Err(Diagnostic::new(
                diagnostic::MISSING_KEY,
                "missing key `workload.keyspace.key_prefix`",
            )
            .help("key spaces beside one another are told apart by what their keys begin with"));
        }
        None => KeyFormat::default(),
    };
    Ok(SpaceInputs {
        weight: space.weight,
        keys: space.keys,
        popularity: popularity.clone(),
        weights,
        scramble: match space.scramble {
            true => Scramble::Bijection,
            false => Scramble::Identity,
        },
        mix: Mix::new(&space.mix).map_err(contradiction)?,
        key_size: sizes(&space.key_size, files)?,
        value_size: sizes(&space.value_size, files)?,
        ttl: space.ttl,
        key_format,
        members: space.members,
        lengths: match space.scan_length {
            study::Lengths::Uniform(max) => Lengths::uniform(max),
            study::Lengths::Zipf(max) => Lengths::zipf(max).map_err(contradiction)?,
        },
    })
}

fn sizes(sizes: &study::Sizes, files: &NamedFiles<'_>) -> Result<Sizes, Diagnostic> {
    let of_law = |law: &study::Law, min: Bytes, max: Bytes| SizeLaw::new(continuous(law), min, max);
    match sizes {
        study::Sizes::Fixed(bytes) => Ok(Sizes::Fixed(*bytes)),
        study::Sizes::Uniform { min, max } => Sizes::uniform(*min, *max).map_err(contradiction),
        study::Sizes::Histogram(file) => Sizes::read_named(&file.value, &files.read_text(file)?),
        study::Sizes::Law { law, min, max } => {
            let law = of_law(law, *min, *max).map_err(contradiction)?;
            Ok(Sizes::Law(law))
        }
        study::Sizes::Mixed {
            shares,
            law,
            min,
            max,
        } => {
            let tail = of_law(law, *min, *max).map_err(contradiction)?;
            let mixed = Mixed::new(shares, tail).map_err(contradiction)?;
            Ok(Sizes::Mixed(mixed))
        }
    }
}

fn continuous(law: &study::Law) -> Law {
    match law {
        study::Law::Normal { mean, deviation } => Law::Normal {
            mean: mean.as_f64(),
            deviation: deviation.as_f64(),
        },
        study::Law::Gev {
            location,
            scale,
            shape,
        } => Law::Gev {
            location: location.as_f64(),
            scale: scale.as_f64(),
            shape: shape.as_f64(),
        },
        study::Law::GPareto {
            location,
            scale,
            shape,
        } => Law::GPareto {
            location: location.as_f64(),
            scale: scale.as_f64(),
            shape: shape.as_f64(),
        },
    }
}

/// How and when an open loop asks.
fn pacing(arrivals: &study::Arrivals) -> Result<(Pacing, RateProfile), Error> {
    let profile = match arrivals {
        study::Arrivals::Poisson(rate) | study::Arrivals::Constant(rate) => {
            RateProfile::constant(*rate)
        }
        study::Arrivals::OnOff { rate, on, off } => RateProfile::on_off(*on, *off, *rate, Rate(0)),
        study::Arrivals::Step { from, to, at } => RateProfile::step(*from, *at, *to),
        study::Arrivals::Ramp { from, to, over } => RateProfile::ramp(*from, *to, *over),
        study::Arrivals::Diurnal {
            low,
            high,
            period,
            peak_at,
        } => RateProfile::wave(*low, *high, *period, *peak_at),
        study::Arrivals::Table { rates, period } => RateProfile::table(rates, *period),
        study::Arrivals::GPareto { rate, .. } => RateProfile::constant(*rate),
    };
    let pacing = match arrivals {
        study::Arrivals::Constant(_) => Pacing::Constant,
        study::Arrivals::GPareto { shape, .. } => Pacing::Renewal(Gaps::new(Law::GPareto {
            location: 0.0,
            scale: 1.0,
            shape: shape.as_f64(),
        })?),
        _ => Pacing::Poisson,
    };
    Ok((pacing, profile?))
}

#[cfg(test)]
mod tests;
