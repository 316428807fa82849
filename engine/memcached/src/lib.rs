//! Memcached 1.6: items, the store that its threads share, the text protocol, and the threads.
//!
//! Where to start: [`store`] is what all threads share, [`thread`] says which threads there are,
//! `worker` carries out commands and `maintainer` expands the hash table.
//!
//! What is not here: slab pages and their memory limit, the LRU queues with eviction and the
//! crawler, the meta and binary protocols, `stats` and `flush_all`. So no item is ever evicted; one
//! that has expired goes when a command meets it.

mod clock;
mod command;
pub mod config;
pub mod gate;
pub mod item;
mod maintainer;
mod number;
pub mod slab;
pub mod store;
pub mod text;
pub mod thread;
mod worker;

pub use config::Config;
pub use gate::WorkerGate;
pub use store::Store;
pub use thread::{Message, ServerThread, shared_store, threads};
