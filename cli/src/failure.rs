//! How the program ends, and how it says why.

use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_reports::folder::FolderError;
use kvrig_sim::run::RunError;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Exit codes, as scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Pass = 0,
    /// Something went wrong that the user did not write.
    Runtime = 1,
    /// Wrong usage or bad input; clap exits with the same.
    BadInput = 2,
    /// A threshold failed, or behaviour worsened.
    Failed = 3,
    /// A baseline or schema is missing or incompatible.
    NoBaseline = 4,
    /// Interrupted: 128 + SIGINT, as shells report it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb did not finish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something that has a code and perhaps a place.
    #[error("bad input")]
    Diagnosed(Vec<Diagnostic>),
    /// A file or the terminal did not do what it was asked to.
    #[error("{what}: {error}")]
    System {
        /// What was being done.
        what: String,
        /// What the system answered.
        error: io::Error,
    },
    /// A chart or page could not be made of the results.
    #[error("{0}")]
    Report(String),
    /// The user stopped it.
    #[error("{0}")]
    Interrupted(String),
}

impl Failure {
    /// For `map_err`: names what was being done.
    pub(crate) fn system(what: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        let what = what.to_string();
        move |error| Self::System { what, error }
    }

    /// The code to exit with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            // Who reads no further, as `head` does, has what was wanted.
            Self::System { error, .. } if error.kind() == io::ErrorKind::BrokenPipe => Exit::Pass,
            Self::System { .. } | Self::Report(_) => Exit::Runtime,
            Self::Interrupted(_) => Exit::Interrupted,
            Self::Diagnosed(all) => match all.first().map_or("", |first| first.code) {
                code if code == diagnostic::BASELINE_MISSING.name => Exit::NoBaseline,
                code if code == diagnostic::INCOMPATIBLE.name => Exit::NoBaseline,
                code if code.starts_with("KV4") => Exit::Runtime,
                _ => Exit::BadInput,
            },
        }
    }

    /// Says it on standard error.
    pub(crate) fn print(&self) {
        match self {
            Self::Diagnosed(all) => {
                for diagnostic in all.iter().take(SHOWN_MAX) {
                    show(diagnostic);
                }
                if all.len() > SHOWN_MAX {
                    anstream::eprintln!("and {} more like these", all.len() - SHOWN_MAX);
                }
            }
            Self::System { error, .. } if error.kind() == io::ErrorKind::BrokenPipe => {}
            Self::System { .. } | Self::Report(_) => anstream::eprintln!("error: {self}"),
            Self::Interrupted(message) => anstream::eprintln!("{message}"),
        }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Diagnosed(vec![diagnostic])
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(all: Vec<Diagnostic>) -> Self {
        Self::Diagnosed(all)
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Refused(diagnostic) => diagnostic.into(),
            FolderError::Io { path, source } => Self::System {
                what: path.display().to_string(),
                error: source,
            },
            other => Self::Report(other.to_string()),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Failed(diagnostic) => diagnostic.into(),
            RunError::Cancelled => Self::Interrupted("interrupted".to_owned()),
            RunError::Store(error) => Self::System {
                what: "storing a finished point".into(),
                error,
            },
        }
    }
}

/// Messages shown at once: who has more to correct wants the first ones.
const SHOWN_MAX: usize = 5;

/// Prints one message on standard error.
pub(crate) fn show(diagnostic: &Diagnostic) {
    let stderr = io::stderr();
    let colour = anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never;
    anstream::eprint!("{}", render(diagnostic, colour && stderr.is_terminal()));
}

/// Columns of a rendered message where no terminal says otherwise.
const PLAIN_COLUMNS: usize = 100;

/// The message with its source line and caret, as one text that ends with a line break.
pub(crate) fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(PLAIN_COLUMNS)
        .with_links(false);
    let mut text = String::new();
    match handler.render_report(&mut text, &Rendered::new(diagnostic)) {
        Ok(()) => text,
        Err(fmt::Error) => format!("{diagnostic}\n"),
    }
}

/// A diagnostic as miette wants to see it.
#[derive(Debug)]
struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<NamedSource<String>>,
}

impl<'a> Rendered<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Self {
        let source = diagnostic
            .place
            .as_ref()
            .map(|place| NamedSource::new(&place.name, place.text.clone()).with_language("TOML"));
        Self { diagnostic, source }
    }
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Rendered<'_> {}

impl miette::Diagnostic for Rendered<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        // Where the message has no advice of its own, that of its kind.
        let own = self.diagnostic.help.as_deref();
        let help =
            own.or_else(|| diagnostic::find(self.diagnostic.code).map(|code| code.advice))?;
        Some(Box::new(help))
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.diagnostic.place.as_ref()?;
        let label = Some(place.label.clone()).filter(|label| !label.is_empty());
        let span = place.span.start
            ..place
                .span
                .end
                .max(place.span.start + 1)
                .min(place.text.len());
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            label, span,
        ))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_code_place_caret_and_help() {
        let text = "schema = 1\n[run]\nseed = \"one\"\n";
        let diagnostic = Diagnostic::new(diagnostic::WRONG_TYPE, "`run.seed` must be an integer")
            .at("study.toml", text, 24..29, "text")
            .help("write `seed = 1`");
        let rendered = render(&diagnostic, false);
        for part in [
            "KV1003",
            "study.toml:3:8",
            "must be an integer",
            "╰── text",
            "seed = 1",
        ] {
            assert!(rendered.contains(part), "{part} is missing in\n{rendered}");
        }
        assert!(!rendered.contains('\u{1b}'));
        assert!(render(&diagnostic, true).contains('\u{1b}'));
    }

    #[test]
    fn a_place_at_the_end_of_a_file_is_shown() {
        let diagnostic = Diagnostic::new(diagnostic::SYNTAX, "unclosed table").at(
            "study.toml",
            "[run",
            4..4,
            "here",
        );
        assert!(render(&diagnostic, false).contains("study.toml:1:"));
    }

    #[test]
    fn exit_codes_follow_the_family_of_the_error() {
        let exit = |code| Failure::from(Diagnostic::new(code, "")).exit();
        assert_eq!(exit(diagnostic::UNKNOWN_KEY), Exit::BadInput);
        assert_eq!(exit(diagnostic::TRACE_TRUNCATED), Exit::BadInput);
        assert_eq!(exit(diagnostic::CONSERVATION), Exit::Runtime);
        assert_eq!(exit(diagnostic::BASELINE_MISSING), Exit::NoBaseline);
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::system("standard output")(pipe).exit(), Exit::Pass);
    }
}
