//! Prices of one machine and one server, from what a few loads of GET and SET took there.
//!
//! ```text
//!   measured, CPU time of the server a request        what it is made of
//!   GET, 50 connections, pipelines of 64       g16 =  command + engine + (read + write) / 64
//!   GET, 50 connections, one at a time         g50 =  command + engine + read + write
//!   GET, one connection                        g1  =  g50 + one turn of the event loop
//!   SET, 50 connections, pipelines of 64       s16 =  g16 with the engine's part of SET
//!   response of GET at a low rate              r   =  g1 + wake-up + both ways of the link
//! ```
//!
//! A server may look at the requests of a pipeline ahead and ask for the lines that their keys lead to, as
//! the project's own does and Redis 7.0 does not: the waits of many requests then overlap. How far they
//! do is measured and not assumed. EXISTS of two keys, in pipelines, is told with a drawn key in the first
//! place, where whoever looks ahead finds it, and in the second, where nobody looks; what either takes
//! beyond EXISTS of the same key twice are waits for the same lines. Their ratio multiplies the prices of
//! memory where requests are pipelined ([`Calibrated::of_depth`]).
//!
//! Pipelines of 16 are left for a prediction. Each line gives one price, none below zero. What the
//! engine does for a request is counted and not measured: its prices are those of the profile that is
//! started from. Where they alone come to more than all that was measured, they are not this server's,
//! and all of them are scaled down to it; else every prediction would exceed what it was taken from.
//! Those of allocations and frees are scaled until SET differs from GET as measured.

use super::Engine;
use super::prediction::closed_loop;
use super::traffic::{Asked, Traffic};
use crate::cost::{MemoryPrices, Profile};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::random::Seed;
use kvrig_base::seam::Counter;
use kvrig_base::time::Span;

/// Requests of each simulation that tells what the engine's part is.
const REQUESTS: u64 = 50_000;
/// From a write on the loopback to a reader that looks all the time, one way: what a kernel takes
/// to put bytes in a socket is in the price of the write.
const LINK: Span = Span::from_nanos(500);
/// Parts of the price of a read and a write together that each is given. Either is always met with
/// the other where a request is alone, so that this decides nothing there.
const READ_PARTS: (u64, u64) = (45, 100);

/// CPU time of the server a request, and a response, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loads {
    /// GET, 50 connections, pipelines of [`PIPELINE`].
    pub get_pipelined: f64,
    /// SET, the same.
    pub set_pipelined: f64,
    /// GET, 50 connections, one at a time.
    pub get: f64,
    /// GET, one connection, one at a time.
    pub get_alone: f64,
    /// EXISTS of the same key twice, pipelined as GET.
    pub look_up: f64,
    /// EXISTS of a drawn key and then that one.
    pub look_up_first: f64,
    /// EXISTS of that one and then a drawn key.
    pub look_up_second: f64,
    /// Median response of GET at a low rate.
    pub response: f64,
}

/// Requests of a pipeline in the calibration.
pub const PIPELINE: u32 = 64;

impl Loads {
    /// The mean of two, as of what lies between them.
    #[must_use]
    pub fn between(&self, other: &Self) -> Self {
        Self {
            look_up: f64::midpoint(self.look_up, other.look_up),
            look_up_first: f64::midpoint(self.look_up_first, other.look_up_first),
            look_up_second: f64::midpoint(self.look_up_second, other.look_up_second),
            get_pipelined: f64::midpoint(self.get_pipelined, other.get_pipelined),
            set_pipelined: f64::midpoint(self.set_pipelined, other.set_pipelined),
            get: f64::midpoint(self.get, other.get),
            get_alone: f64::midpoint(self.get_alone, other.get_alone),
            response: f64::midpoint(self.response, other.response),
        }
    }
    /// What is left of waits for memory where requests are pipelined: one where nothing overlaps, or
    /// where no wait was seen.
    #[must_use]
    pub fn waits_left(&self) -> f64 {
        let (ahead, alone) = (
            self.look_up_first - self.look_up,
            self.look_up_second - self.look_up,
        );
        match alone > 0.0 {
            true => (ahead / alone).clamp(0.0, 1.0),
            false => 1.0,
        }
    }
}

