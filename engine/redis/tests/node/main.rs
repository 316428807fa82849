//! The node as a host sees it.

mod commands;
mod expiry;
mod harness;
mod memory;
mod rehash;
mod steps;
mod wire;
