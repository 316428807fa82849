//! Receipts of work: integers that the engine counts and the host prices.
//!
//! A receipt has two parts. [`Counts`] says how often each priced kind of work was done. Touches
//! say which *logical* cache lines were read or written, so that a host with a cache model can tell
//! a hit from a miss, and which pages a live child makes the parent copy. Logical addresses are a
//! region of the actor's own (a bucket array, an arena) and a line in it; real addresses never
//! enter a receipt, because they differ from run to run.

use crate::id::LockId;
use crate::limits::TOUCHES_BUFFERED_MAX;
use crate::time::Span;
use std::fmt;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// A kind of priced work.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Counter { $($(#[$doc])* $name),* }

        /// All kinds of priced work, in the order of receipts.
        pub const COUNTERS: &[Counter] = &[$(Counter::$name),*];

        impl Counter {
            /// The name in profiles and results.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

counters! {
    /// Commands looked up and dispatched.
    Commands = "commands",
    /// Elements of the protocol: arguments of requests that are read, and of replies heads of arrays,
    /// strings and numbers that are written. Each has a length or a number to read or to format.
    ProtocolElements = "protocol_elements",
    /// Keys hashed.
    KeysHashed = "keys_hashed",
    /// Bytes hashed.
    BytesHashed = "bytes_hashed",
    /// Buckets looked at, empty ones included.
    BucketsProbed = "buckets_probed",
    /// Entries whose key was compared, or that were visited otherwise.
    EntriesVisited = "entries_visited",
    /// Entries moved from an old table to a new one.
    EntriesMigrated = "entries_migrated",
    /// Bytes copied: arguments into the store, values into replies, encodings.
    BytesCopied = "bytes_copied",
    /// Bytes compared or scanned, sequentially.
    BytesScanned = "bytes_scanned",
    /// Allocations below 32 KiB, which an allocator serves from its size classes.
    AllocationsSmall = "allocations_small",
    /// Allocations from 32 KiB on, which may go to the system.
    AllocationsLarge = "allocations_large",
    /// Allocations given back.
    Frees = "frees",
    /// Nodes of linked lists and of radix trees, and levels of skip lists, that were stepped to.
    ListSteps = "list_steps",
    /// Pages of 4 KiB touched for the first time since the system gave them.
    PagesFaulted = "pages_faulted",
    /// Pages of 4 KiB given back to the system.
    PagesReleased = "pages_released",
    /// Instructions of Lua carried out by scripts, in steps of a hundred, and steps of matching their
    /// patterns.
    LuaInstructions = "lua_instructions",
}

const COUNTER_COUNT: usize = COUNTERS.len();
const _: () = assert!(COUNTER_COUNT <= 16, "DESIGN: at most 16 priced counters");

/// How often each kind of work was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; COUNTER_COUNT]);

impl Counts {
    /// How often `counter` was counted.
    #[inline]
    pub const fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }
    /// Counts `n` more.
    #[inline]
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.0[counter as usize] += n;
    }
    /// Adds another receipt.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
    /// All counts with their kinds, in receipt order.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        COUNTERS.iter().map(|&counter| (counter, self.get(counter)))
    }
    /// The numbers alone, in receipt order.
    pub const fn as_array(&self) -> &[u64; COUNTER_COUNT] {
        &self.0
    }
}

/// A logical address space of one actor, numbered by the actor: a bucket array, an entry arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(pub u16);

/// A read or write of one 64-byte line: write flag, region and line packed into 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch(u64);

impl Touch {
    /// Bytes of a logical cache line.
    pub const LINE_BYTES: u64 = 64;
    const LINE_BITS: u32 = 47;
    const WRITE: u64 = 1 << 63;

    /// A touch of `line` in `region`.
    #[inline]
    pub const fn new(region: Region, line: u64, writes: bool) -> Self {
        let line = line & ((1 << Self::LINE_BITS) - 1);
        let write = if writes { Self::WRITE } else { 0 };
        Self(write | ((region.0 as u64) << Self::LINE_BITS) | line)
    }
    /// Whether the line was written.
    #[inline]
    pub const fn writes(self) -> bool {
        self.0 & Self::WRITE != 0
    }
    /// Region and line in one number, equal for reads and writes of the same line.
    #[inline]
    pub const fn address(self) -> u64 {
        self.0 & !Self::WRITE
    }
    /// Region and 4 KiB page in one number.
    #[inline]
    pub const fn page(self) -> u64 {
        self.address() >> 6
    }
}

