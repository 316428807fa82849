//! Pending entries that another consumer takes over.

use super::{
    change, consumers, id, no_such_group, start_of_interval, tell_new_consumers, write_array,
    write_entries, write_id,
};
use crate::keyspace::Database;
use crate::node::call::is_option;
use crate::node::{Call, ErrorReply, Outcome};
use crate::number::parse_i64;
use crate::resp::Frame;
use crate::value::Stream;
use crate::value::stream::{Direction, Group, Log, StreamId};
use kvrig_base::seam::Work;
use kvrig_tables::Slot;

/// XAUTOCLAIM looks at so many pending entries for each that it may claim.
const ATTEMPTS_FACTOR: i64 = 10;
/// Largest COUNT of XAUTOCLAIM: ids of 16 bytes must be countable.
const COUNT_MAX: i64 = i64::MAX / 16;
/// COUNT where it is not given.
const COUNT_DEFAULT: i64 = 100;

/// How entries change hands.
#[derive(Clone, Copy, Debug)]
struct Claim {
    idle_min_ms: i64,
    delivered_ms: i64,
    /// The number of deliveries, where it is given.
    deliveries: Option<i64>,
    /// An entry that is not pending becomes so.
    forces: bool,
    /// Ids are replied without their entries, and delivered no further time.
    only_ids: bool,
    /// The group has read at least up to this id.
    last_id: StreamId,
}

/// An integer whose error names what it is.
fn named_integer<'c>(
    call: &Call<'c>,
    index: usize,
    error: &'static str,
) -> Result<i64, ErrorReply<'c>> {
    parse_i64(call.args[index]).ok_or(ErrorReply::Fixed(error))
}

/// The stream of the first argument, if it has the group that the second names.
fn find_group<'c>(db: &mut Database, call: &mut Call<'c>) -> Result<Slot, ErrorReply<'c>> {
    let (key, name) = (call.args[1], call.args[2]);
    let found = db.find_to_read::<Stream>(key, call)?;
    let found = found.filter(|slot| db.get::<Stream>(*slot).group(name).is_some());
    found.ok_or_else(|| no_such_group(key, name))
}

/// XCLAIM.
pub(super) fn xclaim<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let slot = find_group(db, call)?;
    let idle_min_ms =
        named_integer(call, 4, "ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
    let mut ids = Vec::new();
    while let Some(id) = call.args.get(5 + ids.len())
        && let Some(id) = StreamId::parse(id, 0)
    {
        ids.push(id);
    }
    let claim = claim_options(call, 5 + ids.len(), idle_min_ms)?;
    let (key, name, consumer) = (call.args[1], call.args[2], call.args[3]);
    let now_ms = call.now_ms;
    let before = consumers(db, slot, name);
    let changes = change(db, key, slot, call.work, |stream, work| {
        stream.with_group(name, |group, log| {
            let (mut changes, was_there) = (0, group.consumer(consumer).is_some());
            let advances = claim.last_id > group.last_id();
            group.advance(claim.last_id);
            write_array((call.out, work), |out, work| {
                let mut claimed = 0;
                for id in ids {
                    if !log.has(id, work) {
                        changes += u64::from(group.acknowledge(id, work));
                        continue;
                    }
                    if claim.forces && group.pending().get(id, work).is_none() {
                        group.force_pending(id, now_ms, work);
                    }
                    let is_claimed =
                        take_over((group, log), id, consumer, &claim, now_ms, (out, work));
                    claimed += usize::from(is_claimed);
                }
                changes += claimed as u64;
                claimed
            });
            let is_made = !was_there && group.consumer(consumer).is_some();
            // That the group has read further counts where nothing else does.
            changes.max(advances.into()) + u64::from(is_made)
        })
    });
    tell_new_consumers(db, (key, slot), name, before);
    db.state_changes(changes.unwrap_or(0));
    Ok(())
}

fn claim_options<'c>(
    call: &mut Call<'c>,
    mut index: usize,
    idle_min_ms: i64,
) -> Result<Claim, ErrorReply<'c>> {
    let mut claim = Claim {
        idle_min_ms,
        delivered_ms: -1,
        deliveries: None,
        forces: false,
        only_ids: false,
        last_id: StreamId::MIN,
    };
    while let Some(&option) = call.args.get(index) {
        let has_more = index + 1 < call.args.len();
        match option {
            _ if is_option(option, "force") => claim.forces = true,
            _ if is_option(option, "justid") => claim.only_ids = true,
            _ if is_option(option, "idle") && has_more => {
                index += 1;
                let idle_ms =
                    named_integer(call, index, "ERR Invalid IDLE option argument for XCLAIM")?;
                claim.delivered_ms = call.now_ms.wrapping_sub(idle_ms);
            }
            _ if is_option(option, "time") && has_more => {
                index += 1;
                claim.delivered_ms =
                    named_integer(call, index, "ERR Invalid TIME option argument for XCLAIM")?;
            }
            _ if is_option(option, "retrycount") && has_more => {
                index += 1;
                let error = "ERR Invalid RETRYCOUNT option argument for XCLAIM";
                let deliveries = named_integer(call, index, error)?;
                claim.deliveries = Some(deliveries).filter(|count| *count >= 0);
            }
            _ if is_option(option, "lastid") && has_more => {
                index += 1;
                claim.last_id = id(call, index)?;
            }
            _ => {
                return Err(ErrorReply::Quoting {
                    before: "ERR Unrecognized XCLAIM option '",
                    quoted: option,
                    after: "'",
                });
            }
        }
        index += 1;
    }
    // A time that cannot be counts as the present one.
    if !(0..=call.now_ms).contains(&claim.delivered_ms) {
        claim.delivered_ms = call.now_ms;
    }
    Ok(claim)
}

