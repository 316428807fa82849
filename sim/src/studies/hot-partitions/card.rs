//! The study's model card: what its numbers mean and what would mislead.

use crate::study::{Dynamodb, FidelityName};
use kvrig_base::result::ModelCard;

/// The card of a run of this table, at this fidelity, with these warnings.
pub(super) fn model_card(
    table: &Dynamodb,
    fidelity: FidelityName,
    warnings: &[String],
) -> ModelCard {
    let own = |sentences: &[&str]| sentences.iter().map(|&text| text.to_owned()).collect();
    let mut card = by_admission(table, warnings);
    if fidelity == FidelityName::Items {
        card.simulated.extend::<Vec<String>>(own(&[
            "Every request that passes puts or gets an item. A write is charged by the larger of what it \
             replaces and what it leaves, a read by what is there; what all items consumed is what was \
             charged.",
        ]));
        card.assumed.extend::<Vec<String>>(own(&[
            "Where a partition key has one item, each has it before the first request; where it has \
             many, the table is empty then.",
        ]));
    }
    card
}

fn by_admission(table: &Dynamodb, warnings: &[String]) -> ModelCard {
    let own = |sentences: &[&str]| sentences.iter().map(|&text| text.to_owned()).collect();
    ModelCard {
        versions: vec![format!("DynamoDB, admission model {}", table.model.name())],
        rules: own(&[
            "A partition serves 1,000 write units and 3,000 read units a second (AWS Developer Guide, \
             \"Partitions and data distribution\"); eventual reads are spread over its three replicas.",
            "The table's tokens are lent to routers for two seconds by one admission server; a \
             partition admits up to its limit (Elhemali et al., USENIX ATC 2022, section 4.2).",
            "A partition that stays hot is split at the place that divides its observed load evenly; \
             one hot item and keys that come in sequence are not split (section 4.4).",
            "Clients retry as the AWS SDKs' standard mode does: three attempts, up to one second and \
             then two between them, drawn, and a quota of 500 tokens a client of which a retry takes \
             five.",
            "A write of a table with a global index passes where both have capacity: an index that is \
             short throttles its table (AWS Developer Guide, \"Throttling\").",
        ]),
        simulated: own(&[
            "Every attempt is admitted or throttled by token buckets that are exact to the picosecond; \
             partition keys are placed by SipHash under a key of the seed's.",
            "`failed_healed_share` is the last minute of a run in which splits take no time: what no \
             split can help.",
            "The highest clean rate is found by halving, each time with a minute of requests before \
             any split; it is known to about one per cent.",
        ]),
        published: own(&[
            "Rows that begin with `law_` are arithmetic: what a key or the hottest partition exceeds \
             1,000 units a second by, and the rates that follow.",
        ]),
        assumed: own(&[
            "A partition is hot from 80 % of its limit on, for a minute; a split then takes a time \
             drawn from `heat_split_delay`. AWS says \"in the order of minutes\".",
            "A request takes no time: clients learn at once that they are throttled.",
            "An order's UUID is one of as many keys as the workload has, all alike; countries are US \
             40 % and fourteen others, statuses 60, 20, 10, 7 and 3 %.",
            "Limits hold a second's worth of tokens, and a partition that comes of a split starts with \
             them full.",
        ]),
        validity: warnings.to_vec(),
        misleading: own(&[
            "`throttled_share` counts attempts, so retries raise it: a request that fails has been \
             throttled three times. `failed_share` counts requests.",
            "The share of the hottest partition depends on where keys happen to lie: compare the \
             seeds before you compare cells.",
            "More partitions do not help a key that exceeds one: at s = 0.99 and a million keys the \
             most popular one has 6.5 %, so that no table carries more than 15,400 writes a second \
             cleanly.",
            "When a real table splits is AWS's to decide; run with several delays before you rely on \
             one.",
        ]),
    }
}
