//! Commands on HyperLogLogs, which are strings.

use super::call::{Call, Outcome};
use super::error::ErrorReply;
use crate::command::commands;
use crate::keyspace::{Database, EventClasses, count_allocation};
use crate::value::hyperloglog::{self, Corrupted, REGISTERS};
use crate::value::{Kind, StringValue};
use kvrig_base::seam::Work;
use kvrig_tables::Slot;

commands! { HyperLogLog;
    "pfadd", -2, [WRITE DENYOOM FAST], FIRST, "2.8.9" => Database(pfadd);
    "pfcount", -2, [READONLY], ALL, "2.8.9" => Database(pfcount);
    "pfmerge", -2, [WRITE DENYOOM], ALL, "2.8.9" => Database(pfmerge);
}

fn refused<'c>(_: Corrupted) -> ErrorReply<'c> {
    ErrorReply::Fixed("INVALIDOBJ Corrupted HLL object detected")
}

/// Finds the HyperLogLog at a key.
fn find<'c>(
    db: &mut Database,
    key: &[u8],
    call: &mut Call<'c>,
) -> Result<Option<Slot>, ErrorReply<'c>> {
    let Some(slot) = db.find::<StringValue>(key, call)? else {
        return Ok(None);
    };
    match hyperloglog::is_valid(db.get::<StringValue>(slot).bytes().as_slice()) {
        true => Ok(Some(slot)),
        false => Err(ErrorReply::Fixed(
            "WRONGTYPE Key is not a valid HyperLogLog string value.",
        )),
    }
}

/// Changes the HyperLogLog at `slot`, in the `raw` encoding (dbUnshareStringValue). `change` says
/// whether it changed anything.
fn change<'c, R>(
    db: &mut Database,
    call: &mut Call<'c>,
    slot: Slot,
    change: impl FnOnce(&mut Vec<u8>, &mut Work) -> Result<(R, bool), Corrupted>,
) -> Result<R, ErrorReply<'c>> {
    let key = call.args[1];
    if !matches!(db.get::<StringValue>(slot), StringValue::Raw(_)) {
        db.find_again(key, call.work);
    }
    let changed = db.change_if(
        key,
        slot,
        call.work,
        |value: &mut StringValue, work| match change(value.make_raw(), work) {
            Ok((found, is_changed)) => (Ok(found), is_changed),
            Err(corrupted) => (Err(corrupted), false),
        },
    );
    changed.map_err(refused)
}

/// PFADD.
fn pfadd<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (key, elements) = (call.args[1], &call.args[2..]);
    let sparse_max = db.limits().hyperloglog_sparse_bytes_max;
    let add_all = |bytes: &mut Vec<u8>, work: &mut Work| {
        let mut changed = 0;
        for element in elements {
            changed += u64::from(hyperloglog::add(bytes, element, sparse_max, work)?);
        }
        if changed > 0 {
            hyperloglog::invalidate(bytes);
        }
        Ok((changed, changed > 0))
    };
    let changed = match find(db, key, call)? {
        Some(slot) => change(db, call, slot, add_all)?,
        None => {
            let mut bytes = hyperloglog::empty();
            count_allocation(bytes.len(), call.work);
            let (changed, _) = add_all(&mut bytes, call.work).map_err(refused)?;
            hyperloglog::invalidate(&mut bytes);
            db.add(key, StringValue::Raw(bytes).into_value(), call.work);
            // That it was made is one more.
            changed + 1
        }
    };
    if changed > 0 {
        db.notify(EventClasses::STRING, "pfadd", key);
    }
    db.state_changes(changed);
    call.reply_integer(i64::from(changed > 0))
}

/// PFCOUNT.
fn pfcount<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let keys = &call.args[1..];
    let mut registers = [0; REGISTERS];
    if let &[key] = keys {
        let Some(slot) = find(db, key, call)? else {
            return call.reply_integer(0);
        };
        // The estimate is stored with the key, for as long as nothing changes.
        let cardinality = change(db, call, slot, |bytes, work| {
            if let Some(cached) = hyperloglog::cached(bytes) {
                return Ok((cached, false));
            }
            hyperloglog::merge_into(&mut registers, bytes, work)?;
            let cardinality = hyperloglog::estimate(&registers);
            hyperloglog::set_cached(bytes, cardinality);
            Ok((cardinality, true))
        })?;
        return call.reply_integer(cardinality.cast_signed());
    }
    for key in keys {
        merge_key(db, key, call, &mut registers)?;
    }
    call.reply_integer(hyperloglog::estimate(&registers).cast_signed())
}

/// Merges the HyperLogLog at a key into `registers`, and says whether it is there in the dense form.
fn merge_key<'c>(
    db: &mut Database,
    key: &[u8],
    call: &mut Call<'c>,
    registers: &mut [u8; REGISTERS],
) -> Result<bool, ErrorReply<'c>> {
    let Some(slot) = db.reading(|db| find(db, key, call))? else {
        return Ok(false);
    };
    let value = db.get::<StringValue>(slot).bytes();
    hyperloglog::merge_into(registers, value.as_slice(), call.work).map_err(refused)?;
    Ok(hyperloglog::is_dense(value.as_slice()))
}

/// PFMERGE.
fn pfmerge<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let sparse_max = db.limits().hyperloglog_sparse_bytes_max;
    let mut registers = [0; REGISTERS];
    let mut wants_dense = false;
    for key in &call.args[1..] {
        wants_dense |= merge_key(db, key, call, &mut registers)?;
    }
    let raise_all = |bytes: &mut Vec<u8>, work: &mut Work| {
        if wants_dense {
            hyperloglog::make_dense(bytes, work)?;
        }
        for (index, &value) in registers
            .iter()
            .enumerate()
            .filter(|(_, value)| **value > 0)
        {
            hyperloglog::raise(bytes, index, value, sparse_max, work)?;
        }
        hyperloglog::invalidate(bytes);
        Ok(((), true))
    };
    match find(db, call.args[1], call)? {
        Some(slot) => change(db, call, slot, raise_all)?,
        None => {
            let mut bytes = hyperloglog::empty();
            count_allocation(bytes.len(), call.work);
            raise_all(&mut bytes, call.work).map_err(refused)?;
            db.add(
                call.args[1],
                StringValue::Raw(bytes).into_value(),
                call.work,
            );
        }
    }
    db.notify(EventClasses::STRING, "pfadd", call.args[1]);
    call.reply_ok()
}
