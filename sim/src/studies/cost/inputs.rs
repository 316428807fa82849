//! What a cell runs on, read once and shared by its points.

use super::demand::Kinds;
use super::requests::{KINDS, TableUse, measure};
use crate::cost::Profile;
use crate::studies::another_question;
use crate::studies::setup::Setup;
use crate::study::{Cell, CostKnobs, RetryMode, Selection, Sizes, StudyKind};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::Share;
use kvrig_base::time::Span;
use kvrig_dynamo::capacity::{ReadUnits, WriteUnits};
use kvrig_dynamo::price::{PriceTable, price_tables};
use kvrig_dynamo::retry::RetryPolicy;
use kvrig_dynamo::schema::THROUGHPUT_MAX;
use kvrig_workloads::{OpKind, Pacing, RateProfile};

/// An item holds at least its keys with the names of their attributes; see `requests`.
const ITEM_BYTES_MIN: u64 = 64;
/// A run is told in whole hours, by which capacity is billed.
const HOUR: Span = Span::from_secs(3_600);

/// A cell with everything read that it names.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) cell: Cell,
    pub(super) knobs: CostKnobs,
    pub(super) profile: Profile,
    /// Simulated time in seconds: whole hours.
    pub(super) run_secs: u64,
    /// The workload's own arrivals.
    pub(super) own: (Pacing, RateProfile),
    pub(super) kinds: Kinds,
    /// What one request of each kind consumes, by table.
    pub(super) tables: Vec<TableUse>,
    /// Prices of the region, by date, or those that the study states.
    pub(super) prices: Vec<PriceTable>,
}

