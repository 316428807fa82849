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
//! Pipelines of 16 are left for a prediction. Each line gives one price, none below zero. What the engine does for a request is counted and not
//! measured: its prices are those of the profile that is started from, and those of allocations are
//! scaled until SET differs from GET as measured.

use super::prediction::{Predicted, closed_loop};
use super::traffic::{Asked, Traffic};
use crate::cost::Profile;
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
            get_pipelined: f64::midpoint(self.get_pipelined, other.get_pipelined),
            set_pipelined: f64::midpoint(self.set_pipelined, other.set_pipelined),
            get: f64::midpoint(self.get, other.get),
            get_alone: f64::midpoint(self.get_alone, other.get_alone),
            response: f64::midpoint(self.response, other.response),
        }
    }
}

/// What was found, in nanoseconds, and the profile that has it.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// The profile.
    pub profile: Profile,
    /// Looking up and dispatching a command.
    pub command_ns: f64,
    /// A read and a write together.
    pub read_and_write_ns: f64,
    /// A turn of the event loop.
    pub turn_ns: f64,
    /// From an input at a sleeping server to its turn.
    pub wake_up_ns: f64,
    /// What allocations and frees cost, as a multiple of the profile's.
    pub allocation_scale: f64,
}

fn picos(ns: f64) -> u64 {
    (ns.max(0.0) * 1e3) as u64
}

fn scaled(picos: u64, scale: f64) -> u64 {
    (picos as f64 * scale.max(0.0)) as u64
}

/// What the engine's part of one kind of request costs by `profile`, in nanoseconds.
fn engine_ns(profile: &Profile, kind: Asked) -> Result<f64, Diagnostic> {
    let traffic = Traffic::new(&[kind], 1, Seed(1));
    let Predicted {
        engine_ns_a_request,
        ..
    } = closed_loop(profile, 1, traffic, REQUESTS)?;
    Ok(engine_ns_a_request)
}

/// What is left of a response at a low rate for the wake-up, in nanoseconds.
fn wake_up_ns(get_alone: f64, response: f64) -> f64 {
    let links_ns = 2.0 * LINK.as_nanos() as f64;
    (response - get_alone - links_ns).max(0.0)
}

impl Calibrated {
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

/// Prices by which the simulator takes what was measured.
///
/// # Errors
/// `KV4001` if a simulation lost a request.
pub fn calibrate(base: &Profile, loads: &Loads) -> Result<Calibrated, Diagnostic> {
    const ALLOCATIONS: [Counter; 2] = [Counter::AllocationsSmall, Counter::Frees];
    let mut profile = base.clone();
    profile.prices_ps[Counter::Commands as usize] = 0;
    let get = engine_ns(&profile, Asked::Get)?;
    let with_allocations = engine_ns(&profile, Asked::Set)?;
    let mut without = profile.clone();
    for counter in ALLOCATIONS {
        without.prices_ps[counter as usize] = 0;
    }
    let set = engine_ns(&without, Asked::Set)?;
    let allocations = (with_allocations - set).max(f64::MIN_POSITIVE);
    let difference = loads.set_pipelined - loads.get_pipelined;
    let allocation_scale = ((difference - (set - get)) / allocations).max(0.0);
    for counter in ALLOCATIONS {
        let price = &mut profile.prices_ps[counter as usize];
        *price = scaled(*price, allocation_scale);
    }
    let pipeline = f64::from(PIPELINE);
    let read_and_write_ns =
        ((loads.get - loads.get_pipelined) * pipeline / (pipeline - 1.0)).max(0.0);
    let command_ns = (loads.get_pipelined - get - read_and_write_ns / pipeline).max(0.0);
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
    Ok(Calibrated {
        profile,
        command_ns,
        read_and_write_ns,
        turn_ns,
        wake_up_ns,
        allocation_scale,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::TYPICAL_2026;
    use crate::validate::redis::prediction::{open_loop, pipelined};
    use crate::validate::redis::traffic::starts_ns;

    /// What the simulator would measure under these prices.
    fn loads(profile: &Profile) -> Loads {
        let cpu = |kind, connections, depth| {
            let traffic = Traffic::new(&[kind], depth, Seed(1));
            let predicted = match depth {
                1 => closed_loop(profile, connections, traffic, 20_000),
                _ => pipelined(profile, connections, &traffic, 20_000),
            };
            predicted.expect("the books balance").cpu_ns_a_request
        };
        let starts = starts_ns(2_000.0, 2_000, Seed(1));
        let traffic = Traffic::new(&[Asked::Get], 1, Seed(1));
        let low = open_loop(profile, 50, traffic, &starts).expect("the books balance");
        Loads {
            get_pipelined: cpu(Asked::Get, 50, PIPELINE),
            set_pipelined: cpu(Asked::Set, 50, PIPELINE),
            get: cpu(Asked::Get, 50, 1),
            get_alone: cpu(Asked::Get, 1, 1),
            response: low.p50_ns as f64,
        }
    }

    #[test]
    fn loads_that_a_profile_made_give_its_prices_back() {
        let mut known = Profile::embedded(TYPICAL_2026).expect("it is embedded");
        known.link.latency = LINK;
        let found = calibrate(&known, &loads(&known)).expect("the books balance");
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
        near(found.allocation_scale, 1.0, 0.1);
        let later = found.with_response(9_000.0, 40_000.0);
        assert_eq!(later.wake_up_ns, 30_000.0);
        assert_eq!(later.profile.host.wake_up, Span::from_micros(30));
        assert_eq!(later.command_ns, found.command_ns);
    }

    #[test]
    fn what_lies_between_two_calibrations_is_their_mean() {
        let loads = |ns| Loads {
            get_pipelined: ns,
            set_pipelined: ns,
            get: ns,
            get_alone: ns,
            response: ns,
        };
        assert_eq!(loads(1_000.0).between(&loads(3_000.0)), loads(2_000.0));
    }
}