/// What was found, in nanoseconds, and the profile that has it.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// The profile of requests that are sent one at a time.
    pub profile: Profile,
    /// The profile of those in pipelines, whose waits for memory may overlap.
    pub pipelined: Profile,
    /// What is left of these waits there.
    pub waits_left: f64,
    /// Looking up and dispatching a command.
    pub command_ns: f64,
    /// A read and a write together.
    pub read_and_write_ns: f64,
    /// A turn of the event loop.
    pub turn_ns: f64,
    /// From an input at a sleeping server to its turn.
    pub wake_up_ns: f64,
    /// What the engine's work costs, as a multiple of the profile's: one, or less.
    pub engine_scale: f64,
    /// An allocation and a free together.
    pub allocation_and_free_ns: f64,
}

fn picos(ns: f64) -> u64 {
    (ns.max(0.0) * 1e3) as u64
}

fn scaled(picos: u64, scale: f64) -> u64 {
    (picos as f64 * scale.max(0.0)) as u64
}

/// Scales the prices of memory.
fn scale_memory(memory: &mut MemoryPrices, scale: f64) {
    let scale_all = |prices: &mut [&mut u64]| {
        for price in prices {
            **price = scaled(**price, scale);
        }
    };
    match memory {
        MemoryPrices::Cache {
            levels,
            tlb,
            dram_ps,
            next_line_ps,
        } => {
            for level in levels {
                scale_all(&mut [&mut level.hit_ps]);
            }
            if let Some(tlb) = tlb {
                scale_all(&mut [&mut tlb.walk_ps]);
            }
            scale_all(&mut [dram_ps, next_line_ps]);
        }
        MemoryPrices::Footprint(steps) => {
            for (_, price) in steps {
                scale_all(&mut [price]);
            }
        }
        MemoryPrices::Free => {}
    }
}

/// The engine's part of one kind of request, commands, allocations and frees aside.
struct EnginePart {
    counted_ns: f64,
    waits_ns: f64,
    allocations: f64,
    frees: f64,
}

impl EnginePart {
    /// By a profile without prices for what is left aside.
    fn of(engine: Engine, profile: &Profile, kind: Asked) -> Result<Self, Diagnostic> {
        let predict = |profile: &Profile| {
            let traffic = Traffic::new(&[kind], 1, Seed(1));
            closed_loop(engine, profile, 1, traffic, REQUESTS)
        };
        let predicted = predict(profile)?;
        let mut free = profile.clone();
        free.memory = MemoryPrices::Free;
        let counted_ns = predict(&free)?.engine_ns_a_request;
        Ok(Self {
            counted_ns,
            waits_ns: predicted.engine_ns_a_request - counted_ns,
            allocations: predicted.of(Counter::AllocationsSmall),
            frees: predicted.of(Counter::Frees),
        })
    }
    /// All of it where so much of the waits is left.
    fn ns(&self, waits_left: f64) -> f64 {
        self.counted_ns + waits_left * self.waits_ns
    }
    /// What allocations and frees cost at such prices, in nanoseconds.
    fn memory_ns(&self, [allocation_ps, free_ps]: [u64; 2]) -> f64 {
        (self.allocations * allocation_ps as f64 + self.frees * free_ps as f64) / 1e3
    }
}

/// What is left of a response at a low rate for the wake-up, in nanoseconds.
fn wake_up_ns(get_alone: f64, response: f64) -> f64 {
    let links_ns = 2.0 * LINK.as_nanos() as f64;
    (response - get_alone - links_ns).max(0.0)
}

impl Calibrated {
    /// The prices of requests that are sent so many at a time.
    #[must_use]
    pub fn of_depth(&self, depth: u32) -> &Profile {
        match depth {
            0 | 1 => &self.profile,
            _ => &self.pipelined,
        }
    }
    /// The same prices with the wake-up that another response at a low rate gives, `get_alone` being
    /// that of the loads.
    #[must_use]
    pub fn with_response(&self, get_alone: f64, response: f64) -> Self {
        let mut calibrated = self.clone();
        calibrated.wake_up_ns = wake_up_ns(get_alone, response);
        calibrated.profile.host.wake_up = Span::from_picos(picos(calibrated.wake_up_ns));
        calibrated
    }
}

