//! Commands on places, which are sorted sets whose scores are geohashes (`redis:src/geo.c`).

mod search;

use super::call::{Call, Outcome, is_option};
use super::error::ErrorReply;
use super::sorted_sets::{AddOptions, add_scored};
use crate::command::commands;
use crate::geohash::{LATITUDES, LONGITUDES, Place};
use crate::keyspace::Database;
use crate::resp::Frame;
use crate::value::SortedSet;
use kvrig_tables::Slot;

commands! { Geo;
    "geoadd", -5, [WRITE DENYOOM], FIRST, "3.2.0" => Database(geoadd);
    "geodist", -4, [READONLY], FIRST, "3.2.0" => Database(geodist);
    "geohash", -2, [READONLY], FIRST, "3.2.0" => Database(geohash);
    "geopos", -2, [READONLY], FIRST, "3.2.0" => Database(geopos);
    "georadius", -6, [WRITE DENYOOM MOVABLEKEYS], FIRST, "3.2.0" => Database(search::georadius);
    "georadius_ro", -6, [READONLY], FIRST, "3.2.10" => Database(search::georadius_ro);
    "georadiusbymember", -5, [WRITE DENYOOM MOVABLEKEYS], FIRST, "3.2.0" => Database(search::georadiusbymember);
    "georadiusbymember_ro", -5, [READONLY], FIRST, "3.2.10" => Database(search::georadiusbymember_ro);
    "geosearch", -7, [READONLY], FIRST, "6.2.0" => Database(search::geosearch);
    "geosearchstore", -8, [WRITE DENYOOM], FIRST_TWO, "6.2.0" => Database(search::geosearchstore);
}

/// The place that two arguments from `index` on state (extractLongLatOrReply).
fn place<'c>(call: &mut Call<'c>, index: usize) -> Result<Place, ErrorReply<'c>> {
    let (longitude, latitude) = (call.double(index)?, call.double(index + 1)?);
    let lies_in = |value: f64, (from, to): (f64, f64)| from <= value && value <= to;
    match lies_in(longitude, LONGITUDES) && lies_in(latitude, LATITUDES) {
        true => Ok(Place {
            longitude,
            latitude,
        }),
        false => Err(ErrorReply::InvalidPlace {
            longitude_bits: longitude.to_bits(),
            latitude_bits: latitude.to_bits(),
        }),
    }
}

/// Metres of the unit that an argument names.
fn unit<'c>(name: &[u8]) -> Result<f64, ErrorReply<'c>> {
    match name {
        _ if is_option(name, "m") => Ok(1.0),
        _ if is_option(name, "km") => Ok(1_000.0),
        _ if is_option(name, "ft") => Ok(0.304_8),
        _ if is_option(name, "mi") => Ok(1_609.34),
        _ => Err(ErrorReply::Fixed(
            "ERR unsupported unit provided. please use M, KM, FT, MI",
        )),
    }
}

/// Where a member is.
fn place_of(
    db: &mut Database,
    slot: Slot,
    key: &[u8],
    member: &[u8],
    call: &mut Call<'_>,
) -> Option<Place> {
    let score = db.look_into(key, slot, call.work, |set: &mut SortedSet, work| {
        set.score(member, work)
    });
    score.map(Place::of_score)
}

/// Replies a distance, to a tenth of a millimetre where it is in metres.
fn reply_distance<'c>(distance: f64, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply_bulk(format!("{distance:.4}").as_bytes())
}

/// Replies a place: its coordinates with 17 digits behind the point, without zeros at the end.
fn reply_place<'c>(place: Place, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Array(2))?;
    for degrees in [place.longitude, place.latitude] {
        let text = format!("{degrees:.17}");
        call.reply(Frame::Double(
            text.trim_end_matches('0').trim_end_matches('.'),
        ))?;
    }
    Ok(())
}

/// GEOADD.
fn geoadd<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut options = AddOptions::default();
    let mut first = 2;
    while let Some(option) = call.args.get(first) {
        match option {
            _ if is_option(option, "nx") => options.only_new = true,
            _ if is_option(option, "xx") => options.only_present = true,
            _ if is_option(option, "ch") => options.counts_changed = true,
            _ => break,
        }
        first += 1;
    }
    let count = call.args.len() - first;
    if !count.is_multiple_of(3) || count == 0 || options.only_new && options.only_present {
        return Err(ErrorReply::Syntax);
    }
    let (mut members, mut scores) = (Vec::new(), Vec::new());
    for index in (first..call.args.len()).step_by(3) {
        scores.push(place(call, index)?.score());
        members.push(call.args[index + 2]);
    }
    add_scored(db, call, options, &members, &scores)
}

/// GEODIST.
fn geodist<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let metres = match call.args.len() {
        4 => 1.0,
        5 => unit(call.args[4])?,
        _ => return Err(ErrorReply::Syntax),
    };
    let key = call.args[1];
    let Some(slot) = db.find::<SortedSet>(key, call)? else {
        return call.reply_null();
    };
    let from = place_of(db, slot, key, call.args[2], call);
    let to = from.and_then(|_| place_of(db, slot, key, call.args[3], call));
    match (from, to) {
        (Some(from), Some(to)) => reply_distance(from.distance(to) / metres, call),
        _ => call.reply_null(),
    }
}

/// GEOHASH.
fn geohash<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    each_member(db, call, |place, call| match place {
        Some(place) => call.reply_bulk(&place.text()),
        None => call.reply_null(),
    })
}

/// GEOPOS.
fn geopos<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    each_member(db, call, |place, call| match place {
        Some(place) => reply_place(place, call),
        None => call.reply(Frame::NullArray),
    })
}

/// Replies something of each member behind the key.
fn each_member<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    reply: impl Fn(Option<Place>, &mut Call<'c>) -> Outcome<'c>,
) -> Outcome<'c> {
    let (key, members) = (call.args[1], &call.args[2..]);
    let slot = db.find::<SortedSet>(key, call)?;
    call.reply(Frame::Array(members.len()))?;
    for member in members {
        let place = slot.and_then(|slot| place_of(db, slot, key, member, call));
        reply(place, call)?;
    }
    Ok(())
}
