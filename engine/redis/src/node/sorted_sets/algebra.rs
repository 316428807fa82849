//! Unions, intersections and differences of sorted sets and sets (zunionInterDiffGenericCommand).

use super::{Entry, StoredForm, reply_entries, store};
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::number::parse_double;
use crate::value::{Set, SortedSet};
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::Slot;
use std::collections::BTreeMap;

/// Which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What is done with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Reply,
    Store,
    Count,
}

/// How scores of one member are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn add(self, target: &mut f64, value: f64) {
        *target = match self {
            Self::Sum => zero_if_nan(*target + value),
            Self::Min => {
                if value < *target {
                    value
                } else {
                    *target
                }
            }
            Self::Max => {
                if value > *target {
                    value
                } else {
                    *target
                }
            }
        };
    }
}

/// The sum of two opposite infinities, and zero times infinity, count as nothing.
fn zero_if_nan(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// ZUNION.
pub(super) fn zunion<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    combine(db, call, Operation::Union, Output::Reply)
}

/// ZUNIONSTORE.
pub(super) fn zunionstore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    combine(db, call, Operation::Union, Output::Store)
}

/// ZINTER.
pub(super) fn zinter<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    combine(db, call, Operation::Intersection, Output::Reply)
}

/// ZINTERSTORE.
pub(super) fn zinterstore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    combine(db, call, Operation::Intersection, Output::Store)
}

/// ZINTERCARD.
pub(super) fn zintercard<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    combine(db, call, Operation::Intersection, Output::Count)
}

/// ZDIFF.
pub(super) fn zdiff<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    combine(db, call, Operation::Difference, Output::Reply)
}

/// ZDIFFSTORE.
pub(super) fn zdiffstore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    combine(db, call, Operation::Difference, Output::Store)
}

/// One operand: where its value is, and what its scores are multiplied by.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    key: &'a [u8],
    slot: Option<Slot>,
    weight: f64,
}

fn combine<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    operation: Operation,
    output: Output,
) -> Outcome<'c> {
    let at = if output == Output::Store { 2 } else { 1 };
    let keys = call.integer(at)?;
    if keys < 1 {
        return Err(ErrorReply::NoInputKeys {
            command: call.spec.name,
        });
    }
    let first = at + 1;
    let keys = usize::try_from(keys).unwrap_or(usize::MAX);
    if keys > call.args.len() - first {
        return Err(ErrorReply::Syntax);
    }
    let mut sources = Vec::with_capacity(keys);
    for &key in &call.args[first..first + keys] {
        let slot = db.lookup_to_read(key, call);
        if let Some(slot) = slot
            && db.check::<SortedSet>(slot).is_err()
        {
            db.check::<Set>(slot)?;
        }
        let weight = 1.0;
        sources.push(Source { key, slot, weight });
    }
    let options = options(call, first + keys, operation, output, &mut sources)?;
    let mut found = match operation {
        Operation::Union => union(db, &mut sources, options.aggregate, call.work),
        Operation::Intersection => intersection(db, &mut sources, &options, call),
        Operation::Difference => difference(db, &sources, call.work),
    };
    match output {
        Output::Count => call.reply_count(found.len()),
        Output::Store => store(db, call.args[1], &found, StoredForm::OfAll, call),
        Output::Reply => {
            found.sort_by(|(a, x), (b, y)| {
                let by_score = x.partial_cmp(y).expect("no score is NaN");
                by_score.then_with(|| a.cmp(b))
            });
            reply_entries(&found, options.with_scores, call)
        }
    }
}

/// What follows the keys.
struct Options {
    aggregate: Aggregate,
    with_scores: bool,
    /// Members to count at most.
    limit: usize,
}

