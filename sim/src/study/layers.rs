//! Layers of settings, the later over the earlier: built-in defaults, file, `--quick`, `--set`,
//! flags.
//!
//! The built-in study of the same name gives defaults for settings only: variants, axes, thresholds
//! and gates are the file's own, so that nobody's run has cells that nobody wrote. A variant and an
//! axis of the sweep say what a cell *is* and are laid over everything; a `--set` of the path of an
//! axis replaces the axis.

use super::document::{Axis, Document, Quick, Settings, Sweep};
use super::part::{Part, Report};
use super::source::{Node, Origin, Source, Sources, Value, at_path};
use kvrig_base::diagnostic::{self, Diagnostic};

/// Everything that a study is put together from.
#[derive(Clone, Debug)]
pub struct Layers<'a> {
    /// The study file, or the built-in study that was named.
    pub file: Source,
    /// The file of a built-in study, by its name: its settings are the defaults.
    pub builtin: fn(&str) -> Option<&'static str>,
    /// The `--set path=value` flags, in order.
    pub sets: &'a [String],
    /// The other flags.
    pub flags: Flags,
}

/// Flags of the command line that have the last word.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--seed N`.
    pub seed: Option<u64>,
    /// `--seeds K`.
    pub seeds: Option<u32>,
    /// `--quick`.
    pub quick: bool,
    /// `--workload`: the workload in place of the study's.
    pub workload: Option<WorkloadFlag>,
    /// `--profile`: the cost profile in place of the study's, by name or file.
    pub profile: Option<String>,
}

/// What `--workload` names.
#[derive(Clone, Debug)]
pub enum WorkloadFlag {
    /// A recorded trace, which replaces what it records.
    Trace(String),
    /// A report of Contributor Insights, which replaces the popularity of keys.
    Insights(String),
    /// A file with a `[workload]` table, which replaces all of the study's but its load.
    Settings(Source),
}

/// All layers in one document, and the texts that its places point into.
pub(super) struct Merged {
    pub(super) document: Document,
    /// Names of the axes that flags have replaced; a threshold may still speak of them.
    pub(super) set_aside: Vec<String>,
    pub(super) sources: Sources,
}

/// Reads all layers and lays them over one another.
pub(super) fn merge(layers: &Layers<'_>) -> Result<Merged, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let root = sources
        .read(layers.file.clone())
        .map_err(|error| vec![error])?;
    let file: Document = part(&root, &sources)?;
    let name = match &file.settings.study {
        Some(study) => study.part.name(),
        None => {
            return Err(vec![
                sources
                    .diagnostic(
                        diagnostic::MISSING_KEY,
                        root.at,
                        "missing table `[study.NAME]`",
                        "no study is named in this file",
                    )
                    .help("name the question, such as `[study.rehash]`; `kvrig list` shows all"),
            ]);
        }
    };
    let defaults = match (layers.builtin)(name) {
        Some(text) => {
            let text = Source {
                name: format!("{name} (built in)"),
                text: text.to_owned(),
            };
            let root = sources.read(text).map_err(|error| vec![error])?;
            part::<Document>(&root, &sources)?
        }
        None => Document::default(),
    };
    // Another file's variants are its own, so the built-in quick settings choose none of them.
    let quick = file.quick.clone().or(defaults.quick.map(|quick| Quick {
        variants: None,
        ..quick
    }));
    let mut document = Document {
        settings: defaults.settings,
        title: defaults.title,
        ..Document::default()
    };
    document.merge(Document {
        quick: None,
        ..file
    });
    if layers.flags.quick
        && let Some(quick) = quick
    {
        let mut report = Report::new(&sources);
        document.apply_quick(quick, &mut report);
        if !report.diagnostics.is_empty() {
            return Err(report.diagnostics);
        }
    }
    let written = document.axis_names();
    for text in layers.sets {
        let root = sources
            .read_setting("--set", text)
            .map_err(|error| vec![error])?;
        apply_setting(&mut document, &root, &sources)?;
    }
    if let Some(WorkloadFlag::Settings(source)) = &layers.flags.workload {
        replace_workload(&mut document, source, &mut sources)?;
    }
    for (flag, text) in layers.flags.settings() {
        let root = sources
            .read_setting(flag, &text)
            .map_err(|error| vec![error])?;
        apply_setting(&mut document, &root, &sources)?;
    }
    let left = document.axis_names();
    let set_aside = written.into_iter().filter(|name| !left.contains(name));
    Ok(Merged {
        set_aside: set_aside.collect(),
        document,
        sources,
    })
}

impl Flags {
    /// The flags as settings, each with the name that messages call it by.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let names = |setting: &str, name: &str| format!("{setting}={}", super::part::quoted(name));
        let file = match &self.workload {
            Some(WorkloadFlag::Trace(file)) => Some(names("workload.trace", file)),
            Some(WorkloadFlag::Insights(file)) => {
                Some(names("workload.popularity.weights.file", file))
            }
            Some(WorkloadFlag::Settings(_)) | None => None,
        };
        let profile = self.profile.as_ref();
        [
            ("--profile", profile.map(|name| names("host.profile", name))),
            ("--seed", self.seed.map(|seed| format!("run.seed={seed}"))),
            (
                "--seeds",
                self.seeds.map(|seeds| format!("run.seeds={seeds}")),
            ),
            ("--workload", file),
        ]
        .into_iter()
        .filter_map(|(flag, text)| Some((flag, text?)))
        .collect()
    }
}

