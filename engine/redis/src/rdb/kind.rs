//! Marks of the format (`redis:src/rdb.h`).

/// A library of functions, and one in the form of release candidates.
pub(super) const FUNCTION_2: u8 = 0xF5;
pub(super) const FUNCTION: u8 = 0xF6;
/// Data of a module beside the keys.
pub(super) const MODULE_AUX: u8 = 0xF7;
/// How the next key is used: seconds since the last use, or the counter of uses.
pub(super) const IDLE: u8 = 0xF8;
pub(super) const FREQUENCY: u8 = 0xF9;
/// A name and a text about the file.
pub(super) const AUX: u8 = 0xFA;
/// The sizes of the tables of a database.
pub(super) const RESIZE_DB: u8 = 0xFB;
/// When the next key expires, in milliseconds or, before 2.6, seconds.
pub(super) const EXPIRE_TIME_MS: u8 = 0xFC;
pub(super) const EXPIRE_TIME: u8 = 0xFD;
pub(super) const SELECT_DB: u8 = 0xFE;
pub(super) const END: u8 = 0xFF;

/// The type of a string value.
pub(super) const STRING: u8 = 0;
/// The types of collections of strings one by one; scores of sorted sets are text, or binary.
pub(super) const LIST: u8 = 1;
pub(super) const SET: u8 = 2;
pub(super) const ZSET: u8 = 3;
pub(super) const HASH: u8 = 4;
pub(super) const ZSET_2: u8 = 5;
/// The types of values of modules.
pub(super) const MODULE: u8 = 6;
pub(super) const MODULE_2: u8 = 7;
/// The types of collections in one allocation, in the form of versions before 7.0.
pub(super) const HASH_ZIPMAP: u8 = 9;
pub(super) const LIST_ZIPLIST: u8 = 10;
pub(super) const ZSET_ZIPLIST: u8 = 12;
pub(super) const HASH_ZIPLIST: u8 = 13;
/// The same in the form of 7.0.
pub(super) const SET_INTSET: u8 = 11;
pub(super) const HASH_LISTPACK: u8 = 16;
pub(super) const ZSET_LISTPACK: u8 = 17;
/// The types of a list of ziplists, and of a list of listpacks.
pub(super) const LIST_QUICKLIST: u8 = 14;
pub(super) const LIST_QUICKLIST_2: u8 = 18;
/// The types of a stream as 5.0 knows it, and with all that 7.0 knows of it.
pub(super) const STREAM_LISTPACKS: u8 = 15;
pub(super) const STREAM_LISTPACKS_2: u8 = 19;

/// A node of a list that is one element, and one that is a listpack (QUICKLIST_NODE_CONTAINER_PLAIN
/// and _PACKED).
pub(super) const NODE_PLAIN: u64 = 1;
pub(super) const NODE_PACKED: u64 = 2;
/// The number that stands for an unknown one (SCG_INVALID_ENTRIES_READ, -1).
pub(super) const UNKNOWN: u64 = u64::MAX;

/// Strings that are integers of 8, 16 and 32 bits, and compressed strings.
pub(super) const INT8: u8 = 0xC0;
pub(super) const INT16: u8 = 0xC1;
pub(super) const INT32: u8 = 0xC2;
pub(super) const COMPRESSED: u8 = 0xC3;
/// Lengths of 32 and 64 bits.
pub(super) const LENGTH_32: u8 = 0x80;
pub(super) const LENGTH_64: u8 = 0x81;
