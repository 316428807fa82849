//! Study files: what to run, read from layers of text into cells of plain values.
//!
//! [`load`] reads the layers ([`Layers`]: built-in defaults, file, `--set`, flags) into typed
//! partial documents whose every value knows its place, lays them over one another, expands the
//! sweep and the variants, and resolves each into a [`Cell`]. Everything that is wrong is reported
//! at once, each with code, place, what was expected and, for names, what was probably meant.
//!
//! Nothing here runs anything or opens a file: paths stay text, and whoever needs the content asks
//! a [`Files`].

mod axes;
mod cell;
mod cost;
mod declare;
mod document;
mod dynamo;
mod layers;
mod objectives;
mod part;
mod print;
mod resolve;
mod scalars;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod workload;

pub use cell::{
    Action, AdaptiveCapacityKnobs, Arrivals, BigKeysKnobs, CapacityScaling, Cell, Conf, CostKnobs,
    Dynamodb, Event, EvictionKnobs, Fleet, Gate, GlobalIndex, Host, HotPartitionsKnobs, KeyDesign,
    Law, Lengths, Load, Patience, Placed, Popularity, Redis, RehashKnobs, Selection, Sizes, Space,
    Study, StudyKind, Swing, Turnover, Workload,
};
pub use cost::{IndexProjection, ReadDesign, RetryMode};
pub use document::{BigCommand, PolicyName, RedisVersion, TableName};
pub use dynamo::{FidelityName, KeyName, LimitName, ModelName, RetryName, SortName};
pub use layers::{Flags, Layers, WorkloadFlag};
pub use scalars::{Millionths, Moment};
pub use schema::schema;
pub use source::{Origin, Source, Sources};

use document::{Axis, Document, SCHEMA, Settings};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits;
use kvrig_base::quantity::Bytes;
use layers::Merged;
use part::{Part, Report};
use resolve::Resolver;
use source::at_path;
use std::collections::BTreeMap;

/// Where the files that a study names are read from: the command line gives the file system, a
/// test gives texts.
pub trait Files {
    /// The content of the file at `path`, relative to the study file.
    ///
    /// # Errors
    /// A message without a place if it cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, Diagnostic>;
}

/// Largest memory of a run where the study sets none.
const MAX_MEMORY_DEFAULT: Bytes = Bytes::gib(4);
/// Seed where none is given.
const SEED_DEFAULT: u64 = 1;
/// Reads, merges and resolves a study.
///
/// # Errors
/// Everything that is wrong with the text of the first layer that has errors, or with the values of
/// the cells, in the order of the texts. A study or store that this version lacks is the only error.
pub fn load(layers: &Layers<'_>) -> Result<Study, Vec<Diagnostic>> {
    let Merged {
        document,
        set_aside,
        sources,
    } = layers::merge(layers).map_err(tidy)?;
    let mut report = Report::new(&sources);
    let resolved = resolve_document(&document, set_aside, layers.flags.quick, &mut report);
    let errors = report.diagnostics;
    match resolved {
        Some(study) if errors.is_empty() => Ok(Study {
            sources,
            is_built_in: (layers.builtin)(study.name) == Some(&layers.file.text),
            ..study
        }),
        _ => Err(tidy(errors)),
    }
}

/// In the order of the texts, each once; where something is not built, only that.
fn tidy(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let not_built = |error: &Diagnostic| error.code == diagnostic::NOT_BUILT.name;
    errors.sort_by_key(|error| error.place.as_ref().map_or(0, |place| place.span.start));
    errors.dedup();
    if let Some(first) = errors.iter().position(not_built) {
        return vec![errors.swap_remove(first)];
    }
    errors
}

/// Resolves a document; thresholds may speak of the axes that were set aside.
fn resolve_document(
    document: &Document,
    set_aside: Vec<String>,
    quick: bool,
    report: &mut Report<'_>,
) -> Option<Study> {
    let study = document.settings.study.as_ref()?;
    if let Some(schema) = &document.schema
        && schema.value.0 != SCHEMA
    {
        report.out_of_range(
            schema.at,
            format!("this is a study file of schema {}", schema.value.0),
            &format!("this version reads schema {SCHEMA}"),
        );
    }
    let axes = document.sweep.as_ref().map_or(&[][..], |sweep| &sweep.0);
    let own_axes = study.part.axes();
    let names = document.axis_names();
    let mut warnings = Vec::new();
    let cells = cells(document, axes, &names, &mut warnings, report);
    let known_axes: Vec<String> = own_axes
        .iter()
        .map(|axis| (*axis).to_owned())
        .chain(names.iter().cloned())
        .chain(set_aside)
        .collect();
    let variants: Vec<String> = document
        .variant
        .iter()
        .flat_map(|named| named.0.iter().map(|(name, _)| name.value.clone()))
        .collect();
    let known = objectives::Known {
        axes: &known_axes,
        variants: &variants,
    };
    let objectives = document
        .slo
        .iter()
        .flatten()
        .filter_map(|slo| objectives::objective(slo, &known, report))
        .collect();
    let gates = document
        .gate
        .as_ref()
        .map_or_else(BTreeMap::new, |gates| objectives::gates(gates, report));
    let run = document.settings.run.clone().unwrap_or_default();
    let seeds = run.seeds.as_ref().map_or(1, |seeds| {
        let range = 1..=u64::from(limits::SEEDS_MAX);
        Resolver {
            report,
            warnings: &mut warnings,
        }
        .count(seeds, "seeds", range)
    });
    let name = study.part.name();
    Some(Study {
        name,
        title: document
            .title
            .as_ref()
            .map_or_else(|| name.to_owned(), |title| title.value.clone()),
        seed: run.seed.map_or(SEED_DEFAULT, |seed| seed.value.0),
        seeds: u32::try_from(seeds).unwrap_or(limits::SEEDS_MAX),
        quick,
        max_memory: run.max_memory.map_or(MAX_MEMORY_DEFAULT, |size| size.value),
        cells: cells?,
        objectives,
        gates,
        warnings,
        document: print::to_toml(document),
        is_built_in: false,
        sources: Sources::default(),
    })
}

