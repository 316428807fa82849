//! Searches for the places within a shape.

use super::{place, place_of, reply_distance, reply_place, unit};
use crate::geohash::{Place, Shape};
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::sorted_sets::{StoredForm, entries, store};
use crate::node::{Call, ErrorReply, Outcome};
use crate::resp::Frame;
use crate::value::SortedSet;
use crate::value::sorted_set::{Range, ScoreEnd, ScoreRange};
use kvrig_base::seam::Counter;
use kvrig_tables::Slot;
use std::cmp::Ordering;

const NO_MEMBER: ErrorReply<'static> =
    ErrorReply::Fixed("ERR could not decode requested zset member");

/// Which of the commands asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// GEORADIUS, and whether it may store.
    Radius(bool),
    /// GEORADIUSBYMEMBER, and whether it may store.
    RadiusByMember(bool),
    Search,
    SearchStore,
}

/// GEORADIUS.
pub(super) fn georadius<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    search(db, call, Form::Radius(true))
}

/// GEORADIUS_RO.
pub(super) fn georadius_ro<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    search(db, call, Form::Radius(false))
}

/// GEORADIUSBYMEMBER.
pub(super) fn georadiusbymember<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    search(db, call, Form::RadiusByMember(true))
}

/// GEORADIUSBYMEMBER_RO.
pub(super) fn georadiusbymember_ro<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    search(db, call, Form::RadiusByMember(false))
}

/// GEOSEARCH.
pub(super) fn geosearch<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    search(db, call, Form::Search)
}

/// GEOSEARCHSTORE.
pub(super) fn geosearchstore<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    search(db, call, Form::SearchStore)
}

/// What is asked.
#[derive(Debug, Default)]
struct Asked<'c> {
    /// The middle; `None` also where a member names it and there is no key.
    middle: Option<Place>,
    has_middle: bool,
    shape: Option<Shape>,
    /// Metres of the unit of distances.
    metres: f64,
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    takes_any: bool,
    order: Option<Ordering>,
    /// At most so many; zero is all.
    count: usize,
    target: Option<&'c [u8]>,
    stores_distance: bool,
}

/// A place that was found.
struct Found {
    member: Box<[u8]>,
    score: f64,
    place: Place,
    distance: f64,
}

/// Two arguments that state a distance and its unit, in metres, and the metres of the unit.
fn distance<'c>(call: &mut Call<'c>, index: usize) -> Result<(f64, f64), ErrorReply<'c>> {
    let radius = number(call, index, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(ErrorReply::Fixed("ERR radius cannot be negative"));
    }
    let metres = unit(call.args[index + 1])?;
    Ok((radius * metres, metres))
}

fn number<'c>(
    call: &mut Call<'c>,
    index: usize,
    refused: &'static str,
) -> Result<f64, ErrorReply<'c>> {
    call.double(index).map_err(|_| ErrorReply::Fixed(refused))
}

/// The box that three arguments state.
fn rectangle<'c>(call: &mut Call<'c>, index: usize) -> Result<(Shape, f64), ErrorReply<'c>> {
    let width = number(call, index, "ERR need numeric width")?;
    let height = number(call, index + 1, "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(ErrorReply::Fixed("ERR height or width cannot be negative"));
    }
    let metres = unit(call.args[index + 2])?;
    let shape = Shape::Box {
        width: width * metres,
        height: height * metres,
    };
    Ok((shape, metres))
}

