//! The study's model card: what its numbers mean and what would mislead.

use kvrig_base::result::ModelCard;

/// The card of a run with these warnings.
pub(super) fn model_card(warnings: &[String]) -> ModelCard {
    let own = |sentences: &[&str]| sentences.iter().map(|&text| text.to_owned()).collect();
    ModelCard {
        versions: own(&["Redis 7.0"]),
        rules: own(&[
            "The node evicts as redis:src/evict.c of 7.0 does: samples of neighbouring places of the \
             table, a pool of 16 candidates ranked by how long they had not been used when they were \
             drawn, and a clock of one second.",
            "LFU counts as redis:src/evict.c does: a logarithmic counter of 8 bits that falls by one a \
             minute, and so by little within a run.",
            "Belady's optimum removes the key that is asked for again latest; a key that was not there \
             always enters.",
        ]),
        simulated: own(&[
            "Every request is really served: by a reference cache that holds a number of keys, or by a \
             node with maxmemory, by GET and, where it finds nothing, SET.",
            "The node's limit is the memory that so many keys took in a node without one, by the same \
             commands; memory is used_memory in the layout of the product.",
            "The difference between the node's allkeys-lru and exact LRU is taken apart by replays on the \
             same requests: exact LRU, LRU by samples on an exact clock, the same with a clock of one \
             second and Redis's ranking of candidates. What is left is put down to bytes: the limit, and \
             samples of neighbours instead of uniform ones.",
        ]),
        published: own(&[
            "Rows that begin with `law_` are Che's approximation of exact LRU (IEEE JSAC 2002): \
             independent draws, in the long run; the rows beside them count the second half of the \
             requests alone.",
        ]),
        assumed: own(&[
            "Requests come at even gaps, one after another: a miss fills the cache before the next \
             request. No key is written but after a miss, whatever the workload's operation does.",
            "Sizes of values are those of the workload: a trace that has none gets the study's.",
        ]),
        validity: warnings.to_vec(),
        misleading: own(&[
            "A cache is empty at the start, and first requests never hit: a short stretch of requests \
             has a lower hit ratio than a long one. Compare rows with the same `requests` only.",
            "Reference caches count keys and the node counts bytes. They meet at the memory that so many \
             keys take at once; the node's table doubles within its limit, so that just above a power of \
             two a few keys cost the memory of many.",
            "The clock's share depends on the rate: requests that share a second look equally old. A \
             slower cache of the same size loses less.",
            "With one and the same time to live for all keys, volatile policies choose among all keys, \
             and volatile-ttl removes the oldest value, as FIFO does.",
            "Hits of the next MiB are a slope between two sizes; at the smallest sizes a MiB is more \
             than the whole cache.",
            "A hit ratio is no saving: it says nothing of what a miss costs.",
        ]),
    }
}
