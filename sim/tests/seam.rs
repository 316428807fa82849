//! The seam, proven small: five stores of a few lines, and a Redis node that runs long scripts, against
//! the simulating host.
//!
//! Every expected time is a sum of the prices in `seam/round_numbers.toml`, written out where it is
//! asserted. A request of these tests is on its way for 21 us: 1 us of transmission, 20 of latency.

mod seam {
    mod always;
    mod blocking_pop;
    mod clients;
    mod determinism;
    mod fork;
    mod index;
    mod long_script;
    mod patience;
    mod scenario;
    mod workers;
}
