//! The knobs of the study `hot-partitions`.

use super::{Resolver, doc};
use crate::study::cell::HotPartitionsKnobs;
use crate::study::dynamo::FidelityName;
use kvrig_base::quantity::Share;
use kvrig_base::time::Span;

/// A minute of heat decides on a split, and a table needs a few of them one after another.
const HEALED_MIN: Span = Span::from_secs(3 * 60);

impl Resolver<'_, '_> {
    pub(super) fn hot_partitions(
        &mut self,
        knobs: &doc::HotPartitions,
    ) -> Option<HotPartitionsKnobs> {
        let path = |key: &str| format!("study.hot-partitions.{key}");
        let clean = self.need(
            knobs.clean.as_ref(),
            &path("clean"),
            "up to which share of throttled attempts a minute is clean",
        );
        let healed = self.need(
            knobs.healed.as_ref(),
            &path("healed"),
            "how long the table is run with splits that take no time",
        );
        let (clean, healed) = (clean?, healed?);
        if clean.value >= Share::ONE {
            let message = format!("`clean` is {}", clean.value);
            self.report
                .out_of_range(clean.at, message, "choose below 100%");
        }
        if healed.value < HEALED_MIN {
            let message = format!("`healed` is {}", healed.value);
            let least = format!("choose at least {HEALED_MIN}, so that splits come about");
            self.report.out_of_range(healed.at, message, &least);
        }
        let fidelity = knobs.fidelity.as_ref();
        if let Some(written) = fidelity.filter(|one| one.value == FidelityName::Replicated) {
            self.report.out_of_range(
                written.at,
                "`fidelity` is \"replicated\": the rows of the study are made of what one place knows of \
                 all partitions, and replicas and routers each know a part"
                    .to_owned(),
                "choose \"admission\" or \"items\", which throttle the same requests",
            );
        }
        Some(HotPartitionsKnobs {
            fidelity: fidelity.map_or(FidelityName::Admission, |one| one.value),
            clean: clean.value,
            find_max_rate: knobs.find_max_rate.as_ref().is_some_and(|find| find.value),
            healed: self.span(healed),
        })
    }
}