/// What a stretch of work is done for, where it is not the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The request itself.
    Request,
    /// A step of incremental rehashing taken on the back of a request.
    RehashStep,
    /// Rehashing by the timer.
    RehashCron,
    /// Rehashing everything at once.
    RehashAll,
    /// Allocating a new table.
    AllocateTable,
    /// Freeing an old table.
    FreeTable,
    /// The rest of the periodic timer.
    Cron,
    /// Evicting keys to stay below the memory limit.
    Evict,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 8] = [
        Self::Request,
        Self::RehashStep,
        Self::RehashCron,
        Self::RehashAll,
        Self::AllocateTable,
        Self::FreeTable,
        Self::Cron,
        Self::Evict,
    ];
    /// The name in results and charts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::RehashStep => "step",
            Self::RehashCron => "cron",
            Self::RehashAll => "rehash",
            Self::AllocateTable => "allocate",
            Self::FreeTable => "free",
            Self::Cron => "timer",
            Self::Evict => "evict",
        }
    }
}

/// A stretch of one call that is not plain request work, in time since the start of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it was for.
    pub cause: Cause,
    /// The lock that was held, if any.
    pub lock: Option<LockId>,
    /// Where it begins.
    pub from: Span,
    /// Where it ends.
    pub to: Span,
}

/// Turns receipts into time.
pub trait Meter: fmt::Debug {
    /// The price of further counts and touches, at the core and instant that the host has set.
    fn price(&mut self, counts: &Counts, touches: &[Touch]) -> Span;
    /// Whether touches matter from now on; where they do not, none are recorded.
    fn wants_touches(&self) -> bool;
    /// Whether another actor holds `lock` at `spent` into this call.
    fn lock_is_held(&self, lock: LockId, spent: Span) -> bool;
    /// Whether all work costs nothing, always; it is then never asked for a price, and must not
    /// want touches.
    fn is_free(&self) -> bool {
        false
    }
}

/// A meter for which all work is free: engine benchmarks and tests of semantics.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnpricedMeter;

impl Meter for UnpricedMeter {
    fn price(&mut self, _: &Counts, _: &[Touch]) -> Span {
        Span::ZERO
    }
    fn wants_touches(&self) -> bool {
        false
    }
    fn lock_is_held(&self, _: LockId, _: Span) -> bool {
        false
    }
    fn is_free(&self) -> bool {
        true
    }
}

/// The receipt of one call, and the means to ask what it costs so far.
#[derive(Debug)]
pub struct Work {
    /// Counted since the last pricing, if `is_counted`.
    fresh: Counts,
    is_counted: bool,
    /// Counted and priced in this call, if `is_priced`.
    priced: Counts,
    is_priced: bool,
    touches: Vec<Touch>,
    wants_touches: bool,
    spent: Span,
    segments: Vec<Segment>,
    cause: Cause,
    is_kept: bool,
    is_free: bool,
    meter: Box<dyn Meter>,
}

