//! The `kvrig` program: arguments, output, progress and exit codes.
//!
//! Nothing is computed here. Results go to standard output, everything else to standard error.

mod arguments;
mod calibration;
mod ending;
mod failure;
mod files;
mod host;
mod interrupt;
mod measure;
mod output;
mod progress;
mod study;
mod verb;

use arguments::{Arguments, Verb};
use clap::Parser;
use failure::{Exit, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exit = match dispatch(&arguments) {
        Ok(exit) => exit,
        Err(failure) => {
            failure.print();
            failure.exit()
        }
    };
    exit.into()
}

fn dispatch(arguments: &Arguments) -> Result<Exit, Failure> {
    let quiet = arguments.quiet;
    match &arguments.verb {
        Verb::List => verb::list::list(),
        Verb::New(new) => verb::new::new(new),
        Verb::Run(run) => verb::run::run(run, quiet),
        Verb::Report(report) => verb::report::report(report, quiet),
        Verb::Explain(explain) => verb::explain::explain(explain),
        Verb::Schema(schema) => verb::schema::schema(schema),
        Verb::Validate(validate) => verb::validate::validate(validate, quiet),
        Verb::Calibrate(calibrate) => verb::calibrate::calibrate(calibrate, quiet),
        Verb::Serve(serve) => verb::serve::serve(serve, quiet),
        Verb::Trace(trace) => verb::trace::trace(trace),
        Verb::Import(import) => verb::import::import(import),
        Verb::Bench(bench) => verb::bench::bench(bench, quiet),
        Verb::Compare(compare) => verb::compare::compare(compare),
        Verb::Accept(accept) => verb::accept::accept(accept),
    }
}
