//! The question of a cell and its knobs.

use super::{Resolver, TABLE_ENTRIES, doc};
use crate::study::cell::{Fleet, RehashKnobs, StudyKind, Swing};
use crate::study::document::TableName;
use crate::study::part::{At, Located};
use crate::study::scalars::Count;
use kvrig_base::limits;
use kvrig_base::quantity::Share;
use kvrig_tables::probing::PLACES_LOG2_MAX;
use std::ops::RangeInclusive;

/// Every client has a connection to every node.
const FLEET_NODES: RangeInclusive<u64> = 1..=1_000;
const FLEET_PARTS: RangeInclusive<u64> = 1..=1_000;
/// Places of tables that never grow.
const FIXED_PLACES: RangeInclusive<u64> = 16..=1 << PLACES_LOG2_MAX;

impl Resolver<'_, '_> {
    pub(super) fn kind(&mut self, study: &At<doc::Study>) -> Option<StudyKind> {
        match &study.part {
            doc::Study::Rehash(knobs) => self.rehash(knobs).map(StudyKind::Rehash),
            doc::Study::BigKeys(knobs) => self.big_keys(knobs).map(StudyKind::BigKeys),
            doc::Study::Eviction(knobs) => self.eviction(knobs).map(StudyKind::Eviction),
            doc::Study::HotPartitions(knobs) => {
                self.hot_partitions(knobs).map(StudyKind::HotPartitions)
            }
            doc::Study::AdaptiveCapacity(knobs) => self
                .adaptive_capacity(knobs)
                .map(StudyKind::AdaptiveCapacity),
            doc::Study::Cost(knobs) => self.cost(knobs).map(StudyKind::Cost),
        }
    }
    fn rehash(&mut self, knobs: &doc::Rehash) -> Option<RehashKnobs> {
        let tables = self.need(
            knobs.tables.as_ref(),
            "study.rehash.tables",
            "which tables to compare",
        );
        let tables = tables.and_then(|tables| self.tables(tables));
        let doublings = self.need(
            knobs.doublings.as_ref(),
            "study.rehash.doublings",
            "at how many entries the table grows",
        );
        let doublings = doublings.map(|sizes| self.table_sizes(sizes, "doublings", TABLE_ENTRIES));
        if let (Some(sizes), Some(written)) = (&doublings, &knobs.doublings)
            && sizes.is_empty()
            && written.is_empty()
        {
            self.missing(
                "study.rehash.doublings",
                "at how many entries the table grows",
            );
        }
        let lead_in = self
            .need(
                knobs.lead_in.as_ref(),
                "study.rehash.lead_in",
                "how long before the doubling a run starts",
            )
            .map(|span| self.span(span));
        let lead_out = self
            .need(
                knobs.lead_out.as_ref(),
                "study.rehash.lead_out",
                "how long after the rehash a run goes on",
            )
            .map(|span| self.span(span));
        let size_curve = knobs.size_curve.as_deref().unwrap_or_default();
        let size_curve = self.table_sizes(size_curve, "size_curve", TABLE_ENTRIES);
        let fixed_places = knobs.fixed_places.as_deref().unwrap_or_default();
        let fixed_places = self.table_sizes(fixed_places, "fixed_places", FIXED_PLACES);
        let swing = match &knobs.swing {
            Some(swing) => Some(self.swing(swing)?),
            None => None,
        };
        let fleet = match &knobs.fleet {
            Some(fleet) => Some(self.fleet(fleet)?),
            None => None,
        };
        Some(RehashKnobs {
            tables: tables?,
            doublings: doublings?,
            lead_in: lead_in?,
            lead_out: lead_out?,
            size_curve,
            fixed_places,
            swing,
            fleet,
        })
    }
    fn fleet(&mut self, fleet: &doc::Fleet) -> Option<Fleet> {
        let path = |key| format!("study.rehash.fleet.{key}");
        let nodes = self.need(fleet.nodes.as_ref(), &path("nodes"), "how many there are");
        let nodes = nodes.map(|nodes| self.small(nodes, "nodes", FLEET_NODES));
        let parts = fleet.parts.as_ref();
        let parts = parts.map_or(1, |parts| self.small(parts, "parts", FLEET_PARTS));
        Some(Fleet {
            nodes: nodes?,
            parts,
            stagger: fleet
                .stagger
                .as_ref()
                .map_or(Share(0), |stagger| stagger.value),
        })
    }
    fn swing(&mut self, swing: &doc::Swing) -> Option<Swing> {
        let path = |key| format!("study.rehash.swing.{key}");
        let low = self.need(
            swing.low.as_ref(),
            &path("low"),
            "how many keys there are at the lowest point",
        );
        let low = low.map(|count| self.count(count, "low", 1..=limits::KEYS_MAX));
        let high = self.need(
            swing.high.as_ref(),
            &path("high"),
            "how many keys there are at the start",
        );
        let least = low.map_or(2, |low| low.saturating_add(1));
        let high = high.map(|count| self.count(count, "high", least..=limits::KEYS_MAX));
        let period = self.need(
            swing.period.as_ref(),
            &path("period"),
            "how long it takes, there and back",
        );
        let period = period.map(|span| self.positive_span(span, "period"));
        Some(Swing {
            low: low?,
            high: high?,
            period: period?,
        })
    }
    fn tables(&mut self, written: &[Located<TableName>]) -> Option<Vec<TableName>> {
        let mut tables = Vec::new();
        for table in written {
            match table.value {
                TableName::All => tables.extend(TableName::built()),
                named => tables.push(named),
            }
        }
        let mut distinct = Vec::with_capacity(tables.len());
        for table in tables {
            if !distinct.contains(&table) {
                distinct.push(table);
            }
        }
        if distinct.is_empty() {
            self.missing("study.rehash.tables", "which tables to compare");
            return None;
        }
        Some(distinct)
    }
    fn table_sizes(
        &mut self,
        sizes: &[Located<Count>],
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Vec<u64> {
        let mut entries = Vec::with_capacity(sizes.len());
        for size in sizes {
            let value = self.count(size, name, range.clone());
            if !value.is_power_of_two() {
                let below = 1_u64 << value.max(1).ilog2();
                self.report.out_of_range(
                    size.at,
                    format!("`{name}` holds {value}, but tables have powers of two"),
                    &format!("the nearest below is 2^{}", below.trailing_zeros()),
                );
            }
            entries.push(value);
        }
        entries.sort_unstable();
        entries.dedup();
        entries
    }
}
