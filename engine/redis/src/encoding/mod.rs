//! The compact encodings that small collections are stored in, byte for byte as Redis has them, and
//! the compression of strings.

pub mod intset;
pub mod listpack;
pub(crate) mod lzf;
