//! The study on short runs.

use crate::studies::testing::{
    assert_same_for_any_jobs, assert_sentences_rest_on_rows, band, chart, refusal, run,
};
use kvrig_base::result::{Mark, StudyResult};

/// The value of a metric in the cell with these axes, and its interval.
fn row(result: &StudyResult, name: &str, cell: &[(&str, &str)]) -> (i64, Option<(i64, i64)>) {
    let row = result.rows.iter().find(|row| {
        row.variant.is_empty()
            && row.name == name
            && row.cell.len() == cell.len()
            && cell
                .iter()
                .all(|(axis, value)| row.cell.get(*axis).is_some_and(|held| held == value))
    });
    let row = row.unwrap_or_else(|| panic!("{name} of {cell:?}"));
    (row.value, row.lo.zip(row.hi))
}

const OLD: (&str, &str) = ("prices", "2018-11-28");
const NEW: (&str, &str) = ("prices", "2024-11-01");
const SHORT: &str = "[run]\nduration = \"2d\"\nseeds = 2\n[study.cost]\n\
    utilisations = [\"10%\", \"20%\", \"40%\"]\npeak_to_mean = [2.0, 4.0, 8.0]\n\
    peak_shares = [\"100%\", \"50%\"]\n";

#[test]
fn simulated_bills_cross_where_the_quotient_of_prices_says() {
    let result = run(SHORT, 2);
    for (prices, per_mille) in [(OLD, 144), (NEW, 289)] {
        let (used, _) = row(
            &result,
            "break_even_used_mean",
            &[("curve", "even"), prices],
        );
        let (law, _) = row(&result, "law_break_even_used_mean", &[prices]);
        assert_eq!((law + 500) / 1_000, per_mille);
        // Draws, and capacities in whole units.
        assert!((used - law).abs() < 1_500, "{used} {law}");
    }
    for curve in ["day", "bursts"] {
        for (prices, around) in [(OLD, 6_923), (NEW, 3_462)] {
            let cell = [("curve", curve), ("table", "provisioned"), prices];
            let (ratio, _) = row(&result, "break_even_peak_mean", &cell);
            assert!((ratio - around).abs() < around / 20, "{curve}: {ratio}");
        }
    }
}

#[test]
fn bills_beside_on_demand_have_bands_and_marks_where_they_cross() {
    let result = run(SHORT, 2);
    let shares = band(&result, "break-even");
    let of = |line: &str| {
        let of_line = shares.iter().filter(|(name, _)| name == line);
        of_line.map(|&(_, edges)| edges).collect::<Vec<_>>()
    };
    // Two curves of three peaks each; twice the mean costs 57.8 % of on-demand: 2 / 3.462.
    let provisioned = of("provisioned from 2024-11-01");
    assert_eq!(provisioned.len(), 6);
    let twice = provisioned
        .iter()
        .filter(|edges| edges[1].abs_diff(577_700) < 6_000);
    assert_eq!(twice.count(), 2, "{provisioned:?}");
    // When alarms act is drawn.
    let scaled = of("auto-scaled from 2024-11-01");
    assert!(
        scaled
            .iter()
            .any(|[lowest, _, highest]| highest - lowest > 1_000)
    );
    let marks = &chart(&result, "break-even").marks;
    for (curve, panel) in [("day", "days"), ("bursts", "bursts")] {
        for prices in [OLD, NEW] {
            let cell = [("curve", curve), ("table", "provisioned"), prices];
            let (ratio, interval) = row(&result, "break_even_peak_mean", &cell);
            assert!(interval.is_some_and(|(lo, hi)| lo <= ratio && ratio <= hi));
            let is_it = |mark: &Mark| {
                matches!(mark, Mark::Vertical { at, panel: Some(of), label }
                    if *at == ratio && of == panel && label.starts_with("provisioned"))
            };
            assert!(marks.iter().any(is_it), "{curve} {prices:?}: {marks:?}");
        }
    }
    let texts = result.findings.iter().map(|finding| &finding.text);
    let beside = texts.filter(|text| text.starts_with("Auto scaling beside on-demand"));
    assert_eq!(beside.count(), 1);
}

