//! Loads on one server: those that calibrate and those that are predicted, in turns.

use crate::interrupt::Interrupt;
use kvrig_base::calibration::Spread;
use kvrig_base::random::Seed;
use kvrig_live::clock::{IdleLoop, Stillness};
use kvrig_live::load::{Commands, Observed, ServerProcess, closed_loop, open_loop};
use kvrig_sim::validate::redis::calibration::{Loads, PIPELINE};
use kvrig_sim::validate::redis::traffic::{self, Asked, Traffic};
use std::io;

/// Connections of all loads but one.
pub(super) const CONNECTIONS: u32 = 50;
/// Requests of a pipeline that is predicted.
pub(super) const PREDICTED_PIPELINE: u32 = 16;
/// Requests a second at which a server sleeps between most of them, and as briefly as under the loads
/// that are predicted: a virtual processor that has slept for longer takes several times as long to
/// wake up, since its host has to run it again.
const LOW_RATE: f64 = 8_000.0;
/// The part of one core that others may have during an open loop. The generator and the server need one
/// each, and this machine may have no third: what others take there, requests wait for, by whole slices of
/// the scheduler.
pub(super) const OTHERS_SHARE_MAX: f64 = 0.05;
/// How often an open loop is measured at most, to find a time at which others leave it alone.
pub(super) const ATTEMPTS: usize = 3;
/// Time for which an idle loop is watched in each round, by each of two clocks.
const SPIN_NS: u64 = 200_000_000;
/// Nine reads to one write.
pub(super) const MIX: [Asked; 10] = {
    let mut mix = [Asked::Get; 10];
    mix[9] = Asked::Set;
    mix
};

/// How much is measured.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// Rounds, each between two calibrations.
    pub(super) rounds: usize,
    /// Requests of one closed loop.
    pub(super) requests: u64,
    /// Seconds of one open loop.
    pub(super) open_s: f64,
    /// Seconds of one open loop at the low rate.
    pub(super) low_s: f64,
}

impl Effort {
    pub(super) const WHOLE: Self = Self {
        rounds: 5,
        requests: 100_000,
        open_s: 1.5,
        low_s: 0.7,
    };
    pub(super) const QUICK: Self = Self {
        rounds: 3,
        requests: 30_000,
        open_s: 0.5,
        low_s: 0.3,
    };
}

/// One closed loop.
#[derive(Clone)]
pub(super) struct Closed {
    pub(super) kinds: Vec<Asked>,
    pub(super) connections: u32,
    pub(super) depth: u32,
    pub(super) requests: u64,
}

/// The requests that both sides send.
fn commands(traffic: &Traffic, count: u64) -> Commands {
    let mut commands = Commands::default();
    for id in 0..count {
        traffic.with_args(id, &mut |args| commands.push(args));
    }
    commands
}

impl Closed {
    pub(super) fn traffic(&self) -> Traffic {
        Traffic::new(&self.kinds, self.depth, Seed(1))
    }
    /// CPU time of the server a request, in nanoseconds.
    fn measure(&self, server: &ServerProcess) -> io::Result<f64> {
        let commands = commands(&self.traffic(), self.requests);
        let (connections, depth) = (self.connections as usize, self.depth as usize);
        closed_loop(server, connections, depth, &commands).map(|seen| seen.cpu_ns_a_request())
    }
}

/// An open loop at one rate.
pub(super) struct Open {
    pub(super) starts_ns: Vec<u64>,
    kinds: Vec<Asked>,
}

impl Open {
    pub(super) fn new(kinds: &[Asked], rate: f64, seconds: f64) -> Self {
        let count = (rate * seconds) as u64;
        Self {
            starts_ns: traffic::starts_ns(rate, count.max(1), Seed(1)),
            kinds: kinds.to_vec(),
        }
    }
    pub(super) fn traffic(&self) -> Traffic {
        Traffic::new(&self.kinds, 1, Seed(1))
    }
    fn measure(&self, server: &ServerProcess) -> io::Result<Observed> {
        let commands = commands(&self.traffic(), self.starts_ns.len() as u64);
        let connections = CONNECTIONS as usize;
        open_loop(server, connections, &commands, &self.starts_ns, &|id| id)
    }
}

/// What is predicted.
pub(super) struct Predictable {
    /// Loads that keep the server busy.
    pub(super) closed: Vec<Closed>,
    /// Loads that leave it idle at times.
    pub(super) open: Vec<Open>,
}

/// One round: what was measured, with calibrations before and after.
pub(super) struct Round {
    /// The mean of the calibrations on both sides; its response is the median of the round's.
    pub(super) loads: Loads,
    /// CPU time a request of each closed loop, in nanoseconds.
    pub(super) closed: Vec<f64>,
    /// Each open loop, with the mean of the responses at the low rate just before and after it, in
    /// nanoseconds.
    pub(super) open: Vec<(Observed, f64)>,
    /// The parts of a core that others had during open loops that were therefore set aside.
    pub(super) set_aside: Vec<f64>,
}

