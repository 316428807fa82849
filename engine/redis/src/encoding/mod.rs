//! The compact encodings that small collections are stored in, byte for byte as Redis has them.

pub mod intset;
pub mod listpack;
