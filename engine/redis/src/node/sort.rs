//! SORT (`redis:src/sort.c`).

use super::call::{Call, Outcome, is_option};
use super::error::{ErrorReply, c_string};
use crate::keyspace::{Database, EventClasses, SetKey};
use crate::number::strtod;
use crate::resp::Frame;
use crate::value::list::End;
use crate::value::{Hash, Kind, List, SortedSet, StringValue, Value};
use kvrig_base::seam::Counter;
use std::cmp::Ordering;

/// What SORT is asked for.
#[derive(Default)]
struct Options<'c> {
    by: Option<&'c [u8]>,
    get: Vec<&'c [u8]>,
    limit: Option<(i64, i64)>,
    store: Option<&'c [u8]>,
    is_descending: bool,
    is_alphabetic: bool,
}

/// An element with what it is sorted by.
struct Sorted {
    element: Box<[u8]>,
    score: f64,
    /// What it is sorted by alphabetically, where that is not the element itself.
    text: Option<Box<[u8]>>,
}

/// SORT.
pub(super) fn sort<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = parse(call, true)?;
    carry_out(db, call, options)
}

/// SORT_RO, which stores nothing.
pub(super) fn sort_ro<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let options = parse(call, false)?;
    carry_out(db, call, options)
}

fn parse<'c>(call: &mut Call<'c>, may_store: bool) -> Result<Options<'c>, ErrorReply<'c>> {
    let mut options = Options::default();
    let mut index = 2;
    while let Some(&option) = call.args.get(index) {
        let value = call.args.get(index + 1).copied();
        match (option, value) {
            (option, _) if is_option(option, "asc") => options.is_descending = false,
            (option, _) if is_option(option, "desc") => options.is_descending = true,
            (option, _) if is_option(option, "alpha") => options.is_alphabetic = true,
            (option, Some(_)) if is_option(option, "limit") && index + 2 < call.args.len() => {
                options.limit = Some((call.integer(index + 1)?, call.integer(index + 2)?));
                index += 2;
            }
            (option, Some(key)) if may_store && is_option(option, "store") => {
                options.store = Some(key);
                index += 1;
            }
            (option, Some(pattern)) if is_option(option, "by") => {
                options.by = Some(pattern);
                index += 1;
            }
            (option, Some(pattern)) if is_option(option, "get") => {
                options.get.push(pattern);
                index += 1;
            }
            _ => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    Ok(options)
}

fn carry_out<'c>(db: &mut Database, call: &mut Call<'c>, mut options: Options<'c>) -> Outcome<'c> {
    // A pattern that names the same key for all elements keeps them in their order.
    let mut keeps_order = options.by.is_some_and(|by| !by.contains(&b'*'));
    let (elements, is_set) = elements(db, call)?;
    if keeps_order && is_set && options.store.is_some() {
        // What is stored must not depend on the hash key.
        keeps_order = false;
        options.is_alphabetic = true;
        options.by = None;
    }
    let mut all: Vec<Sorted> = Vec::with_capacity(elements.len());
    let mut refused = None;
    for element in elements {
        let element = match keeps_order {
            true => Ok(Sorted {
                element,
                score: 0.0,
                text: None,
            }),
            false => weigh(db, call, &options, element),
        };
        // The others are looked up all the same.
        match element {
            Ok(element) => all.push(element),
            Err(error) => refused = Some(error),
        }
    }
    if let Some(error) = refused {
        return Err(error);
    }
    if keeps_order {
        if options.is_descending && !is_set {
            all.reverse();
        }
    } else {
        let (mut compared, by) = (0, options.by.is_some());
        all.sort_by(|one, other| {
            compared += 1;
            let order = compare(one, other, &options, by);
            if options.is_descending {
                order.reverse()
            } else {
                order
            }
        });
        // Each comparison is a call of the function that compares (sortCompare), as for a key.
        call.work.count(Counter::EntriesVisited, compared);
    }
    let (start, end) = bounds(options.limit, all.len());
    answer(db, call, &options, &all[start..end])
}

/// Elements, copied out of a value.
type Elements = Vec<Box<[u8]>>;

/// All elements of the list, set or sorted set, and whether it is a set.
fn elements<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
) -> Result<(Elements, bool), ErrorReply<'c>> {
    let mut elements = Elements::new();
    let Some(slot) = db.lookup_to_read(call.args[1], call) else {
        return Ok((elements, false));
    };
    let mut is_set = false;
    if db.check::<SortedSet>(slot).is_ok() {
        let key = call.args[1];
        db.change_if(key, slot, call.work, |set: &mut SortedSet, work| {
            set.leave_pack(work);
            ((), false)
        });
    }
    match db.value(slot) {
        Value::List(_) => {
            db.walk_list(call.args[1], slot, (0, End::Right), call.work, |item, _| {
                elements.push(item.bytes().as_slice().into());
                true
            });
        }
        Value::Set(set) => {
            is_set = true;
            set.for_each(call.work, |member, _| {
                elements.push(member.as_slice().into());
            });
        }
        Value::SortedSet(set) => set.walk(0, false, call.work, |member, _, _| {
            elements.push(member.as_slice().into());
            true
        }),
        _ => return Err(ErrorReply::WrongType),
    }
    let bytes: usize = elements.iter().map(|element| element.len()).sum();
    call.work.count(Counter::BytesCopied, bytes as u64);
    call.work
        .count(Counter::AllocationsSmall, elements.len() as u64);
    Ok((elements, is_set))
}

