//! Commands on HyperLogLogs, which are strings.

use super::call::{Call, Outcome, is_option};
use super::error::ErrorReply;
use crate::command::commands;
use crate::keyspace::{Database, EventClasses, count_allocation};
use crate::resp::Frame;
use crate::value::hyperloglog::{self, Corrupted, REGISTERS, self_test};
use crate::value::{Kind, StringValue};
use kvrig_base::seam::Work;
use kvrig_tables::Slot;

commands! { HyperLogLog;
    "pfadd", -2, [WRITE DENYOOM FAST], FIRST, "2.8.9" => Database(pfadd);
    "pfcount", -2, [READONLY], ALL, "2.8.9" => Database(pfcount);
    "pfdebug", 3, [WRITE DENYOOM ADMIN], SECOND, "2.8.9" => Database(pfdebug);
    "pfmerge", -2, [WRITE DENYOOM], ALL, "2.8.9" => Database(pfmerge);
    "pfselftest", 1, [ADMIN], NONE, "2.8.9" => Database(pfselftest);
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
    check_form(db, slot).map(|()| Some(slot))
}

/// Checks that a string is a HyperLogLog.
fn check_form<'c>(db: &Database, slot: Slot) -> Outcome<'c> {
    match hyperloglog::is_valid(db.get::<StringValue>(slot).bytes().as_slice()) {
        true => Ok(()),
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
    (key, slot): (&[u8], Slot),
    change: impl FnOnce(&mut Vec<u8>, &mut Work) -> Result<(R, bool), Corrupted>,
) -> Result<R, ErrorReply<'c>> {
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
        Some(slot) => change(db, call, (key, slot), add_all)?,
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
        let cardinality = change(db, call, (key, slot), |bytes, work| {
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
        Some(slot) => change(db, call, (call.args[1], slot), raise_all)?,
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

/// PFDEBUG: the registers of a HyperLogLog, the runs of its sparse form, or which form it has; a form
/// that is asked for registers is dense from then on.
fn pfdebug<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (what, key) = (call.args[1], call.args[2]);
    let Some(slot) = db.lookup(key, call.now_ms, call.work) else {
        return Err(ErrorReply::Fixed("ERR The specified key does not exist"));
    };
    db.check::<StringValue>(slot)?;
    check_form(db, slot)?;
    let make_dense = |bytes: &mut Vec<u8>, work: &mut Work| {
        let was_sparse = !hyperloglog::is_dense(bytes);
        hyperloglog::make_dense(bytes, work)?;
        Ok((was_sparse, was_sparse))
    };
    let is_what = |name| is_option(what, name);
    if is_what("getreg") {
        change(db, call, (key, slot), make_dense)?;
        let mut registers = [0; REGISTERS];
        let value = db.get::<StringValue>(slot).bytes();
        hyperloglog::merge_into(&mut registers, value.as_slice(), call.work).map_err(refused)?;
        call.reply(Frame::Array(REGISTERS))?;
        return registers
            .iter()
            .try_for_each(|&register| call.reply_integer(register.into()));
    }
    if is_what("todense") {
        let was_sparse = change(db, call, (key, slot), make_dense)?;
        return call.reply_integer(was_sparse.into());
    }
    // Whatever is asked, the string is unshared.
    let runs = change(db, call, (key, slot), |bytes, work| {
        let is_told = is_what("decode") && !hyperloglog::is_dense(bytes);
        let runs = is_told
            .then(|| hyperloglog::runs(bytes, work))
            .transpose()?;
        Ok((runs, false))
    })?;
    let is_dense = hyperloglog::is_dense(db.get::<StringValue>(slot).bytes().as_slice());
    match (runs, is_dense) {
        (Some(runs), _) => call.reply_bulk(runs.as_bytes()),
        (None, _) if is_what("decode") => Err(ErrorReply::Fixed("ERR HLL encoding is not sparse")),
        (None, true) if is_what("encoding") => call.reply(Frame::Simple("dense")),
        (None, false) if is_what("encoding") => call.reply(Frame::Simple("sparse")),
        (None, _) => Err(ErrorReply::Quoting {
            before: "ERR Unknown PFDEBUG subcommand '",
            quoted: what,
            after: "'",
        }),
    }
}

/// PFSELFTEST.
fn pfselftest<'c>(db: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let sparse_max = db.limits().hyperloglog_sparse_bytes_max;
    match self_test::run(sparse_max, db.random(), call.work) {
        Ok(()) => call.reply_ok(),
        Err(error) => call.reply(Frame::Error(format!("ERR TESTFAILED {error}").as_bytes())),
    }
}
