//! The node as a host sees it.

mod busy;
mod commands;
mod connections;
mod eviction;
mod expiry;
mod harness;
mod hostile;
mod memory;
mod persistence;
mod policies;
mod rehash;
#[path = "../differential/requests/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each test program uses its part")]
mod requests;
mod scripts;
mod server;
mod snapshot;
mod steps;
mod streams;
mod timing;
mod wire;
