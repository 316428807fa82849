//! Payloads: one value, as DUMP gives it and RESTORE takes it (`redis:src/cluster.c`,
//! createDumpPayload and verifyDumpPayload).
//!
//! ```text
//!   type  value ...  version  checksum of all before
//!   u8               u16 LE   u64 LE
//! ```

use super::VERSION;
use super::crc64::crc64;
use super::encode::{Encoder, type_of};
use super::read::Reader;
use crate::keyspace::Database;
use crate::value::Value;
use kvrig_base::seam::{Counter, Work};

/// Version and checksum.
const FOOTER_BYTES: usize = 10;
const CHECKSUM_BYTES: usize = 8;

/// Why a payload is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadPayload {
    /// Its version is above ours, or its checksum is another.
    Footer,
    /// It holds no value that can be read.
    Content,
}

/// How many bytes a value takes in a snapshot, its type aside (rdbSavedObjectLen).
pub(crate) fn saved_bytes(value: &Value, compresses: bool, work: &mut Work) -> usize {
    let mut encoder = Encoder::new(compresses);
    encoder.value(value, work);
    encoder.out.len()
}

/// The payload of a value, whose strings may be compressed.
pub(crate) fn dump(value: &Value, compresses: bool, work: &mut Work) -> Vec<u8> {
    let mut encoder = Encoder::new(compresses);
    encoder.out.push(type_of(value));
    encoder.value(value, work);
    let mut payload = encoder.out;
    payload.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = crc64(0, &payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    // The value is copied into the payload and read once more for the checksum.
    work.count(Counter::BytesCopied, payload.len() as u64);
    work.count(Counter::BytesScanned, payload.len() as u64);
    payload
}

/// The value of a payload, made with what `db` says of new ones.
///
/// # Errors
/// A version or checksum that is not right, then a content that is not.
pub(crate) fn restore(
    payload: &[u8],
    db: &mut Database,
    work: &mut Work,
) -> Result<Value, BadPayload> {
    work.count(Counter::BytesScanned, payload.len() as u64);
    let footer = payload.len().checked_sub(FOOTER_BYTES);
    let footer = footer.ok_or(BadPayload::Footer)?;
    let version = u16::from_le_bytes([payload[footer], payload[footer + 1]]);
    let (content, stated) = payload.split_at(payload.len() - CHECKSUM_BYTES);
    if version > VERSION || crc64(0, content).to_le_bytes() != stated {
        return Err(BadPayload::Footer);
    }
    // Redis lets a value reach into the footer, and does not mind what is left behind it.
    let mut reader = Reader::new(payload, payload.len() as u64);
    let value = reader.typed_value(db, work);
    value.ok().flatten().ok_or(BadPayload::Content)
}
