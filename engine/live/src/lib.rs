//! The stores on a real clock.
//!
//! The same actors that the simulator hosts in virtual time run here on this machine's: [`host`]
//! drives one actor in this thread, with the monotonic clock behind
//! [`kvrig_base::seam::Work::spent`] and its timer on real time. [`grow`] measures tables and nodes
//! that grow, [`calibrate`] what the parts of the machine take, [`clock`] says what measuring costs
//! and how still the machine is, [`machine`] which one it is.
//!
//! [`serve`] puts a Redis node on real sockets and lets a forked child write its snapshots; [`load`]
//! puts load on real servers. This crate holds no semantics of a store.

pub mod calibrate;
pub mod clock;
mod distribution;
mod fork;
pub mod grow;
pub mod host;
pub mod load;
pub mod machine;
mod meter;
pub mod serve;

pub use clock::{Clock, RealClock};
pub use host::{Host, HostError};
