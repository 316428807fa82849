//! The stores on a real clock.
//!
//! The same actors that the simulator hosts in virtual time run here on this machine's: [`host`]
//! drives one actor in this thread, with the monotonic clock behind
//! [`kvrig_base::seam::Work::spent`] and its timer on real time. [`grow`] measures tables and nodes
//! that grow, [`clock`] says what measuring costs and how still the machine is, [`machine`] which
//! one it is.
//!
//! [`serve`] puts a Redis node on real sockets. This crate holds no semantics of a store. It has no
//! files and children yet: a store that asks for one is refused.

pub mod clock;
mod distribution;
pub mod grow;
pub mod host;
pub mod load;
pub mod machine;
mod meter;
pub mod serve;

pub use clock::{Clock, RealClock};
pub use host::{Host, HostError};
