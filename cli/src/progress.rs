//! How far a run is, on standard error.

use crate::interrupt::Interrupt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kvrig_sim::run::Observer;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A line such as `rehash  7/18 points, 12.4M events/s, 41s left`, or nothing where standard error
/// is no terminal or the user wants quiet.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    interrupt: Interrupt,
    events: AtomicU64,
    done: AtomicUsize,
}

/// How often the time left is drawn again while no point finishes.
const TICK: Duration = Duration::from_millis(200);

impl Progress {
    /// Begins a line for the study called `name`.
    pub(crate) fn begin(name: &str, quiet: bool, interrupt: Interrupt) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let style = ProgressStyle::with_template("{prefix}  {pos}/{len} points{msg}, {elapsed}")
            .expect("the template is well-formed");
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style);
        bar.set_prefix(name.to_owned());
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self {
            bar,
            interrupt,
            events: 0.into(),
            done: 0.into(),
        }
    }

    /// Points that are finished.
    pub(crate) fn done(&self) -> usize {
        self.done.load(Relaxed)
    }

    /// Removes the line.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn point_finished(&self, done: usize, total: usize, events: u64) {
        let events = self.events.fetch_add(events, Relaxed) + events;
        self.done.fetch_max(done, Relaxed);
        let millis = u64::try_from(self.bar.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar
            .set_message(format!(", {} k events/s", events / millis));
    }
    fn cancelled(&self) -> bool {
        self.interrupt.requested()
    }
}

/// A line such as `measuring rehash  5/24, redis-7.0 alone, u64, round 1 of 3, 31s`.
pub(crate) fn rounds(name: &str, total: u64, quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template("{prefix}  {pos}/{len}, {msg}, {elapsed}")
        .expect("the template is well-formed");
    // It is drawn when something has been measured, and not meanwhile: that would disturb it.
    let bar = ProgressBar::with_draw_target(Some(total), target).with_style(style);
    bar.set_prefix(name.to_owned());
    bar
}
