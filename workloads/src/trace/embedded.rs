//! Traces that come with the program, so that a study may name them anywhere.

/// The recorded trace that built-in studies replay; `traces/README.md` says whose it is.
const ORM_BUSY: &[u8] = include_bytes!("../../traces/orm-busy.trace.gz");

/// The content of the trace called `name`, if one of this name comes with the program.
pub fn embedded(name: &str) -> Option<&'static [u8]> {
    (name == "orm-busy.trace.gz").then_some(ORM_BUSY)
}