impl Inputs {
    /// Reads everything that `cell` names.
    ///
    /// # Errors
    /// What cannot be read, or contradicts the rest.
    pub(super) fn read(cell: &Cell, setup: &mut Setup<'_>) -> Result<Self, Diagnostic> {
        let StudyKind::Cost(knobs) = &cell.kind else {
            return Err(another_question(cell));
        };
        let profile = setup.machine(&cell.host)?;
        let duration = cell.duration.ok_or_else(|| {
            let message = "missing key `run.duration`";
            Diagnostic::new(diagnostic::MISSING_KEY, message)
                .help("`run.duration` says how long the tables are run: `30d`")
        })?;
        let hours = duration.as_picos() / HOUR.as_picos();
        if hours == 0 || !duration.as_picos().is_multiple_of(HOUR.as_picos()) {
            let message = format!("a run of {duration} is not a whole number of hours");
            return Err(Diagnostic::new(diagnostic::OUT_OF_RANGE, message)
                .help("capacity is billed by the hour: choose a multiple of 1h up to 30d"));
        }
        let [space] = cell.workload.spaces.as_slice() else {
            return Err(
                contradiction("the study has one kind of item, so one key space")
                    .help("leave `workload.keyspace` out"),
            );
        };
        if let Selection::Trace { .. } = space.selection {
            return Err(contradiction(
                "a recorded trace does not say how demand changes over weeks",
            )
            .help("give `workload.arrivals`; `kvrig import` makes them of CloudWatch's metrics"));
        }
        let read = setup.workload(cell)?;
        let own = read.pacing.ok_or_else(|| {
            contradiction("a closed loop does not say how many requests share a second")
                .help("give `workload.arrivals` a rate")
        })?;
        if let Pacing::Renewal(_) = own.0 {
            return Err(
                contradiction("requests are counted by second, and gaps by law are not")
                    .help("use `poisson`, `constant`, `diurnal`, `table` or their like"),
            );
        }
        let Sizes::Fixed(item) = space.value_size else {
            return Err(contradiction("the study has items of one size")
                .help("give `workload.value_size.fixed`: the whole item, as DynamoDB counts it"));
        };
        if item.0 < ITEM_BYTES_MIN {
            let message = format!("an item of {item} cannot hold its keys");
            return Err(
                Diagnostic::new(diagnostic::OUT_OF_RANGE, message).help(format!(
                    "give `workload.value_size` at least {ITEM_BYTES_MIN}B"
                )),
            );
        }
        Ok(Self {
            profile,
            run_secs: hours * (HOUR.as_picos() / Span::from_secs(1).as_picos()),
            kinds: Kinds::new(reads(&space.mix)?, knobs.strong_reads),
            tables: measure(knobs, item.0)?,
            prices: match &knobs.prices {
                Some(stated) => vec![(**stated).clone()],
                None => price_tables(&knobs.region.value).cloned().collect(),
            },
            cell: cell.clone(),
            knobs: knobs.clone(),
            own,
        })
    }
    /// The sentence on a peak that takes more units than a table may have by default.
    pub(super) fn beyond_quota(&self) -> Option<String> {
        let peak = self.own.1.highest_rate();
        let most = self.tables.iter().map(|table| {
            let [eventual, strong, write] = Self::prices_of(table);
            let halves = self.kinds.units(peak, [eventual, strong, 0]);
            halves
                .div_ceil(2)
                .max(self.kinds.units(peak, [0, 0, write]))
        });
        let most = most.max().filter(|&units| units > THROUGHPUT_MAX)?;
        Some(format!(
            "The peak of the workload's own arrivals takes {most} units of one kind; a table has \
             {THROUGHPUT_MAX} by default, and more on request."
        ))
    }
    pub(super) const fn duration(&self) -> Span {
        Span::from_secs(self.run_secs)
    }
    /// How clients ask again.
    pub(super) const fn retries(&self) -> RetryPolicy {
        match self.knobs.retries {
            RetryMode::Standard => RetryPolicy::STANDARD,
            RetryMode::Legacy => RetryPolicy::LEGACY,
            RetryMode::Never => RetryPolicy::NEVER,
        }
    }
    /// Half units of one read and units of one write, all tables together: the mean over kinds, in
    /// thousandths of units.
    pub(super) fn mean_units(&self) -> (u64, u64) {
        let [eventual, strong, _] = self.kinds.0.map(|share| u128::from(share.0));
        let sum: u128 = self
            .tables
            .iter()
            .map(|table| {
                let [one_eventual, one_strong] = table.read_halves.map(u128::from);
                eventual * one_eventual + strong * one_strong
            })
            .sum();
        let read = sum * 500 / (eventual + strong).max(1);
        let write = self
            .tables
            .iter()
            .map(|table| table.write_units)
            .sum::<u64>();
        (u64::try_from(read).unwrap_or(u64::MAX), write * 1_000)
    }
    /// What so many requests of the mix consume together, all tables: how many does not matter to who
    /// compares prices.
    pub(super) fn mix_units(&self) -> (ReadUnits, WriteUnits) {
        let shares = self.kinds.0.map(|share| share.0);
        let (mut halves, mut writes) = (0_u64, 0_u64);
        for table in &self.tables {
            let [eventual, strong, write] = Self::prices_of(table);
            halves = halves.saturating_add(shares[0] * eventual + shares[1] * strong);
            writes = writes.saturating_add(shares[2] * write);
        }
        (ReadUnits::from_halves(halves), WriteUnits(writes))
    }
    /// What one request of each kind consumes of one table: half units of reads, units of writes.
    pub(super) const fn prices_of(table: &TableUse) -> [u64; KINDS] {
        let [eventual, strong] = table.read_halves;
        [eventual, strong, table.write_units]
    }
}

fn contradiction(message: &str) -> Diagnostic {
    Diagnostic::new(diagnostic::CONTRADICTION, message)
}

/// The share of reads in a mix of reads and writes of whole items.
fn reads(mix: &[(OpKind, Share)]) -> Result<Share, Diagnostic> {
    let mut reads = 0;
    for (kind, share) in mix {
        match kind {
            OpKind::Get => reads += share.0,
            OpKind::Set | OpKind::Insert | OpKind::Add | OpKind::Replace | OpKind::Delete => {}
            other => {
                let message = format!("the study has no price for `{}`", other.name());
                return Err(contradiction(&message)
                    .help("`workload.mix` may have get, set, insert, add, replace and delete"));
            }
        }
    }
    Ok(Share(reads.min(Share::ONE.0)))
}
