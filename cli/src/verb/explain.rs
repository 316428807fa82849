//! `kvrig explain`: what a metric or an error code means.

use crate::arguments::{Explain, TextFormat};
use crate::failure::{Exit, Failure};
use crate::output;
use kvrig_base::diagnostic::{self, CODES, Code, Diagnostic};
use kvrig_base::metric::{self, Better, METRICS, Metric};

pub(crate) fn explain(arguments: &Explain) -> Result<Exit, Failure> {
    let name = arguments.name.as_str();
    let markdown = arguments.format == TextFormat::Md;
    let text = match name {
        "metrics" if markdown => metrics_page(),
        "metrics" => output::columns(
            &METRICS
                .iter()
                .map(|m| [m.name.to_owned(), m.meaning.to_owned()])
                .collect::<Vec<_>>(),
        ),
        "codes" if markdown => codes_page(),
        "codes" => output::columns(
            &CODES
                .iter()
                .map(|c| [c.name.to_owned(), c.title.to_owned()])
                .collect::<Vec<_>>(),
        ),
        _ => {
            if let Some(metric) = metric::find(name) {
                describe_metric(metric)
            } else if let Some(code) = diagnostic::find(name) {
                describe_code(code)
            } else {
                return Err(unknown(name).into());
            }
        }
    };
    output::print(&text)?;
    Ok(Exit::Pass)
}

fn unknown(name: &str) -> Diagnostic {
    let names = METRICS
        .iter()
        .map(|metric| metric.name)
        .chain(CODES.iter().map(|code| code.name));
    let help = match output::nearest(name, names) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`kvrig explain metrics` and `kvrig explain codes` list all names".to_owned(),
    };
    let message = format!("`{name}` is neither a metric nor an error code");
    Diagnostic::new(diagnostic::UNKNOWN_NAME, message).help(help)
}

/// Which direction is better, in words.
const fn better(metric: &Metric) -> &'static str {
    match metric.better {
        Better::Lower => "lower is better",
        Better::Higher => "higher is better",
        Better::None => "neither direction is better",
    }
}

fn describe_metric(metric: &Metric) -> String {
    let (name, unit) = (metric.name, metric.unit.name());
    format!(
        "{name}, in {unit}: {}\n{}\n",
        better(metric),
        metric.meaning
    )
}

fn describe_code(code: &Code) -> String {
    format!("{}: {}\n{}\n", code.name, code.title, code.advice)
}

fn metrics_page() -> String {
    let mut page = "# Metrics\n\n\
        Generated from the table in `engine/base/src/metric.rs` by `cargo xtask docs`.\n\
        Values are integers in the base unit.\n\n\
        | metric | unit | better | meaning |\n|---|---|---|---|\n"
        .to_owned();
    for metric in METRICS {
        let better = match metric.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
            Better::None => "",
        };
        let (name, unit, meaning) = (metric.name, metric.unit.name(), metric.meaning);
        page.push_str(&format!("| `{name}` | {unit} | {better} | {meaning} |\n"));
    }
    page
}

fn codes_page() -> String {
    let mut page = "# Errors\n\n\
        Generated from the table in `engine/base/src/diagnostic.rs` by `cargo xtask docs`.\n\n\
        | code | meaning | what to do |\n|---|---|---|\n"
        .to_owned();
    for code in CODES {
        page.push_str(&format!(
            "| {} | {} | {} |\n",
            code.name, code.title, code.advice
        ));
    }
    page
}
