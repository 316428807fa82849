//! DynamoDB's limits, each with its source.
//!
//! "Guide" is the AWS DynamoDB Developer Guide, whose chapter "Service, account, and table quotas"
//! has most of them; "API" is the DynamoDB API Reference. KB and MB are powers of 1,024 there.

/// Largest item, names included: 400 KB (Guide, quotas, "Items").
pub const ITEM_BYTES_MAX: u64 = 400 * 1024;
/// Largest partition key value (Guide, quotas, "Partition key length").
pub const PARTITION_KEY_BYTES_MAX: u64 = 2048;
/// Largest sort key value (Guide, quotas, "Sort key length").
pub const SORT_KEY_BYTES_MAX: u64 = 1024;
/// Levels of nesting, the attribute itself being the first: a string inside 31 maps is accepted
/// (Guide, quotas, "Nested attribute depth").
pub const NESTING_LEVELS_MAX: u32 = 32;
/// Longest attribute name: 64 KB less one byte (Guide, quotas, "Attribute names").
pub const ATTRIBUTE_NAME_BYTES_MAX: u64 = 65_535;
/// Longest name of an attribute that is a key or projected into an index (Guide, quotas).
pub const KEY_NAME_BYTES_MAX: usize = 255;
/// Lengths of table and index names (Guide, "Naming rules").
pub const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=255;
/// Local secondary indexes of a table (Guide, quotas, "Secondary indexes per table").
pub const LOCAL_INDEXES_MAX: usize = 5;
/// Global secondary indexes of a table by default (Guide, quotas, "Secondary indexes per table").
pub const GLOBAL_INDEXES_MAX: usize = 20;
/// Attributes that all indexes of a table may name in their projections (Guide, quotas).
pub const PROJECTED_ATTRIBUTES_MAX: usize = 100;
/// Bytes after which a page of Query or Scan ends: 1 MB (Guide, "Paginating table query results").
pub const PAGE_BYTES_MAX: u64 = 1024 * 1024;
/// Keys of one BatchGetItem (API, BatchGetItem).
pub const BATCH_GET_KEYS_MAX: usize = 100;
/// Bytes of items that one BatchGetItem returns: 16 MB (API, BatchGetItem).
pub const BATCH_GET_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Requests of one BatchWriteItem (API, BatchWriteItem).
pub const BATCH_WRITE_REQUESTS_MAX: usize = 25;
/// Bytes of items of one BatchWriteItem: 16 MB (API, BatchWriteItem).
pub const BATCH_WRITE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Actions of one transaction (API, TransactWriteItems and TransactGetItems).
pub const TRANSACT_ACTIONS_MAX: usize = 100;
/// Bytes of the items of one transaction: 4 MB (API, TransactWriteItems and TransactGetItems).
pub const TRANSACT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Characters of a `ClientRequestToken` (API, TransactWriteItems).
pub const CLIENT_TOKEN_CHARS: std::ops::RangeInclusive<usize> = 1..=36;
/// Seconds for which a `ClientRequestToken` is remembered (API, TransactWriteItems).
pub const CLIENT_TOKEN_SECS: u64 = 10 * 60;
/// Operators of one expression (Guide, quotas, "Expression parameters").
pub const OPERATORS_MAX: usize = 300;
/// Operands of one `IN` (Guide, "Comparison operator and function reference").
pub const IN_OPERANDS_MAX: usize = 100;
/// Parallel segments of a scan (API, Scan, TotalSegments).
pub const SCAN_SEGMENTS_MAX: u32 = 1_000_000;
/// Largest item collection of a table with local secondary indexes: 10 GB (Guide, "Item
/// collections in local secondary indexes").
pub const ITEM_COLLECTION_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;
/// Bytes that storage counts for each item beside its size (Guide, "DynamoDB item sizes").
pub const STORAGE_OVERHEAD_BYTES: u64 = 100;

const _: () = assert!(ITEM_BYTES_MAX < PAGE_BYTES_MAX);
const _: () = assert!(ITEM_BYTES_MAX < TRANSACT_BYTES_MAX);