/// Reads what is asked, in the order in which Redis finds errors (georadiusGeneric).
fn read<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    form: Form,
    source: (&'c [u8], Option<Slot>),
) -> Result<Asked<'c>, ErrorReply<'c>> {
    let mut asked = Asked::default();
    let (key, slot) = source;
    let first = match form {
        Form::Radius(_) => {
            asked.middle = Some(place(call, 2)?);
            asked.take_radius(distance(call, 4)?);
            6
        }
        Form::RadiusByMember(_) => {
            if let Some(slot) = slot {
                let middle = place_of(db, slot, key, call.args[2], call);
                asked.middle = Some(middle.ok_or(NO_MEMBER)?);
                asked.take_radius(distance(call, 3)?);
            }
            5
        }
        Form::Search => 2,
        Form::SearchStore => {
            asked.target = Some(call.args[1]);
            3
        }
    };
    let searches = matches!(form, Form::Search | Form::SearchStore);
    let may_store = matches!(form, Form::Radius(true) | Form::RadiusByMember(true));
    let (mut by_radius, mut by_box, mut from_member, mut from_place) = (false, false, false, false);
    let mut index = first;
    while index < call.args.len() {
        let option = call.args[index];
        let behind = call.args.len() - index - 1;
        match option {
            _ if is_option(option, "withdist") => asked.with_distance = true,
            _ if is_option(option, "withhash") => asked.with_hash = true,
            _ if is_option(option, "withcoord") => asked.with_place = true,
            _ if is_option(option, "any") => asked.takes_any = true,
            _ if is_option(option, "asc") => asked.order = Some(Ordering::Less),
            _ if is_option(option, "desc") => asked.order = Some(Ordering::Greater),
            _ if is_option(option, "count") && behind > 0 => {
                let count = call.integer(index + 1)?;
                asked.count = usize::try_from(count)
                    .ok()
                    .filter(|&count| count > 0)
                    .ok_or(ErrorReply::Fixed("ERR COUNT must be > 0"))?;
                index += 1;
            }
            _ if may_store && behind > 0 && is_option(option, "store") => {
                asked.target = Some(call.args[index + 1]);
                asked.stores_distance = false;
                index += 1;
            }
            _ if may_store && behind > 0 && is_option(option, "storedist") => {
                asked.target = Some(call.args[index + 1]);
                asked.stores_distance = true;
                index += 1;
            }
            _ if form == Form::SearchStore && is_option(option, "storedist") => {
                asked.stores_distance = true;
            }
            _ if searches && !from_place && behind > 0 && is_option(option, "frommember") => {
                if let Some(slot) = slot {
                    let middle = place_of(db, slot, key, call.args[index + 1], call);
                    asked.middle = Some(middle.ok_or(NO_MEMBER)?);
                }
                from_member = true;
                index += 1;
            }
            _ if searches && !from_member && behind > 1 && is_option(option, "fromlonlat") => {
                asked.middle = Some(place(call, index + 1)?);
                from_place = true;
                index += 2;
            }
            _ if searches && !by_box && behind > 1 && is_option(option, "byradius") => {
                asked.take_radius(distance(call, index + 1)?);
                by_radius = true;
                index += 2;
            }
            _ if searches && !by_radius && behind > 2 && is_option(option, "bybox") => {
                let (shape, metres) = rectangle(call, index + 1)?;
                (asked.shape, asked.metres) = (Some(shape), metres);
                by_box = true;
                index += 3;
            }
            _ => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    asked.has_middle = from_member || from_place;
    asked.check(form, call)?;
    Ok(asked)
}

impl<'c> Asked<'c> {
    fn take_radius(&mut self, (radius, metres): (f64, f64)) {
        self.shape = Some(Shape::Circle { radius });
        self.metres = metres;
    }
    /// Refuses what does not go together.
    fn check(&self, form: Form, call: &Call<'c>) -> Outcome<'c> {
        let quoting = |before| ErrorReply::Quoting {
            before,
            quoted: call.args[0],
            after: "",
        };
        if self.target.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            return Err(ErrorReply::Fixed(match form {
                Form::SearchStore => {
                    "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
                }
                _ => {
                    "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
                }
            }));
        }
        let searches = matches!(form, Form::Search | Form::SearchStore);
        if searches && !self.has_middle {
            return Err(quoting(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ",
            ));
        }
        if searches && self.shape.is_none() {
            return Err(quoting(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for ",
            ));
        }
        if self.takes_any && self.count == 0 {
            return Err(ErrorReply::Fixed(
                "ERR the ANY argument requires COUNT argument",
            ));
        }
        Ok(())
    }
}

fn search<'c>(db: &mut Database, call: &mut Call<'c>, form: Form) -> Outcome<'c> {
    let key = call.args[if form == Form::SearchStore { 2 } else { 1 }];
    let slot = db.find_to_read::<SortedSet>(key, call)?;
    let asked = read(db, call, form, (key, slot))?;
    let (Some(slot), Some(middle), Some(shape)) = (slot, asked.middle, asked.shape) else {
        return match asked.target {
            Some(target) => store(db, target, &[], StoredForm::OfAll, call),
            None => call.reply(Frame::Array(0)),
        };
    };
    let limit = if asked.takes_any { asked.count } else { 0 };
    let mut found = find(db, slot, (middle, shape), limit, call);
    // The nearest are meant where only some are asked for.
    let is_cut = asked.count > 0 && !asked.takes_any;
    if let Some(order) = asked.order.or(is_cut.then_some(Ordering::Less)) {
        let compared = found.len() as u64;
        call.work.count(
            Counter::ListSteps,
            compared * u64::from(compared.max(1).ilog2()),
        );
        found.sort_by(|a, b| {
            let by_distance = a.distance.total_cmp(&b.distance);
            match order {
                Ordering::Greater => by_distance.reverse(),
                Ordering::Less | Ordering::Equal => by_distance,
            }
        });
    }
    if asked.count > 0 {
        found.truncate(asked.count);
    }
    match asked.target {
        Some(target) => {
            let entries: Vec<(Box<[u8]>, f64)> = found
                .into_iter()
                .map(|one| match asked.stores_distance {
                    true => (one.member, one.distance / asked.metres),
                    false => (one.member, one.score),
                })
                .collect();
            if !entries.is_empty() {
                db.state_changes(entries.len() as u64);
            }
            store(db, target, &entries, StoredForm::OfAll, call)
        }
        None => reply_all(&found, &asked, call),
    }
}