#[test]
fn bills_follow_from_what_was_provisioned_or_consumed() {
    let result = run(SHORT, 2);
    let month = |cell: &[(&str, &str)]| row(&result, "bill_month_mean", cell).0;
    // The peak is 500 requests a second: 80 % reads, a fifth of them strong, and 1.5 KB writes.
    let own = [
        ("curve", "own"),
        ("table", "provisioned"),
        ("of_peak", "100%"),
        NEW,
    ];
    assert_eq!(month(&own), (240 * 130 + 200 * 650) * 720);
    let ([old, new], (_, interval)) = (
        [OLD, NEW].map(|prices| month(&[("curve", "own"), ("table", "on-demand"), prices])),
        row(
            &result,
            "bill_month_mean",
            &[("curve", "own"), ("table", "on-demand"), NEW],
        ),
    );
    assert!(
        (old - 2 * new).abs() <= 2,
        "halved in November 2024: {old} {new}"
    );
    assert!(interval.is_some_and(|(lo, hi)| lo <= new && new <= hi));
    // 275 requests a second in the mean: 132 read and 110 write units.
    let expected = (132 * 125_000 + 110 * 625_000) / 1_000 * 2_592;
    assert!((new - expected).abs() < expected / 500, "{new} {expected}");
}

/// Prices that a study states under a name of its own.
fn stated(read_requests: &str, write_requests: &str, read_hour: &str, write_hour: &str) -> String {
    format!(
        "{SHORT}region = \"our contract\"\nprices = {{ from = 2024-11-01, \
         read_requests_million = \"{read_requests}\", write_requests_million = \"{write_requests}\", \
         read_unit_hour = \"{read_hour}\", write_unit_hour = \"{write_hour}\" }}\n"
    )
}

#[test]
fn stated_prices_give_the_rows_of_a_region_that_charges_them() {
    let ours = run(&stated("$0.1415", "$0.705", "$0.000147", "$0.000735"), 2);
    let ireland = run(&format!("{SHORT}region = \"eu-west-1\"\n"), 2);
    // Without its prices of before, and without reserved capacity, which AWS alone sells.
    let rows = |result: &StudyResult| {
        let rows = result.rows.iter().filter(|row| {
            let is_new = row.cell.get(NEW.0).is_some_and(|from| from == NEW.1);
            is_new && !row.cell.contains_key("term")
        });
        let rows = rows.map(|row| (row.name.clone(), row.cell.clone(), row.value));
        rows.collect::<Vec<_>>()
    };
    assert!(rows(&ours).len() > 50);
    assert_eq!(rows(&ours), rows(&ireland));
    assert!(ours.rows.iter().all(|row| !row.cell.contains_key("term")));
    assert!(ireland.rows.iter().any(|row| row.cell.contains_key("term")));
}

#[test]
fn stated_prices_are_billed_to_the_cent() {
    // Those of Seoul have eight decimals.
    let result = run(&stated("$0.1355", "$0.678", "$0.00014098", "$0.0007049"), 2);
    let own = [
        ("curve", "own"),
        ("table", "provisioned"),
        ("of_peak", "100%"),
        NEW,
    ];
    let (bill, _) = row(&result, "bill_month_mean", &own);
    // 240 read units and 200 write units for 720 hours, in hundredths of 10^-6 dollars.
    assert_eq!(bill * 100, (240 * 14_098 + 200 * 70_490) * 720);
}

#[test]
fn capacity_below_the_peak_fails_requests_and_their_price_is_told() {
    let result = run(SHORT, 2);
    let half = [
        ("curve", "own"),
        ("table", "provisioned"),
        ("of_peak", "50%"),
    ];
    let whole = [
        ("curve", "own"),
        ("table", "provisioned"),
        ("of_peak", "100%"),
    ];
    assert_eq!(row(&result, "failed_share", &whole).0, 0);
    let (failed, _) = row(&result, "failed_share", &half);
    let (throttled, _) = row(&result, "throttled_share", &half);
    // What exceeds 250 of a wave between 50 and 500: 84.6 of 275 in the mean, less what the five
    // minutes before each peak had saved. Retries do not add capacity, so all of it fails.
    assert!((295_000..309_000).contains(&failed), "{failed}");
    assert!(
        throttled > failed,
        "each failure took three attempts: {throttled}"
    );
    let mut priced = half.to_vec();
    priced.push(NEW);
    let (saved, _) = row(&result, "failure_saved_mean", &priced);
    let half_bill = (240 * 130 + 200 * 650) * 720 / 2;
    let failures = 275 * 2_592 * failed / 1_000;
    let expected = half_bill * 1_000 / (failures / 1_000);
    assert!(
        (saved - expected).abs() < expected / 200,
        "{saved} {expected}"
    );
}

