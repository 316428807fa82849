//! A hot set that moves on: yesterday's news is cold today.

use super::{Hotspot, KeySpace};
use crate::error::Error;
use kvrig_base::quantity::Share;
use kvrig_base::random::Draws;
use kvrig_base::time::{Span, Time};

/// After what the hot set consists of other keys altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turnover {
    /// After this many operations.
    Operations(u64),
    /// After this time, by the intended starts of operations.
    Time(Span),
}

/// A hot set of keys that slides over the initial keys, one key after another.
///
/// The hot set is a window of consecutive keys. Within one turnover it moves by its own length, key
/// by key, and after the last initial key it goes on with the first. Keys that are added are cold.
#[derive(Clone, Copy, Debug)]
pub struct MovingHotspot {
    window: Hotspot,
    keys: u64,
    turnover: Turnover,
}

impl MovingHotspot {
    /// `keys` of the initial keys, at least one, receive `requests` of all requests, and are others
    /// after one `turnover`.
    ///
    /// # Errors
    /// If a share exceeds the whole, the key space is out of range or a turnover takes no time.
    pub fn new(
        space: KeySpace,
        keys: Share,
        requests: Share,
        turnover: Turnover,
    ) -> Result<Self, Error> {
        if matches!(
            turnover,
            Turnover::Operations(0) | Turnover::Time(Span::ZERO)
        ) {
            return Err(Error::NoPeriod);
        }
        Ok(Self {
            window: Hotspot::new(space, keys, requests)?,
            keys: space.initial.max(1),
            turnover,
        })
    }
    /// Whether the place of the hot set depends on time.
    pub const fn needs_time(&self) -> bool {
        matches!(self.turnover, Turnover::Time(_))
    }
    /// The first key of the hot set at operation `index`, which is meant to start `at`.
    pub fn first_hot_key(&self, index: u64, at: Time) -> u64 {
        let (gone, turnover) = match self.turnover {
            Turnover::Operations(operations) => (index, operations),
            Turnover::Time(span) => (at.as_picos(), span.as_picos()),
        };
        let moved = u128::from(gone) * u128::from(self.window.hot_keys) / u128::from(turnover);
        (moved % u128::from(self.keys)) as u64
    }
    pub(super) fn top_share(&self, k: u64, present: u64) -> f64 {
        self.window.top_share(k, present)
    }
    #[inline]
    pub(super) fn key(&self, index: u64, at: Time, present: u64, draws: &mut Draws) -> u64 {
        let place = self.window.key(present, draws);
        // Places count from the hot set: those of the initial keys go round with it.
        match place < self.keys && present >= self.keys {
            true => {
                let shifted = place + self.first_hot_key(index, at);
                match shifted < self.keys {
                    true => shifted,
                    false => shifted - self.keys,
                }
            }
            false => place,
        }
    }
}