/// Puts the workload of a file in place of the document's, which keeps its load where the file has
/// none.
fn replace_workload(
    document: &mut Document,
    source: &Source,
    sources: &mut Sources,
) -> Result<(), Vec<Diagnostic>> {
    let root = sources.read(source.clone()).map_err(|error| vec![error])?;
    if let Value::Table(entries) = &root.value
        && let Some(other) = entries
            .iter()
            .find(|entry| !["workload", "schema", "title"].contains(&entry.key.as_str()))
    {
        return Err(vec![
            sources
                .diagnostic(
                    diagnostic::CONTRADICTION,
                    other.key_at,
                    format!("`{}` is no part of a workload", other.key),
                    "not for `--workload`",
                )
                .help("a file for `--workload` has a `[workload]` table and nothing else"),
        ]);
    }
    let file: Document = part(&root, sources)?;
    let Some(over) = file.settings.workload else {
        let missing = sources.diagnostic(
            diagnostic::MISSING_KEY,
            root.at,
            "missing table `[workload]`",
            "no workload in this file",
        );
        return Err(vec![
            missing.help("write what clients ask for under `[workload]`"),
        ]);
    };
    // Axes of the sweep below the old workload would undo the new one.
    if let Some(sweep) = &mut document.sweep {
        sweep
            .0
            .retain(|axis| axis.path.first().is_none_or(|(part, _)| part != "workload"));
    }
    let under = document.settings.workload.take().unwrap_or_default();
    let mut workload = under.load_alone();
    workload.merge(over);
    document.settings.workload = Some(workload);
    Ok(())
}

/// Reads a part, or says everything that is wrong with it.
pub(super) fn part<T: Part>(node: &Node, sources: &Sources) -> Result<T, Vec<Diagnostic>> {
    let mut report = Report::new(sources);
    let read = T::read(node, &mut report);
    match (read, report.diagnostics) {
        (Some(part), errors) if errors.is_empty() => Ok(part),
        (_, errors) => Err(errors),
    }
}

/// Lays one `--set` over the document: a setting, or an axis where a list stands for one value.
fn apply_setting(
    document: &mut Document,
    root: &Node,
    sources: &Sources,
) -> Result<(), Vec<Diagnostic>> {
    let (path, leaf) = path_of(root);
    let dotted = path
        .iter()
        .map(|(part, _)| part.as_str())
        .collect::<Vec<_>>()
        .join(".");
    let whole = part::<Document>(root, sources);
    if let (Value::List(items), Err(errors)) = (&leaf.value, &whole)
        && let Some(first) = items.first()
    {
        // A list where a single value belongs: the value itself must then be right.
        let alone = part::<Settings>(&at_path(&path, first.clone()), sources);
        if expects_one_value(errors, leaf, sources) || alone.is_ok() {
            let errors: Vec<Diagnostic> = items
                .iter()
                .filter_map(|item| part::<Settings>(&at_path(&path, item.clone()), sources).err())
                .flatten()
                .collect();
            if !errors.is_empty() {
                return Err(errors);
            }
            drop_axes(document, &dotted);
            let axis = Axis {
                path,
                values: items.clone(),
            };
            document
                .sweep
                .get_or_insert_with(Sweep::default)
                .merge(Sweep(vec![axis]));
            return Ok(());
        }
    }
    let layer = whole?;
    if layer.sweep.is_none() {
        drop_axes(document, &dotted);
    }
    document.merge(layer);
    Ok(())
}

/// Whether the only complaint is that a single value belongs where the list stands.
fn expects_one_value(errors: &[Diagnostic], leaf: &Node, sources: &Sources) -> bool {
    let place = sources
        .diagnostic(diagnostic::WRONG_TYPE, leaf.at, "", "")
        .place;
    let span = |diagnostic: &Diagnostic| diagnostic.place.as_ref().map(|place| place.span.clone());
    errors.len() == 1
        && errors[0].code == diagnostic::WRONG_TYPE.name
        && span(&errors[0]) == place.map(|place| place.span)
}

/// The path of a document of one setting, and its value.
fn path_of(root: &Node) -> (Vec<(String, Origin)>, &Node) {
    let mut path = Vec::new();
    let mut node = root;
    while let Value::Table(entries) = &node.value {
        let [entry] = entries.as_slice() else { break };
        path.push((entry.key.clone(), entry.key_at));
        node = &entry.node;
    }
    (path, node)
}

/// Removes the axes that a setting at `path` replaces.
fn drop_axes(document: &mut Document, path: &str) {
    if let Some(sweep) = &mut document.sweep {
        sweep.0.retain(|axis| !replaces(path, &axis.dotted()));
        if sweep.0.is_empty() {
            document.sweep = None;
        }
    }
}

/// Choices of exactly one form: another form replaces all of an earlier one.
const CHOICES: &[&str] = &[
    "workload.arrivals.",
    "workload.popularity.",
    "workload.key_size.",
    "workload.value_size.",
    "workload.item_size.",
    "workload.key_design.",
    "store.dynamodb.capacity.",
    "store.dynamodb.heat_split_delay.",
];

/// Whether a setting at `path` makes an axis at `axis` void.
fn replaces(path: &str, axis: &str) -> bool {
    let within = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let tag = |path: &str, choice: &str| {
        path.strip_prefix(choice)
            .map(|rest| rest.split('.').next().unwrap_or("").to_owned())
    };
    let other_form = CHOICES
        .iter()
        .any(|choice| match (tag(path, choice), tag(axis, choice)) {
            (Some(set), Some(swept)) => set != swept,
            _ => false,
        });
    let trace_replaces = path == "workload.trace" && within("workload.popularity", axis);
    within(path, axis) || other_form || trace_replaces
}
