//! Errors that libraries raise inside scripts, with the texts and places of Lua's auxiliary library.

use mlua::{Error, Lua, Table, Value};
use std::fmt;

/// What the bindings put between an error's text and where Lua was.
const TRACEBACK: &str = "\nstack traceback:\n";

/// The field of an error table that was counted already.
const COUNTED: &str = "ignore_error_stats_update";

/// What a function of ours raises. It travels as an object of its own through Lua and becomes a
/// value of Lua where a script catches it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raised {
    /// A text, its place in front.
    Text(Vec<u8>),
    /// The table of a failed command.
    Reply(ErrorTable),
    /// What a function of the script has raised that a library has called, and where.
    Value { value: Value, place: Option<Place> },
}

/// Where an error was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The name of the script or text.
    pub(crate) name: Option<String>,
    pub(crate) line: i64,
}

/// An error as scripts see it: `{err = …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorTable {
    /// The text with its code in front.
    pub(crate) text: Vec<u8>,
    /// Whether the command that failed has been counted as failed already.
    pub(crate) is_counted: bool,
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Text(text) => text,
            Self::Reply(table) => &table.text,
            Self::Value { value, .. } => return f.write_str(type_name(value)),
        };
        f.write_str(&String::from_utf8_lossy(text))
    }
}

impl std::error::Error for Raised {}

impl ErrorTable {
    /// The table of an error text, which may begin with its code behind a minus (luaPushErrorBuff).
    pub(crate) fn new(text: &[u8], is_counted: bool) -> Self {
        let is_end = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        let (code, message) = match text.strip_prefix(b"-") {
            Some(rest) => match rest.iter().position(|byte| *byte == b' ') {
                Some(at) => (&rest[..at], &rest[at + 1..]),
                None => (&b"ERR"[..], rest),
            },
            None => (&b"ERR"[..], text),
        };
        let start = message.iter().position(is_end).unwrap_or(message.len());
        let end = message.iter().rposition(is_end).map_or(start, |at| at + 1);
        Self {
            text: [code, b" ", &message[start..end]].concat(),
            is_counted,
        }
    }
    /// The value that scripts get.
    pub(crate) fn to_value(&self, lua: &Lua) -> mlua::Result<Value> {
        let table = lua.create_table()?;
        table.raw_set("err", lua.create_string(&self.text)?)?;
        if self.is_counted {
            table.raw_set(COUNTED, true)?;
        }
        Ok(Value::Table(table))
    }
    /// Raises it.
    pub(crate) fn raise(self) -> Error {
        Error::external(Raised::Reply(self))
    }
}

/// Whether the error of a table was counted when a command failed with it.
pub(crate) fn is_counted(table: &Table) -> mlua::Result<bool> {
    // What scripts store there counts as it does for lua_toboolean.
    let mark: Value = table.raw_get(COUNTED)?;
    Ok(!matches!(mark, Value::Nil | Value::Boolean(false)))
}

/// The error of a library of Redis: a table whose text has no place (luaPushError, luaError).
pub(crate) fn refuse(text: &str) -> Error {
    ErrorTable::new(text.as_bytes(), false).raise()
}

/// The value of Lua that an error stands for where it is caught.
pub(crate) fn caught(lua: &Lua, error: &Error) -> mlua::Result<Value> {
    match error {
        Error::CallbackError { cause, .. } | Error::WithContext { cause, .. } => caught(lua, cause),
        Error::RuntimeError(text) | Error::SyntaxError { message: text, .. } => {
            // The bindings may have added where Lua was.
            let text = text.split(TRACEBACK).next().unwrap_or_default();
            Ok(Value::String(lua.create_string(text)?))
        }
        Error::MemoryError(_) => Ok(Value::String(lua.create_string("not enough memory")?)),
        other => match other.downcast_ref::<Raised>() {
            Some(Raised::Text(text)) => Ok(Value::String(lua.create_string(text)?)),
            Some(Raised::Reply(table)) => table.to_value(lua),
            Some(Raised::Value { value, .. }) => Ok(value.clone()),
            None => Ok(Value::String(lua.create_string(other.to_string())?)),
        },
    }
}

/// Keeps an error of a function that a library has called with the place where it is raised. One that is
/// no value of Lua stays what it is.
pub(crate) fn noted(lua: &Lua, value: Value) -> mlua::Result<Value> {
    Ok(match value {
        Value::Error(_) => value,
        value => {
            let place = place_of_error(lua);
            let raised = Raised::Value { value, place };
            Value::Error(Box::new(Error::external(raised)))
        }
    })
}

/// The place that [`noted`] has kept.
pub(crate) fn noted_place(error: &Error) -> Option<Place> {
    match error {
        Error::CallbackError { cause, .. } | Error::WithContext { cause, .. } => noted_place(cause),
        other => match other.downcast_ref::<Raised>() {
            Some(Raised::Value { place, .. }) => place.clone(),
            _ => None,
        },
    }
}

/// Where a handler of errors finds that one was raised: in the function that did, or in its caller
/// where that is not written in Lua.
pub(crate) fn place_of_error(lua: &Lua) -> Option<Place> {
    let place = |level: usize| {
        lua.inspect_stack(level, |frame| {
            let source = frame.source();
            let name = source.source.map(|name| name.into_owned());
            let line = frame.current_line().map_or(-1, |line| line as i64);
            (source.what == "C", Place { name, line })
        })
    };
    let found = match place(1) {
        Some((true, _)) => place(2),
        found => found,
    };
    found.map(|(_, place)| place)
}

/// `name:line: ` of the function that called the present one, if it is one of Lua (luaL_where).
pub(crate) fn place(lua: &Lua) -> String {
    let place = lua.inspect_stack(1, |frame| {
        let line = frame.current_line()?;
        let source = frame.source();
        Some(format!("{}:{line}: ", source.short_src?))
    });
    place.flatten().unwrap_or_default()
}

/// An error with the caller's place in front (luaL_error).
pub(crate) fn error(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    let text = [place(lua).as_bytes(), text.as_ref()].concat();
    Error::external(Raised::Text(text))
}

/// An argument that is refused (luaL_argerror); arguments count from one.
pub(crate) fn argument_error(lua: &Lua, number: usize, reason: impl AsRef<[u8]>) -> Error {
    let names = lua.inspect_stack(0, |frame| {
        let names = frame.names();
        let is_method = names.name_what.is_some_and(|what| what == "method");
        (names.name.map(|name| name.into_owned()), is_method)
    });
    let (name, is_method) = names.unwrap_or_default();
    let name = name.unwrap_or_else(|| "?".to_owned());
    let start = match (is_method, number) {
        (true, 1) => format!("calling '{name}' on bad self ("),
        (true, _) => format!("bad argument #{} to '{name}' (", number - 1),
        (false, _) => format!("bad argument #{number} to '{name}' ("),
    };
    let text = [start.as_bytes(), reason.as_ref(), b")"].concat();
    error(lua, text)
}

/// An argument of another type (luaL_typerror).
pub(crate) fn type_error(lua: &Lua, number: usize, expected: &str, got: Option<&Value>) -> Error {
    let got = got.map_or("no value", type_name);
    argument_error(lua, number, format!("{expected} expected, got {got}"))
}

/// The name that `type` gives.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) | Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Table(_) => "table",
        Value::Function(_) => "function",
        Value::Thread(_) => "thread",
        _ => "userdata",
    }
}
