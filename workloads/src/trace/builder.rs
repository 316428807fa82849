//! From requests of a file to a trace in memory.

use super::source::{RawRequest, TraceSource};
use super::{Trace, check_length, text};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::digest::Digest;
use kvrig_base::limits::RUN_SPAN_MAX;
use kvrig_base::time::{Span, Time};
use std::collections::BTreeMap;

/// Reads all requests of `source`.
pub(super) fn read(name: &str, mut source: TraceSource<'_>) -> Result<Trace, Diagnostic> {
    let recorded = source.recorded();
    let mut trace = Trace::of_keys(name, vec![], 0);
    trace.times = recorded.times.then(Vec::new);
    trace.kinds = recorded.kinds.then(Vec::new);
    trace.key_bytes = recorded.key_bytes.then(Vec::new);
    trace.value_bytes = recorded.value_bytes.then(Vec::new);
    trace.ttl_seconds = recorded.ttls.then(Vec::new);
    let mut builder = Builder {
        time_unit: source.time_unit(),
        numbers: BTreeMap::new(),
        start: None,
        trace,
    };
    let mut request = RawRequest::default();
    while source.next(&mut request)? {
        builder.add(&request, &source)?;
    }
    builder.trace.left_out = source.left_out();
    match builder.trace.requests.is_empty() {
        true => Err(text::empty(name)),
        false => Ok(builder.trace),
    }
}

/// A trace in the making.
struct Builder {
    time_unit: Span,
    /// Digest of each key with its number; the text itself is not kept.
    numbers: BTreeMap<Digest, u32>,
    start: Option<u64>,
    trace: Trace,
}

impl Builder {
    fn add(&mut self, request: &RawRequest, source: &TraceSource<'_>) -> Result<(), Diagnostic> {
        let length = (self.trace.requests.len() as u64).saturating_add(request.repeat);
        check_length(&self.trace.name, length)?;
        let repeat = request.repeat as usize;
        let key = self.key(request);
        let trace = &mut self.trace;
        trace.requests.extend(std::iter::repeat_n(key, repeat));
        if let (Some(times), Some(time)) = (&mut trace.times, request.time) {
            let since = time.checked_sub(*self.start.get_or_insert(time));
            let at = since
                .and_then(|since| self.time_unit.checked_mul(since))
                .filter(|&span| span <= RUN_SPAN_MAX)
                .map(|span| Time::START + span);
            let last = times.last().copied().unwrap_or(Time::START);
            let at = at.filter(|&at| at >= last).ok_or_else(|| {
                source
                    .refuse(format_args!(
                        "time {time} is before an earlier record's or too far on"
                    ))
                    .help("sort the trace by time, or set `time_unit` in the column map")
            })?;
            times.extend(std::iter::repeat_n(at, repeat));
        }
        if let (Some(kinds), Some((kind, _))) = (&mut trace.kinds, &request.kind) {
            kinds.extend(std::iter::repeat_n(*kind, repeat));
        }
        if let (Some(sizes), Some(size)) = (&mut trace.value_bytes, request.value_bytes) {
            sizes.extend(std::iter::repeat_n(size, repeat));
        }
        if let (Some(ttls), Some(ttl)) = (&mut trace.ttl_seconds, request.ttl_seconds) {
            ttls.extend(std::iter::repeat_n(ttl, repeat));
        }
        Ok(())
    }
    /// The number of the request's key, with its size if it is new.
    fn key(&mut self, request: &RawRequest) -> u32 {
        let key = Digest::of(&request.key);
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let number = self.trace.keys;
        self.numbers.insert(key, number);
        self.trace.keys += 1;
        if let (Some(sizes), Some(size)) = (&mut self.trace.key_bytes, request.key_bytes) {
            sizes.push(size);
        }
        number
    }
}
