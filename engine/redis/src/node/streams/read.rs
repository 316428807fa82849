//! What XREAD and XREADGROUP reply of one stream.

use super::{
    change, consumers, tell_new_consumers, write_array, write_entries, write_entry, write_id,
};
use crate::keyspace::Database;
use crate::node::Call;
use crate::resp::{Frame, Protocol};
use crate::value::Stream;
use crate::value::stream::{ConsumerId, Direction, Group, Log, StreamId};
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::Slot;

/// For whom a group reads, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// The name of the group, which is there.
    pub(crate) group: &'a [u8],
    /// The name of the consumer, who is made where there is none.
    pub(crate) consumer: &'a [u8],
    /// What is read does not become pending.
    pub(crate) no_ack: bool,
    /// What is read is what the consumer has pending, and nothing new.
    pub(crate) is_history: bool,
}

/// Writes the entries behind `last`, at most so many.
pub(crate) fn write_behind(
    db: &Database,
    slot: Slot,
    last: StreamId,
    most: Option<usize>,
    call: &mut Call<'_>,
) {
    let log = db.get::<Stream>(slot).log();
    write_array((call.out, call.work), |out, work| {
        let range = (last.next().unwrap_or_default(), StreamId::MAX);
        write_entries(log, range, Direction::Forwards, most, (out, work))
    });
}

/// The same for a consumer of a group (streamReplyWithRange).
pub(crate) fn write_for_consumer(
    db: &mut Database,
    (key, slot): (&[u8], Slot),
    reader: &Reader<'_>,
    last: StreamId,
    most: Option<usize>,
    call: &mut Call<'_>,
) {
    let (now_ms, protocol, out) = (call.now_ms, call.protocol, &mut *call.out);
    let start = last.next().unwrap_or_default();
    let before = consumers(db, slot, reader.group);
    let is_new = change(db, key, slot, call.work, |stream, work| {
        stream.with_group(reader.group, |group, log| {
            let is_new = group.consumer(reader.consumer).is_none();
            let consumer = group.see_consumer(reader.consumer, now_ms, work);
            let asked = (start, most);
            let out = (out, work);
            match reader.is_history {
                true => {
                    let now = (now_ms, protocol);
                    write_history((group, log), reader.consumer, asked, now, out);
                }
                false => {
                    let pending_for = (!reader.no_ack).then_some(consumer);
                    write_new((group, log), pending_for, asked, now_ms, out);
                }
            }
            is_new
        })
    });
    tell_new_consumers(db, (key, slot), reader.group, before);
    db.state_changes(1 + u64::from(is_new == Some(true)));
}

/// Writes new entries, and takes note that they are delivered.
fn write_new(
    (group, log): (&mut Group, &Log),
    pending_for: Option<ConsumerId>,
    (start, most): (StreamId, Option<usize>),
    now_ms: i64,
    out: (&mut Vec<u8>, &mut Work),
) {
    write_array(out, |out, work| {
        let mut written = 0;
        let range = (start, StreamId::MAX);
        log.walk(range, Direction::Forwards, work, |entry, work| {
            group.read(entry.id, log);
            write_entry(entry, out, work);
            if let Some(consumer) = pending_for {
                group.deliver(entry.id, consumer, now_ms, work);
            }
            written += 1;
            most.is_none_or(|most| written < most)
        });
        written
    });
}

/// Writes what is pending for a consumer, once more delivered; of entries that are gone, the id alone
/// (streamReplyWithRangeFromConsumerPEL).
fn write_history(
    (group, log): (&mut Group, &Log),
    consumer: &[u8],
    (start, most): (StreamId, Option<usize>),
    (now_ms, protocol): (i64, Protocol),
    (out, work): (&mut Vec<u8>, &mut Work),
) {
    let mut ids = Vec::new();
    if let Some(consumer) = group.consumer(consumer) {
        consumer.pending().walk(start, work, |id, (), _| {
            ids.push(id);
            most.is_none_or(|most| ids.len() < most)
        });
    }
    work.count(Counter::ProtocolElements, 1);
    Frame::Array(ids.len()).encode(out);
    for id in ids {
        let range = (id, id);
        if write_entries(log, range, Direction::Forwards, Some(1), (out, work)) == 0 {
            // The head of both, and that nothing is there any more.
            work.count(Counter::ProtocolElements, 2);
            Frame::Array(2).encode(out);
            write_id(id, out, work);
            Frame::NullArray.encode_in(protocol, out);
        } else {
            group.change_pending(id, work, |pending| {
                pending.delivered_ms = now_ms;
                pending.deliveries = pending.deliveries.wrapping_add(1);
            });
        }
    }
}
