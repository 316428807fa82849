//! The study's model card: what its numbers mean and what would mislead.

use kvrig_base::result::ModelCard;

/// The card for a node of the table called `table`, with the cost profile called `profile`.
pub(super) fn model_card(version: &str, profile: &str, warnings: &[String]) -> ModelCard {
    let list = |sentences: &[&str]| sentences.iter().map(|text| (*text).to_owned()).collect();
    ModelCard {
        versions: vec![format!("Redis {version}")],
        rules: list(&[
            "UNLINK and FLUSHALL ASYNC leave to a thread what they remove, UNLINK where a collection \
             has more than 64 allocations (redis:src/lazyfree.c 7.0, LAZYFREE_THRESHOLD); a string \
             counts as one, so that UNLINK releases it on the spot.",
            "DEL and FLUSHALL release everything before they reply: `lazyfree-lazy-user-del` and \
             `lazyfree-lazy-user-flush` are `no`, as by default.",
            "Small values lie in one allocation and large ones in tables, lists of listpacks and skip \
             lists, by the thresholds of redis.conf.",
        ]),
        simulated: list(&[
            "Every value is really built by the commands of a client, and the command under study is \
             really carried out; its work is counted where it is done and priced by the cost \
             profile, with a model of the processor's caches.",
            "Requests queue for a core in turns of the event loop; responses run from the intended \
             start of a request to its reply at the client.",
            "Releasing visits every bucket, entry, string, listpack and node, as the product's \
             functions do, and gives large arrays back to the system page by page.",
        ]),
        published: vec![format!(
            "Prices come from the cost profile `{profile}`; each states its source."
        )],
        assumed: list(&[
            "One process on a core of its own; the thread that releases memory has another, and \
             takes nothing from the first: no lock of the allocator, no cache, no memory bandwidth.",
            "An allocation of 32 KiB or more goes back to the system at once; smaller ones stay with \
             the allocator.",
            "A thread's work is priced by its counts alone, without the caches.",
            "SORT compares as often as the sort of this version does, which is no quicksort; each \
             comparison costs the same.",
        ]),
        validity: warnings.to_vec(),
        misleading: list(&[
            "Absolute times are those of the profile's machine; compare commands, sizes and shapes, \
             and fit a profile before planning for another machine.",
            "The reply is written in one go. Redis writes at most 64 KiB of it before it serves \
             others again, and holds the rest in memory: the stop of a large reply is then shorter \
             than here by the time of writing, and the memory is not counted here.",
            "An element of a reply is priced by its bytes: no price covers writing its length in front \
             of it. Commands that reply much and do little, LRANGE above all, stop a real server for \
             longer than here.",
            "One command is sent to a quiet store. Sent in a loop, as by a dashboard, it stops \
             everybody again and again, and nothing drains in between.",
            "p99 of the window depends on its length: a longer window holds more requests that met \
             nothing. The longest response and the number that waits do not.",
            "Elements of one length in an order drawn at random; longer ones cost more in copying, \
             and a value that was built slowly among others lies further apart in memory.",
            "After FLUSHALL the other clients' reads miss, which is cheaper than a hit: the time after \
             it looks better than their users find it.",
        ]),
    }
}