fn options<'c>(
    call: &mut Call<'c>,
    mut index: usize,
    operation: Operation,
    output: Output,
    sources: &mut [Source<'_>],
) -> Result<Options, ErrorReply<'c>> {
    let mut options = Options {
        aggregate: Aggregate::Sum,
        with_scores: false,
        limit: usize::MAX,
    };
    let weighs = operation != Operation::Difference && output != Output::Count;
    while let Some(option) = call.args.get(index) {
        let left = call.args.len() - index;
        match option {
            _ if weighs && left > sources.len() && is_option(option, "weights") => {
                for source in &mut *sources {
                    index += 1;
                    let weight = parse_double(call.args[index]);
                    source.weight =
                        weight.ok_or(ErrorReply::Fixed("ERR weight value is not a float"))?;
                }
            }
            _ if weighs && left >= 2 && is_option(option, "aggregate") => {
                index += 1;
                options.aggregate = match call.args[index] {
                    word if is_option(word, "sum") => Aggregate::Sum,
                    word if is_option(word, "min") => Aggregate::Min,
                    word if is_option(word, "max") => Aggregate::Max,
                    _ => return Err(ErrorReply::Syntax),
                };
            }
            _ if output == Output::Reply && is_option(option, "withscores") => {
                options.with_scores = true;
            }
            _ if output == Output::Count && left >= 2 && is_option(option, "limit") => {
                index += 1;
                let number = crate::number::parse_i64(call.args[index]);
                let number = number.and_then(|number| usize::try_from(number).ok());
                let number = number.ok_or(ErrorReply::Fixed("ERR LIMIT can't be negative"))?;
                options.limit = if number == 0 { usize::MAX } else { number };
            }
            _ => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    Ok(options)
}

/// Members with their scores; members of a set all have 1.
fn all(db: &Database, slot: Slot, work: &mut Work) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    if db.check::<SortedSet>(slot).is_ok() {
        db.get::<SortedSet>(slot)
            .walk(0, false, work, |member, score, _| {
                all.push((member.as_slice().into(), score));
                true
            });
    } else {
        db.get::<Set>(slot).for_each(work, |member, _| {
            all.push((member.as_slice().into(), 1.0));
        });
    }
    all
}

fn score(db: &mut Database, source: &Source<'_>, member: &[u8], work: &mut Work) -> Option<f64> {
    let slot = source.slot?;
    if db.check::<SortedSet>(slot).is_ok() {
        return db.look_into(source.key, slot, work, |set: &mut SortedSet, work| {
            set.score(member, work)
        });
    }
    db.look_into(source.key, slot, work, |set: &mut Set, work| {
        set.contains(member, work).then_some(1.0)
    })
}

fn len(db: &Database, source: &Source<'_>) -> usize {
    match source.slot {
        None => 0,
        Some(slot) if db.check::<SortedSet>(slot).is_ok() => db.get::<SortedSet>(slot).len(),
        Some(slot) => db.get::<Set>(slot).len(),
    }
}

fn union(
    db: &Database,
    sources: &mut [Source<'_>],
    aggregate: Aggregate,
    work: &mut Work,
) -> Vec<Entry> {
    sources.sort_by_key(|source| len(db, source));
    let mut sums: BTreeMap<Box<[u8]>, f64> = BTreeMap::new();
    for source in sources.iter() {
        let Some(slot) = source.slot else { continue };
        for (member, score) in all(db, slot, work) {
            // Redis keeps the sums in a hash table.
            work.count(Counter::KeysHashed, 1);
            work.count(Counter::BytesHashed, member.len() as u64);
            work.count(Counter::EntriesVisited, 1);
            let score = zero_if_nan(source.weight * score);
            sums.entry(member)
                .and_modify(|sum| aggregate.add(sum, score))
                .or_insert(score);
        }
    }
    sums.into_iter().collect()
}

fn intersection(
    db: &mut Database,
    sources: &mut [Source<'_>],
    options: &Options,
    call: &mut Call<'_>,
) -> Vec<Entry> {
    sources.sort_by_key(|source| len(db, source));
    let Some(smallest) = sources[0].slot else {
        return Vec::new();
    };
    let mut found: Vec<Entry> = Vec::new();
    'members: for (member, value) in all(db, smallest, call.work) {
        let mut sum = zero_if_nan(sources[0].weight * value);
        for source in &sources[1..] {
            let Some(value) = score(db, source, &member, call.work) else {
                continue 'members;
            };
            options.aggregate.add(&mut sum, source.weight * value);
        }
        found.push((member, sum));
        if found.len() == options.limit {
            break;
        }
    }
    found
}

fn difference(db: &mut Database, sources: &[Source<'_>], work: &mut Work) -> Vec<Entry> {
    let Some(first) = sources[0].slot else {
        return Vec::new();
    };
    let mut found = all(db, first, work);
    for source in &sources[1..] {
        found.retain(|(member, _)| score(db, source, member, work).is_none());
    }
    found
}
