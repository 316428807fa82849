//! The knobs of the study `adaptive-capacity`.

use super::{Resolver, doc};
use crate::dynamo::Delay;
use crate::study::cell::AdaptiveCapacityKnobs;
use crate::study::dynamo as dynamo_doc;
use crate::study::part::Located;
use kvrig_base::quantity::Rate;
use kvrig_base::time::Span;

impl Resolver<'_, '_> {
    pub(super) fn adaptive_capacity(
        &mut self,
        knobs: &doc::AdaptiveCapacity,
    ) -> Option<AdaptiveCapacityKnobs> {
        let path = |key: &str| format!("study.adaptive-capacity.{key}");
        let mut models = Vec::new();
        for model in knobs.models.iter().flatten() {
            if !models.contains(&model.value) {
                models.push(model.value);
            }
        }
        if models.is_empty() {
            self.missing(&path("models"), "which models to compare");
        }
        let mut uneven = Vec::new();
        for rate in knobs.uneven.iter().flatten() {
            uneven.push(self.rate(Some(rate), &path("uneven"))?);
        }
        if uneven.is_empty() {
            self.missing(&path("uneven"), "how much each partition is written to");
        }
        let mut rate =
            |rate: &Option<Located<Rate>>, key: &str| self.rate(rate.as_ref(), &path(key));
        let saved_reads = rate(&knobs.saved_reads, "saved_reads");
        let one_key = rate(&knobs.one_key, "one_key");
        let ramp_to = rate(&knobs.ramp_to, "ramp_to");
        let step_from = rate(&knobs.step_from, "step_from");
        let step_to = rate(&knobs.step_to, "step_to");
        let uneven_span = self.length(knobs.uneven_span.as_ref());
        let saved_span = self.length(knobs.saved_span.as_ref());
        let one_key_span = self.length(knobs.one_key_span.as_ref());
        let ramp_hold = self.length(knobs.ramp_hold.as_ref());
        let step_before = self.length(knobs.step_before.as_ref());
        let step_after = self.length(knobs.step_after.as_ref());
        let alarm = self.drawn(knobs.alarm_delay.as_ref(), &path("alarm_delay"));
        let update = self.drawn(knobs.update_delay.as_ref(), &path("update_delay"));
        let split_delays = self.ascending(knobs.split_delays.as_deref());
        let ramps = self.ascending(knobs.ramps.as_deref());
        Some(AdaptiveCapacityKnobs {
            models,
            uneven,
            uneven_span,
            saved_reads: saved_reads?,
            saved_span,
            one_key: one_key?,
            one_key_span,
            split_delays,
            ramp_to: ramp_to?,
            ramps,
            ramp_hold,
            step: (step_from?, step_to?),
            step_spans: (step_before, step_after),
            scaling_delays: (alarm?, update?),
        })
    }
    fn length(&mut self, span: Option<&Located<Span>>) -> Span {
        span.map_or(Span::ZERO, |span| self.span(span))
    }
    fn drawn(&mut self, delay: Option<&dynamo_doc::Delay>, path: &str) -> Option<Delay> {
        let delay = self.need(delay, path, "how long it takes")?;
        self.delay(delay, path)
    }
    fn ascending(&mut self, spans: Option<&[Located<Span>]>) -> Vec<Span> {
        let spans = spans.unwrap_or_default().iter();
        let mut spans: Vec<Span> = spans.map(|span| self.span(span)).collect();
        spans.sort_unstable();
        spans.dedup();
        spans
    }
}
