//! `kvrig validate`: the simulator beside what is known from theory, and beside real servers.

mod redis;

use crate::arguments::{Validate, ValidateWhat};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::{ending, host, output};
use kvrig_base::result::Outcome;
use kvrig_reports::text;
use kvrig_sim::validate;

pub(crate) fn validate(arguments: &Validate, quiet: bool) -> Result<Exit, Failure> {
    match arguments.what {
        ValidateWhat::Queueing => queueing(arguments, quiet),
        ValidateWhat::Redis => redis::redis(arguments, quiet),
    }
}

fn queueing(arguments: &Validate, quiet: bool) -> Result<Exit, Failure> {
    let progress = Progress::begin("queueing", quiet, Interrupt::listen());
    let checks = validate::queueing(&progress, host::jobs(arguments.jobs));
    progress.end();
    let checks = checks?;
    let table = validate::table(&checks);
    let lines = text::table(&table.head, &table.rows, ending::width());
    output::print(
        &lines
            .iter()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect::<String>(),
    )?;
    let failed = checks
        .iter()
        .filter(|check| check.gated && check.verdict == Outcome::Fail);
    Ok(if failed.count() == 0 {
        Exit::Pass
    } else {
        Exit::Failed
    })
}
