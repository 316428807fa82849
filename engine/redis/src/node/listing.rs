//! Commands that look for keys.

use super::call::{Call, Outcome};
use crate::glob;
use crate::keyspace::Database;
use crate::resp::Frame;
use kvrig_base::seam::Counter;
use kvrig_tables::Position;

/// How often RANDOMKEY draws before it returns even an expired key, where all are expired
/// (dbRandomKey, on a replica); on a master expired ones are removed, so that it ends.
const SAMPLE: usize = 15;

/// KEYS: every key is looked at.
pub(super) fn keys<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let pattern = call.args[1];
    let is_all = pattern == b"*";
    let (mut found, mut scanned): (Vec<Box<[u8]>>, u64) = (Vec::new(), 0);
    let mut position = Position::default();
    while let Some(slot) = db.keys().walk(&mut position, call.work) {
        db.keys().read_entry(slot, call.work);
        let key = db.keys().entry(slot).key.as_slice();
        if !is_all {
            scanned += key.len() as u64;
        }
        if is_all || glob::matches(pattern, key) {
            found.push(key.into());
        }
    }
    call.work.count(Counter::BytesScanned, scanned);
    let now_ms = call.now_ms;
    found.retain(|key| !db.is_past(key, now_ms, call.work));
    call.reply(Frame::Array(found.len()))?;
    found.iter().try_for_each(|key| call.reply_bulk(key))
}

/// RANDOMKEY: expired keys that are drawn are removed.
pub(super) fn randomkey<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    while let Some(key) = db.random_key(SAMPLE, call.work) {
        if !db.remove_if_expired(&key, call.now_ms, call.work) {
            return call.reply_bulk(&key);
        }
    }
    call.reply_null()
}

/// TOUCH: uses keys and says how many there are.
pub(super) fn touch<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let mut present = 0;
    for key in &call.args[1..] {
        present += usize::from(db.lookup(key, call.now_ms, call.work).is_some());
    }
    call.reply_count(present)
}
