//! Runs of scripts, all on one coroutine.
//!
//! The functions by which a script leaves it (`redis.call`, `redis.pcall` and the hook's pause) know the
//! coroutine that they leave. They are made when it begins, and it waits for the next script behind each:
//! to make them for every script took more than most scripts do.

use super::api;
use super::args;
use super::raise::{self, ErrorTable};
use super::reply::Replies;
use super::sandbox::Sandbox;
use super::values;
use super::watch::{self, Watch};
use super::{Answer, Finished, Invocation, Request, Script, Step};
use crate::node::c_string;
use crate::resp::{Frame, Protocol};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use mlua::{IntoLua, Lua, MultiValue, Scope, Table, Value};
use std::rc::Rc;
use std::{fmt, io};

/// The stack that Lua runs on, as large as that of a process: its parser recurses.
const STACK_BYTES: usize = 8 << 20;
/// Bytes of an error that is no table.
const PLAIN_ERROR_BYTES_MAX: usize = 100;

/// What the coroutine is entered with.
#[derive(Debug)]
enum Enter {
    /// The next script.
    Run(Box<Task>),
    /// The answer to what the present one has asked.
    Answer(Answer),
    /// There will be no more scripts.
    Close,
}

/// Why it is left.
#[derive(Debug)]
enum Leave {
    Command(Request),
    Pause,
    /// The script is over.
    Done(Finished),
}

/// One run of a script.
#[derive(Debug)]
struct Task {
    script: Rc<Script>,
    invocation: Invocation,
}

/// The way out of the coroutine.
type Way = Yielder<Enter, Leave>;

/// The coroutine, with the stack that all scripts of an interpreter run on.
pub(super) struct Runner {
    /// It gives what its last script replies, if it could not wait for another one.
    coroutine: Coroutine<Enter, Leave, Finished>,
    watch: Watch,
    /// A script is on it.
    is_taken: bool,
}

impl Runner {
    /// One that waits for its first script.
    ///
    /// # Errors
    /// If there is no memory for its stack.
    pub(super) fn new(lua: &Lua, sandbox: &Rc<Sandbox>) -> io::Result<Self> {
        let run = Run {
            lua: lua.clone(),
            sandbox: Rc::clone(sandbox),
            replies: Replies::new(sandbox.next.clone()),
        };
        let stack = DefaultStack::new(STACK_BYTES)?;
        let coroutine =
            Coroutine::with_stack(stack, move |way: &Way, entered| run.serve(way, entered));
        Ok(Self {
            coroutine,
            watch: sandbox.watch.clone(),
            is_taken: false,
        })
    }
    /// Makes ready to run a script.
    pub(super) fn run(self, script: Rc<Script>, invocation: Invocation) -> Running {
        Running {
            runner: self,
            task: Some(Box::new(Task { script, invocation })),
        }
    }
    fn enter(&mut self, with: Enter) -> Step {
        let step = match self.coroutine.resume(with) {
            CoroutineResult::Yield(Leave::Command(request)) => Step::Command(request),
            CoroutineResult::Yield(Leave::Pause) => Step::Pause,
            CoroutineResult::Yield(Leave::Done(finished)) | CoroutineResult::Return(finished) => {
                Step::Done(finished)
            }
        };
        self.is_taken = !matches!(step, Step::Done(_));
        step
    }
    fn answer(&mut self, answer: Answer) -> Step {
        if matches!(answer, Answer::Killed) {
            self.watch.kill();
        }
        self.enter(Enter::Answer(answer))
    }
}

impl Drop for Runner {
    /// A stack that is in use cannot be let go: the script is killed, and the coroutine ends itself.
    fn drop(&mut self) {
        while self.is_taken {
            self.answer(Answer::Killed);
        }
        if self.coroutine.started() && !self.coroutine.done() {
            self.enter(Enter::Close);
        }
    }
}

/// A script that runs.
pub(crate) struct Running {
    runner: Runner,
    /// What is to be run, until it is told to go on for the first time.
    task: Option<Box<Task>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Running {
    /// Begins it, or lets it go on with an answer to what it asked for last, up to the next question.
    /// Must not be asked again once it is done.
    pub(crate) fn go_on(&mut self, answer: Answer) -> Step {
        match self.task.take() {
            Some(task) => self.runner.enter(Enter::Run(task)),
            None => self.runner.answer(answer),
        }
    }
    /// The instructions that it has carried out since this was asked last: those of Lua by the hundred,
    /// those that steps of patterns count as one by one.
    pub(crate) fn take_instructions(&self) -> u64 {
        self.runner.watch.take_instructions()
    }
    /// Gives the coroutine back for the next script, unless it has ended.
    pub(super) fn into_runner(self) -> Option<Runner> {
        Some(self.runner).filter(|runner| !runner.is_taken && !runner.coroutine.done())
    }
}

/// What runs on the coroutine.
struct Run {
    lua: Lua,
    sandbox: Rc<Sandbox>,
    replies: Replies,
}

impl Run {
    /// Runs one script after another until there are no more. Gives the reply of a script only where there
    /// is no memory for the functions that all share.
    fn serve(&self, way: &Way, entered: Enter) -> Finished {
        let mut entered = entered;
        let served = self.lua.scope(|scope| {
            self.install(scope, way)?;
            while let Enter::Run(task) = &entered {
                let finished = self.reply(task);
                entered = way.suspend(Leave::Done(finished));
            }
            Ok(())
        });
        self.sandbox.watch.set_pause(None);
        match (served, &entered) {
            (Err(error), Enter::Run(task)) => self.failed(&task.script, &error),
            _ => Finished::default(),
        }
    }

