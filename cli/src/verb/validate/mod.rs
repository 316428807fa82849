//! `kvrig validate`: the simulator beside what is known from theory, and beside real servers.

mod redis;

use crate::arguments::{Validate, ValidateWhat};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::{ending, host, output};
use kvrig_base::result::{Outcome, Table};
use kvrig_reports::text;
use kvrig_sim::validate;

pub(crate) fn validate(arguments: &Validate, quiet: bool) -> Result<Exit, Failure> {
    match arguments.what {
        ValidateWhat::Queueing => queueing(arguments, quiet),
        ValidateWhat::Dynamodb => dynamodb(),
        ValidateWhat::Redis => redis::redis(arguments, quiet),
    }
}

fn queueing(arguments: &Validate, quiet: bool) -> Result<Exit, Failure> {
    let progress = Progress::begin("queueing", quiet, Interrupt::listen());
    let checks = validate::queueing(&progress, host::jobs(arguments.jobs));
    progress.end();
    let checks = checks?;
    print(&validate::table(&checks))?;
    let failed = checks
        .iter()
        .filter(|check| check.gated && check.verdict == Outcome::Fail);
    Ok(if failed.count() == 0 {
        Exit::Pass
    } else {
        Exit::Failed
    })
}

fn dynamodb() -> Result<Exit, Failure> {
    let checks = validate::dynamodb::dynamodb();
    print(&validate::dynamodb::table(&checks))?;
    let all_hold = checks.iter().all(validate::dynamodb::Check::holds);
    output::print(&format!("{} worked examples\n\n", checks.len()))?;
    let (published, have_shape) = validate::partitions::table(|_| true)?;
    print(&published)?;
    let count = published.rows.len();
    output::print(&format!("{count} published experiments\n"))?;
    Ok(if all_hold && have_shape {
        Exit::Pass
    } else {
        Exit::Failed
    })
}

fn print(table: &Table) -> Result<(), Failure> {
    let lines = text::table(&table.head, &table.rows, ending::width());
    let lines = lines.iter().map(|line| format!("{}\n", line.trim_end()));
    output::print(&lines.collect::<String>())
}
