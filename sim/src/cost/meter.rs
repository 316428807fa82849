//! The meter of simulated worlds: prices receipts at the core and instant that the world has set.

use super::cache::CacheModel;
use super::copied_pages::CopiedPages;
use super::profile::{MemoryPrices, Profile};
use kvrig_base::id::{ActorId, CoreId, LockId};
use kvrig_base::seam::{COUNTERS, Counter, Counts, Meter, Touch};
use kvrig_base::time::{Span, Time};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// Work beyond the range in which the profile's prices hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The counter, or `resident_bytes`.
    pub what: &'static str,
    /// The most that the profile vouches for, in one call.
    pub limit: u64,
    /// The most that was seen.
    pub worst: u64,
    /// How many calls went beyond the limit.
    pub calls: u64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            limit,
            worst,
            calls,
        } = self;
        write!(
            f,
            "{what} up to {worst}, where the profile vouches for {limit} ({calls} calls)"
        )
    }
}

/// Name of the memory in use among ranges and findings.
pub(super) const RESIDENT_BYTES: &str = "resident_bytes";

#[derive(Debug)]
enum Memory {
    Cached(CacheModel),
    /// Steps of (bytes in use up to, picoseconds a touch), ascending; and the price now.
    Footprint {
        steps: Vec<(u64, u64)>,
        now_ps: u64,
    },
    Free,
}

/// A lock that is held, or will be until a known instant.
#[derive(Clone, Copy, Debug)]
struct Holding {
    space: u32,
    lock: LockId,
    holder: ActorId,
    until: Time,
}

#[derive(Debug)]
struct State {
    prices: [u64; COUNTERS.len()],
    memory: Memory,
    page_copy: Span,
    /// The most of each counter in one call that the profile vouches for.
    limits: Vec<(Counter, u64)>,
    resident_limit: Option<u64>,
    beyond: Vec<OutOfRange>,
    holdings: Vec<Holding>,
    copies: Vec<Option<CopiedPages>>,
    core: CoreId,
    space: u32,
    actor: ActorId,
    at: Time,
}

#[derive(Debug)]
struct Shared {
    wants_resident: bool,
    state: RefCell<State>,
}

impl State {
    #[inline]
    fn price_counts(&self, counts: &Counts) -> Span {
        let counted = counts.as_array().iter().zip(&self.prices);
        Span::from_picos(counted.map(|(count, price)| count * price).sum())
    }
}

/// The world's side of its meter: where and when the next work happens.
#[derive(Clone, Debug)]
pub struct Pricing(Rc<Shared>);

/// The engine's side of the same meter.
#[derive(Debug)]
pub struct PricingMeter(Rc<Shared>);

