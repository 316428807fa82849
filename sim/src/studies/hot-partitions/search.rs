//! The highest rate at which a minute is clean, by halving.

use super::outcome::Found;
use super::survey::Survey;
use crate::dynamo::{Checked, Host, Items};
use crate::run::RunError;
use crate::studies::traffic::{Rehearsal, Traffic};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::{Rate, Share};
use kvrig_base::time::Span;

/// How long a rate is tried: a minute after ten seconds, in which the second's worth that limits hold
/// at the start is used up.
pub(super) const PROBE: Span = Span::from_secs(70);
const FROM: Span = Span::from_secs(10);
/// Rates that are tried: the last step is a sixty-fourth of the first interval.
pub(super) const STEPS: u64 = 6;
/// Where the search begins, in parts of the rate that fills the hottest partition or what is paid
/// for: below the lower end a table would throttle at half its load, above the upper end it is full.
const LOW_PERCENT: u64 = 40;
const HIGH_PERCENT: u64 = 104;

/// Searches between two rates, the lower of which is taken to be clean; each is tried on a table that
/// `start` makes, with the items that `items` makes, if it has any.
pub(super) fn highest_clean_rate(
    traffic: &Traffic<'_>,
    start: &dyn Fn(Option<Items>) -> Result<Host, Diagnostic>,
    items: &dyn Fn() -> Result<Option<Items>, Diagnostic>,
    clean: Share,
    survey: &Survey,
    cancelled: &dyn Fn() -> bool,
) -> Result<Found, RunError> {
    let bound = survey.paid.min(survey.hottest_rate).max(1);
    let (mut low, mut high) = (bound * LOW_PERCENT / 100, bound * HIGH_PERCENT / 100 + 1);
    let (mut events, mut checked) = (0, Checked::default());
    let mut kept: Option<Items> = None;
    let mut rehearsal = Rehearsal::default();
    for _ in 0..STEPS {
        let rate = low.midpoint(high);
        let Some(mut requests) = traffic.requests_at(Rate::per_second(rate), &mut rehearsal) else {
            break;
        };
        let of_this = match kept.take().and_then(Items::again) {
            Some(items) => Some(items),
            None => items()?,
        };
        let (recorded, left) = start(of_this)?.run_and_keep(requests.as_mut(), cancelled)?;
        kept = left;
        events += recorded.books.attempts;
        checked = checked.plus(recorded.checked());
        let minute = recorded.between(FROM, PROBE);
        let allowed = u128::from(minute.attempts) * u128::from(clean.0) / u128::from(Share::ONE.0);
        match u128::from(minute.throttled()) <= allowed {
            true => low = rate,
            false => high = rate,
        }
    }
    Ok(Found::Rate {
        clean: low,
        events,
        checked,
    })
}
