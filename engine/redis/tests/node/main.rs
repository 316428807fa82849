//! The node as a host sees it.

mod commands;
mod connections;
mod eviction;
mod expiry;
mod harness;
mod memory;
mod rehash;
mod scripts;
mod snapshot;
mod steps;
mod wire;
