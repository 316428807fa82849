//! The node as a host sees it.

mod commands;
mod connections;
mod eviction;
mod expiry;
mod harness;
mod memory;
mod persistence;
mod policies;
mod rehash;
mod scripts;
mod snapshot;
mod steps;
mod streams;
mod timing;
mod wire;