/// Prices by which the simulator takes what was measured of a server.
///
/// # Errors
/// `KV4001` if a simulation lost a request.
pub fn calibrate(engine: Engine, base: &Profile, loads: &Loads) -> Result<Calibrated, Diagnostic> {
    const ALLOCATIONS: [Counter; 2] = [Counter::AllocationsSmall, Counter::Frees];
    let mut profile = base.clone();
    let aside = ALLOCATIONS.into_iter().chain([Counter::Commands]);
    aside.for_each(|counter| profile.prices_ps[counter as usize] = 0);
    let get = EnginePart::of(engine, &profile, Asked::Get)?;
    let set = EnginePart::of(engine, &profile, Asked::Set)?;
    let pipeline = f64::from(PIPELINE);
    let waits_left = loads.waits_left();
    let waits_spared = (1.0 - waits_left) * get.waits_ns;
    let read_and_write_ns =
        ((loads.get - loads.get_pipelined - waits_spared) * pipeline / (pipeline - 1.0)).max(0.0);
    let of_get = (loads.get_pipelined - read_and_write_ns / pipeline).max(0.0);
    let by_profile = get.ns(waits_left);
    let engine_scale = (of_get / by_profile.max(f64::MIN_POSITIVE)).min(1.0);
    for price in &mut profile.prices_ps {
        *price = scaled(*price, engine_scale);
    }
    scale_memory(&mut profile.memory, engine_scale);
    let command_ns = of_get - engine_scale * by_profile;
    // A profile that has found no price for them has found no ratio either.
    let ratio = match ALLOCATIONS.map(|counter| base.prices_ps[counter as usize]) {
        [0, 0] => [1_000, 1_000],
        given => given,
    };
    let differs = loads.set_pipelined
        - loads.get_pipelined
        - engine_scale * (set.ns(waits_left) - by_profile);
    let at_ratio = (set.memory_ns(ratio) - get.memory_ns(ratio)).max(f64::MIN_POSITIVE);
    let prices = ratio.map(|price| scaled(price, differs / at_ratio));
    for (counter, price) in ALLOCATIONS.into_iter().zip(prices) {
        profile.prices_ps[counter as usize] = price;
    }
    let turn_ns = (loads.get_alone - loads.get).max(0.0);
    let wake_up_ns = wake_up_ns(loads.get_alone, loads.response);
    profile.prices_ps[Counter::Commands as usize] = picos(command_ns);
    let both = picos(read_and_write_ns);
    let read = both * READ_PARTS.0 / READ_PARTS.1;
    let host = &mut profile.host;
    host.read = Span::from_picos(read);
    host.write = Span::from_picos(both - read);
    host.turn = Span::from_picos(picos(turn_ns));
    host.wake_up = Span::from_picos(picos(wake_up_ns));
    profile.link.latency = LINK;
    let mut pipelined = profile.clone();
    scale_memory(&mut pipelined.memory, waits_left);
    Ok(Calibrated {
        profile,
        pipelined,
        waits_left,
        command_ns,
        read_and_write_ns,
        turn_ns,
        wake_up_ns,
        engine_scale,
        allocation_and_free_ns: prices.iter().sum::<u64>() as f64 / 1e3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::TYPICAL_2026;
    use crate::validate::redis::prediction::{open_loop, pipelined};
    use crate::validate::redis::traffic::starts_ns;

    /// What the simulator would measure of a server under these prices, which looks ahead so that so
    /// much is left of its waits.
    fn loads(engine: Engine, profile: &Profile, waits_left: f64) -> Loads {
        let mut ahead = profile.clone();
        scale_memory(&mut ahead.memory, waits_left);
        let cpu = |kind, connections, depth| {
            let traffic = Traffic::new(&[kind], depth, Seed(1));
            let is_unforeseen = matches!(kind, Asked::LookUp { second: true, .. });
            let predicted = match depth {
                1 => closed_loop(engine, profile, connections, traffic, 20_000),
                _ if is_unforeseen => pipelined(engine, profile, connections, &traffic, 20_000),
                _ => pipelined(engine, &ahead, connections, &traffic, 20_000),
            };
            predicted.expect("the books balance").cpu_ns_a_request
        };
        let look_up = |first, second| cpu(Asked::LookUp { first, second }, 50, PIPELINE);
        let starts = starts_ns(2_000.0, 2_000, Seed(1));
        let traffic = Traffic::new(&[Asked::Get], 1, Seed(1));
        let low = open_loop(engine, profile, 50, traffic, &starts).expect("the books balance");
        Loads {
            get_pipelined: cpu(Asked::Get, 50, PIPELINE),
            set_pipelined: cpu(Asked::Set, 50, PIPELINE),
            get: cpu(Asked::Get, 50, 1),
            get_alone: cpu(Asked::Get, 1, 1),
            look_up: look_up(false, false),
            look_up_first: look_up(true, false),
            look_up_second: look_up(false, true),
            response: low.p50_ns as f64,
        }
    }

    #[test]
    fn loads_that_a_profile_made_give_its_prices_back() {
        let mut known = Profile::embedded(TYPICAL_2026).expect("it is embedded");
        known.link.latency = LINK;
        let found = calibrate(Engine::Redis, &known, &loads(Engine::Redis, &known, 1.0))
            .expect("the books balance");
        let near = |found: f64, known: f64, within: f64| {
            assert!((found / known - 1.0).abs() < within, "{found} for {known}");
        };
        let host = &known.host;
        let commands = known.prices_ps[Counter::Commands as usize] as f64;
        near(found.command_ns * 1e3, commands, 0.1);
        let both = host.read.as_picos() + host.write.as_picos();
        near(found.read_and_write_ns * 1e3, both as f64, 0.05);
        near(found.turn_ns * 1e3, host.turn.as_picos() as f64, 0.1);
        near(found.wake_up_ns * 1e3, host.wake_up.as_picos() as f64, 0.25);
        let allocations = [Counter::AllocationsSmall, Counter::Frees];
        let known_ps = allocations.map(|counter| known.prices_ps[counter as usize]);
        let known_ps = known_ps.iter().sum::<u64>() as f64;
        near(found.allocation_and_free_ns * 1e3, known_ps, 0.1);
        assert_eq!(found.engine_scale, 1.0);
        near(found.waits_left, 1.0, 0.05);
        let later = found.with_response(9_000.0, 40_000.0);
        assert_eq!(later.wake_up_ns, 30_000.0);
        assert_eq!(later.profile.host.wake_up, Span::from_micros(30));
        assert_eq!(later.command_ns, found.command_ns);
    }

    #[test]
    fn waits_that_a_server_spares_in_pipelines_are_found_by_what_it_takes() {
        let mut known = Profile::embedded(TYPICAL_2026).expect("it is embedded");
        known.link.latency = LINK;
        let measured = loads(Engine::Own, &known, 0.3);
        let found = calibrate(Engine::Own, &known, &measured).expect("the books balance");
        let waits_left = found.waits_left;
        assert!((waits_left - 0.3).abs() < 0.05, "{waits_left}");
        let ratio = |depth, waits_left| {
            let traffic = Traffic::new(&[Asked::Get], depth, Seed(1));
            let mut profile = known.clone();
            scale_memory(&mut profile.memory, waits_left);
            let cpu_ns = |profile: &Profile| {
                let predicted = match depth {
                    1 => closed_loop(Engine::Own, profile, 50, traffic.clone(), 20_000),
                    _ => pipelined(Engine::Own, profile, 50, &traffic, 20_000),
                };
                predicted.expect("the books balance").cpu_ns_a_request
            };
            cpu_ns(found.of_depth(depth)) / cpu_ns(&profile)
        };
        for ratio in [ratio(1, 1.0), ratio(16, 0.3)] {
            assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
        }
    }

    #[test]
    fn an_engine_dearer_than_all_that_was_measured_is_scaled_down_to_it() {
        let mut cheap = Profile::embedded(TYPICAL_2026).expect("it is embedded");
        // Bytes of sockets have prices of their own, which are not calibrated.
        (cheap.host.read_byte, cheap.host.write_byte) = (Span::ZERO, Span::ZERO);
        let mut dearer = cheap.clone();
        dearer.prices_ps.iter_mut().for_each(|price| *price *= 3);
        scale_memory(&mut dearer.memory, 3.0);
        cheap.prices_ps[Counter::Commands as usize] = 0;
        let measured = loads(Engine::Redis, &cheap, 1.0);
        let found = calibrate(Engine::Redis, &dearer, &measured).expect("the books balance");
        let scale = found.engine_scale;
        assert!((scale * 3.0 - 1.0).abs() < 0.1, "{scale}");
        assert!(found.command_ns < 1.0);
        let traffic = Traffic::new(&[Asked::Get], PIPELINE, Seed(1));
        let again = pipelined(Engine::Redis, &found.pipelined, 50, &traffic, 20_000);
        let again = again.expect("the books balance").cpu_ns_a_request;
        let ratio = again / measured.get_pipelined;
        assert!((ratio - 1.0).abs() < 0.05, "{ratio}");
    }

    #[test]
    fn what_lies_between_two_calibrations_is_their_mean() {
        let loads = |ns| Loads {
            get_pipelined: ns,
            set_pipelined: ns,
            get: ns,
            get_alone: ns,
            look_up: ns,
            look_up_first: ns,
            look_up_second: ns,
            response: ns,
        };
        assert_eq!(loads(1_000.0).between(&loads(3_000.0)), loads(2_000.0));
    }
}
