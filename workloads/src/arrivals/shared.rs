//! Arrivals that many follow and that are drawn once.
//!
//! Cells of a study that ask at the same rate under the same seed see the same arrivals. Each of these
//! costs a logarithm and a division; here the first who comes by draws them, and who follows adds up
//! gaps.

use super::Arrivals;
use kvrig_base::quantity::Bytes;
use kvrig_base::time::{Span, Time};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Arrivals that are drawn in a row.
const STRETCH: usize = 1 << 16;
/// In the place of a gap that is kept beside the others.
const LONG: u32 = u32::MAX;

/// How many stretches of arrivals may be kept, whoever's they are.
#[derive(Debug)]
pub struct Room {
    stretches: AtomicUsize,
}

impl Room {
    /// Room for arrivals of about so many bytes.
    pub const fn of(bytes: Bytes) -> Self {
        let stretches = bytes.0 / (STRETCH * size_of::<u32>()) as u64;
        Self {
            stretches: AtomicUsize::new(stretches as usize),
        }
    }
    /// Bytes that so many arrivals take.
    pub const fn bytes(arrivals: u64) -> Bytes {
        let stretches = arrivals.div_ceil(STRETCH as u64);
        Bytes(stretches.saturating_mul((STRETCH * size_of::<u32>()) as u64))
    }
    /// Whether there was room for one more, which is taken.
    fn take(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let taken = self
            .stretches
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.is_ok()
    }
}

/// The beginning of arrivals that are drawn once.
#[derive(Clone, Debug)]
pub struct SharedArrivals {
    room: Arc<Room>,
    first: Arc<Stretch>,
}

/// Arrivals one after another, with what comes behind them.
#[derive(Debug)]
struct Stretch {
    /// Picoseconds from one arrival to the next, the first from the end of the stretch before.
    gaps: Box<[u32]>,
    /// Gaps that do not fit.
    long: Box<[Span]>,
    /// Whether no arrivals come behind it.
    is_last: bool,
    /// Those that do, to whoever draws them.
    behind: Arrivals,
    /// The next stretch, once somebody came so far; nothing where there was no room for it.
    next: OnceLock<Option<Arc<Self>>>,
}

impl Stretch {
    /// No arrivals, before the first.
    fn before(arrivals: Arrivals) -> Self {
        Self {
            gaps: Box::default(),
            long: Box::default(),
            is_last: false,
            behind: arrivals,
            next: OnceLock::new(),
        }
    }
    /// Those behind `arrivals`, the last of which came `at`.
    fn drawn(mut arrivals: Arrivals, mut at: Time) -> Self {
        let mut times = Vec::with_capacity(STRETCH);
        arrivals.next_block(STRETCH, &mut times);
        let is_last = times.len() < STRETCH;
        let mut long = Vec::new();
        let gap = |time: Time| {
            let span = time.since(std::mem::replace(&mut at, time));
            match u32::try_from(span.as_picos()) {
                Ok(gap) if gap != LONG => gap,
                _ => {
                    long.push(span);
                    LONG
                }
            }
        };
        Self {
            gaps: times.into_iter().map(gap).collect(),
            long: long.into(),
            is_last,
            behind: arrivals,
            next: OnceLock::new(),
        }
    }
}

impl SharedArrivals {
    /// `arrivals`, of which as many are kept as `room` is left for.
    pub fn new(arrivals: Arrivals, room: Arc<Room>) -> Self {
        Self {
            room,
            first: Arc::new(Stretch::before(arrivals)),
        }
    }
    /// The arrivals from the first one on.
    pub fn follow(&self) -> FollowedArrivals {
        FollowedArrivals {
            room: Arc::clone(&self.room),
            stretch: Arc::clone(&self.first),
            taken: 0,
            taken_long: 0,
            at: Time::START,
            own: None,
        }
    }
}

/// Arrivals that are followed.
#[derive(Clone, Debug)]
pub struct FollowedArrivals {
    room: Arc<Room>,
    stretch: Arc<Stretch>,
    /// Gaps of the stretch that were taken, and long ones among them.
    taken: usize,
    taken_long: usize,
    /// The last arrival.
    at: Time,
    /// Where no more are kept.
    own: Option<Box<Arrivals>>,
}

