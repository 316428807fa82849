//! `kvrig trace`: what a recorded trace is like, and the same in another format.

use crate::arguments::{Trace as Arguments, TraceConvert as Convert, TraceInfo as Info, TraceVerb};
use crate::failure::{Exit, Failure};
use crate::output;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity;
use kvrig_workloads::trace::{
    QUANTILES_PER_MILLE, Rates, SizeSummary, TargetFormat, Trace, TraceFormat, TraceInfo, convert,
    gzip_writer,
};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

pub(crate) fn trace(arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.verb {
        TraceVerb::Info(info) => print_info(info),
        TraceVerb::Convert(convert) => write_converted(convert),
    }
}

fn print_info(arguments: &Info) -> Result<Exit, Failure> {
    let name = arguments.file.display().to_string();
    let format = TraceFormat::choose(&name, arguments.trace_format.as_deref())?;
    let trace = Trace::open(&arguments.file, &format)?;
    let info = TraceInfo::of(&trace);
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
    let part = |requests: u64| {
        let share = 100.0 * info.share(requests);
        format!("{} ({share:.2} %)", grouped(requests))
    };
    row("trace", name.clone());
    row("recorded", recorded(&trace, &info));
    row("requests", grouped(info.requests));
    row("distinct keys", grouped(info.keys));
    row("keys asked for once", grouped(info.one_hit_keys));
    row("requests for the top key", part(info.top_1_requests));
    row("requests for the top 10", part(info.top_10_requests));
    row("requests for the top 1 %", part(info.top_percent_requests));
    row(
        "Zipf exponent that fits",
        info.zipf.map_or("too few keys to tell".to_owned(), |fit| {
            let verdict = if fit.fits() { "fits" } else { "fits badly" };
            format!(
                "{:.4} (standard error at least {:.4}; {verdict}: shares of the top keys are off \
                 by up to {:.1} %)",
                fit.s,
                fit.standard_error,
                100.0 * fit.distance
            )
        }),
    );
    for &(kind, count) in &info.kinds {
        row(&format!("requests that are {}", kind.name()), part(count));
    }
    for (name, sizes) in [
        ("key bytes", info.key_bytes),
        ("value bytes", info.value_bytes),
    ] {
        if let Some(sizes) = sizes {
            row(name, quantiles(&sizes));
        }
    }
    if let Some(ttl) = info.ttl_median {
        row("time to live, median", ttl.to_string());
    }
    if let Some(rates) = &info.rates {
        row("time", rates.span.to_string());
        row("rate", format!("{:.1}/s", rates.mean()));
        row("rate by tenths of the time", tenths(rates));
    }
    for (what, count) in trace.left_out() {
        row(&format!("left out: {what}"), grouped(*count));
    }
    output::print(&format!(
        "{}\n{}",
        output::columns(&rows),
        info.to_toml(&name)
    ))?;
    Ok(Exit::Pass)
}

fn recorded(trace: &Trace, info: &TraceInfo) -> String {
    let parts = [
        (true, "keys"),
        (trace.has_times(), "times"),
        (trace.has_kinds(), "operations"),
        (info.key_bytes.is_some(), "key sizes"),
        (info.value_bytes.is_some(), "value sizes"),
        (info.ttl_median.is_some(), "times to live"),
    ];
    let named = parts.iter().filter(|(named, _)| *named);
    named.map(|&(_, name)| name).collect::<Vec<_>>().join(", ")
}

fn quantiles(sizes: &SizeSummary) -> String {
    let mut text = format!("mean {}", grouped(sizes.mean));
    for (share, quantile) in QUANTILES_PER_MILLE.iter().zip(sizes.quantiles) {
        let (whole, tenth) = (share / 10, share % 10);
        let tenth = if tenth == 0 {
            String::new()
        } else {
            format!(".{tenth}")
        };
        text += &format!(", p{whole}{tenth} {}", grouped(quantile.into()));
    }
    text + &format!(", max {}", grouped(sizes.max.into()))
}

fn tenths(rates: &Rates) -> String {
    let rates = rates.by_tenth();
    rates.map(|rate| format!("{rate:.1}")).join(" ")
}

fn grouped(count: u64) -> String {
    quantity::grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

fn write_converted(arguments: &Convert) -> Result<Exit, Failure> {
    let name = arguments.file.display().to_string();
    let from = TraceFormat::choose(&name, arguments.trace_format.as_deref())?;
    let to = target(&arguments.to)?;
    let unreadable = |error: std::io::Error| {
        let message = format!("{name} cannot be read: {error}");
        Diagnostic::new(diagnostic::UNREADABLE, message)
    };
    let open = || File::open(&arguments.file).map_err(unreadable);
    // A trace that cannot be read shall leave no empty file behind.
    drop(open()?);
    let path: &Path = &arguments.output;
    let file = File::create_new(path).map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Diagnostic::new(diagnostic::USAGE, message).help("choose a new file with `-o`")
    })?;
    let done = write(path, file, |out| convert(&name, open, &from, to, out));
    let done = done.inspect_err(|_| {
        // What is there so far is no trace.
        let _ = std::fs::remove_file(path);
    })?;
    output::print(&format!(
        "{}: {} requests\n",
        path.display(),
        grouped(done.requests)
    ))?;
    for remark in done.remarks {
        anstream::eprintln!("{remark}");
    }
    Ok(Exit::Pass)
}

/// Gives `body` a buffered file, which compresses where its name says so.
fn write<T>(
    path: &Path,
    file: File,
    body: impl FnOnce(&mut dyn Write) -> Result<T, Diagnostic>,
) -> Result<T, Failure> {
    let mut plain = BufWriter::new(file);
    let done = if path.extension().is_some_and(|ending| ending == "gz") {
        let mut packed = gzip_writer(&mut plain);
        let done = body(&mut packed)?;
        packed.finish().map_err(Failure::system(path.display()))?;
        done
    } else {
        body(&mut plain)?
    };
    plain.flush().map_err(Failure::system(path.display()))?;
    Ok(done)
}

fn target(name: &str) -> Result<TargetFormat, Diagnostic> {
    let found = TargetFormat::NAMED.iter().find(|(known, _)| *known == name);
    found.map(|&(_, format)| format).ok_or_else(|| {
        let names: Vec<&str> = TargetFormat::NAMED.iter().map(|(name, _)| *name).collect();
        let message = format!("`{name}` is no format that traces are written in");
        Diagnostic::new(diagnostic::TRACE_FORMAT, message)
            .help(format!("choose one of {}", names.join(", ")))
    })
}
