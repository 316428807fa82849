//! The knobs of the study `big-keys`.

use super::{Resolver, doc};
use crate::study::cell::BigKeysKnobs;
use crate::study::document::BigCommand;
use crate::study::part::Located;
use kvrig_base::limits;
use kvrig_base::quantity::Bytes;
use std::ops::RangeInclusive;

/// Beyond 2^26 elements a store does not fit into the memory of the machines that this is for.
const SIZES: RangeInclusive<u64> = 1..=1 << 26;
/// Two numbers of eight digits tell elements apart and order them; see the study's `fill`.
const ELEMENT_BYTES: RangeInclusive<u64> = 16..=65_536;

impl Resolver<'_, '_> {
    pub(super) fn big_keys(&mut self, knobs: &doc::BigKeys) -> Option<BigKeysKnobs> {
        let path = |key| format!("study.big-keys.{key}");
        let commands = self.need(
            knobs.commands.as_ref().filter(|list| !list.is_empty()),
            &path("commands"),
            "which commands are big",
        );
        let commands = commands.map(|written| distinct(written));
        let sizes = self.need(
            knobs.sizes.as_ref().filter(|list| !list.is_empty()),
            &path("sizes"),
            "how many elements they work on",
        );
        let sizes = sizes.map(|written| {
            let sizes = written.iter().map(|size| self.count(size, "sizes", SIZES));
            ascending(sizes.collect())
        });
        let element = self.need(
            knobs.element_size.as_ref(),
            &path("element_size"),
            "how long one element is",
        );
        let element_bytes = element.map(|size| self.element_bytes(size));
        let keys = self.need(
            knobs.keys.as_ref(),
            &path("keys"),
            "how many small keys the other clients ask for",
        );
        let keys = keys.map(|keys| self.count(keys, "keys", 1..=limits::KEYS_MAX));
        let lead_in = self.need(
            knobs.lead_in.as_ref(),
            &path("lead_in"),
            "how long before the command a run starts",
        );
        let lead_in = lead_in.map(|span| self.positive_span(span, "lead_in"));
        let window = self.need(
            knobs.window.as_ref(),
            &path("window"),
            "how long after the command requests count as after it",
        );
        let window = window.map(|span| self.positive_span(span, "window"));
        let limits = knobs.limits.as_deref().unwrap_or_default();
        let limits = limits
            .iter()
            .map(|limit| self.positive_span(limit, "limits"));
        let limits = ascending(limits.collect());
        Some(BigKeysKnobs {
            commands: commands?,
            sizes: sizes?,
            element_bytes: element_bytes?,
            keys: keys?,
            lead_in: lead_in?,
            window: window?,
            limits,
        })
    }
    fn element_bytes(&mut self, size: &Located<Bytes>) -> u64 {
        let bytes = size.value.0;
        if !ELEMENT_BYTES.contains(&bytes) {
            let (least, most) = (Bytes(*ELEMENT_BYTES.start()), Bytes(*ELEMENT_BYTES.end()));
            self.report.out_of_range(
                size.at,
                format!("an element of {}", size.value),
                &format!("choose between {least} and {most}"),
            );
        }
        bytes
    }
}

/// The commands that are named, each once; `all` names every one.
fn distinct(written: &[Located<BigCommand>]) -> Vec<BigCommand> {
    let mut commands = Vec::new();
    for command in written {
        let named = match &command.value {
            BigCommand::All => BigCommand::ALL,
            _ => std::slice::from_ref(&command.value),
        };
        for &command in named {
            if command != BigCommand::All && !commands.contains(&command) {
                commands.push(command);
            }
        }
    }
    commands
}

fn ascending<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}
