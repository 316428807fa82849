//! What leaves this crate, judged from outside: one binary, because linking takes longer than running.

#![allow(
    clippy::unwrap_used,
    reason = "everything here is a test, helpers included"
)]

mod assets;
mod charts;
mod chromium;
mod common;
mod compare;
mod folder;
mod measured;
mod operations;
mod texts;
