//! Bins of ranks with their expected shares, for testing a Zipf sampler.

use crate::harmonic::harmonic_between;

/// Consecutive ranks with their expected share of draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankBin {
    /// Last rank of the bin; it begins after the last of the bin before.
    pub last: u64,
    /// Expected share of draws.
    pub share: f64,
}

/// Bins over the ranks 1..=`n` of a Zipf distribution for a chi-square test with `draws` draws.
///
/// The first 64 ranks stand alone, then bins grow by an eighth; each expects at least 20 draws.
pub fn rank_bins(n: u64, s: f64, draws: f64) -> Vec<RankBin> {
    const EXPECTED_MIN: f64 = 20.0;
    let total = harmonic_between(0, n, s);
    let mut bins: Vec<RankBin> = Vec::new();
    let mut after = 0;
    while after < n {
        let mut last = after;
        let mut share = 0.0;
        while last < n && (last == after || share * draws < EXPECTED_MIN) {
            let next = (last + 1 + last / 8 * u64::from(last >= 64)).min(n);
            share += harmonic_between(last, next, s) / total;
            last = next;
        }
        match bins.last_mut() {
            Some(bin) if share * draws < EXPECTED_MIN => {
                bin.share += share;
                bin.last = last;
            }
            _ => bins.push(RankBin { last, share }),
        }
        after = last;
    }
    bins
}
