//! The study's model card: what its numbers mean and what would mislead.

use super::inputs::Inputs;
use kvrig_base::result::ModelCard;

/// The card of a run with these warnings.
pub(super) fn model_card(cells: &[Inputs], warnings: &[String]) -> ModelCard {
    let own = |sentences: &[&str]| sentences.iter().map(|&text| text.to_owned()).collect();
    let mut published: Vec<String> = Vec::new();
    for prices in cells.iter().flat_map(|inputs| &inputs.prices) {
        let sentence = format!(
            "Prices of {} from {}: {}.",
            prices.region,
            prices.from_text(),
            prices.source
        );
        if !published.contains(&sentence) {
            published.push(sentence);
        }
    }
    let mut tables = cells.iter().flat_map(|inputs| &inputs.prices);
    if tables.any(|prices| !prices.reserved.is_empty()) {
        published.extend(own(&[
            "Reserved capacity: AWS, \"Pricing for Provisioned Capacity\", blocks of 100 units for one or \
             three years; what is paid at the start is spread over the term.",
        ]) as Vec<String>);
    }
    published.extend(own(&[
        "Rows that begin with `law_` are quotients of prices: a unit's hour by 3,600 requests.",
        "`bill_article_mean` is what the article states; `bill_line_mean` is the same line by what its \
         requests consume.",
    ]) as Vec<String>);
    ModelCard {
        versions: own(&["DynamoDB as documented, Standard table class"]),
        rules: own(&[
            "What a request consumes is what the engine's tables answer: 4 KB a read unit, half of it for \
             an eventual read, 1 KB a write unit, each rounded up by item, index entries added.",
            "Auto scaling: two minutes above the target, or fifteen at 20 points below it; at most four \
             decreases at any time of a day in UTC and one more after each hour without any.",
            "Unused capacity of five minutes is kept and spent later, as burst capacity.",
            "An on-demand table takes twice its highest minute of more than half an hour ago, and 12,000 \
             reads and 4,000 writes a second from the start.",
        ]),
        simulated: own(&[
            "A step is one second. How many requests of each kind begin in it is drawn by Poisson's law \
             from the rate of that second; units, tokens, capacities and money are integers.",
            "All requests of a second are served at its end. Where tokens do not suffice for all, each \
             kind and attempt passes in the same proportion.",
            "What is throttled comes again as the SDK would send it: waits end in whole seconds, a drawn \
             wait is taken in eight parts of equal probability.",
            "Every table of a curve gets the same requests; curves under one seed share their draws.",
            "Break-even points are read off the simulated bills, between the two points around them.",
        ]),
        published,
        assumed: own(&[
            "Throttled attempts cost nothing, on demand as well.",
            "Capacity is billed by the second of its hour. `bill_hourly_mean` says what it would be if \
             every hour were billed at its highest capacity.",
            "An alarm acts up to `scaling.alarm_delay` after the minute that decides it, drawn evenly, and \
             an update takes `scaling.update_delay`; AWS says minutes for both.",
            "On-demand tables save nothing beyond a second for later.",
            "A burst stands on half of the mean rate and lasts about `burst`, so that mean and ratio are \
             exact over the run; a day above twice the mean is a power of a raised \
             cosine with no load at night.",
        ]),
        validity: warnings.to_vec(),
        misleading: own(&[
            "Partitions share one budget: a hot key throttles long before its table does. See the study \
             hot-partitions.",
            "Storage, streams, backups, data transfer and the free tier are not in the bills.",
            "A failed request has no price here. `failure_saved_mean` says what was saved for a million \
             of them; what they cost is for their owner to say.",
            "Reserved capacity is bought for a year or three: one month of it says nothing of a demand \
             that changes.",
            "Target tracking looks at consumption, which throttling holds down: after a steep rise it needs \
             several steps.",
        ]),
    }
}
