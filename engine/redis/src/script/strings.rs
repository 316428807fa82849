//! `string.find`, `match`, `gmatch` and `gsub` (`lua:src/lstrlib.c`): Lua's own cannot be interrupted
//! while they match.
//!
//! A step of the matcher counts as an instruction of Lua, and so do 64 bytes that are searched or copied.

use super::args::{Args, function, to_string};
use super::pattern::{Capture, Extent, Lists, Matcher, Stop};
use super::raise::{Raised, argument_error, error, type_name};
use super::watch::Watch;
use mlua::{Error, Function, IntoLuaMulti, Lua, LuaString, MultiValue, Table, Value};
use std::cell::Cell;
use std::rc::Rc;

/// What makes a pattern more than a text (SPECIALS).
const SPECIALS: &[u8] = b"^$*+?.([%-";
/// Bytes that are searched or copied for an instruction.
const BYTES_PER_STEP: usize = 64;
/// What a replaced string may grow to: as much as the memory of all scripts.
const RESULT_BYTES_MAX: usize = super::sandbox::MEMORY_BYTES_MAX;

type Stopped = Stop<Error>;

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Asked(error)
    }
}

/// What the functions need of their surroundings.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) watch: Watch,
    /// Calls a function with arguments and says whether it has not failed; of an error it gives
    /// [`Raised::Value`].
    pub(super) calling: Function,
    /// Looks a key of a table up, by its metatable too.
    pub(super) index: Function,
    /// Lists of matchers, one for all.
    pub(super) lists: Rc<Cell<Lists>>,
}

impl Surroundings {
    /// Calls a function of the script; an error of it goes on as what it is.
    fn call(&self, function: &Function, mut args: MultiValue) -> mlua::Result<Value> {
        args.push_front(Value::Function(function.clone()));
        let (is_done, value): (bool, Value) = self.calling.call(args)?;
        self.watch.check()?;
        match value {
            value if is_done => Ok(value),
            Value::Error(error) => Err(*error),
            value => Err(Error::external(Raised::Value { value, place: None })),
        }
    }
    fn matcher<'a>(
        &'a self,
        subject: &'a [u8],
        pattern: &'a [u8],
    ) -> Matcher<'a, impl FnMut(u64) -> mlua::Result<()> + 'a> {
        Matcher::new(subject, pattern, &self.lists, |steps| {
            self.watch.spend(steps)
        })
    }
}

/// Puts the functions in the place of Lua's.
pub(super) fn install(lua: &Lua, strings: &Table, with: &Surroundings) -> mlua::Result<()> {
    for (name, is_find) in [("find", true), ("match", false)] {
        let with = with.clone();
        let found = function(lua, move |lua, args| {
            told(lua, search(lua, args, is_find, &with))
        })?;
        strings.raw_set(name, found)?;
    }
    let all = with.clone();
    let gmatch = function(lua, move |lua, args| every_match(lua, args, &all))?;
    strings.raw_set("gmatch", &gmatch)?;
    // Its former name (LUA_COMPAT_GFIND).
    strings.raw_set("gfind", gmatch)?;
    let with = with.clone();
    let gsub = function(lua, move |lua, args| told(lua, replace(lua, args, &with)))?;
    strings.raw_set("gsub", gsub)
}

/// The error of a pattern as Lua raises it.
fn told<T>(lua: &Lua, done: Result<T, Stopped>) -> mlua::Result<T> {
    done.map_err(|stop| match stop {
        Stop::Malformed(text) => error(lua, text),
        Stop::Asked(error) => error,
    })
}

/// Where a search begins: a negative place counts from the end (posrelat).
fn beginning(place: i64, length: usize) -> usize {
    let place = match place {
        ..0 => place.saturating_add_unsigned(length as u64 + 1),
        _ => place,
    };
    let place = usize::try_from(place.saturating_sub(1)).unwrap_or(0);
    place.min(length)
}

/// A pattern without its anchor, and whether it had one.
fn anchored(pattern: &[u8]) -> (&[u8], bool) {
    match pattern.strip_prefix(b"^") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    }
}

fn is_true(value: Option<&Value>) -> bool {
    !matches!(value, None | Some(Value::Nil | Value::Boolean(false)))
}

