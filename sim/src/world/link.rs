//! Network paths and byte rates.

use crate::cost::LinkPrices;
use kvrig_base::time::{Span, Time};

/// Fraction bits of a price per byte.
const FRACTION_BITS: u32 = 20;

/// Time per byte, in picoseconds with [`FRACTION_BITS`] of fraction: at 1 TB/s it is off by less
/// than one part in a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteRate(u64);

impl ByteRate {
    /// The rate of `bytes_per_second`, which is not zero.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        let picos = (1_000_000_000_000_u128 << FRACTION_BITS) / u128::from(bytes_per_second);
        Self(u64::try_from(picos).expect("10^12 shifted by 20 bits fits a word"))
    }
    /// How long `bytes` take, rounded down.
    #[inline]
    pub(super) fn span(self, bytes: u64) -> Span {
        let picos = (u128::from(self.0) * u128::from(bytes)) >> FRACTION_BITS;
        Span::from_picos(u64::try_from(picos).unwrap_or(u64::MAX))
    }
}

/// One direction of a network path: first in, first out.
#[derive(Clone, Debug)]
pub struct Link {
    latency: Span,
    rate: ByteRate,
    next_free: Time,
}

impl Link {
    /// An idle path.
    pub fn new(prices: &LinkPrices) -> Self {
        Self {
            latency: prices.latency,
            rate: ByteRate::new(prices.bytes_per_second),
            next_free: Time::START,
        }
    }
    /// When `bytes` that are sent at `at` have arrived in full. Calls come in order of time.
    #[inline]
    pub fn send(&mut self, at: Time, bytes: u64) -> Time {
        self.next_free = self.next_free.max(at) + self.rate.span(bytes);
        self.next_free + self.latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_while_the_link_is_busy_waits_for_it() {
        let prices = LinkPrices {
            latency: Span::from_micros(50),
            bytes_per_second: 1_000_000_000,
        };
        let mut link = Link::new(&prices);
        let micros = |n| Time::START + Span::from_micros(n);
        assert_eq!(
            link.send(micros(0), 1_000),
            micros(51),
            "1,000 bytes at 1 GB/s are 1 us"
        );
        assert_eq!(link.send(micros(0), 1_000), micros(52));
        assert_eq!(link.send(micros(10), 0), micros(60));
    }

    #[test]
    fn rates_are_right_to_one_part_in_a_million() {
        for rate in [1, 999, 1_250_000_000, 1_000_000_000_000] {
            let span = ByteRate::new(rate)
                .span(1_000 * rate.min(1 << 40))
                .as_picos();
            let exact = 1_000_000_000_000_000_u64;
            assert!(exact - span <= exact / 1_000_000, "{rate} B/s: {span}");
        }
    }
}