#[test]
fn auto_scaling_is_late_for_bursts_and_keeps_up_with_days() {
    let result = run(SHORT, 2);
    let share = |curve, name: &str| {
        let cell = [
            ("curve", curve),
            ("peak_to_mean", "4"),
            ("table", "auto-scaled"),
        ];
        row(&result, name, &cell).0
    };
    assert!(share("bursts", "throttled_share") > share("day", "throttled_share"));
    assert!(share("bursts", "capacity_used_mean") < share("day", "capacity_used_mean"));
    let days = 2 * 27;
    assert!((1..=days).contains(&share("bursts", "capacity_decreases_count")));
}

#[test]
fn a_single_table_reads_a_page_for_less() {
    let text = "[run]\nduration = \"2h\"\nseeds = 1\n[study.cost]\npeak_to_mean = []\n\
        utilisations = []\npeak_shares = [\"100%\"]\ncustomer_size = \"1KiB\"\n\
        [workload.value_size]\nfixed = \"300B\"\n[workload.arrivals.constant]\nrate = \"100/s\"\n";
    let design = |reads: &str| {
        let named = text.replace(
            "[study.cost]\n",
            &format!("[study.cost]\nreads = \"{reads}\"\n"),
        );
        run(&named, 1)
    };
    let (single, multi) = (design("single-table"), design("multi-table"));
    // 4,024 bytes fit into one unit together; apart they take two. A fifth of reads is strong.
    assert_eq!(row(&single, "units_read_mean", &[]).0, 600);
    assert_eq!(row(&multi, "units_read_mean", &[]).0, 1_200);
    // 80 reads a second, evenly, for two hours as for a month: 48 and 96 units, beside 20 of writes.
    let on_demand = [("curve", "own"), ("table", "on-demand"), NEW];
    let bill = |result| row(result, "bill_month_mean", &on_demand).0;
    let units = |reads: i64| (reads * 125_000 + 20 * 625_000) / 1_000 * 2_592;
    assert!(
        (bill(&single) - units(48)).abs() < 300_000,
        "{}",
        bill(&single)
    );
    assert!(
        (bill(&multi) - units(96)).abs() < 300_000,
        "{}",
        bill(&multi)
    );
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_for_any_jobs(|jobs| run(SHORT, jobs));
}

#[test]
fn sentences_name_rows_that_exist() {
    let result = run(SHORT, 2);
    assert!(result.findings.len() >= 6, "{:#?}", result.findings);
    assert_sentences_rest_on_rows(&result);
}

#[test]
fn what_the_study_cannot_price_is_refused() {
    for (text, message) in [
        (
            "[study.cost]\nregion = \"eu-nowhere-1\"",
            "unknown name `eu-nowhere-1`",
        ),
        (
            "[study.cost]\nprices = { from = 2026-03-01, read_requests_million = \"$0.1\" }",
            "missing key `study.cost.prices.write_requests_million`",
        ),
        (
            "[study.cost]\nprices.read_unit_hour = \"0.00013\"",
            "`0.00013` does not say of which currency",
        ),
        (
            "[study.cost]\nprices.from = 2026-03-01T00:00:00Z",
            "is more than a day",
        ),
        (
            "[study.cost]\nprices.write_unit_hours = \"$0.00065\"",
            "unknown key `write_unit_hours`",
        ),
        (
            "[study.cost]\nprices = { from = 2026-03-01, read_requests_million = \"$0\", \
             write_requests_million = \"$1\", read_unit_hour = \"$1\", write_unit_hour = \"$1\" }",
            "`read_requests_million` is nothing",
        ),
        (
            "[study.cost]\npeak_to_mean = [1.0]",
            "peak-to-mean ratio out of range",
        ),
        ("[study.cost]\nscaling.target = \"95%\"", "a target of 95%"),
        (
            "[study.cost]\nscaling = { min = 100, max = 10 }",
            "`max` is 10, below `min`, 100",
        ),
        (
            "[study.cost]\nprovisioned = { read = 1, write = 50_000 }",
            "`write` is 50000",
        ),
        (
            "[study.cost]\n[workload]\nmix = { scan = \"100%\" }",
            "no price for `scan`",
        ),
        (
            "[study.cost]\n[run]\nduration = \"90min\"",
            "not a whole number of hours",
        ),
        ("[study.cost]\n[workload]\nclients = 5", "a closed loop"),
        (
            "[study.cost]\n[workload]\nvalue_size.fixed = \"500kB\"",
            "DynamoDB would refuse",
        ),
    ] {
        let refused = refusal(text).message;
        assert!(refused.contains(message), "{text}: {refused}");
    }
}
