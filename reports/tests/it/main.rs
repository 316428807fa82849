//! What leaves this crate, judged from outside: one binary, because linking takes longer than running.

mod assets;
mod charts;
mod chromium;
mod common;
mod compare;
mod folder;
mod texts;
