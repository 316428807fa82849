//! Transparent decompression: people keep traces compressed.

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use std::io::{self, Cursor, Read, Write};

/// First bytes of a gzip file (RFC 1952, section 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// First bytes of a Zstandard file (RFC 8878, section 3.1.1), which is not read here.
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The content of `reader`, decompressed if it is in gzip form; tells by content, not by name.
pub(super) fn transparent<'r>(mut reader: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut start = Vec::with_capacity(ZSTANDARD.len());
    reader
        .by_ref()
        .take(ZSTANDARD.len() as u64)
        .read_to_end(&mut start)?;
    if start == ZSTANDARD {
        let what = "it is compressed by Zstandard; decompress it with `zstd -d` first";
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let is_gzip = start.starts_with(&MAGIC);
    let whole = Cursor::new(start).chain(reader);
    Ok(match is_gzip {
        true => Box::new(MultiGzDecoder::new(whole)),
        false => Box::new(whole),
    })
}

/// A writer that compresses, without a name and a time of day, so that equal content gives equal
/// files.
pub fn writer<W: Write>(out: W) -> GzEncoder<W> {
    GzBuilder::new().write(out, Compression::default())
}
