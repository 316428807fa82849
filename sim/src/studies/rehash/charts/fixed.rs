//! Tables of a fixed size: probes against load by way of probing, and against chosen keys by hash
//! function.

use super::{Drawn, axis, file_part, numbers, text};
use crate::studies::rehash::outcome::{FloodOutcome, LoadProbes, ProbingOutcome};
use crate::studies::rehash::power_of_two;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, Style};

/// The load at which charts and sentences compare: nine tenths.
const COMPARED_LOAD_PPM: u64 = 900_000;

/// What one panel shows: its name, what was counted, and what theory says.
type Panel = (&'static str, fn(&LoadProbes) -> u64, fn(&LoadProbes) -> u64);

const PANELS: [Panel; 2] = [
    (
        "key found",
        |point| point.hit_milli,
        |point| point.hit_law_milli,
    ),
    (
        "key not found",
        |point| point.miss_milli,
        |point| point.miss_law_milli,
    ),
];

impl Drawn {
    /// One chart for each number of places.
    pub(super) fn probes_against_load(&mut self, probings: &[ProbingOutcome]) {
        for places in each_once(probings.iter().map(|probing| probing.places)) {
            let of_size: Vec<&ProbingOutcome> = probings
                .iter()
                .filter(|probing| probing.places == places)
                .collect();
            self.probes_of(&of_size, places);
        }
    }

    fn probes_of(&mut self, probings: &[&ProbingOutcome], places: u64) {
        let size = power_of_two(places);
        let name = format!("probes-against-load-{}", file_part(&size));
        let theory = format!("{name}-theory");
        let columns = |value: fn(&Panel) -> fn(&LoadProbes) -> u64| {
            let (mut panels, mut kinds, mut loads, mut probes) = (vec![], vec![], vec![], vec![]);
            for panel in &PANELS {
                for probing in probings {
                    for point in &probing.points {
                        panels.push(panel.0.to_owned());
                        kinds.push(probing.probing.clone());
                        loads.push(point.load_ppm.cast_signed());
                        probes.push(value(panel)(point).cast_signed());
                    }
                }
            }
            vec![
                text("lookup", panels),
                text("probing", kinds),
                numbers("load", "ppm", loads),
                numbers("probes", "milli", probes),
            ]
        };
        self.series.push(Series {
            name: name.clone(),
            columns: columns(|panel| panel.1),
        });
        self.series.push(Series {
            name: theory.clone(),
            columns: columns(|panel| panel.2),
        });
        let at_compared: Vec<String> = probings
            .iter()
            .filter_map(|probing| {
                let is_compared = |point: &&LoadProbes| point.load_ppm == COMPARED_LOAD_PPM;
                let point = probing.points.iter().find(is_compared)?;
                let probes = format_value(Unit::Milli, point.miss_milli.cast_signed());
                Some(format!("{} {probes}", probing.probing))
            })
            .collect();
        let message = format!(
            "Places met by a look-up that finds nothing, nine tenths full: {}",
            at_compared.join("; ")
        );
        let layer = |series: &str, style| Layer {
            series: series.into(),
            x: "load".into(),
            y: "probes".into(),
            upper: None,
            group: Some("probing".into()),
            style,
            cells: None,
        };
        self.charts.push(Chart {
            title: format!("Mean probes per look-up against load factor, {size} places"),
            alt: format!(
                "Probes against load, on a logarithmic scale, by way of probing; theory is dashed. {message}."
            ),
            message,
            x: axis("keys per place", Quantity::Ppm, Scale::Linear),
            y: axis("mean probes", Quantity::Milli, Scale::Log),
            panels: Some("lookup".into()),
            layers: vec![
                layer(&theory, Style::Dashed),
                layer(&name, Style::Points),
            ],
            marks: Vec::new(),
            name,
        });
    }

    /// One chart for each number of places.
    pub(super) fn probes_against_chosen_keys(&mut self, floods: &[FloodOutcome]) {
        for places in each_once(floods.iter().map(|flood| flood.places)) {
            let of_size: Vec<&FloodOutcome> = floods
                .iter()
                .filter(|flood| flood.places == places)
                .collect();
            self.flood_of(&of_size, places);
        }
    }

    fn flood_of(&mut self, floods: &[&FloodOutcome], places: u64) {
        let size = power_of_two(places);
        let name = format!("probes-against-chosen-keys-{}", file_part(&size));
        let (mut hashes, mut keys, mut probes) = (vec![], vec![], vec![]);
        let mut at_most: Vec<String> = Vec::new();
        for flood in floods {
            for point in &flood.points {
                hashes.push(flood.hash.clone());
                keys.push(point.keys.cast_signed());
                probes.push(point.lookup_milli.cast_signed());
            }
            at_most.extend(flood.points.last().map(|point| {
                let probes = format_value(Unit::Milli, point.lookup_milli.cast_signed());
                format!("{} {probes}", flood.hash)
            }));
        }
        self.series.push(Series {
            name: name.clone(),
            columns: vec![
                text("hash", hashes),
                numbers("keys", "", keys),
                numbers("probes", "milli", probes),
            ],
        });
        let message = format!("With the most chosen keys: {}", at_most.join("; "));
        let layer = |style| Layer {
            series: name.clone(),
            x: "keys".into(),
            y: "probes".into(),
            upper: None,
            group: Some("hash".into()),
            style,
            cells: None,
        };
        self.charts.push(Chart {
            title: format!("Probes per look-up against keys chosen to collide, {size} chains"),
            alt: format!(
                "Log-log chart of mean probes against chosen keys, by hash function. {message}."
            ),
            message,
            x: axis("chosen keys in the table", Quantity::Count, Scale::Log),
            y: axis("mean probes", Quantity::Milli, Scale::Log),
            panels: None,
            layers: vec![layer(Style::Line), layer(Style::Points)],
            marks: Vec::new(),
            name,
        });
    }
}

fn each_once(places: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut distinct: Vec<u64> = places.collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}
