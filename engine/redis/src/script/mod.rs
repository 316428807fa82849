//! Scripts: Lua 5.1, the libraries that Redis gives it, and the conversions between its values and
//! replies.
//!
//! A script runs on a coroutine with a stack of its own. Where it asks for a command, the coroutine is
//! left with the request, and entered again with the reply; after some instructions it is left as
//! well, to be entered again now, later or only to be killed. The next script runs on the same coroutine.
//! Nothing in here knows the node.

mod api;
mod args;
mod bit;
mod cjson;
mod cmsgpack;
mod names;
mod pattern;
mod protected;
mod raise;
mod random;
mod reply;
mod run;
mod sandbox;
mod shebang;
mod strings;
mod structs;
mod values;
mod watch;

pub(crate) use self::api::digest;
pub(crate) use self::random::Random;
pub(crate) use self::run::Running;
pub(crate) use self::shebang::Declared;
pub(crate) use self::watch::INSTRUCTIONS_PER_PAUSE;

use self::raise::type_name;
use self::run::{Runner, failed_text};
use self::sandbox::Sandbox;
use crate::node::c_string;
use crate::number::write_17_digits;
use crate::resp::Protocol;
use mlua::{Function, Lua, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// The name of every script in errors.
const NAME: &str = "@user_script";

/// A command that a script asks for.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) args: Vec<Vec<u8>>,
    /// The form that its reply takes.
    pub(crate) protocol: Protocol,
}

/// What a script is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The command's reply.
    Reply(Vec<u8>),
    /// The command is not for this script; the text, which a code may begin behind a minus.
    Refused(&'static str),
    /// It goes on: what it begins with, and the answer to a pause.
    GoOn,
    /// It was killed, and may not go on whatever it does.
    Killed,
}

/// Where a script has come to.
#[derive(Debug)]
pub(crate) enum Step {
    /// It asks for a command.
    Command(Request),
    /// It has carried out some more instructions, and would go on.
    Pause,
    /// It is over, with this reply.
    Done(Finished),
}

/// The end of a script.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// The reply.
    pub(crate) reply: Vec<u8>,
    /// The texts of the errors in it that nobody has counted yet.
    pub(crate) errors: Vec<Vec<u8>>,
    /// How many errors in it were counted when a command failed.
    pub(crate) repeated_errors: u64,
}

/// A script that has been compiled.
#[derive(Debug)]
pub(crate) struct Script {
    /// The digest of its text.
    digest: String,
    pub(crate) declared: Declared,
    function: Function,
}

/// What a script is run with.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) args: Vec<Vec<u8>>,
    /// The form of the reply.
    pub(crate) protocol: Protocol,
}

/// A state of Lua with the scripts that it knows.
pub(crate) struct Interpreter {
    lua: Lua,
    sandbox: Rc<Sandbox>,
    scripts: BTreeMap<String, Rc<Script>>,
    /// Lies ready between scripts.
    runner: Option<Runner>,
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&String> = self.scripts.keys().collect();
        f.debug_struct("Interpreter")
            .field("scripts", &known)
            .finish_non_exhaustive()
    }
}

impl Interpreter {
    /// One that knows no script and draws numbers from `random`.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn new(random: Random) -> mlua::Result<Self> {
        let (lua, sandbox) = Sandbox::new(random)?;
        Ok(Self {
            sandbox: Rc::new(sandbox),
            lua,
            scripts: BTreeMap::new(),
            runner: None,
        })
    }
    /// The script of a digest, in either case.
    pub(crate) fn script(&self, digest: &[u8]) -> Option<Rc<Script>> {
        let digest = str::from_utf8(digest).ok()?.to_ascii_lowercase();
        self.scripts.get(&digest).cloned()
    }
    /// Compiles a script and keeps it.
    ///
    /// # Errors
    /// The text of the reply.
    pub(crate) fn compile(&mut self, body: &[u8]) -> Result<Rc<Script>, Vec<u8>> {
        let digest = digest(body);
        if let Some(known) = self.scripts.get(&digest) {
            return Ok(Rc::clone(known));
        }
        let (declared, line) = shebang::read(body)?;
        // The end of the first line stays, so that lines count as in the whole.
        let source = sandbox::source(&body[line..]);
        let chunk = self.lua.load(source).set_name(NAME);
        let function = chunk.into_function().map_err(|error| {
            let text = match raise::caught(&self.lua, &error) {
                Ok(Value::String(text)) => text.as_bytes().to_vec(),
                _ => b"not enough memory".to_vec(),
            };
            [
                b"ERR Error compiling script (new function): ",
                c_string(&text),
            ]
            .concat()
        })?;
        let script = Rc::new(Script {
            digest: digest.clone(),
            declared,
            function,
        });
        self.scripts.insert(digest, Rc::clone(&script));
        Ok(script)
    }
    /// Number of scripts.
    pub(crate) fn count(&self) -> usize {
        self.scripts.len()
    }
    /// Makes ready to run a script.
    ///
    /// # Errors
    /// The reply, where there is no memory for it.
    pub(crate) fn begin(
        &mut self,
        script: Rc<Script>,
        invocation: Invocation,
    ) -> Result<Running, Vec<u8>> {
        let runner = match self.runner.take() {
            Some(runner) => Ok(runner),
            None => Runner::new(&self.lua, &self.sandbox),
        };
        match runner {
            Ok(runner) => Ok(runner.run(script, invocation)),
            Err(_) => Err(failed_text(&script.digest, b"not enough memory")),
        }
    }
    /// Takes back what a script that is over has used.
    pub(crate) fn end(&mut self, running: Running) {
        self.runner = running.into_runner();
    }
}

/// Makes an error table of whatever a script raises, with the place where it did
/// (`__redis__err__handler`).
fn handle_error(lua: &Lua, error: Value) -> mlua::Result<Value> {
    let (error, noted) = match error {
        Value::Error(error) => (raise::caught(lua, &error)?, raise::noted_place(&error)),
        error => (error, None),
    };
    let table = match error {
        Value::Table(table) => table,
        other => {
            let text = match args::to_string(lua, &other)? {
                Some(text) => text.as_bytes().to_vec(),
                None => match other {
                    Value::Boolean(yes) => yes.to_string().into_bytes(),
                    other => type_name(&other).as_bytes().to_vec(),
                },
            };
            let table = lua.create_table()?;
            table.raw_set("err", lua.create_string([b"ERR ", &text[..]].concat())?)?;
            table
        }
    };
    if let Some(raise::Place { name, line }) = noted.or_else(|| raise::place_of_error(lua)) {
        table.set("source", name)?;
        table.set("line", line)?;
    }
    Ok(Value::Table(table))
}

/// A number as `%.17g` writes it. Common processors make numbers that are none negative.
fn number_text(number: f64) -> String {
    let mut text = String::new();
    if number.is_nan() && number.is_sign_negative() {
        text.push('-');
    }
    write_17_digits(number, &mut text);
    text
}
