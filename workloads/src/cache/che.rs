//! Che's approximation: the hit ratio of LRU in closed form, where requests are independent draws.
//!
//! A key is in a cache of C keys if it was asked for within the last T requests, where T, the
//! characteristic time, is the same for all keys and makes the expected number of keys present C
//! (Che, Tung and Wang, "Hierarchical web caching systems", IEEE JSAC 2002).

/// Halvings of the interval of T: its ends then differ by less than a double tells.
const HALVINGS: u32 = 60;

/// The probabilities of `keys` keys under Zipf's law with exponent `exponent`, the most popular first.
pub fn zipf_probabilities(keys: u32, exponent: f64) -> Vec<f64> {
    let weight = |rank: u32| libm::pow(f64::from(rank), -exponent);
    let mut weights: Vec<f64> = (1..=keys).map(weight).collect();
    // From the smallest on, so that few digits are lost.
    let sum: f64 = weights.iter().rev().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// The share of requests that find their key in exact LRU of `capacity` keys, in the long run, where
/// each request draws its key by `probabilities`, which make up one.
pub fn che_hit_ratio(probabilities: &[f64], capacity: u32) -> f64 {
    if capacity == 0 || probabilities.is_empty() {
        return 0.0;
    }
    let asked_for = probabilities.iter().filter(|&&p| p > 0.0).count();
    if capacity as usize >= asked_for {
        return 1.0;
    }
    let present = |time: f64| -> f64 {
        let one = |p: &f64| -libm::expm1(-p * time);
        probabilities.iter().map(one).sum()
    };
    let capacity = f64::from(capacity);
    // No time below the capacity suffices, because a request brings at most one key.
    let (mut low, mut high) = (capacity / 2.0, capacity * 2.0);
    while present(high) < capacity {
        low = high;
        high *= 2.0;
        if high > 1e18 {
            return 1.0;
        }
    }
    for _ in 0..HALVINGS {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if present(middle) < capacity {
            low = middle;
        } else {
            high = middle;
        }
    }
    let hit = |p: &f64| -p * libm::expm1(-p * high);
    probabilities.iter().map(hit).sum()
}
