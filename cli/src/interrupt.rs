//! Ctrl-C: the first asks the run to stop, the second stops the program.

use crate::failure::Exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user has asked to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen for Ctrl-C and for the request to terminate. Call it once.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        let flag = Arc::clone(&interrupt.0);
        let listening = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(Exit::Interrupted as u8));
            }
        });
        if let Err(error) = listening {
            anstream::eprintln!("warning: Ctrl-C will stop the program at once: {error}");
        }
        interrupt
    }

    /// For loops of input and output: an error once it was asked for.
    pub(crate) fn check(&self) -> std::io::Result<()> {
        match self.requested() {
            true => Err(std::io::ErrorKind::Interrupted.into()),
            false => Ok(()),
        }
    }

    /// Whether it was asked for.
    pub(crate) fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