/// A server under measurement.
pub(super) struct Measuring<'a> {
    pub(super) server: &'a ServerProcess,
    pub(super) effort: Effort,
    pub(super) interrupt: &'a Interrupt,
}

/// Puts the data of the traffic in a server.
pub(super) fn prepare(server: &ServerProcess) -> io::Result<()> {
    let mut commands = Commands::default();
    traffic::preparation(&mut |args| commands.push(args));
    closed_loop(server, 1, 64, &commands).map(|_| ())
}

impl Measuring<'_> {
    /// A calibration by itself.
    pub(super) fn calibrate(&self) -> io::Result<Loads> {
        let response = self.low()?;
        Ok(Loads {
            response,
            ..self.closed_loads()?
        })
    }
    fn closed_loads(&self) -> io::Result<Loads> {
        let cpu = |kind: Asked, connections, depth| {
            self.interrupt.check()?;
            let load = Closed {
                kinds: vec![kind],
                connections,
                depth,
                requests: self.effort.requests,
            };
            load.measure(self.server)
        };
        let look_up = |first, second| cpu(Asked::LookUp { first, second }, CONNECTIONS, PIPELINE);
        Ok(Loads {
            get_pipelined: cpu(Asked::Get, CONNECTIONS, PIPELINE)?,
            set_pipelined: cpu(Asked::Set, CONNECTIONS, PIPELINE)?,
            get: cpu(Asked::Get, CONNECTIONS, 1)?,
            get_alone: cpu(Asked::Get, 1, 1)?,
            look_up: look_up(false, false)?,
            look_up_first: look_up(true, false)?,
            look_up_second: look_up(false, true)?,
            response: 0.0,
        })
    }
    /// The median response at the low rate, in nanoseconds.
    fn low(&self) -> io::Result<f64> {
        self.interrupt.check()?;
        let low = Open::new(&[Asked::Get], LOW_RATE, self.effort.low_s);
        let observed = low.measure(self.server)?;
        Ok(observed.response_ns(500_000) as f64)
    }
    /// An open loop that others left alone, or else of all attempts the one that they disturbed least,
    /// with the mean of the responses at the low rate before and after it. The last of `lows` is that
    /// before, and those after each attempt join them.
    fn left_alone(
        &self,
        load: &Open,
        lows: &mut Vec<f64>,
        set_aside: &mut Vec<f64>,
    ) -> io::Result<(Observed, f64)> {
        let mut best: Option<(Observed, f64)> = None;
        let mut before = lows.last().copied().unwrap_or(0.0);
        for _ in 0..ATTEMPTS {
            self.interrupt.check()?;
            let observed = load.measure(self.server)?;
            let after = self.low()?;
            lows.push(after);
            let low = f64::midpoint(before, after);
            before = after;
            let share = observed.others_share();
            let other = match best.take() {
                Some(known) if known.0.others_share() <= share => {
                    best = Some(known);
                    Some(share)
                }
                known => {
                    best = Some((observed, low));
                    known.map(|(observed, _)| observed.others_share())
                }
            };
            set_aside.extend(other);
            if best
                .as_ref()
                .is_some_and(|(best, _)| best.others_share() <= OTHERS_SHARE_MAX)
            {
                break;
            }
        }
        best.ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
    /// All rounds, and calibrations before, between and after them; an idle loop is
    /// watched in each, by CPU time and by elapsed time.
    pub(super) fn rounds(
        &self,
        predictable: &Predictable,
        (stillness, idle): (&mut Stillness, &mut IdleLoop),
        mut say: impl FnMut(usize),
    ) -> io::Result<Vec<Round>> {
        let mut rounds = Vec::new();
        let mut before = self.closed_loads()?;
        for number in 1..=self.effort.rounds {
            say(number);
            stillness.spin(SPIN_NS);
            idle.spin(SPIN_NS);
            let (mut open, mut set_aside) = (Vec::new(), Vec::new());
            let mut lows = vec![self.low()?];
            for load in &predictable.open {
                open.push(self.left_alone(load, &mut lows, &mut set_aside)?);
            }
            let mut closed = Vec::new();
            for load in &predictable.closed {
                self.interrupt.check()?;
                closed.push(load.measure(self.server)?);
            }
            let after = self.closed_loads()?;
            let response = Spread::of(&lows).map_or(0.0, |spread| spread.median);
            rounds.push(Round {
                loads: Loads {
                    response,
                    ..before.between(&after)
                },
                closed,
                open,
                set_aside,
            });
            before = after;
        }
        Ok(rounds)
    }
}