    /// Makes the functions that leave the coroutine.
    fn install<'scope, 'env: 'scope>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        way: &'env Way,
    ) -> mlua::Result<()> {
        let redis = &self.sandbox.redis;
        let call = move |lua: &Lua, values: MultiValue| self.command(lua, values, way);
        let raising = scope.create_function(move |lua, values: MultiValue| {
            call(lua, values)?.map_err(ErrorTable::raise)
        })?;
        let returning = scope.create_function(move |lua, values: MultiValue| {
            call(lua, values)?.or_else(|error| error.to_value(lua))
        })?;
        redis.raw_set("call", raising)?;
        redis.raw_set("pcall", returning)?;
        let pause = scope.create_function(move |_, ()| match way.suspend(Leave::Pause) {
            Enter::Answer(Answer::GoOn) => Ok(()),
            _ => Err(watch::killed()),
        })?;
        self.sandbox.watch.set_pause(Some(pause));
        Ok(())
    }

    /// Runs one script and gives its reply.
    fn reply(&self, task: &Task) -> Finished {
        let mut finished = Finished::default();
        let done = self.run(task, &mut finished);
        self.sandbox.watch.end();
        let done = done.and_then(|()| self.sandbox.clean());
        match done {
            Ok(()) => finished,
            // What is raised out here is that memory has run out.
            Err(error) => self.failed(&task.script, &error),
        }
    }

    /// The reply of a script that could not be run.
    fn failed(&self, script: &Script, error: &mlua::Error) -> Finished {
        let text = match raise::caught(&self.lua, error) {
            Ok(Value::String(text)) => text.as_bytes().to_vec(),
            _ => b"not enough memory".to_vec(),
        };
        Finished::failed(&failed_text(&script.digest, &text))
    }

    fn run(&self, task: &Task, finished: &mut Finished) -> mlua::Result<()> {
        let (lua, sandbox) = (&self.lua, &self.sandbox);
        let Task { script, invocation } = task;
        sandbox.begin(lua)?;
        let strings =
            |list: &[Vec<u8>]| lua.create_sequence_from(list.iter().map(|text| Text(text)));
        let (keys, args) = (strings(&invocation.keys)?, strings(&invocation.args)?);
        sandbox.globals.raw_set("KEYS", keys)?;
        sandbox.globals.raw_set("ARGV", args)?;
        sandbox.watch.begin();
        let (is_done, value): (bool, Value) = sandbox.protected.call(&script.function)?;
        if is_done {
            let form = sandbox.protocol.get();
            return self
                .replies
                .write(lua, value, invocation.protocol, form, finished);
        }
        match value {
            Value::Table(table) => self.report(script, &table, finished),
            Value::String(text) => {
                let text = failed_text(&script.digest, &text.as_bytes());
                *finished = Finished::failed(&text);
                Ok(())
            }
            other => {
                let value = raise_text(lua, &other)?;
                *finished = Finished::failed(&failed_text(&script.digest, &value));
                Ok(())
            }
        }
    }

    /// Leaves the coroutine with a command and comes back with its value, or its error.
    fn command(
        &self,
        lua: &Lua,
        values: MultiValue,
        way: &Way,
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
        let Enter::Answer(answer) = way.suspend(Leave::Command(Request { args, protocol })) else {
            return Err(watch::killed());
        };
        match answer {
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
    fn report(&self, script: &Script, table: &Table, finished: &mut Finished) -> mlua::Result<()> {
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
                script.digest.as_bytes(),
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

/// A string of Lua.
struct Text<'a>(&'a [u8]);

impl IntoLua for Text<'_> {
    fn into_lua(self, lua: &Lua) -> mlua::Result<Value> {
        lua.create_string(self.0).map(Value::String)
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
    pub(super) fn error(&mut self, text: &[u8], is_counted: bool, protocol: Protocol) {
        Frame::Error(text).encode_in(protocol, &mut self.reply);
        match is_counted {
            true => self.repeated_errors += 1,
            false => self.errors.push(text.to_vec()),
        }
    }
}

/// The error of a script that ended with something that is no error table.
pub(super) fn failed_text(digest: &str, text: &[u8]) -> Vec<u8> {
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