/// `string.find` and `string.match` (str_find_aux).
fn search(
    lua: &Lua,
    args: &Args<'_>,
    is_find: bool,
    with: &Surroundings,
) -> Result<MultiValue, Stopped> {
    let (subject, pattern) = (args.text(1)?, args.text(2)?);
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let first = beginning(args.integer_or(3, 1)?, subject.len());
    let nothing = || MultiValue::from_iter([Value::Nil]);
    let is_plain = || {
        let mut bytes = pattern.iter().take_while(|byte| **byte != 0);
        is_true(args.get(4)) || !bytes.any(|byte| SPECIALS.contains(byte))
    };
    if is_find && is_plain() {
        let found = find_text(&subject[first..], &pattern, &with.watch)?;
        return Ok(found.map_or_else(nothing, |at| {
            let start = first + at;
            MultiValue::from_iter([number(start + 1), number(start + pattern.len())])
        }));
    }
    let (pattern, is_anchored) = anchored(&pattern);
    let mut matcher = with.matcher(&subject, pattern);
    let last = if is_anchored { first } else { subject.len() };
    for start in first..=last {
        let Some(end) = matcher.match_at(start)? else {
            continue;
        };
        matcher.settle()?;
        let captures = matcher.captures();
        if !is_find {
            return values(lua, &subject, captures, (start, end));
        }
        let mut found = MultiValue::from_iter([number(start + 1), number(end)]);
        for index in 0..captures.len() {
            found.push_back(value(lua, &subject, captures, index, (start, end))?);
        }
        return Ok(found);
    }
    matcher.settle()?;
    Ok(nothing())
}

/// Where a text is in another.
fn find_text(subject: &[u8], text: &[u8], watch: &Watch) -> mlua::Result<Option<usize>> {
    let Some(first) = text.first() else {
        return Ok(Some(0));
    };
    let mut at = 0;
    while subject.len() - at >= text.len() {
        let places = &subject[at..=subject.len() - text.len()];
        let skipped = memchr::memchr(*first, places);
        let bytes = skipped.unwrap_or(places.len());
        watch.spend(1 + (bytes / BYTES_PER_STEP) as u64)?;
        let Some(skipped) = skipped else {
            return Ok(None);
        };
        at += skipped;
        let pairs = subject[at..].iter().zip(text);
        let same = pairs.take_while(|(one, other)| one == other).count();
        watch.spend((same / BYTES_PER_STEP) as u64)?;
        if same == text.len() {
            return Ok(Some(at));
        }
        at += 1;
    }
    Ok(None)
}

/// `string.gmatch`: a function that gives one match after the other.
fn every_match(lua: &Lua, args: &Args<'_>, with: &Surroundings) -> mlua::Result<Function> {
    let (subject, pattern) = (args.string(1)?, args.string(2)?);
    let (with, next) = (with.clone(), Cell::new(0));
    lua.create_function(move |lua, ()| told(lua, next_match(lua, &subject, &pattern, &next, &with)))
}

fn next_match(
    lua: &Lua,
    subject: &LuaString,
    pattern: &LuaString,
    next: &Cell<usize>,
    with: &Surroundings,
) -> Result<MultiValue, Stopped> {
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let mut matcher = with.matcher(&subject, &pattern);
    for start in next.get()..=subject.len() {
        if let Some(end) = matcher.match_at(start)? {
            matcher.settle()?;
            // An empty match is followed by the next place.
            next.set(end.max(start + 1));
            return values(lua, &subject, matcher.captures(), (start, end));
        }
    }
    matcher.settle()?;
    Ok(MultiValue::new())
}

/// What matches are replaced by.
enum Replacement {
    Text(LuaString),
    Function(Function),
    Table(Table),
}

