//! Transparent decompression: people keep traces compressed.

use flate2::read::MultiGzDecoder;
use std::io::{self, Cursor, Read};

/// First bytes of a gzip file (RFC 1952, section 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The content of `reader`, decompressed if it is in gzip form; tells by content, not by name.
pub(super) fn transparent<'r>(mut reader: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut start = Vec::with_capacity(MAGIC.len());
    reader
        .by_ref()
        .take(MAGIC.len() as u64)
        .read_to_end(&mut start)?;
    let is_gzip = start == MAGIC;
    let whole = Cursor::new(start).chain(reader);
    Ok(match is_gzip {
        true => Box::new(MultiGzDecoder::new(whole)),
        false => Box::new(whole),
    })
}
