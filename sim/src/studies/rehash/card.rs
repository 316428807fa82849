//! The study's model card: what its numbers mean and what would mislead.

use super::display_name;
use kvrig_base::result::ModelCard;

/// The card for a run over `tables`, and tables that never grow, with the cost profile called
/// `profile`.
pub(super) fn model_card(
    tables: &[String],
    has_fixed_tables: bool,
    profile: &str,
    warnings: &[String],
) -> ModelCard {
    let mut rules = vec![
        "Redis tables: when they grow and shrink, how far one step goes, what the timer does, and \
         what a living child forbids follow redis:src/dict.c and redis:src/server.c of 7.0.15 and \
         7.4."
            .to_owned(),
        "Growth at the memory limit is refused unless the load exceeds 1.618 (redis#7954); \
         `growth_guard = false` drops that rule, as before 6.2, when eviction was not cut into \
         slices either (redis#7653)."
            .to_owned(),
        "While a child lives a doubling that has begun stands still (redis:src/dict.c 7.0.15: a \
         ratio of 2 is below 5)."
            .to_owned(),
    ];
    let mut assumed = vec![
        "Redis: one process on a core of its own; nothing else runs on the machine.".to_owned(),
        "Nodes begin as after a restart from a snapshot: tables of Redis, the textbook table and \
         Memcached's have their size before the keys come (redis:src/rdb.c, RDB_OPCODE_RESIZEDB); other \
         tables grow to it key by key."
            .to_owned(),
        "In a swing of the number of keys, keys go by DEL, the oldest first: this version has no \
         cycle that looks for expired keys."
            .to_owned(),
        "An array of 32 KiB or more comes from the system page by page and is given back as a whole."
            .to_owned(),
    ];
    if has_fixed_tables {
        rules.push(
            "Tables that never grow: linear, quadratic (steps of 1, 2, 3 …) and double hashing and \
             chains, under SipHash-1-2 with a key from the seed; theory is Knuth's (The Art of \
             Computer Programming, volume 3, section 6.4)."
                .to_owned(),
        );
        assumed.push(
            "Whoever chooses keys knows the functions MurmurHash3 (seed 0) and CRC16 and does not know \
             SipHash's key: under it, the keys chosen for MurmurHash3 are looked up."
                .to_owned(),
        );
    }
    if tables.iter().any(|table| table == "memcached-1.6") {
        rules.push(
            "Memcached's expansion follows memcached:assoc.c of 1.6: above 1.5 entries a bucket, \
             one bucket for each hold of an item lock, 10 ms of sleep where a worker has the lock."
                .to_owned(),
        );
        assumed.extend([
            "Memcached: four workers, the maintenance thread and the clock share the host's cores in \
             order of arrival; the maintenance thread offers its core after 64 buckets."
                .to_owned(),
            "Memcached: no memory limit, and none of its locks for statistics, slabs and LRU queues."
                .to_owned(),
        ]);
    }
    ModelCard {
        versions: tables.iter().map(|table| display_name(table)).collect(),
        rules,
        simulated: vec![
            "Every entry is really inserted, found and moved; work is counted where it is done and \
             priced by the cost profile, with a model of the processor's caches."
                .to_owned(),
            "Requests queue for a core in turns of the event loop; response times run from the \
             intended start of a request to its reply at the client."
                .to_owned(),
        ],
        published: vec![
            format!("Prices come from the cost profile `{profile}`; each states its source."),
            "Rows that begin with `law_` are theory under inserts alone: 63.2 % of the buckets hold \
             an entry at load 1, and each insert moves one of them."
                .to_owned(),
        ],
        assumed,
        validity: warnings.to_vec(),
        misleading: vec![
            "Absolute times are those of the profile's machine; compare tables and events, and fit a \
             profile before planning for another machine."
                .to_owned(),
            "A percentile of the phase `during` depends on how many requests the phase holds: a table \
             that stops for long and seldom has few of them."
                .to_owned(),
            "A child lives for as long as writing takes at the profile's prices; on a busy disk or a \
             contended machine it lives longer, and so does a frozen rehash."
                .to_owned(),
            "A swing is scaled down: resizes come in the same order, but their pauses are those of \
             small tables."
                .to_owned(),
            "A curve beyond the largest simulated size is a power law, no simulation.".to_owned(),
            "Huge pages, memory fragmentation and a noisy neighbour are not modelled; they lengthen \
             the freeing of large arrays."
                .to_owned(),
        ],
    }
}
