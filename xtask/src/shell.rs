//! Running other programs, one step after another, and saying how long each took.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Why a task failed, in one sentence.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a task or step comes to.
pub(crate) type Outcome = Result<(), Failure>;

/// Cargo itself, the one that started this program.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Program {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    program(Path::new(&cargo)).args(arguments)
}

/// The program at `path`, with nothing on its standard input.
pub(crate) fn program(path: &Path) -> Program {
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    Program(command)
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

/// A program about to be run.
pub(crate) struct Program(Command);

impl Program {
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.args(arguments);
        self
    }
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }
    /// Runs it with its output passed on; anything but success is a failure.
    pub(crate) fn run(mut self) -> Outcome {
        let status = self.0.status().map_err(|error| self.failure(&error))?;
        if status.success() {
            Ok(())
        } else {
            Err(self.failure(&status))
        }
    }
    /// Runs it and gives back what it wrote to its standard output.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        let output = self
            .0
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| self.failure(&error))?;
        if !output.status.success() {
            return Err(self.failure(&output.status));
        }
        String::from_utf8(output.stdout).map_err(|error| self.failure(&error))
    }
    /// Whether it can be run at all and succeeds; its output is dropped.
    pub(crate) fn quiet_success(mut self) -> bool {
        let status = self.0.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }
    fn failure(&self, what: &dyn fmt::Display) -> Failure {
        let words: Vec<_> = std::iter::once(self.0.get_program())
            .chain(self.0.get_args())
            .map(OsStr::to_string_lossy)
            .collect();
        Failure(format!("`{}`: {what}", words.join(" ")))
    }
}

/// Runs one step between its name and its time.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    println!("== {name}");
    let begin = now();
    work().map_err(|Failure(message)| Failure(format!("{name}: {message}")))?;
    println!("== {name}: {}\n", seconds(begin.elapsed()));
    Ok(())
}

/// The clock of the machine: these are times that a person waits.
#[expect(
    clippy::disallowed_methods,
    reason = "tells a developer how long a step took"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// `12.3 s`.
pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
