//! `kvrig trace`: what a recorded trace is like.

use crate::arguments::{Trace as Arguments, TraceInfo as Info, TraceVerb};
use crate::failure::{Exit, Failure};
use crate::output;
use kvrig_base::quantity;
use kvrig_workloads::trace::{Trace, TraceFormat, TraceInfo};

pub(crate) fn trace(arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.verb {
        TraceVerb::Info(info) => print_info(info),
    }
}

fn print_info(arguments: &Info) -> Result<Exit, Failure> {
    let name = arguments.file.display().to_string();
    let format = TraceFormat::choose(&name, arguments.trace_format.as_deref())?;
    let trace = Trace::open(&arguments.file, &format)?;
    let info = TraceInfo::of(&trace);
    let part = |requests: u64| {
        format!(
            "{} ({:.2} %)",
            grouped(requests),
            100.0 * info.share(requests)
        )
    };
    let fit = info.zipf.map_or("too few keys to tell".to_owned(), |fit| {
        format!(
            "{:.4} (standard error at least {:.4})",
            fit.s, fit.standard_error
        )
    });
    let recorded = match (trace.has_times(), trace.has_kinds()) {
        (true, true) => "keys, times, operations",
        (true, false) => "keys, times",
        (false, true) => "keys, operations",
        (false, false) => "keys",
    };
    output::print(&output::columns(&[
        ["trace".to_owned(), name],
        ["recorded".to_owned(), recorded.to_owned()],
        ["requests".to_owned(), grouped(info.requests)],
        ["distinct keys".to_owned(), grouped(info.keys)],
        ["keys asked for once".to_owned(), grouped(info.one_hit_keys)],
        [
            "requests for the top key".to_owned(),
            part(info.top_1_requests),
        ],
        [
            "requests for the top 10".to_owned(),
            part(info.top_10_requests),
        ],
        [
            "requests for the top 1 %".to_owned(),
            part(info.top_percent_requests),
        ],
        ["Zipf exponent that fits".to_owned(), fit],
    ]))?;
    Ok(Exit::Pass)
}

fn grouped(count: u64) -> String {
    quantity::grouped(i64::try_from(count).unwrap_or(i64::MAX))
}
