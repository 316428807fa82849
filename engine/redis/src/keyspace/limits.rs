//! What the configuration says of values.

use crate::config::Config;
use crate::value::list::ListLimits;
use crate::value::stream::NodeLimits;
use crate::value::{NodeLimit, PackLimits};

/// What the configuration says of values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// `proto-max-bulk-len`: the longest string, in bytes.
    pub(crate) string_bytes_max: u64,
    /// `list-max-listpack-size` and `list-compress-depth`.
    pub(crate) list: ListLimits,
    /// `hash-max-listpack-entries` and `hash-max-listpack-value`.
    pub(crate) hash_pack: PackLimits,
    /// `hll-sparse-max-bytes`: how long the sparse form of a HyperLogLog may become.
    pub(crate) hyperloglog_sparse_bytes_max: usize,
    /// `set-max-intset-entries`.
    pub(crate) set_integers_max: usize,
    /// `zset-max-listpack-entries` and `zset-max-listpack-value`.
    pub(crate) sorted_set_pack: PackLimits,
    /// `stream-node-max-bytes` and `stream-node-max-entries`.
    pub(crate) stream_node: NodeLimits,
}

impl Limits {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            string_bytes_max: config.proto_max_bulk_len,
            list: ListLimits {
                node: NodeLimit::of(config.list_max_listpack_size),
                compress_depth: config.list_compress_depth,
            },
            hash_pack: PackLimits {
                entries: config.hash_max_listpack_entries,
                element_bytes: config.hash_max_listpack_value,
            },
            hyperloglog_sparse_bytes_max: config.hll_sparse_max_bytes,
            set_integers_max: config.set_max_intset_entries,
            sorted_set_pack: PackLimits {
                entries: config.zset_max_listpack_entries,
                element_bytes: config.zset_max_listpack_value,
            },
            stream_node: NodeLimits {
                bytes: config.stream_node_max_bytes,
                entries: config.stream_node_max_entries,
            },
        }
    }
}
