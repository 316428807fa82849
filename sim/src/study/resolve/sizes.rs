//! The lengths of keys and values of a cell, and how many records are read at once.

use super::super::cell::{Law, Lengths, Sizes};
use super::super::part::{At, Located, Report};
use super::super::scalars::Millionths;
use super::super::workload as doc;
use super::{Resolver, placed};
use kvrig_base::limits;
use kvrig_base::quantity::{Bytes, Share};

const SCAN_LENGTH_MAX: u64 = 1_000_000;
/// The longest key of Memcached (`memcached:memcached.h`, KEY_MAX_LENGTH).
const MEMCACHED_KEY_MAX: Bytes = Bytes(250);
/// The largest item of Memcached unless configured otherwise (`memcached:memcached.c`,
/// settings.item_size_max).
const MEMCACHED_VALUE_MAX: Bytes = Bytes::mib(1);

impl Resolver<'_, '_> {
    pub(super) fn sizes(
        &mut self,
        sizes: Option<&At<doc::Sizes>>,
        name: &str,
        min: u64,
        max: u64,
    ) -> Option<Sizes> {
        let path = format!("workload.{name}");
        let sizes = self.need(sizes, &path, "how many bytes")?;
        let bounded = |report: &mut Report<'_>, size: &Located<Bytes>| {
            if !(min..=max).contains(&size.value.0) {
                report.out_of_range(
                    size.at,
                    format!("`{name}` is {}", size.value),
                    &format!("choose between {} and {}", Bytes(min), Bytes(max)),
                );
            }
            size.value
        };
        Some(match &sizes.part {
            doc::Sizes::Fixed(size) => Sizes::Fixed(bounded(self.report, size)),
            doc::Sizes::Uniform(range) => {
                let min = self.need(
                    range.min.as_ref(),
                    &format!("{path}.uniform.min"),
                    "the shortest",
                );
                let max = self.need(
                    range.max.as_ref(),
                    &format!("{path}.uniform.max"),
                    "the longest",
                );
                let (min, max) = (min?, max?);
                if min.value > max.value {
                    self.report.contradiction(
                        max.at,
                        format!("`max` is {}, below `min`, {}", max.value, min.value),
                        "choose `max` at least as large as `min`",
                    );
                }
                Sizes::Uniform {
                    min: bounded(self.report, min),
                    max: bounded(self.report, max),
                }
            }
            doc::Sizes::Normal(_) | doc::Sizes::Gev(_) | doc::Sizes::GPareto(_) => {
                self.law_of_sizes(&sizes.part, name, &path)?
            }
            doc::Sizes::Mixed(mixed) => {
                let law = self.law(&mixed.tail, &format!("{path}.mixed"));
                let (min, max) =
                    self.limits(name, mixed.tail.min.as_ref(), mixed.tail.max.as_ref());
                let shares = self.discrete(mixed, &format!("{path}.mixed"));
                let (location, scale, shape) = law?;
                Sizes::Mixed {
                    shares: shares?,
                    law: Law::GPareto {
                        location,
                        scale,
                        shape,
                    },
                    min,
                    max,
                }
            }
            doc::Sizes::Histogram(histogram) => {
                let file = histogram.file.as_ref();
                let file = self.need(
                    file,
                    &format!("{path}.histogram.file"),
                    "where the sizes are",
                )?;
                Sizes::Histogram(placed(file))
            }
        })
    }
    fn law_of_sizes(&mut self, sizes: &doc::Sizes, name: &str, path: &str) -> Option<Sizes> {
        let (law, min, max) = match sizes {
            doc::Sizes::Normal(normal) => {
                let mean = format!("{path}.normal.mean");
                let mean = self.need(normal.mean.as_ref(), &mean, "the mean");
                let deviation = format!("{path}.normal.deviation");
                let deviation = self.positive(normal.deviation.as_ref(), &deviation, "the spread");
                let law = Law::Normal {
                    mean: mean?.value,
                    deviation: deviation?,
                };
                (law, &normal.min, &normal.max)
            }
            doc::Sizes::Gev(gev) => {
                let (location, scale, shape) = self.law(gev, &format!("{path}.gev"))?;
                let law = Law::Gev {
                    location,
                    scale,
                    shape,
                };
                (law, &gev.min, &gev.max)
            }
            doc::Sizes::GPareto(pareto) => {
                let (location, scale, shape) = self.law(pareto, &format!("{path}.gpareto"))?;
                let law = Law::GPareto {
                    location,
                    scale,
                    shape,
                };
                (law, &pareto.min, &pareto.max)
            }
            _ => return None,
        };
        let (min, max) = self.limits(name, min.as_ref(), max.as_ref());
        Some(Sizes::Law { law, min, max })
    }
    /// The sizes of a mixed law with their shares.
    fn discrete(&mut self, mixed: &doc::MixedSizes, path: &str) -> Option<Vec<(Bytes, Share)>> {
        let sizes = format!("{path}.sizes");
        let sizes = self.need(mixed.sizes.as_ref(), &sizes, "the discrete lengths");
        let shares = format!("{path}.shares");
        let shares = self.need(mixed.shares.as_ref(), &shares, "the share of each");
        let (sizes, shares) = (sizes?, shares?);
        let total = shares
            .iter()
            .fold(0_u64, |sum, share| sum.saturating_add(share.value.0));
        if let Some(first) = shares.first()
            && (sizes.len() != shares.len() || total >= Share::ONE.0)
        {
            self.report.contradiction(
                first.at,
                format!(
                    "{} sizes and {} shares of {} in all",
                    sizes.len(),
                    shares.len(),
                    Share(total)
                ),
                "give each size one share, together less than 100%",
            );
            return None;
        }
        let pairs = sizes.iter().zip(shares);
        Some(
            pairs
                .map(|(size, share)| (size.value, share.value))
                .collect(),
        )
    }
    /// The parameters of a law of three.
    fn law(
        &mut self,
        law: &doc::LawSizes,
        path: &str,
    ) -> Option<(Millionths, Millionths, Millionths)> {
        let location = format!("{path}.location");
        let location = self.need(law.location.as_ref(), &location, "where it begins");
        let scale = self.positive(law.scale.as_ref(), &format!("{path}.scale"), "its spread");
        let shape = self.shape(law.shape.as_ref(), &format!("{path}.shape"));
        Some((location?.value, scale?, shape?))
    }
    fn positive(
        &mut self,
        number: Option<&Located<Millionths>>,
        path: &str,
        meaning: &str,
    ) -> Option<Millionths> {
        let number = self.need(number, path, meaning)?;
        if number.value == Millionths(0) {
            self.report
                .out_of_range(number.at, format!("`{path}` is 0"), "choose above 0");
        }
        Some(number.value)
    }
    /// A shape under which a law has a mean.
    pub(super) fn shape(
        &mut self,
        shape: Option<&Located<Millionths>>,
        path: &str,
    ) -> Option<Millionths> {
        let shape = self.need(shape, path, "how long its tail is")?;
        if shape.value >= Millionths(1_000_000) {
            let message = format!("`{path}` is 1 or more, and there is no mean then");
            self.report
                .out_of_range(shape.at, message, "choose between 0 and 1");
        }
        Some(shape.value)
    }
    /// The shortest and the longest length that a law may give.
    fn limits(
        &mut self,
        name: &str,
        min: Option<&Located<Bytes>>,
        max: Option<&Located<Bytes>>,
    ) -> (Bytes, Bytes) {
        let (least, most) = match name {
            "key_size" => (Bytes(1), MEMCACHED_KEY_MAX),
            _ => (Bytes(0), MEMCACHED_VALUE_MAX),
        };
        let limit = |written: Option<&Located<Bytes>>, or| written.map_or(or, |limit| limit.value);
        let (shortest, longest) = (limit(min, least), limit(max, most));
        let allowed = least.0..=limits::KEY_BYTES_MAX;
        for written in [min, max].into_iter().flatten() {
            if !allowed.contains(&written.value.0) || shortest > longest {
                self.report.out_of_range(
                    written.at,
                    format!("`{name}` from {shortest} to {longest}"),
                    &format!(
                        "choose between {least} and {}",
                        Bytes(limits::KEY_BYTES_MAX)
                    ),
                );
            }
        }
        (shortest, longest)
    }
    /// How many records are read at once; one where nothing is said.
    pub(super) fn lengths(&mut self, lengths: Option<&doc::Lengths>) -> Option<Lengths> {
        let (read, zipf) = match lengths {
            None => return Some(Lengths::Uniform(1)),
            Some(doc::Lengths::Uniform(read)) => (read, false),
            Some(doc::Lengths::Zipf(read)) => (read, true),
        };
        let path = match zipf {
            true => "workload.scan_length.zipf.max",
            false => "workload.scan_length.uniform.max",
        };
        let max = self.need(read.max.as_ref(), path, "how many records at most")?;
        let max = self.small(max, "max", 1..=SCAN_LENGTH_MAX);
        Some(match zipf {
            true => Lengths::Zipf(max),
            false => Lengths::Uniform(max),
        })
    }
}