/// Finds what an element is sorted by.
fn weigh<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    options: &Options<'c>,
    element: Box<[u8]>,
) -> Result<Sorted, ErrorReply<'c>> {
    let by = match options.by {
        Some(pattern) => look_up(db, call, pattern, &element),
        None => None,
    };
    let mut score = 0.0;
    if !options.is_alphabetic {
        let text = match options.by {
            Some(_) => by.as_deref(),
            None => Some(&*element),
        };
        if let Some(text) = text {
            let text = c_string(text);
            call.work.count(Counter::BytesScanned, text.len() as u64);
            let (number, length) = strtod(text);
            if length != text.len() || number.is_nan() {
                return Err(ErrorReply::Fixed(
                    "ERR One or more scores can't be converted into double",
                ));
            }
            score = number;
        }
    }
    Ok(Sorted {
        element,
        score,
        text: by,
    })
}

fn compare(one: &Sorted, other: &Sorted, options: &Options<'_>, by: bool) -> Ordering {
    if !options.is_alphabetic {
        let order = one.score.partial_cmp(&other.score);
        let order = order.unwrap_or(Ordering::Equal);
        // Elements of equal weight are put in an order that does not depend on anything else.
        return order.then_with(|| one.element.cmp(&other.element));
    }
    // What is only replied is compared as C compares strings, in the locale "C".
    let is_exact = options.store.is_some();
    let text = |one: &[u8], other: &[u8]| match is_exact {
        true => one.cmp(other),
        false => c_string(one).cmp(c_string(other)),
    };
    match (by, &one.text, &other.text) {
        (false, _, _) => text(&one.element, &other.element),
        (true, Some(one), Some(other)) => text(one, other),
        (true, one, other) => one.is_some().cmp(&other.is_some()),
    }
}

/// The first element that is wanted and the end of those that are.
fn bounds(limit: Option<(i64, i64)>, length: usize) -> (usize, usize) {
    let (offset, count) = limit.unwrap_or((0, -1));
    let start = usize::try_from(offset.max(0))
        .unwrap_or(usize::MAX)
        .min(length);
    let left = length - start;
    let count = usize::try_from(count).map_or(left, |count| count.min(left));
    (start, start + count)
}

/// Replies what was sorted, or stores it.
fn answer<'c>(
    db: &mut Database,
    call: &mut Call<'c>,
    options: &Options<'c>,
    chosen: &[Sorted],
) -> Outcome<'c> {
    let mut output: Vec<Option<Box<[u8]>>> = Vec::new();
    for sorted in chosen {
        match options.get.is_empty() {
            true => output.push(Some(sorted.element.clone())),
            false => {
                for pattern in &options.get {
                    output.push(look_up(db, call, pattern, &sorted.element));
                }
            }
        }
    }
    let Some(target) = options.store else {
        call.reply(Frame::Array(output.len()))?;
        return output.iter().try_for_each(|part| match part {
            Some(part) => call.reply_bulk(part),
            None => call.reply_null(),
        });
    };
    if output.is_empty() {
        db.remove_if_expired(target, call.now_ms, call.work);
        db.delete_telling(target, call.work);
        return call.reply_integer(0);
    }
    let mut list = List::new(db.limits().list);
    call.work.count(Counter::AllocationsSmall, 1);
    for part in &output {
        list.push(End::Right, part.as_deref().unwrap_or_default(), call.work);
    }
    let how = SetKey {
        is_present: db.lookup(target, call.now_ms, call.work).is_some(),
        keeps_expiry: false,
    };
    db.set(target, list.into_value(), how, call.work);
    db.notify(EventClasses::LIST, "sortstore", target);
    db.state_changes(output.len() as u64);
    call.reply_count(output.len())
}

/// The string, or the field of a hash, that a pattern names for an element (lookupKeyByPattern).
fn look_up(
    db: &mut Database,
    call: &mut Call<'_>,
    pattern: &[u8],
    element: &[u8],
) -> Option<Box<[u8]>> {
    if pattern == b"#" {
        return Some(element.into());
    }
    let star = pattern.iter().position(|&byte| byte == b'*')?;
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = after.windows(2).position(|two| two == b"->");
    let arrow = arrow.filter(|arrow| arrow + 2 < after.len());
    let (after, field) = match arrow {
        Some(arrow) => (&after[..arrow], Some(&after[arrow + 2..])),
        None => (after, None),
    };
    let key = [before, element, after].concat();
    call.work.count(Counter::BytesCopied, key.len() as u64);
    let slot = db.lookup_to_read(&key, call)?;
    match field {
        Some(field) => {
            db.check::<Hash>(slot).ok()?;
            db.look_into(&key, slot, call.work, |hash: &mut Hash, work| {
                hash.get(field, work).map(|value| value.as_slice().into())
            })
        }
        None => {
            db.check::<StringValue>(slot).ok()?;
            Some(db.get::<StringValue>(slot).bytes().as_slice().into())
        }
    }
}
