//! What the axes of a sweep are called.

use super::document::{Axis, Document};

impl Document {
    /// The name in rows of each axis of the sweep, in order.
    pub(super) fn axis_names(&self) -> Vec<String> {
        let axes = self.sweep.as_ref().map_or(&[][..], |sweep| &sweep.0);
        let study = self.settings.study.as_ref();
        axis_names(axes, study.map_or(&[], |study| study.part.axes()))
    }
}

/// The name of each axis in rows: the shortest end of its path that no other axis has.
fn axis_names(axes: &[Axis], own: &[&str]) -> Vec<String> {
    let ends = |axis: &Axis, parts: usize| {
        let names: Vec<&str> = axis.path.iter().map(|(part, _)| part.as_str()).collect();
        names[names.len().saturating_sub(parts)..].join(".")
    };
    axes.iter()
        .enumerate()
        .map(|(place, axis)| {
            (1..=axis.path.len())
                .map(|parts| (parts, ends(axis, parts)))
                .find(|(parts, name)| {
                    let taken_by_axis = axes
                        .iter()
                        .enumerate()
                        .any(|(other, axis)| other != place && ends(axis, *parts) == *name);
                    !taken_by_axis && name != "variant" && !own.contains(&name.as_str())
                })
                .map_or_else(|| axis.dotted(), |(_, name)| name)
        })
        .collect()
}