/// The places within a shape, cell by cell; no more than `limit` unless that is zero.
fn find(
    db: &Database,
    slot: Slot,
    (middle, shape): (Place, Shape),
    limit: usize,
    call: &mut Call<'_>,
) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let is_full = |found: &Vec<Found>| limit > 0 && found.len() >= limit;
    for (from, to) in shape.cells(middle) {
        if is_full(&found) {
            break;
        }
        let range = Range::Scores(ScoreRange {
            min: ScoreEnd {
                score: from,
                is_excluded: false,
            },
            max: ScoreEnd {
                score: to,
                is_excluded: true,
            },
        });
        let (start, count) = db.get::<SortedSet>(slot).range(&range, call.work);
        for (member, score) in entries(db, slot, (start, count), false, call) {
            let place = Place::of_score(score);
            if let Some(distance) = shape.distance_within(middle, place) {
                found.push(Found {
                    member,
                    score,
                    place,
                    distance,
                });
            }
            if is_full(&found) {
                break;
            }
        }
    }
    found
}

fn reply_all<'c>(found: &[Found], asked: &Asked<'c>, call: &mut Call<'c>) -> Outcome<'c> {
    let parts = [asked.with_distance, asked.with_hash, asked.with_place];
    let extras = parts.iter().filter(|part| **part).count();
    call.reply(Frame::Array(found.len()))?;
    for one in found {
        if extras > 0 {
            call.reply(Frame::Array(extras + 1))?;
        }
        call.reply_bulk(&one.member)?;
        if asked.with_distance {
            reply_distance(one.distance / asked.metres, call)?;
        }
        if asked.with_hash {
            call.reply_integer(one.score as i64)?;
        }
        if asked.with_place {
            reply_place(one.place, call)?;
        }
    }
    Ok(())
}