impl FollowedArrivals {
    /// The next `count` arrivals, or as many as there are, behind what `times` holds: those that
    /// [`Arrivals::next_block`] gives.
    pub fn next_block(&mut self, count: usize, times: &mut Vec<Time>) {
        let mut left = count;
        while left > 0 {
            if let Some(own) = &mut self.own {
                own.next_block(left, times);
                return;
            }
            let rest = &self.stretch.gaps[self.taken..];
            if rest.is_empty() {
                if self.stretch.is_last {
                    return;
                }
                self.go_on();
                continue;
            }
            let gaps = &rest[..left.min(rest.len())];
            times.extend(gaps.iter().map(|&gap| {
                let span = match gap {
                    LONG => {
                        self.taken_long += 1;
                        self.stretch.long[self.taken_long - 1]
                    }
                    gap => Span::from_picos(u64::from(gap)),
                };
                self.at += span;
                self.at
            }));
            self.taken += gaps.len();
            left -= gaps.len();
        }
    }
    /// To the next stretch, which others wait for while it is drawn.
    fn go_on(&mut self) {
        let stretch = &self.stretch;
        let next = stretch.next.get_or_init(|| {
            let drawn = || Arc::new(Stretch::drawn(stretch.behind.clone(), self.at));
            self.room.take().then(drawn)
        });
        match next.clone() {
            Some(next) => {
                (self.stretch, self.taken, self.taken_long) = (next, 0, 0);
            }
            None => self.own = Some(Box::new(stretch.behind.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::{Pacing, Phase, RateProfile};
    use kvrig_base::quantity::Rate;
    use kvrig_base::random::Seed;
    use proptest::prelude::*;

    fn poisson(profile: RateProfile) -> Arrivals {
        Arrivals::new(Pacing::Poisson, profile, Seed(3).stream("arrivals"), 0)
    }
    fn room(stretches: usize) -> Arc<Room> {
        Arc::new(Room::of(Room::bytes((stretches * STRETCH) as u64)))
    }
    fn taken(mut follow: impl FnMut(usize, &mut Vec<Time>), blocks: &[usize]) -> Vec<Time> {
        let mut times = Vec::new();
        blocks.iter().for_each(|&count| follow(count, &mut times));
        times
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn whoever_follows_sees_what_is_drawn(
            stretches in 0_usize..4,
            // Of 1 a second every gap is long, of 1,000 one in a hundred, of 10^6 none.
            rate in prop::sample::select(vec![1_u64, 1_000, 1_000_000]),
            blocks in prop::collection::vec(1_usize..60_000, 1..8),
        ) {
            let profile = RateProfile::constant(Rate::per_second(rate)).unwrap();
            let mut alone = poisson(profile.clone());
            let expected = taken(|count, times| alone.next_block(count, times), &blocks);
            let shared = SharedArrivals::new(poisson(profile), room(stretches));
            for _ in 0..2 {
                let mut followed = shared.follow();
                let seen = taken(|count, times| followed.next_block(count, times), &blocks);
                prop_assert!(seen == expected, "the same {} arrivals", expected.len());
            }
        }
    }

    #[test]
    fn arrivals_that_end_are_followed_to_their_end() {
        let second = Phase::constant(Span::from_secs(1), Rate::per_second(100));
        let profile = RateProfile::once(vec![second], Rate(0)).unwrap();
        let expected: Vec<Time> = poisson(profile.clone()).collect();
        let shared = SharedArrivals::new(poisson(profile), room(2));
        for _ in 0..2 {
            let mut followed = shared.follow();
            let seen = taken(
                |count, times| followed.next_block(count, times),
                &[70, 70, 70],
            );
            assert!(!expected.is_empty());
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn room_is_taken_once_whoever_follows() {
        let profile = RateProfile::constant(Rate::per_second(1_000)).unwrap();
        let room = room(3);
        let shared = SharedArrivals::new(poisson(profile), Arc::clone(&room));
        for _ in 0..3 {
            taken(
                |count, times| shared.follow().next_block(count, times),
                &[STRETCH + 1],
            );
        }
        assert_eq!(room.stretches.load(Ordering::Relaxed), 1);
    }
}
