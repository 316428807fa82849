//! Scripts: Lua 5.1, the libraries that Redis gives it, and the conversions between its values and
//! replies.
//!
//! A script runs on a coroutine with a stack of its own. Where it asks for a command, the coroutine is
//! left with the request, and entered again with the reply; after some instructions it is left as
//! well, to be entered again now, later or only to be killed. Nothing in here knows the node.

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
mod sandbox;
mod shebang;
mod strings;
mod structs;
mod values;
mod watch;

pub(crate) use self::api::digest;
pub(crate) use self::random::Random;
pub(crate) use self::shebang::Declared;
pub(crate) use self::watch::INSTRUCTIONS_PER_PAUSE;

use self::raise::{ErrorTable, type_name};
use self::reply::Replies;
use self::sandbox::Sandbox;
use self::watch::Watch;
use crate::node::c_string;
use crate::number::write_17_digits;
use crate::resp::{Frame, Protocol};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use mlua::{Function, Lua, MultiValue, Table, Value};
use std::collections::BTreeMap;
use std::fmt;

/// The stack that Lua runs on, as large as that of a process: its parser recurses.
const STACK_BYTES: usize = 8 << 20;
/// The name of every script in errors.
const NAME: &str = "@user_script";
/// Bytes of an error that is no table.
const PLAIN_ERROR_BYTES_MAX: usize = 100;

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
#[derive(Clone)]
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
    sandbox: Sandbox,
    replies: Replies,
    scripts: BTreeMap<String, Script>,
    /// Lies ready between scripts.
    stack: Option<DefaultStack>,
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
            replies: Replies::new(sandbox.next.clone()),
            sandbox,
            lua,
            scripts: BTreeMap::new(),
            stack: None,
        })
    }
    /// The script of a digest, in either case.
    pub(crate) fn script(&self, digest: &[u8]) -> Option<Script> {
        let digest = str::from_utf8(digest).ok()?.to_ascii_lowercase();
        self.scripts.get(&digest).cloned()
    }
    /// Compiles a script and keeps it.
    ///
    /// # Errors
    /// The text of the reply.
    pub(crate) fn compile(&mut self, body: &[u8]) -> Result<Script, Vec<u8>> {
        let digest = digest(body);
        if let Some(known) = self.scripts.get(&digest) {
            return Ok(known.clone());
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
        let script = Script {
            digest: digest.clone(),
            declared,
            function,
        };
        self.scripts.insert(digest, script.clone());
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
        script: &Script,
        invocation: Invocation,
    ) -> Result<Running, Vec<u8>> {
        let stack = self.stack.take();
        let stack = stack.map_or_else(|| DefaultStack::new(STACK_BYTES), Ok);
        let stack = stack.map_err(|_| failed_text(&script.digest, b"not enough memory"))?;
        let run = Run {
            lua: self.lua.clone(),
            sandbox: self.sandbox.clone(),
            replies: self.replies.clone(),
            script: script.clone(),
        };
        let watch = self.sandbox.watch.clone();
        let coroutine = Coroutine::with_stack(stack, move |yielder: &Yielder<Answer, Leave>, _| {
            run.reply(&invocation, yielder)
        });
        Ok(Running {
            coroutine: Some(coroutine),
            watch,
        })
    }
    /// Takes back what a script that is over has used.
    pub(crate) fn end(&mut self, running: Running) {
        self.stack = running.into_stack();
    }
}

/// Why a script leaves its coroutine.
#[derive(Debug)]
enum Leave {
    Command(Request),
    Pause,
}

/// A script that has begun.
pub(crate) struct Running {
    /// Empty once the stack is taken back.
    coroutine: Option<Coroutine<Answer, Leave, Finished>>,
    watch: Watch,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Running {
    /// Lets it go on with an answer to what it asked for last, up to the next question. Must not be
    /// asked again once it is done.
    pub(crate) fn go_on(&mut self, answer: Answer) -> Step {
        if matches!(answer, Answer::Killed) {
            self.watch.kill();
        }
        let coroutine = self
            .coroutine
            .as_mut()
            .expect("the stack is taken back at the end");
        match coroutine.resume(answer) {
            CoroutineResult::Yield(Leave::Command(request)) => Step::Command(request),
            CoroutineResult::Yield(Leave::Pause) => Step::Pause,
            CoroutineResult::Return(finished) => Step::Done(finished),
        }
    }
    /// The instructions that it has carried out since this was asked last: those of Lua by the hundred,
    /// those that steps of patterns count as one by one.
    pub(crate) fn take_instructions(&self) -> u64 {
        self.watch.take_instructions()
    }
    fn into_stack(mut self) -> Option<DefaultStack> {
        self.coroutine.take().map(Coroutine::into_stack)
    }
}

impl Drop for Running {
    /// A stack that is in use cannot be let go: the script is killed, and ends itself.
    fn drop(&mut self) {
        let is_over = |running: &Self| running.coroutine.as_ref().is_none_or(Coroutine::done);
        // One that never began has nothing on its stack.
        while !is_over(self) {
            self.go_on(Answer::Killed);
        }
    }
}

/// One run of a script, on its coroutine.
struct Run {
    lua: Lua,
    sandbox: Sandbox,
    replies: Replies,
    script: Script,
}

impl Run {
    fn reply(&self, invocation: &Invocation, yielder: &Yielder<Answer, Leave>) -> Finished {
        let mut finished = Finished::default();
        let done = self.run(invocation, yielder, &mut finished);
        self.sandbox.watch.end();
        let done = done.and_then(|()| self.sandbox.clean());
        // What is raised out here is that memory has run out, or that the script was killed before it
        // began.
        if let Err(error) = done {
            let text = match raise::caught(&self.lua, &error) {
                Ok(Value::String(text)) => text.as_bytes().to_vec(),
                _ => b"not enough memory".to_vec(),
            };
            return Finished::failed(&failed_text(&self.script.digest, &text));
        }
        finished
    }

