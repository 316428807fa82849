//! The study's model card: what its numbers mean and what would mislead.

use kvrig_base::result::ModelCard;

/// The card of a run with these warnings.
pub(super) fn model_card(warnings: &[String]) -> ModelCard {
    let own = |sentences: &[&str]| sentences.iter().map(|&text| text.to_owned()).collect();
    ModelCard {
        versions: own(&[
            "DynamoDB, admission models static-2012, adaptive-2017, adaptive-2019 and gac-2022",
        ]),
        rules: own(&[
            "static-2012 divides throughput equally among partitions and keeps five minutes of what a \
             partition does not use (Elhemali et al., USENIX ATC 2022, sections 4 and 4.1.1).",
            "adaptive-2017 raises the shares of throttled partitions by proportional control while the \
             table consumes less than it has (section 4.1.2).",
            "adaptive-2019 and gac-2022 let any partition use what the table has, up to 1,000 write and \
             3,000 read units a second; gac-2022 lends it to routers (section 4.2).",
            "Hot partitions are split at the place that divides their observed load; one item, keys in \
             sequence and collections under a local index are not (section 4.4).",
            "Auto scaling adds capacity after two minutes above its target (AWS Developer Guide, \
             \"Managing throughput capacity automatically\").",
        ]),
        simulated: own(&[
            "Every request is admitted or throttled by token buckets that are exact to the picosecond. \
             Tables start with nothing used for five minutes.",
            "Uneven loads and saved reads come at even gaps, so that their figures can be added up by \
             hand; the other loads are Poisson.",
        ]),
        published: own(&[
            "The uneven load is AWS's example of 50, 50, 50 and 150 on 400 write units; saved reads are \
             AWS's example of 45,000 saved units.",
        ]),
        assumed: own(&[
            "adaptive-2017 begins to adapt 5 to 30 minutes after the first throttled request (AWS's \
             blog), drawn evenly, and then raises a share by half of what was refused every ten \
             seconds.",
            "A split takes from half its delay to half as much again, drawn, after a minute above 80 % \
             of a partition's limit. AWS says \"in the order of minutes\".",
            "A table on demand is split for twice its highest minute, after the delay of splits: AWS \
             says that it takes twice its peak and that growing faster than that within thirty minutes \
             may throttle.",
            "Alarm and update of auto scaling take times that AWS gives as \"a few\" and \"several\" \
             minutes.",
        ]),
        validity: warnings.to_vec(),
        misleading: own(&[
            "`throttled_after_share` counts the five minutes from the first throttled request on: \
             what a user meets when the burst is spent.",
            "`heal_duration_mean` of a load that never heals is the rest of the run.",
            "Clients do not retry here, so that every attempt is a request: with retries more attempts \
             are throttled and fewer requests fail.",
        ]),
    }
}
