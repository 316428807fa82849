//! COMMAND: the table of commands, told to clients.

use super::Outcome;
use super::call::{Call, is_option};
use super::error::ErrorReply;
use super::help::help;
use crate::command::{
    self, COMMANDS as ALL, CommandSpec, Flags, access_of, commands, movable_keys,
};
use crate::glob;
use crate::keyspace::Database;
use crate::resp::Frame;

commands! { Server;
    "command", -1, [LOADING STALE], NONE, "2.8.13" => Container(SUBCOMMANDS);
}

commands! { SUBCOMMANDS: Server;
    "command|count", 2, [LOADING STALE], NONE, "2.8.13" => Database(count);
    "command|docs", -2, [LOADING STALE], NONE, "7.0.0" => Database(docs);
    "command|getkeys", -4, [LOADING STALE], NONE, "2.8.13" => Database(getkeys);
    "command|getkeysandflags", -4, [LOADING STALE], NONE, "7.0.0" => Database(getkeysandflags);
    "command|help", 2, [LOADING STALE], NONE, "5.0.0" => Database(help);
    "command|info", -2, [LOADING STALE], NONE, "2.8.13" => Database(info);
    "command|list", -2, [LOADING STALE], NONE, "7.0.0" => Database(list);
}

/// COMMAND alone, which tells all.
pub(super) fn command<'c>(call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Array(ALL.len()))?;
    ALL.iter().try_for_each(|spec| describe(spec, call))
}

/// COMMAND COUNT.
fn count<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply_count(ALL.len())
}

/// COMMAND INFO.
fn info<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let names = &call.args[2..];
    if names.is_empty() {
        call.reply(Frame::Array(ALL.len()))?;
        return ALL.iter().try_for_each(|spec| describe(spec, call));
    }
    call.reply(Frame::Array(names.len()))?;
    for name in names {
        match find(name) {
            Some(spec) => describe(spec, call)?,
            None => call.reply_null()?,
        }
    }
    Ok(())
}

/// The command, or with a bar the subcommand, that is called so.
fn find(name: &[u8]) -> Option<&'static CommandSpec> {
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let spec = command::find(parts.next()?)?;
    match parts.next() {
        Some(own) => spec.subcommand(own),
        None => Some(spec),
    }
}

/// One command in the ten elements of COMMAND INFO. Tips and key specifications, which only clients of
/// a cluster need, are left empty.
fn describe<'c>(spec: &'static CommandSpec, call: &mut Call<'c>) -> Outcome<'c> {
    call.reply(Frame::Array(10))?;
    call.reply(Frame::Bulk(spec.name.as_bytes()))?;
    call.reply_integer(spec.arity.into())?;
    let flags: Vec<&str> = spec.flags.names().collect();
    call.reply(Frame::Set(flags.len()))?;
    for flag in flags {
        call.reply(Frame::Simple(flag))?;
    }
    call.reply_integer(spec.keys.first.into())?;
    call.reply_integer(spec.keys.last.into())?;
    call.reply_integer(spec.keys.step.into())?;
    let categories = categories(spec);
    call.reply(Frame::Set(categories.len()))?;
    for category in categories {
        call.reply(Frame::Simple(category))?;
    }
    call.reply(Frame::Array(0))?;
    call.reply(Frame::Array(0))?;
    call.reply(Frame::Array(spec.subcommands().len()))?;
    for subcommand in spec.subcommands() {
        describe(subcommand, call)?;
    }
    Ok(())
}

/// The categories that follow from the flags (setImplicitACLCategories).
fn categories(spec: &CommandSpec) -> Vec<&'static str> {
    let implied = [
        (Flags::WRITE, "@write"),
        (Flags::READONLY, "@read"),
        (Flags::ADMIN, "@admin"),
        (Flags::ADMIN, "@dangerous"),
        (Flags::PUBSUB, "@pubsub"),
        (Flags::FAST, "@fast"),
        (Flags::BLOCKING, "@blocking"),
    ];
    let mut categories: Vec<&str> = implied
        .iter()
        .filter(|(flag, _)| spec.flags.has(*flag))
        .map(|&(_, category)| category)
        .collect();
    if !spec.flags.has(Flags::FAST) {
        categories.push("@slow");
    }
    categories
}

/// COMMAND DOCS: since when and of which group each is, without the prose.
fn docs<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let names = &call.args[2..];
    let specs: Vec<&CommandSpec> = match names {
        [] => ALL.iter().collect(),
        _ => names.iter().filter_map(|name| find(name)).collect(),
    };
    call.reply(Frame::Map(specs.len()))?;
    specs.into_iter().try_for_each(|spec| document(spec, call))
}