impl Work {
    /// A receipt that `meter` prices.
    pub fn new(meter: Box<dyn Meter>) -> Self {
        Self {
            fresh: Counts::default(),
            is_counted: false,
            priced: Counts::default(),
            is_priced: false,
            touches: Vec::new(),
            wants_touches: meter.wants_touches(),
            spent: Span::ZERO,
            segments: Vec::new(),
            cause: Cause::Request,
            is_kept: true,
            is_free: meter.is_free(),
            meter,
        }
    }
    /// A receipt that counts and costs nothing.
    pub fn unpriced() -> Self {
        Self::new(Box::new(UnpricedMeter))
    }
    /// A receipt that nobody will read: it counts nothing and costs nothing. A host on the real
    /// clock takes it, where keeping counts would take part of the time that it measures.
    pub fn unkept() -> Self {
        Self {
            is_kept: false,
            ..Self::unpriced()
        }
    }
    /// A receipt that counts nothing and still tells what was spent, because `meter` needs no counts
    /// for that: a clock that real clients are served by.
    pub fn timed(meter: Box<dyn Meter>) -> Self {
        Self {
            is_kept: false,
            wants_touches: false,
            ..Self::new(meter)
        }
    }
    /// Begins the receipt of another call.
    #[inline]
    pub fn begin(&mut self) {
        if self.is_counted {
            self.fresh = Counts::default();
            self.is_counted = false;
        }
        if self.is_priced {
            self.priced = Counts::default();
            self.is_priced = false;
        }
        self.spent = Span::ZERO;
        if self.is_kept {
            self.touches.clear();
            self.segments.clear();
            self.cause = Cause::Request;
        }
    }
    /// Asks the meter again whether touches matter: a host calls this when it has told the meter of
    /// another actor, or of a child that shares its pages.
    pub fn ask_for_touches(&mut self) {
        self.wants_touches = self.meter.wants_touches();
    }
    /// Counts `n` of a kind of work.
    #[inline]
    pub fn count(&mut self, counter: Counter, n: u64) {
        if self.is_kept {
            self.fresh.add(counter, n);
            self.is_counted = true;
        }
    }
    /// Adds a whole receipt of counts.
    pub fn count_all(&mut self, counts: &Counts) {
        if self.is_kept {
            self.fresh.merge(counts);
            self.is_counted = true;
        }
    }
    /// Records a read of one logical line.
    #[inline]
    pub fn read(&mut self, region: Region, line: u64) {
        if self.wants_touches {
            self.touch(Touch::new(region, line, false));
        }
    }
    /// Records a write of one logical line.
    #[inline]
    pub fn write(&mut self, region: Region, line: u64) {
        if self.wants_touches {
            self.touch(Touch::new(region, line, true));
        }
    }
    /// Records a read of the lines that `bytes` from `offset` cover.
    #[inline]
    pub fn read_bytes(&mut self, region: Region, offset: u64, bytes: u64) {
        self.touch_bytes(region, offset, bytes, false);
    }
    /// Records a write of the lines that `bytes` from `offset` cover.
    #[inline]
    pub fn write_bytes(&mut self, region: Region, offset: u64, bytes: u64) {
        self.touch_bytes(region, offset, bytes, true);
    }
    #[inline]
    fn touch_bytes(&mut self, region: Region, offset: u64, bytes: u64, writes: bool) {
        if !self.wants_touches || bytes == 0 {
            return;
        }
        for line in offset / Touch::LINE_BYTES..=(offset + bytes - 1) / Touch::LINE_BYTES {
            self.touch(Touch::new(region, line, writes));
        }
    }
    #[inline]
    fn touch(&mut self, touch: Touch) {
        self.touches.push(touch);
        if self.touches.len() >= TOUCHES_BUFFERED_MAX {
            self.spent();
        }
    }
    /// The price of this call so far.
    #[inline]
    pub fn spent(&mut self) -> Span {
        let is_owed = self.is_counted || !self.is_kept || !self.touches.is_empty();
        if !self.is_free && is_owed {
            self.price();
        }
        self.spent
    }
    fn price(&mut self) {
        self.spent += self.meter.price(&self.fresh, &self.touches);
        if self.is_priced {
            self.priced.merge(&self.fresh);
        } else {
            self.priced = self.fresh;
        }
        self.fresh = Counts::default();
        self.touches.clear();
        self.is_counted = false;
        self.is_priced = true;
    }
    /// Does `body` as work for `cause`; the stretch is recorded as a segment.
    #[inline]
    pub fn caused_by<R>(&mut self, cause: Cause, body: impl FnOnce(&mut Self) -> R) -> R {
        if !self.is_kept {
            return body(self);
        }
        let from = self.spent();
        let outer = std::mem::replace(&mut self.cause, cause);
        let result = body(self);
        let to = self.spent();
        self.segments.push(Segment {
            cause,
            lock: None,
            from,
            to,
        });
        self.cause = outer;
        result
    }
    /// Does `body` with `lock` held; the stretch is recorded as a segment.
    #[inline]
    pub fn holding<R>(&mut self, lock: LockId, body: impl FnOnce(&mut Self) -> R) -> R {
        if !self.is_kept {
            return body(self);
        }
        let from = self.spent();
        let result = body(self);
        let to = self.spent();
        self.segments.push(Segment {
            cause: self.cause,
            lock: Some(lock),
            from,
            to,
        });
        result
    }
    /// Whether another actor holds `lock` at this moment of the call.
    pub fn lock_is_held(&mut self, lock: LockId) -> bool {
        let spent = self.spent();
        self.meter.lock_is_held(lock, spent)
    }
    /// All that was counted in this call and priced: all, after [`Work::spent`].
    #[inline]
    pub fn priced_counts(&self) -> &Counts {
        if self.is_free {
            &self.fresh
        } else {
            &self.priced
        }
    }
    /// Whether nothing was counted or touched in this call before [`Work::spent`] was asked.
    #[inline]
    pub fn is_blank(&self) -> bool {
        if self.is_free {
            !self.is_counted
        } else {
            !self.is_priced
        }
    }
    /// The segments recorded in this call, inner ones before those around them.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
    /// The time of each segment without the segments inside it, in the order in which they ended.
    pub fn own_times(&self) -> impl Iterator<Item = (Cause, Span)> {
        // Those that no later segment has enclosed yet, with their whole lengths.
        let mut open: Vec<&Segment> = Vec::new();
        self.segments.iter().map(move |outer| {
            let mut own = outer.to.saturating_sub(outer.from);
            while let Some(inner) =
                open.pop_if(|inner| outer.from <= inner.from && inner.to <= outer.to)
            {
                own = own.saturating_sub(inner.to.saturating_sub(inner.from));
            }
            open.push(outer);
            (outer.cause, own)
        })
    }
    /// The cause that took most of this call's time beside the request itself, if any did.
    pub fn main_cause(&self) -> Option<Cause> {
        let mut causes = [Span::ZERO; Cause::ALL.len()];
        for (cause, own) in self.own_times() {
            causes[cause as usize] += own;
        }
        let longest = causes.into_iter().max().filter(|own| !own.is_zero())?;
        let index = causes.iter().position(|&own| own == longest)?;
        Cause::ALL.get(index).copied()
    }
    /// All that was counted in this call.
    pub fn counts(&self) -> Counts {
        let mut all = self.priced;
        all.merge(&self.fresh);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A meter by which every count of a command takes a nanosecond.
    #[derive(Debug)]
    struct NanosecondACommand;

    impl Meter for NanosecondACommand {
        fn price(&mut self, counts: &Counts, _: &[Touch]) -> Span {
            Span::from_nanos(counts.get(Counter::Commands))
        }
        fn wants_touches(&self) -> bool {
            false
        }
        fn lock_is_held(&self, _: LockId, _: Span) -> bool {
            false
        }
    }

    #[test]
    fn a_receipt_that_is_not_kept_shows_nothing_of_the_work_done() {
        let mut work = Work::unkept();
        work.begin();
        let done = work.caused_by(Cause::Cron, |work| {
            work.count(Counter::Commands, 2);
            work.read(Region(0), 7);
            5
        });
        assert_eq!((done, work.spent()), (5, Span::ZERO));
        assert!(work.is_blank() && work.segments().is_empty());
        assert_eq!(work.counts(), Counts::default());
    }

    #[test]
    fn a_timed_receipt_counts_nothing_and_asks_the_meter_each_time() {
        /// A clock that goes on by a nanosecond each time it is looked at.
        #[derive(Debug)]
        struct Ticking;
        impl Meter for Ticking {
            fn price(&mut self, counts: &Counts, _: &[Touch]) -> Span {
                assert_eq!(*counts, Counts::default());
                Span::from_nanos(1)
            }
            fn wants_touches(&self) -> bool {
                true
            }
            fn lock_is_held(&self, _: LockId, _: Span) -> bool {
                false
            }
        }
        let mut work = Work::timed(Box::new(Ticking));
        work.begin();
        work.count(Counter::Commands, 1);
        work.read(Region(0), 1);
        assert_eq!(work.spent(), Span::from_nanos(1));
        assert_eq!(work.spent(), Span::from_nanos(2));
        assert_eq!(work.counts(), Counts::default());
        work.begin();
        assert_eq!(work.spent(), Span::from_nanos(1));
    }

    #[test]
    fn a_segment_does_not_own_the_time_of_those_inside_it() {
        let mut work = Work::new(Box::new(NanosecondACommand));
        work.begin();
        assert_eq!(work.main_cause(), None);
        work.count(Counter::Commands, 100);
        work.caused_by(Cause::Cron, |work| {
            work.count(Counter::Commands, 1);
            work.caused_by(Cause::RehashCron, |work| {
                work.count(Counter::Commands, 2);
                work.caused_by(Cause::FreeTable, |work| work.count(Counter::Commands, 4));
                work.caused_by(Cause::RehashStep, |work| work.count(Counter::Commands, 3));
            });
            work.count(Counter::Commands, 1);
        });
        let own: Vec<(Cause, u64)> = work
            .own_times()
            .map(|(cause, own)| (cause, own.as_nanos()))
            .collect();
        assert_eq!(
            own,
            [
                (Cause::FreeTable, 4),
                (Cause::RehashStep, 3),
                (Cause::RehashCron, 2),
                (Cause::Cron, 2)
            ]
        );
        assert_eq!(work.main_cause(), Some(Cause::FreeTable));
    }
}