/// The cells of the sweep in order of writing, the last axis fastest, then the variants.
fn cells(
    document: &Document,
    axes: &[Axis],
    names: &[String],
    warnings: &mut Vec<Diagnostic>,
    report: &mut Report<'_>,
) -> Option<Vec<Cell>> {
    let variants = document.variant.as_ref().map_or(&[][..], |named| &named.0);
    let combinations = axes
        .iter()
        .try_fold(1_usize, |product, axis| {
            product.checked_mul(axis.values.len())
        })
        .filter(|product| product.saturating_add(variants.len()) <= limits::CELLS_MAX);
    let Some(combinations) = combinations else {
        let first = axes.first().and_then(|axis| axis.path.first());
        if let Some((_, at)) = first {
            report.out_of_range(
                *at,
                format!("the sweep has more than {} cells", limits::CELLS_MAX),
                "every combination of all axes is a cell; list fewer values",
            );
        }
        return None;
    };
    // Every value is read once, and everything wrong with any of them reported, before cells are.
    let layers: Vec<Vec<Settings>> = axes.iter().map(|axis| axis_layers(axis, report)).collect();
    if layers
        .iter()
        .zip(axes)
        .any(|(layers, axis)| layers.len() < axis.values.len())
    {
        return None;
    }
    let mut cells = Vec::with_capacity(combinations + variants.len());
    for combination in 0..combinations {
        let mut settings = document.settings.clone();
        let mut labels = BTreeMap::new();
        let mut rest = combination;
        let mut chosen = vec![0; axes.len()];
        for (place, axis) in axes.iter().enumerate().rev() {
            chosen[place] = rest % axis.values.len();
            rest /= axis.values.len();
        }
        for (place, &value) in chosen.iter().enumerate() {
            settings.merge(layers[place][value].clone());
            labels.insert(
                names[place].clone(),
                axes[place].values[value].value.label(),
            );
        }
        cells.push(Resolver { report, warnings }.cell(&settings, "", labels));
    }
    for (name, variant) in variants {
        check_variant(variant, report);
        let mut settings = document.settings.clone();
        settings.merge(variant.clone());
        cells.push(Resolver { report, warnings }.cell(&settings, &name.value, BTreeMap::new()));
    }
    cells.into_iter().collect()
}

/// The settings that each value of an axis stands for; fewer where values are wrong.
fn axis_layers(axis: &Axis, report: &mut Report<'_>) -> Vec<Settings> {
    let common = ["run.seed", "run.seeds", "run.max_memory"];
    if common.contains(&axis.dotted().as_str()) {
        report.contradiction(
            axis.path[0].1,
            format!(
                "`{}` holds for the whole run and cannot be swept",
                axis.dotted()
            ),
            "cells share seeds, so that they see the same arrivals and keys",
        );
        return Vec::new();
    }
    let before = report.diagnostics.len();
    let layers = axis
        .values
        .iter()
        .filter_map(|value| Settings::read(&at_path(&axis.path, value.clone()), report))
        .collect();
    match report.diagnostics.len() == before {
        true => layers,
        false => Vec::new(),
    }
}

/// A variant cannot change what all cells share.
fn check_variant(variant: &Settings, report: &mut Report<'_>) {
    let Some(run) = &variant.run else { return };
    for (name, at) in [
        ("seed", run.seed.as_ref().map(|seed| seed.at)),
        ("seeds", run.seeds.as_ref().map(|seeds| seeds.at)),
        ("max_memory", run.max_memory.as_ref().map(|size| size.at)),
    ] {
        if let Some(at) = at {
            report.contradiction(
                at,
                format!("`run.{name}` holds for the whole run and cannot differ in a variant"),
                "set it in `[run]`",
            );
        }
    }
}