/// Gives a pending entry to a consumer if it has been idle for long enough, writes it, and says
/// whether it did. Only then the consumer is made, or seen.
fn take_over(
    (group, log): (&mut Group, &Log),
    id: StreamId,
    consumer: &[u8],
    claim: &Claim,
    now_ms: i64,
    (out, work): (&mut Vec<u8>, &mut Work),
) -> bool {
    let Some(pending) = group.pending().get(id, work) else {
        return false;
    };
    let idle_ms = now_ms.wrapping_sub(pending.delivered_ms);
    if pending.consumer.is_some() && claim.idle_min_ms > 0 && idle_ms < claim.idle_min_ms {
        return false;
    }
    let consumer = group.see_consumer(consumer, now_ms, work);
    group.change_pending(id, work, |pending| {
        pending.consumer = Some(consumer);
        pending.delivered_ms = claim.delivered_ms;
        pending.deliveries = match claim.deliveries {
            Some(deliveries) => deliveries,
            None if claim.only_ids => pending.deliveries,
            None => pending.deliveries.wrapping_add(1),
        };
    });
    match claim.only_ids {
        true => write_id(id, out, work),
        false => {
            write_entries(log, (id, id), Direction::Forwards, Some(1), (out, work));
        }
    }
    true
}

/// XAUTOCLAIM.
pub(super) fn xautoclaim<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    // Looked up first, and judged after the options.
    let found = find_group(db, call);
    let idle_min_ms =
        named_integer(call, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = start_of_interval(call, 5)?;
    let (mut count, mut only_ids) = (COUNT_DEFAULT, false);
    let mut index = 6;
    while let Some(option) = call.args.get(index) {
        match option {
            _ if is_option(option, "count") && index + 1 < call.args.len() => {
                index += 1;
                count = named_integer(call, index, "ERR COUNT must be > 0")?;
                if !(1..=COUNT_MAX).contains(&count) {
                    return Err(ErrorReply::Fixed("ERR COUNT must be > 0"));
                }
            }
            _ if is_option(option, "justid") => only_ids = true,
            _ => return Err(ErrorReply::Syntax),
        }
        index += 1;
    }
    let slot = found?;
    let now_ms = call.now_ms;
    let claim = Claim {
        idle_min_ms,
        delivered_ms: now_ms,
        deliveries: None,
        forces: false,
        only_ids,
        last_id: StreamId::MIN,
    };
    let (key, name, consumer) = (call.args[1], call.args[2], call.args[3]);
    let mut entries = Vec::new();
    let before = consumers(db, slot, name);
    let (next, deleted, claimed) = change(db, key, slot, call.work, |stream, work| {
        let claimed = stream.with_group(name, |group, log| {
            let was_there = group.consumer(consumer).is_some();
            let out = (&mut entries, work);
            let (next, deleted, claimed) =
                claim_from((group, log), (start, count), consumer, &claim, now_ms, out);
            let is_made = !was_there && group.consumer(consumer).is_some();
            (next, deleted, claimed + usize::from(is_made))
        });
        claimed.unwrap_or_default()
    });
    tell_new_consumers(db, (key, slot), name, before);
    db.state_changes((claimed + deleted.len()) as u64);
    call.reply(Frame::Array(3))?;
    write_id(next, call.out, call.work);
    call.out.extend_from_slice(&entries);
    call.reply(Frame::Array(deleted.len()))?;
    for id in deleted {
        write_id(id, call.out, call.work);
    }
    Ok(())
}

/// Claims pending entries from an id on, and returns where to go on, with the ids of those that are
/// deleted, and how many were claimed.
fn claim_from(
    (group, log): (&mut Group, &Log),
    (start, mut count): (StreamId, i64),
    consumer: &[u8],
    claim: &Claim,
    now_ms: i64,
    (out, work): (&mut Vec<u8>, &mut Work),
) -> (StreamId, Vec<StreamId>, usize) {
    let mut claimed_in_all = 0;
    let mut attempts = count * ATTEMPTS_FACTOR;
    let (mut from, mut deleted) = (Some(start), Vec::new());
    write_array((out, &mut *work), |out, work| {
        let mut claimed = 0;
        while attempts > 0 && count > 0 {
            attempts -= 1;
            let next = from.and_then(|from| group.pending().at_or_after(from, work));
            let Some((id, _)) = next else {
                from = None;
                break;
            };
            from = id.next();
            if !log.has(id, work) {
                group.acknowledge(id, work);
                deleted.push(id);
                count -= 1;
            } else if take_over((group, log), id, consumer, claim, now_ms, (out, work)) {
                claimed += 1;
                count -= 1;
            }
        }
        claimed_in_all = claimed;
        claimed
    });
    let next = from.and_then(|from| group.pending().at_or_after(from, work));
    let next = next.map_or(StreamId::MIN, |(id, _)| id);
    (next, deleted, claimed_in_all)
}
