//! Service times of a node while its table grows, pauses included, as a law of service.
//!
//! Pauses are what a study of rehashing is about, so they must be found right where theory knows
//! the answer: a queue whose services are drawn from those that a node really had obeys the formula
//! of Pollaczek and Khinchine with their two moments, however rare and long the pauses are.
//!
//! The draws are independent. In a node they are not (slices of the timer come at equal intervals)
//! and its turns take several requests at once, so the formula is a check of the simulator and no
//! forecast of the study's waits.

use super::station::UNIT;
use crate::client::{Arguments, ClosedLoop, Requests};
use crate::cost::{Profile, TYPICAL_2026};
use crate::world::{Call, Model, Observer, TurnTaken, World};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::id::RequestId;
use kvrig_base::random::Seed;
use kvrig_base::seam::Work;
use kvrig_base::time::{Span, Time, Wall};
use kvrig_redis::{Config, Node, resp};
use kvrig_tables::TableKind;
use std::sync::Arc;

/// Entries at which the node's table grows.
const ENTRIES: u64 = 1 << 18;
/// Ticks of the timer per second, ten times the default as in redis pull request 12003: slices of
/// 1 ms are one in some 160 turns, so that a run of few million customers meets enough of them.
const HZ: u32 = 100;
/// A growth that has not ended by then does not end.
const LONGEST: Span = Span::from_secs(10);
const STRETCH: Span = Span::from_millis(1);

/// The spans of a node's turns between the beginning and the end of a growth, each with a request
/// or a slice of the timer or both, in units of their mean.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Services {
    pub(super) spans: Arc<[Span]>,
    /// Mean and mean square in units; the mean is one up to rounding.
    pub(super) mean: f64,
    pub(super) square: f64,
    /// The longest, in units.
    pub(super) longest: f64,
}

impl Services {
    fn of(turns: &[Span]) -> Self {
        let total: u128 = turns.iter().map(|turn| u128::from(turn.as_picos())).sum();
        let count = turns.len() as u128;
        let unit = u128::from(UNIT.as_picos());
        let scaled = |turn: &Span| {
            let picos = u128::from(turn.as_picos()) * count * unit / total.max(1);
            Span::from_picos(u64::try_from(picos).unwrap_or(u64::MAX))
        };
        let spans: Arc<[Span]> = turns.iter().map(scaled).collect();
        let in_units = |span: &Span| super::station::units(*span);
        let mean_of = |power: fn(f64) -> f64| {
            spans.iter().map(|span| power(in_units(span))).sum::<f64>() / spans.len() as f64
        };
        Self {
            mean: mean_of(|x| x),
            square: mean_of(|x| x * x),
            longest: spans.iter().map(in_units).fold(0.0, f64::max),
            spans,
        }
    }
}

/// One client that inserts a key, reads it, and so on.
#[derive(Debug)]
struct Inserts {
    present: u64,
}

fn key(number: u64) -> [u8; 20] {
    let mut key = *b"user0000000000000000";
    let mut rest = number;
    for digit in key.iter_mut().rev().take(16) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

const VALUE: [u8; 32] = [b'v'; 32];

impl Requests for Inserts {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        if id.0.is_multiple_of(2) {
            args.push(b"SET");
            args.push(&key(self.present));
            args.push(&VALUE);
            self.present += 1;
        } else {
            args.push(b"GET");
            args.push(&key(self.present - 1));
        }
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        args.lend(resp::request_len) as u64
    }
}

/// Collects the turns of the growth.
#[derive(Debug, Default)]
struct Turns {
    grows: bool,
    has_grown: bool,
    spans: Vec<Span>,
}

impl Observer<Node> for Turns {
    fn call(&mut self, _: &Call<'_>, node: &Node) {
        self.grows |= node.keyspace().database(0).keys().rehash().is_some();
    }
    fn turn(&mut self, turn: &TurnTaken, node: &Node) {
        if self.grows && !self.has_grown {
            self.spans.push(turn.to.since(turn.from));
            self.has_grown = node.keyspace().database(0).keys().rehash().is_none();
        }
    }
}

#[derive(Debug)]
struct Growing;

impl Model for Growing {
    type Actor = Node;
    type Requests = Inserts;
    type Arrivals = Vec<Time>;
    type Observer = Turns;
    const RECORDS_LATENCIES: bool = false;
}

/// Lets a node grow from [`ENTRIES`] and keeps how long its turns took.
///
/// # Errors
/// `KV4001` if the world lost a request.
pub(super) fn services() -> Result<Services, Diagnostic> {
    let config = Config {
        hz: HZ,
        ..Config::default()
    };
    let start = Wall::from_unix_millis(0);
    let mut node = Node::new(config, TableKind::Redis70, Seed(1));
    let mut work = Work::unpriced();
    for number in 0..ENTRIES {
        work.begin();
        node.load(&key(number), &VALUE, start, &mut work);
    }
    let profile = Profile::embedded(TYPICAL_2026)?;
    let mut world: World<Growing> = World::new(&profile, start, Turns::default());
    let (actor, _) = world.add_lone_actor(node);
    world.add_closed_loop(ClosedLoop {
        targets: vec![actor],
        clients: 1,
        link: profile.link,
        requests: Inserts { present: ENTRIES },
        start: Time::START,
        requests_max: None,
        patience: None,
    });
    while !world.observer().has_grown && world.now() < Time::START + LONGEST {
        let until = world.now() + STRETCH;
        world.run_until(until);
    }
    world.check_books()?;
    Ok(Services::of(&world.into_observer().spans))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growth_has_rare_services_that_are_long() {
        let services = services().expect("the books balance");
        assert!(services.spans.len() > 500, "{}", services.spans.len());
        assert!((services.mean - 1.0).abs() < 1e-6);
        // A slice of a millisecond is some sixty mean services, and there are several.
        assert!(services.longest > 30.0, "{}", services.longest);
        let long = services
            .spans
            .iter()
            .filter(|span| **span > UNIT * 30)
            .count();
        assert!((3..services.spans.len() / 50).contains(&long), "{long}");
        assert!(services.square > 5.0, "{}", services.square);
    }

    #[test]
    fn moments_are_those_of_the_listed_spans() {
        let turns = [1, 1, 2, 4].map(Span::from_micros);
        let services = Services::of(&turns);
        assert!((services.mean - 1.0).abs() < 1e-9);
        assert!((services.square - (1.0 + 1.0 + 4.0 + 16.0) / 16.0).abs() < 1e-9);
        assert!((services.longest - 2.0).abs() < 1e-9);
    }
}