fn document<'c>(spec: &CommandSpec, call: &mut Call<'c>) -> Outcome<'c> {
    let subcommands = spec.subcommands();
    call.reply(Frame::Bulk(spec.name.as_bytes()))?;
    call.reply(Frame::Map(if subcommands.is_empty() { 2 } else { 3 }))?;
    call.reply(Frame::Bulk(b"since"))?;
    call.reply(Frame::Bulk(spec.since.as_bytes()))?;
    call.reply(Frame::Bulk(b"group"))?;
    call.reply(Frame::Bulk(spec.group.name().as_bytes()))?;
    if !subcommands.is_empty() {
        call.reply(Frame::Bulk(b"subcommands"))?;
        call.reply(Frame::Map(subcommands.len()))?;
        for subcommand in subcommands {
            document(subcommand, call)?;
        }
    }
    Ok(())
}

/// COMMAND GETKEYS.
fn getkeys<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (_, keys) = named_keys(call)?;
    call.reply(Frame::Array(keys.len()))?;
    keys.into_iter().try_for_each(|key| call.reply_bulk(key))
}

/// COMMAND GETKEYSANDFLAGS.
fn getkeysandflags<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (spec, keys) = named_keys(call)?;
    call.reply(Frame::Array(keys.len()))?;
    for (number, key) in keys.into_iter().enumerate() {
        let access = access_of(spec, &call.args[2..], number);
        call.reply(Frame::Array(2))?;
        call.reply_bulk(key)?;
        call.reply(Frame::Set(access.len()))?;
        for flag in access {
            call.reply(Frame::Simple(flag))?;
        }
    }
    Ok(())
}

/// The command that stands behind the subcommand, and the keys that it names.
fn named_keys<'c>(
    call: &Call<'c>,
) -> Result<(&'static CommandSpec, Vec<&'c [u8]>), ErrorReply<'c>> {
    let request = &call.args[2..];
    let invalid = ErrorReply::Fixed("ERR Invalid command specified");
    let mut spec = command::find(request[0]).ok_or(invalid)?;
    if let Some(name) = request.get(1).filter(|_| !spec.subcommands().is_empty()) {
        spec = spec.subcommand(name).ok_or(invalid)?;
    }
    let is_movable = spec.flags.has(Flags::MOVABLEKEYS);
    if spec.keys.first == 0 && !is_movable {
        return Err(ErrorReply::Fixed("ERR The command has no key arguments"));
    }
    if !spec.takes(request.len()) {
        return Err(ErrorReply::Fixed(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    let invalid_arguments = ErrorReply::Fixed("ERR Invalid arguments specified for command");
    // It may be sent without the keys that its second specification wants.
    if spec.name == "pfmerge" && request.len() == 2 {
        return Err(invalid_arguments);
    }
    let keys: Vec<&[u8]> = match is_movable {
        true => match movable_keys(spec, request) {
            Some(keys) => keys,
            // Scripts may name none, however they do so.
            None if spec.flags.has(Flags::NO_MANDATORY_KEYS) => Vec::new(),
            None => return Err(invalid_arguments),
        },
        false => spec.keys(request).collect(),
    };
    Ok((spec, keys))
}

/// COMMAND LIST.
fn list<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let is_wanted: Box<dyn Fn(&CommandSpec) -> bool + 'c> = match *call.args {
        [_, _] => Box::new(|_| true),
        [_, _, by, what, value] if is_option(by, "filterby") => match what {
            // There are no modules.
            _ if is_option(what, "module") => Box::new(|_| false),
            _ if is_option(what, "aclcat") => Box::new(move |spec| {
                let is_it = |category: &&str| category.as_bytes()[1..].eq_ignore_ascii_case(value);
                categories(spec).iter().any(is_it)
            }),
            _ if is_option(what, "pattern") => {
                let pattern = value.to_ascii_lowercase();
                Box::new(move |spec| glob::matches(&pattern, spec.name.as_bytes()))
            }
            _ => return Err(ErrorReply::Syntax),
        },
        _ => return Err(ErrorReply::Syntax),
    };
    let mut names = Vec::new();
    for spec in &ALL {
        let all = std::iter::once(spec).chain(spec.subcommands());
        names.extend(all.filter(|spec| is_wanted(spec)).map(|spec| spec.name));
    }
    call.reply(Frame::Array(names.len()))?;
    let mut names = names.into_iter();
    names.try_for_each(|name| call.reply(Frame::Bulk(name.as_bytes())))
}