impl Pricing {
    /// A meter with the prices of `profile`, and the world's handle on it.
    pub fn new(profile: &Profile) -> (Self, PricingMeter) {
        let memory = match &profile.memory {
            MemoryPrices::Cache {
                levels,
                tlb,
                dram_ps,
                next_line_ps,
            } => Memory::Cached(CacheModel::new(
                levels.clone(),
                *tlb,
                *dram_ps,
                *next_line_ps,
            )),
            MemoryPrices::Footprint(steps) => Memory::Footprint {
                steps: steps.clone(),
                now_ps: steps[0].1,
            },
            MemoryPrices::Free => Memory::Free,
        };
        let limit = |name| {
            let range = profile.fit.ranges.iter().find(|(what, _)| *what == name);
            range.map(|(_, limit)| *limit)
        };
        let limits = COUNTERS
            .iter()
            .filter_map(|&counter| limit(counter.name()).map(|limit| (counter, limit)));
        let wants_resident = matches!(memory, Memory::Footprint { .. });
        let state = RefCell::new(State {
            prices: profile.prices_ps,
            memory,
            page_copy: profile.host.page_copy,
            limits: limits.collect(),
            resident_limit: limit(RESIDENT_BYTES),
            beyond: Vec::new(),
            holdings: Vec::new(),
            copies: Vec::new(),
            core: CoreId(0),
            space: 0,
            actor: ActorId(0),
            at: Time::START,
        });
        let shared = Rc::new(Shared {
            wants_resident,
            state,
        });
        (Self(Rc::clone(&shared)), PricingMeter(shared))
    }
    /// Another meter of the same prices, caches and locks.
    pub fn meter(&self) -> PricingMeter {
        PricingMeter(Rc::clone(&self.0))
    }
    /// Adds the caches of one more core.
    pub fn add_core(&self) {
        if let Memory::Cached(caches) = &mut self.0.state.borrow_mut().memory {
            caches.add_core();
        }
    }
    /// The next work is that of `actor`, in address space `space`, on `core`, from `at`.
    #[inline]
    pub fn enter(&self, actor: ActorId, space: u32, core: CoreId, at: Time) {
        let mut state = self.0.state.borrow_mut();
        state.actor = actor;
        state.space = space;
        state.core = core;
        state.at = at;
    }
    /// The same work goes on at `at`: what locks are asked for.
    #[inline]
    pub fn move_to(&self, at: Time) {
        self.0.state.borrow_mut().at = at;
    }
    /// Whether the price of a touch depends on the memory in use, told with
    /// [`Pricing::set_resident`] before each turn.
    #[inline]
    pub fn wants_resident(&self) -> bool {
        self.0.wants_resident
    }
    /// The memory in use by whoever works next, in bytes.
    pub fn set_resident(&self, bytes: u64) {
        if let Memory::Footprint { steps, now_ps } = &mut self.0.state.borrow_mut().memory {
            let step = steps
                .iter()
                .find(|(up_to, _)| bytes <= *up_to)
                .or(steps.last());
            *now_ps = step
                .expect("the profile's reader wants at least one step")
                .1;
        }
    }
    /// Checks the memory in use by one actor against the profile's range.
    pub fn check_resident(&self, bytes: u64) {
        let state = &mut *self.0.state.borrow_mut();
        if let Some(limit) = state.resident_limit.filter(|limit| bytes > *limit) {
            note(&mut state.beyond, RESIDENT_BYTES, limit, bytes);
        }
    }
    /// Checks the receipt of one whole call against the profile's range.
    #[inline]
    pub fn check_range(&self, counts: &Counts) {
        let state = &mut *self.0.state.borrow_mut();
        for &(counter, limit) in &state.limits {
            let amount = counts.get(counter);
            if amount > limit {
                note(&mut state.beyond, counter.name(), limit, amount);
            }
        }
    }
    /// What went beyond the profile's range so far.
    pub fn out_of_range(&self) -> Vec<OutOfRange> {
        self.0.state.borrow().beyond.clone()
    }
    /// A child shares all pages of `actor` from now on.
    pub fn share_pages(&self, actor: ActorId) {
        let mut state = self.0.state.borrow_mut();
        if state.copies.len() <= actor.index() {
            state.copies.resize_with(actor.index() + 1, || None);
        }
        state.copies[actor.index()]
            .get_or_insert_default()
            .share_all();
    }
    /// The pages that `actor` has copied since the last call.
    pub fn take_copied_pages(&self, actor: ActorId) -> u64 {
        let mut state = self.0.state.borrow_mut();
        let copies = state.copies.get_mut(actor.index()).and_then(Option::as_mut);
        copies.map_or(0, CopiedPages::take_copied)
    }
    /// No child shares the pages of `actor` any more.
    pub fn unshare_pages(&self, actor: ActorId) {
        if let Some(copies) = self.0.state.borrow_mut().copies.get_mut(actor.index()) {
            *copies = None;
        }
    }
    /// `holder` has `lock` of address space `space` from now until `until`.
    pub fn hold(&self, space: u32, lock: LockId, holder: ActorId, until: Time) {
        self.release(space, lock);
        self.0.state.borrow_mut().holdings.push(Holding {
            space,
            lock,
            holder,
            until,
        });
    }
    /// Nobody has `lock` of address space `space`.
    pub fn release(&self, space: u32, lock: LockId) {
        let held = |holding: &Holding| (holding.space, holding.lock) != (space, lock);
        self.0.state.borrow_mut().holdings.retain(held);
    }
    /// The price of counted work without touches.
    pub fn price_counts(&self, counts: &Counts) -> Span {
        self.0.state.borrow().price_counts(counts)
    }
}

#[cold]
fn note(beyond: &mut Vec<OutOfRange>, what: &'static str, limit: u64, amount: u64) {
    match beyond.iter_mut().find(|noted| noted.what == what) {
        Some(noted) => {
            noted.worst = noted.worst.max(amount);
            noted.calls += 1;
        }
        None => beyond.push(OutOfRange {
            what,
            limit,
            worst: amount,
            calls: 1,
        }),
    }
}

impl Meter for PricingMeter {
    fn price(&mut self, counts: &Counts, touches: &[Touch]) -> Span {
        let state = &mut *self.0.state.borrow_mut();
        let mut price = state.price_counts(counts).as_picos();
        price += match &mut state.memory {
            Memory::Cached(caches) => caches.price(state.core, state.space, touches),
            Memory::Footprint { now_ps, .. } => *now_ps * touches.len() as u64,
            Memory::Free => 0,
        };
        if let Some(Some(copies)) = state.copies.get_mut(state.actor.index()) {
            let written = touches.iter().filter(|touch| touch.writes());
            let copied = written.filter(|touch| copies.write(**touch)).count();
            price += state.page_copy.as_picos() * copied as u64;
        }
        Span::from_picos(price)
    }
    fn wants_touches(&self) -> bool {
        let state = self.0.state.borrow();
        !matches!(state.memory, Memory::Free)
            || state
                .copies
                .get(state.actor.index())
                .is_some_and(Option::is_some)
    }
    fn lock_is_held(&self, lock: LockId, spent: Span) -> bool {
        let state = self.0.state.borrow();
        let instant = state.at + spent;
        state.holdings.iter().any(|holding| {
            (holding.space, holding.lock) == (state.space, lock)
                && holding.holder != state.actor
                && holding.until > instant
        })
    }
}
