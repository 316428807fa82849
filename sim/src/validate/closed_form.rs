//! What queueing theory says exactly. Times are in service means unless an argument says otherwise.
//!
//! Sources: Kleinrock, "Queueing Systems" volume 1 (1975); for closed networks Reiser and
//! Lavenberg, "Mean-value analysis of closed multichain queuing networks" (JACM 27, 1980).

/// Mean wait before service in M/G/1, from the arrival rate and the first two moments of service:
/// the formula of Pollaczek and Khinchine (Kleinrock 5.70).
///
/// # Panics
/// If the queue is not stable.
pub fn pollaczek_khinchine_wait(arrival_rate: f64, service_mean: f64, service_square: f64) -> f64 {
    let load = arrival_rate * service_mean;
    assert!(load < 1.0, "a queue at load {load} has no steady state");
    arrival_rate * service_square / (2.0 * (1.0 - load))
}

/// Mean wait before service in M/M/1 (Kleinrock 3.26 less the service).
pub fn mm1_wait(load: f64) -> f64 {
    pollaczek_khinchine_wait(load, 1.0, 2.0)
}

/// The `p`-quantile of the time in an M/M/1 system, which is exponential with rate 1 - load.
///
/// # Panics
/// If the queue is not stable or `p` is not inside [0, 1).
pub fn mm1_sojourn_quantile(load: f64, p: f64) -> f64 {
    assert!(
        load < 1.0 && (0.0..1.0).contains(&p),
        "a quantile of a stable queue"
    );
    -libm::log1p(-p) / (1.0 - load)
}

/// Mean wait before service in M/D/1.
pub fn md1_wait(load: f64) -> f64 {
    pollaczek_khinchine_wait(load, 1.0, 1.0)
}

/// The probability of waiting in M/M/c at offered load `load` per server: Erlang's C formula, by
/// the recursion of his B formula.
///
/// # Panics
/// If there are no servers or the queue is not stable.
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    assert!(servers > 0 && load < 1.0, "a stable queue with servers");
    let offered = load * f64::from(servers);
    let blocked = (1..=servers).fold(1.0, |blocked, server| {
        offered * blocked / (f64::from(server) + offered * blocked)
    });
    blocked / (1.0 - load * (1.0 - blocked))
}

/// Mean wait before service in M/M/c, over all customers.
pub fn mmc_wait(servers: u32, load: f64) -> f64 {
    erlang_c(servers, load) / (f64::from(servers) * (1.0 - load))
}

/// A closed network in its steady state.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedNetwork {
    /// Completions per unit of time.
    pub throughput: f64,
    /// Mean time from the end of thinking to the reply.
    pub response: f64,
    /// Mean customers at each station.
    pub present: Vec<f64>,
}

/// Exact mean value analysis: `customers` that think for `think` on average and then visit each
/// single-server station once, with these mean `services` (exponential, first come first served).
pub fn mean_value_analysis(services: &[f64], think: f64, customers: u32) -> ClosedNetwork {
    let mut network = ClosedNetwork {
        throughput: 0.0,
        response: 0.0,
        present: vec![0.0; services.len()],
    };
    for population in 1..=customers {
        // An arriving customer sees the network as it is with one customer less.
        let residence: Vec<f64> = services
            .iter()
            .zip(&network.present)
            .map(|(service, present)| service * (1.0 + present))
            .collect();
        network.response = residence.iter().sum();
        network.throughput = f64::from(population) / (think + network.response);
        network.present = residence
            .iter()
            .map(|time| network.throughput * time)
            .collect();
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: f64, printed: f64, decimals: i32) {
        let unit = libm::pow(10.0, f64::from(-decimals));
        assert!(
            (found - printed).abs() <= 0.5000001 * unit,
            "{found} instead of {printed}"
        );
    }

    #[test]
    fn single_servers_have_their_known_waits() {
        for (load, wait, p99, deterministic) in [
            (0.5, 1.0, 9.210, 0.5),
            (0.8, 4.0, 23.026, 2.0),
            (0.9, 9.0, 46.052, 4.5),
        ] {
            check(mm1_wait(load), wait, 9);
            check(mm1_sojourn_quantile(load, 0.99), p99, 3);
            check(md1_wait(load), deterministic, 9);
        }
    }

    #[test]
    fn four_servers_follow_erlang_s_tables() {
        for (load, waiting, wait) in [
            (0.5, 0.1739, 0.0870),
            (0.8, 0.5964, 0.7455),
            (0.9, 0.7878, 1.9694),
        ] {
            check(erlang_c(4, load), waiting, 4);
            check(mmc_wait(4, load), wait, 4);
        }
    }

    #[test]
    fn one_server_is_the_special_case_of_many() {
        for load in [0.1, 0.5, 0.95] {
            check(erlang_c(1, load), load, 12);
            check(mmc_wait(1, load), mm1_wait(load), 10);
        }
    }

    #[test]
    fn rare_stalls_make_waits_that_the_load_does_not_show() {
        // Service 1, and with probability 1/10,000 a stall of 1,000: E[S^2] = 1 + 0.2 + 100.
        check(pollaczek_khinchine_wait(0.5, 1.1, 101.2), 56.2, 1);
    }

    #[test]
    fn a_closed_network_fills_up_to_its_bottleneck() {
        for (customers, throughput, response) in [
            (1, 0.01942, 1.5),
            (10, 0.19323, 1.7522),
            (50, 0.88533, 6.4761),
            (100, 1.0, 50.0),
        ] {
            let network = mean_value_analysis(&[1.0, 0.5], 50.0, customers);
            check(network.throughput, throughput, 5);
            check(
                network.response,
                response,
                4.min(if customers == 100 { 3 } else { 4 }),
            );
        }
    }
}