    fn run(
        &self,
        invocation: &Invocation,
        yielder: &Yielder<Answer, Leave>,
        finished: &mut Finished,
    ) -> mlua::Result<()> {
        let (lua, sandbox) = (&self.lua, &self.sandbox);
        sandbox.begin(lua)?;
        let strings = |list: &[Vec<u8>]| -> mlua::Result<Table> {
            let table = lua.create_table()?;
            for (index, text) in list.iter().enumerate() {
                table.raw_set(index + 1, lua.create_string(text)?)?;
            }
            Ok(table)
        };
        sandbox
            .globals
            .raw_set("KEYS", strings(&invocation.keys)?)?;
        sandbox
            .globals
            .raw_set("ARGV", strings(&invocation.args)?)?;
        lua.scope(|scope| {
            let call = |lua: &Lua, values: MultiValue| self.command(lua, values, yielder);
            let raising = scope.create_function(move |lua, values: MultiValue| {
                call(lua, values)?.map_err(ErrorTable::raise)
            })?;
            let returning = scope.create_function(move |lua, values: MultiValue| {
                call(lua, values)?.or_else(|error| error.to_value(lua))
            })?;
            sandbox.redis.raw_set("call", raising)?;
            sandbox.redis.raw_set("pcall", returning)?;
            let pause =
                scope.create_function(move |_, ()| match yielder.suspend(Leave::Pause) {
                    Answer::Killed => Err(watch::killed()),
                    _ => Ok(()),
                })?;
            sandbox.watch.begin(pause);
            let (is_done, value): (bool, Value) = sandbox.protected.call(&self.script.function)?;
            if is_done {
                let script = sandbox.protocol.get();
                return self
                    .replies
                    .write(lua, value, invocation.protocol, script, finished);
            }
            match value {
                Value::Table(table) => self.report(&table, finished),
                Value::String(text) => {
                    let text = failed_text(&self.script.digest, &text.as_bytes());
                    *finished = Finished::failed(&text);
                    Ok(())
                }
                other => {
                    let value = raise_text(lua, &other)?;
                    *finished = Finished::failed(&failed_text(&self.script.digest, &value));
                    Ok(())
                }
            }
        })
    }

    /// Leaves the coroutine with a command and comes back with its value, or its error.
    fn command(
        &self,
        lua: &Lua,
        values: MultiValue,
        yielder: &Yielder<Answer, Leave>,
    ) -> mlua::Result<Result<Value, ErrorTable>> {
        self.sandbox.watch.check()?;
        let args = api::command_arguments(&values);
        // Their handles are needed for what the reply holds.
        drop(values);
        let args = match args {
            Ok(args) => args,
            Err(error) => return Ok(Err(error)),
        };
        let protocol = self.sandbox.protocol.get();
        match yielder.suspend(Leave::Command(Request { args, protocol })) {
            Answer::Killed => Err(watch::killed()),
            Answer::GoOn => Ok(Ok(Value::Nil)),
            Answer::Refused(text) => Ok(Err(ErrorTable::new(text.as_bytes(), true))),
            Answer::Reply(reply) => match values::error_of_reply(&reply) {
                Some(error) => Ok(Err(error)),
                None => values::value_of_reply(lua, &reply).map(Ok),
            },
        }
    }

    /// Replies the error of a script with its place.
    fn report(&self, table: &Table, finished: &mut Finished) -> mlua::Result<()> {
        let field = |name: &str| -> mlua::Result<Option<Vec<u8>>> {
            let value: Value = table.raw_get(name)?;
            let text = args::to_string(&self.lua, &value)?;
            Ok(text.map(|text| c_string(&text.as_bytes()).to_vec()))
        };
        let text = field("err")?.unwrap_or_else(|| b"ERR execution failure".to_vec());
        let text = match (field("source")?, field("line")?) {
            (Some(source), Some(line)) => [
                &text,
                &b" script: "[..],
                self.script.digest.as_bytes(),
                b", on ",
                &source,
                b":",
                &line,
                b".",
            ]
            .concat(),
            _ => text,
        };
        let is_counted = raise::is_counted(table)?;
        finished.error(&text, is_counted, Protocol::default());
        Ok(())
    }
}

impl Finished {
    /// That of a script whose only reply is an error.
    fn failed(text: &[u8]) -> Self {
        let mut finished = Self::default();
        finished.error(text, false, Protocol::default());
        finished
    }
    /// Adds an error to the reply.
    fn error(&mut self, text: &[u8], is_counted: bool, protocol: Protocol) {
        Frame::Error(text).encode_in(protocol, &mut self.reply);
        match is_counted {
            true => self.repeated_errors += 1,
            false => self.errors.push(text.to_vec()),
        }
    }
}

/// The error of a script that ended with something that is no error table.
fn failed_text(digest: &str, text: &[u8]) -> Vec<u8> {
    let text = c_string(text);
    let text = &text[..text.len().min(PLAIN_ERROR_BYTES_MAX)];
    [b"ERR Error running script ", digest.as_bytes(), b", ", text].concat()
}

fn raise_text(lua: &Lua, value: &Value) -> mlua::Result<Vec<u8>> {
    let value = match value {
        Value::Error(error) => raise::caught(lua, error)?,
        _ => Value::Nil,
    };
    Ok(match args::to_string(lua, &value)? {
        Some(text) => text.as_bytes().to_vec(),
        None => b"execution failure".to_vec(),
    })
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