/// `string.gsub`.
fn replace(lua: &Lua, args: &Args<'_>, with: &Surroundings) -> Result<(LuaString, i64), Stopped> {
    let (subject, pattern) = (args.text(1)?, args.text(2)?);
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let most = match args.is_none(4) {
        true => i64::try_from(subject.len() + 1).unwrap_or(i64::MAX),
        // As an int of C, which wraps.
        false => (args.integer(4)? as i32).into(),
    };
    let replacement = match args.get(3) {
        Some(Value::Function(function)) => Replacement::Function(function.clone()),
        Some(Value::Table(table)) => Replacement::Table(table.clone()),
        other => match other.map(|other| to_string(lua, other)).transpose()? {
            Some(Some(text)) => Replacement::Text(text),
            _ => return Err(argument_error(lua, 3, "string/function/table expected").into()),
        },
    };
    let (pattern, is_anchored) = anchored(&pattern);
    let mut matcher = with.matcher(&subject, pattern);
    let (mut result, mut count, mut start) = (Vec::with_capacity(subject.len()), 0, 0);
    while count < most {
        let end = matcher.match_at(start)?;
        if let Some(end) = end {
            count += 1;
            let before = result.len();
            let found = Found {
                lua,
                subject: &subject,
                captures: matcher.captures(),
                whole: (start, end),
            };
            found.replace(&replacement, with, &mut result)?;
            matcher.count(((result.len() - before) / BYTES_PER_STEP) as u64);
            if result.len() > RESULT_BYTES_MAX {
                return Err(Stop::Malformed("not enough memory"));
            }
        }
        match end {
            Some(end) if end > start => start = end,
            _ => match subject.get(start) {
                Some(byte) => {
                    result.push(*byte);
                    start += 1;
                }
                None => break,
            },
        }
        if is_anchored {
            break;
        }
    }
    matcher.settle()?;
    result.extend_from_slice(&subject[start..]);
    Ok((lua.create_string(result)?, count))
}

/// A match that is to be replaced.
struct Found<'a> {
    lua: &'a Lua,
    subject: &'a [u8],
    captures: &'a [Capture],
    whole: (usize, usize),
}

impl Found<'_> {
    fn value(&self, index: usize) -> Result<Value, Stopped> {
        value(self.lua, self.subject, self.captures, index, self.whole)
    }
    /// Appends what takes its place (add_value).
    fn replace(
        &self,
        by: &Replacement,
        with: &Surroundings,
        to: &mut Vec<u8>,
    ) -> Result<(), Stopped> {
        let given = match by {
            Replacement::Text(text) => return self.fill_in(&text.as_bytes(), to),
            Replacement::Function(function) => {
                let args = values(self.lua, self.subject, self.captures, self.whole)?;
                with.call(function, args)?
            }
            Replacement::Table(table) => {
                let key = self.value(0)?;
                match table.metatable() {
                    None => table.raw_get(key)?,
                    Some(_) => {
                        let args = (table, key).into_lua_multi(self.lua)?;
                        with.call(&with.index, args)?
                    }
                }
            }
        };
        if !is_true(Some(&given)) {
            to.extend_from_slice(&self.subject[self.whole.0..self.whole.1]);
            return Ok(());
        }
        match to_string(self.lua, &given)? {
            Some(text) => to.extend_from_slice(&text.as_bytes()),
            None => {
                let text = format!("invalid replacement value (a {})", type_name(&given));
                return Err(error(self.lua, text).into());
            }
        }
        Ok(())
    }
    /// Appends a text with captures in the place of `%0` to `%9` (add_s).
    fn fill_in(&self, text: &[u8], to: &mut Vec<u8>) -> Result<(), Stopped> {
        let mut bytes = text.iter().copied();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                to.push(byte);
                continue;
            }
            // Behind the text is a zero.
            match bytes.next().unwrap_or(0) {
                b'0' => to.extend_from_slice(&self.subject[self.whole.0..self.whole.1]),
                digit if digit.is_ascii_digit() => {
                    let held = self.value(usize::from(digit - b'1'))?;
                    if let Some(text) = to_string(self.lua, &held)? {
                        to.extend_from_slice(&text.as_bytes());
                    }
                }
                other => to.push(other),
            }
        }
        Ok(())
    }
}

fn number(place: usize) -> Value {
    Value::Number(place as f64)
}

/// A capture; the first of a pattern without any is the whole match (push_onecapture).
fn value(
    lua: &Lua,
    subject: &[u8],
    captures: &[Capture],
    index: usize,
    whole: (usize, usize),
) -> Result<Value, Stopped> {
    let (start, end) = match captures.get(index) {
        None if index == 0 => whole,
        None => return Err(Stop::Malformed("invalid capture index")),
        Some(Capture { start, extent }) => match extent {
            Extent::Open => return Err(Stop::Malformed("unfinished capture")),
            Extent::Position => return Ok(number(start + 1)),
            Extent::Bytes(bytes) => (*start, start + bytes),
        },
    };
    Ok(Value::String(lua.create_string(&subject[start..end])?))
}

/// All captures, or the whole match where there are none (push_captures).
fn values(
    lua: &Lua,
    subject: &[u8],
    captures: &[Capture],
    whole: (usize, usize),
) -> Result<MultiValue, Stopped> {
    let count = captures.len().max(1);
    let all = (0..count).map(|index| value(lua, subject, captures, index, whole));
    all.collect()
}
