//! Pages in a real browser, without a window: they draw without an error and load nothing.
//!
//! Chromium comes from the system; where it is missing, `CI=true` installs Debian's package, and a
//! developer's machine skips the test with a notice.

use crate::common;
use kvrig_base::result::{Outcome, StudyResult};
use kvrig_reports::folder::{Output, RunMeta};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=4000",
];

const APT_TRIES: u32 = 40;
const APT_PAUSE: std::time::Duration = std::time::Duration::from_secs(3);

fn chromium() -> Option<&'static str> {
    let works = || {
        Command::new("chromium")
            .arg("--version")
            .output()
            .is_ok_and(|o| o.status.success())
    };
    if works() {
        return Some("chromium");
    }
    if std::env::var("CI").as_deref() != Ok("true") {
        eprintln!("skipped: there is no chromium here (CI=true would install it)");
        return None;
    }
    // Other tests may be installing what they need: their locks are waited for.
    let apt = |arguments: &[&str]| {
        let is_done = (0..APT_TRIES).any(|attempt| {
            std::thread::sleep(APT_PAUSE * attempt.min(1));
            let status = Command::new("apt-get").args(arguments).status();
            status.is_ok_and(|status| status.success())
        });
        assert!(is_done, "apt-get {arguments:?}");
    };
    apt(&["update", "-qq"]);
    apt(&[
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
        "chromium",
    ]);
    assert!(works(), "chromium was installed and does not start");
    Some("chromium")
}

fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("chromium")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn write(target: &Path, results: &[StudyResult]) {
    let meta = RunMeta {
        kvrig: String::new(),
        command: vec![],
        started_unix_ms: 0,
        finished_unix_ms: 0,
        host: String::new(),
        jobs: 1,
    };
    let mut output = Output::begin(target).unwrap();
    output.add_measured(0, common::measured());
    output.finish(results, &meta, None).unwrap();
}

/// The document after its scripts have run, and what the browser logged meanwhile.
fn visit(program: &str, page: &Path, folder: &Path) -> (String, String, String) {
    let net_log = folder.join("net.json");
    let output = Command::new(program)
        .args(FLAGS)
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("--log-net-log={}", net_log.display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        text(&output.stdout),
        text(&output.stderr),
        fs::read_to_string(net_log).unwrap_or_default(),
    )
}

/// Addresses that a page asked the network for. The log has an event a line; what the browser asks
/// for on its own account has no origin as its initiator.
fn requests(net_log: &str) -> Vec<&str> {
    let of_pages = net_log.lines().filter(|line| {
        line.contains("\"initiator\":") && !line.contains("\"initiator\":\"not an origin\"")
    });
    let addresses = of_pages.filter_map(|line| line.split("\"url\":\"").nth(1)?.split('"').next());
    addresses
        .filter(|url| !url.starts_with("file:") && !url.starts_with("data:"))
        .collect()
}

#[test]
fn pages_draw_without_errors_and_load_nothing() {
    let Some(program) = chromium() else { return };
    let folder = place("pages");
    let mut hostile = common::sample();
    hostile.study = "hostile".to_owned();
    let script = "</script><script>console.error('injected')</script><img src=http://x.invalid/a>";
    hostile.title = script.to_owned();
    hostile.findings[0].text = script.to_owned();
    hostile.charts[0].alt = script.to_owned();
    hostile.rows[0].variant = script.to_owned();
    hostile.document = script.to_owned();
    hostile.quick = true;
    hostile.verdicts[0].verdict = Outcome::Fail;
    hostile.charts.push(common::bars());
    let (band, of_band) = common::band();
    hostile.charts.push(band);
    hostile.series.push(of_band);
    write(&folder.join("out"), &[common::sample(), hostile]);

    for (page, panels) in [
        ("rehash/index.html", 5),
        ("hostile/index.html", 6),
        ("rehash/measured/index.html", 2),
        ("index.html", 0),
    ] {
        let (document, log, net_log) = visit(program, &folder.join("out").join(page), &folder);
        let console: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .collect();
        assert_eq!(console, Vec::<&str>::new(), "{page}");
        assert_eq!(requests(&net_log), Vec::<&str>::new(), "{page}");
        assert!(
            !net_log.is_empty(),
            "{page}: the browser wrote no log of its network"
        );
        if panels > 0 {
            assert!(
                document.contains("data-ready=\"yes\""),
                "{page}: its script did not finish"
            );
            let drawn = document.matches("<canvas").count();
            assert_eq!(drawn, panels, "{page}: one canvas for each panel");
        }
    }
}

#[test]
fn a_place_in_a_band_reads_as_the_line_and_the_ends_around_it() {
    let Some(program) = chromium() else { return };
    let folder = place("band");
    let mut result = common::sample();
    let (band, of_band) = common::band();
    result.charts = vec![band];
    result.series.push(of_band);
    let target = folder.join("out");
    write(&target, &[result]);
    // The page's own keys walk from place to place.
    let walk = "<script>setTimeout(() => {
        const plot = document.querySelector('#chart-pause-over-seeds .uplot');
        plot.focus();
        for (let step = 0; step < 5; step += 1) {
            plot.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
        }
    }, 500)</script>";
    let page = folder.join("page.html");
    let text = fs::read_to_string(target.join("index.html")).unwrap();
    fs::write(&page, text + walk).unwrap();
    let (document, _, _) = visit(program, &page, &folder);
    let read = "entries: 2²² · at-once: 12.58 ms (10.07 ms to 15.1 ms) · \
                redis-7.0: 4.194 ms (3.355 ms to 5.033 ms)";
    assert!(document.contains(read), "{document}");
}

#[test]
fn an_error_on_a_page_would_be_seen() {
    let Some(program) = chromium() else { return };
    let folder = place("control");
    let page = folder.join("page.html");
    fs::write(
        &page,
        "<script>console.error('seen')</script><img src='http://127.0.0.1:9/x'>",
    )
    .unwrap();
    let (_, log, net_log) = visit(program, &page, &folder);
    assert!(
        log.lines()
            .any(|line| line.contains("CONSOLE") && line.contains("seen")),
        "{log}"
    );
    assert!(
        requests(&net_log)
            .iter()
            .any(|url| url.contains("127.0.0.1:9/x")),
        "no request seen"
    );
}
