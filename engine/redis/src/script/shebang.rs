//! The first line of a script that says how it may be run: `#!lua flags=no-writes,allow-oom`.

use crate::node::c_string;
use crate::resp::split_words;

/// What a script declares about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Whether it has such a line; one without is held to nothing.
    pub(crate) is_there: bool,
    /// It writes nothing.
    pub(crate) no_writes: bool,
    /// It may be run while memory is above its limit.
    pub(crate) allow_oom: bool,
}

/// Reads the line of a script, if it has one: what it declares, and its bytes.
///
/// # Errors
/// The text of the refusal.
pub(super) fn read(body: &[u8]) -> Result<(Declared, usize), Vec<u8>> {
    if !body.starts_with(b"#!") {
        return Ok((Declared::default(), 0));
    }
    let end = body.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| b"ERR Invalid script shebang".to_vec())?;
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    split_words(c_string(&body[..end]), &mut bytes, &mut places)
        .ok_or_else(|| b"ERR Invalid engine in script shebang".to_vec())?;
    let mut words = places
        .iter()
        .map(|place| &bytes[place.start as usize..place.end as usize]);
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err([b"ERR Unexpected engine in script shebang: ", engine].concat());
    }
    let mut declared = Declared {
        is_there: true,
        ..Declared::default()
    };
    for word in words {
        let Some(flags) = word.strip_prefix(b"flags=") else {
            return Err([b"ERR Unknown lua shebang option: ", word].concat());
        };
        for flag in flags.split(|byte| *byte == b',') {
            match flag {
                b"no-writes" => declared.no_writes = true,
                b"allow-oom" => declared.allow_oom = true,
                // A node is neither a replica nor part of a cluster.
                b"allow-stale" | b"no-cluster" | b"allow-cross-slot-keys" => {}
                b"" if flags.is_empty() => {}
                _ => return Err([b"ERR Unexpected flag in script shebang: ", flag].concat()),
            }
        }
    }
    Ok((declared, end))
}
