//! EVAL and its kin, SCRIPT, and what there is of FUNCTION (`redis:src/eval.c`, `script.c`).
//!
//! A script's commands go through the same checks as those of clients, and through some of their
//! own: no command that waits or that makes sense on a connection alone, none that writes in a script
//! that said it would not. The script chooses a database and a protocol for itself.

use super::call::{Call, is_option};
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::held::{BUSY, Held, ScriptRun};
use super::help::help;
use super::snapshot::SCRIPT_MISCONF;
use super::{After, Node, Outcome};
use crate::command::{self, CommandSpec, Flags, commands};
use crate::keyspace::Database;
use crate::resp::Frame;
use crate::script::{Answer, Declared, Interpreter, Invocation, Random, Request, digest};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Counter, Work};

commands! { Scripting;
    "eval", -3, [NOSCRIPT STALE SKIP_MONITOR NO_MANDATORY_KEYS MOVABLEKEYS], NONE, "2.6.0" => Node(eval);
    "eval_ro", -3, [READONLY NOSCRIPT STALE SKIP_MONITOR NO_MANDATORY_KEYS MOVABLEKEYS], NONE, "7.0.0" => Node(eval_ro);
    "evalsha", -3, [NOSCRIPT STALE SKIP_MONITOR NO_MANDATORY_KEYS MOVABLEKEYS], NONE, "2.6.0" => Node(evalsha);
    "evalsha_ro", -3, [READONLY NOSCRIPT STALE SKIP_MONITOR NO_MANDATORY_KEYS MOVABLEKEYS], NONE, "7.0.0" => Node(evalsha_ro);
    "fcall", -3, [NOSCRIPT STALE SKIP_MONITOR NO_MANDATORY_KEYS MOVABLEKEYS], NONE, "7.0.0" => Node(fcall);
    "fcall_ro", -3, [READONLY NOSCRIPT STALE SKIP_MONITOR NO_MANDATORY_KEYS MOVABLEKEYS], NONE, "7.0.0" => Node(fcall);
    "function", -2, [], NONE, "7.0.0" => Container(FUNCTION);
    "script", -2, [], NONE, "2.6.0" => Container(SCRIPT);
}

commands! { SCRIPT: Scripting;
    "script|debug", 3, [NOSCRIPT], NONE, "3.2.0" => Node(script_debug);
    "script|exists", -3, [NOSCRIPT], NONE, "2.6.0" => Node(exists);
    "script|flush", -2, [NOSCRIPT], NONE, "2.6.0" => Node(flush);
    "script|help", 2, [LOADING STALE], NONE, "5.0.0" => Database(help);
    "script|kill", 2, [NOSCRIPT ALLOW_BUSY], NONE, "2.6.0" => Node(kill);
    "script|load", 3, [NOSCRIPT STALE], NONE, "2.6.0" => Node(load);
}

commands! { FUNCTION: Scripting;
    "function|delete", 3, [WRITE NOSCRIPT], NONE, "7.0.0" => Node(function_delete);
    "function|flush", -2, [WRITE NOSCRIPT], NONE, "7.0.0" => Node(function_flush);
    "function|help", 2, [LOADING STALE], NONE, "7.0.0" => Database(help);
    "function|kill", 2, [NOSCRIPT ALLOW_BUSY], NONE, "7.0.0" => Node(function_kill);
    "function|list", -2, [NOSCRIPT], NONE, "7.0.0" => Database(function_list);
    "function|stats", 2, [NOSCRIPT ALLOW_BUSY], NONE, "7.0.0" => Node(function_stats);
}

/// The node's scripts. A node that never runs one has no state of Lua.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    pub(super) interpreter: Option<Box<Interpreter>>,
    /// The script that holds the node.
    pub(super) held: Option<Box<Held>>,
    /// Outlasts SCRIPT FLUSH.
    random: Random,
    /// Whether memory was above its limit, whatever was evicted, when the present command came.
    pub(super) is_out_of_memory: bool,
}

impl Scripts {
    /// Number of scripts that are known.
    pub(super) fn count(&self) -> usize {
        self.interpreter.as_ref().map_or(0, |known| known.count())
    }
    /// The state of Lua, which is made where there is none yet.
    fn interpreter(&mut self) -> Result<&mut Interpreter, ErrorReply<'static>> {
        if self.interpreter.is_none() {
            let made = Interpreter::new(self.random.clone()).map_err(|_| {
                ErrorReply::Fixed("ERR Error running script, not enough memory for Lua")
            })?;
            self.interpreter = Some(Box::new(made));
        }
        Ok(self
            .interpreter
            .as_mut()
            .expect("it was made if it was not there"))
    }
    /// Whether the script that holds the node came from this connection.
    pub(super) fn is_held_by(&self, conn: ConnId) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_of(conn))
    }
}

const NOT_BUSY: ErrorReply<'static> =
    ErrorReply::Fixed("NOTBUSY No scripts in execution right now.");

type Done<'c> = Result<After, ErrorReply<'c>>;

/// EVAL.
fn eval<'c>(node: &mut Node, session: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    evaluate(
        node,
        session,
        call,
        Manner {
            by_digest: false,
            reads_only: false,
        },
    )
}

/// EVAL_RO.
fn eval_ro<'c>(node: &mut Node, session: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    evaluate(
        node,
        session,
        call,
        Manner {
            by_digest: false,
            reads_only: true,
        },
    )
}

/// EVALSHA.
fn evalsha<'c>(node: &mut Node, session: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    evaluate(
        node,
        session,
        call,
        Manner {
            by_digest: true,
            reads_only: false,
        },
    )
}

/// EVALSHA_RO.
fn evalsha_ro<'c>(node: &mut Node, session: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    evaluate(
        node,
        session,
        call,
        Manner {
            by_digest: true,
            reads_only: true,
        },
    )
}

/// Which of the four commands it is.
#[derive(Clone, Copy, Debug)]
struct Manner {
    by_digest: bool,
    reads_only: bool,
}

/// What a script may do, and has done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rights {
    reads_only: bool,
    allows_oom: bool,
    /// Whether a command that writes was allowed to it.
    pub(super) has_written: bool,
}

fn evaluate<'c>(
    node: &mut Node,
    session: &mut Session,
    call: &mut Call<'c>,
    manner: Manner,
) -> Done<'c> {
    // It is shown in front of the commands that it sends.
    node.show_to_monitors(
        session.database,
        session.peer(),
        call.spec,
        call.args,
        call.now_ms,
    );
    let no_script = ErrorReply::Fixed("NOSCRIPT No matching script. Please use EVAL.");
    if manner.by_digest && call.args[1].len() != 40 {
        return Err(no_script);
    }
    let keys = key_count(call)?;
    let lacks_memory = node.lacks_memory();
    let interpreter = node.scripts.interpreter()?;
    let script = match manner.by_digest {
        true => interpreter.script(call.args[1]).ok_or(None),
        false => {
            call.work
                .count(Counter::BytesScanned, call.args[1].len() as u64);
            interpreter.compile(call.args[1]).map_err(Some)
        }
    };
    let script = match script {
        Ok(script) => script,
        Err(reason) => {
            let text = reason.ok_or(no_script)?;
            return call.reply(Frame::Error(&text)).map(|()| After::Continue);
        }
    };
    let rights = rights(script.declared, manner, lacks_memory)?;
    let (keys, args) = call.args[3..].split_at(keys);
    let copied: usize = call.args[3..].iter().map(|arg| arg.len()).sum();
    call.work.count(Counter::BytesCopied, copied as u64);
    let owned = |list: &[&[u8]]| list.iter().map(|arg| arg.to_vec()).collect();
    let invocation = Invocation {
        keys: owned(keys),
        args: owned(args),
        protocol: call.protocol,
    };
    match interpreter.begin(script, invocation) {
        Ok(running) => {
            let run = ScriptRun::new(running, rights, session, call);
            Ok(node.run_or_hold(session, run, call))
        }
        Err(text) => call.reply(Frame::Error(&text)).map(|()| After::Continue),
    }
}

/// How many of the arguments are keys.
fn key_count<'c>(call: &mut Call<'c>) -> Result<usize, ErrorReply<'c>> {
    let count = call.integer(2)?;
    let most = call.args.len() as i64 - 3;
    if count > most {
        return Err(ErrorReply::Fixed(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    usize::try_from(count).map_err(|_| ErrorReply::Fixed("ERR Number of keys can't be negative"))
}

/// What a script may do, by what it declares and by the command that runs it (scriptPrepareForRun).
fn rights(
    declared: Declared,
    manner: Manner,
    is_out_of_memory: bool,
) -> Result<Rights, ErrorReply<'static>> {
    if declared.is_there && !declared.no_writes {
        if manner.reads_only {
            return Err(ErrorReply::Fixed(
                "ERR Can not execute a script with write flag using *_ro command.",
            ));
        }
        if is_out_of_memory && !declared.allow_oom {
            return Err(ErrorReply::OutOfMemory);
        }
    }
    Ok(Rights {
        reads_only: manner.reads_only || declared.no_writes,
        allows_oom: declared.allow_oom,
        has_written: false,
    })
}

/// FCALL and FCALL_RO: there are no functions, since FUNCTION LOAD does not exist here.
fn fcall<'c>(_: &mut Node, _: &mut Session, _: &mut Call<'c>) -> Done<'c> {
    Err(ErrorReply::Fixed("ERR Function not found"))
}

/// SCRIPT EXISTS.
fn exists<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    let digests = &call.args[2..];
    call.reply(Frame::Array(digests.len()))?;
    for digest in digests {
        let known = node.scripts.interpreter.as_ref();
        let is_known = known.is_some_and(|known| known.script(digest).is_some());
        call.reply_integer(is_known.into())?;
    }
    Ok(After::Continue)
}

/// SCRIPT LOAD.
fn load<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    let body = call.args[2];
    call.work.count(Counter::BytesScanned, body.len() as u64);
    match node.scripts.interpreter()?.compile(body) {
        Ok(_) => call.reply_bulk(digest(body).as_bytes())?,
        Err(text) => call.reply(Frame::Error(&text))?,
    }
    Ok(After::Continue)
}

/// SCRIPT FLUSH: Lua begins anew.
fn flush<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    if !states_mode(call.args) {
        return Err(ErrorReply::Fixed(
            "ERR SCRIPT FLUSH only support SYNC|ASYNC option",
        ));
    }
    node.scripts.interpreter = None;
    call.reply_ok().map(|()| After::Continue)
}

/// FUNCTION FLUSH.
fn function_flush<'c>(_: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    if !states_mode(call.args) {
        return Err(ErrorReply::Fixed(
            "ERR FUNCTION FLUSH only supports SYNC|ASYNC option",
        ));
    }
    call.reply_ok().map(|()| After::Continue)
}

/// Whether a subcommand is followed by nothing or by one of the two modes, which are the same here.
fn states_mode(args: &[&[u8]]) -> bool {
    match args {
        [_, _] => true,
        [_, _, mode] => is_option(mode, "sync") || is_option(mode, "async"),
        _ => false,
    }
}

/// FUNCTION LIST: there are none.
fn function_list<'c>(_: &mut Database, call: &mut Call<'c>) -> Outcome<'c> {
    let (mut has_pattern, mut has_code) = (false, false);
    let mut index = 2;
    while let Some(&option) = call.args.get(index) {
        match option {
            _ if !has_code && is_option(option, "withcode") => has_code = true,
            _ if !has_pattern && is_option(option, "libraryname") => {
                has_pattern = true;
                index += 1;
                if index == call.args.len() {
                    return Err(ErrorReply::Fixed("ERR library name argument was not given"));
                }
            }
            _ => {
                return Err(ErrorReply::Quoting {
                    before: "ERR Unknown argument ",
                    quoted: option,
                    after: "",
                });
            }
        }
        index += 1;
    }
    call.reply(Frame::Array(0))
}

/// FUNCTION STATS: what runs for long is never a function.
fn function_stats<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    if node.is_busy() {
        return Err(BUSY);
    }
    call.reply(Frame::Map(2))?;
    call.reply(Frame::Bulk(b"running_script"))?;
    call.reply_null()?;
    call.reply(Frame::Bulk(b"engines"))?;
    call.reply(Frame::Map(1))?;
    call.reply(Frame::Bulk(b"LUA"))?;
    call.reply(Frame::Map(2))?;
    for name in ["libraries_count", "functions_count"] {
        call.reply(Frame::Bulk(name.as_bytes()))?;
        call.reply_integer(0)?;
    }
    Ok(After::Continue)
}

/// FUNCTION DELETE.
fn function_delete<'c>(_: &mut Node, _: &mut Session, _: &mut Call<'c>) -> Done<'c> {
    Err(ErrorReply::Fixed("ERR Library not found"))
}

/// SCRIPT KILL.
fn kill<'c>(node: &mut Node, _: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    let held = node.scripts.held.as_mut().ok_or(NOT_BUSY)?;
    held.kill()?;
    call.reply_ok().map(|()| After::Continue)
}

/// SCRIPT DEBUG: there is no debugger, and to go on without one is what NO asks for. Redis refuses it
/// behind requests whose replies have not left.
fn script_debug<'c>(_: &mut Node, session: &mut Session, call: &mut Call<'c>) -> Done<'c> {
    if session.marks.has_any(Marks::DENY_BLOCKING) || !call.out.is_empty() {
        return Err(ErrorReply::Fixed(
            "ERR SCRIPT DEBUG must be called outside a pipeline",
        ));
    }
    match call.args[2] {
        mode if is_option(mode, "no") => call.reply_ok().map(|()| After::Continue),
        mode if is_option(mode, "yes") || is_option(mode, "sync") => Err(ErrorReply::Fixed(
            "ERR SCRIPT DEBUG: there is no debugger of scripts here, only NO can be asked for",
        )),
        _ => Err(ErrorReply::Fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    }
}

/// FUNCTION KILL: what runs is a script, which it must not kill.
fn function_kill<'c>(node: &mut Node, _: &mut Session, _: &mut Call<'c>) -> Done<'c> {
    match node.scripts.held.as_ref().ok_or(NOT_BUSY)?.check_killable() {
        Ok(()) => Err(BUSY),
        Err(error) => Err(error),
    }
}

impl Node {
    /// Whether memory was above its limit when the present command came.
    fn lacks_memory(&self) -> bool {
        self.scripts.is_out_of_memory && self.config.maxmemory > 0
    }

    /// Carries out one command of a script (scriptCall).
    pub(super) fn serve_script(
        &mut self,
        session: &mut Session,
        run: &mut ScriptRun,
        request: &Request,
        work: &mut Work,
    ) -> Answer {
        let args: Vec<&[u8]> = request.args.iter().map(Vec::as_slice).collect();
        let spec = command::look_up(&args);
        let spec = match self.allow_to_script(spec, args.len(), &mut run.rights) {
            Ok(spec) => spec,
            Err(text) => {
                // What has no code of its own counts as ERR.
                let counted = text.strip_prefix('-').unwrap_or("ERR ");
                self.statistics.note_error(counted.as_bytes());
                self.statistics.note_rejected(spec);
                return Answer::Refused(text);
            }
        };
        work.count(Counter::Commands, 1);
        self.statistics.commands += 1;
        let copied: usize = args.iter().map(|arg| arg.len()).sum();
        work.count(Counter::BytesCopied, copied as u64);
        if self.is_gated && !spec.flags.has(Flags::SKIP_MONITOR) && !spec.flags.has(Flags::ADMIN) {
            self.show_to_monitors(session.database, "lua", spec, &args, run.now_ms);
        }
        session.protocol = request.protocol;
        let mut reply = Vec::new();
        let mut call = Call {
            spec,
            args: &args,
            now_ms: run.now_ms,
            now: run.now,
            protocol: request.protocol,
            out: &mut reply,
            work,
        };
        // No command that waits is allowed.
        self.carry_out(session, &mut call);
        Answer::Reply(reply)
    }

    /// Whether a script may send this command, and the text of the refusal where it may not.
    fn allow_to_script(
        &self,
        spec: Option<&'static CommandSpec>,
        arg_count: usize,
        rights: &mut Rights,
    ) -> Result<&'static CommandSpec, &'static str> {
        let spec = spec.ok_or("Unknown Redis command called from script")?;
        if !spec.takes(arg_count) {
            return Err("Wrong number of args calling Redis command from script");
        }
        if spec.flags.has(Flags::NOSCRIPT) {
            return Err("This Redis command is not allowed from script");
        }
        let may_write = spec.flags.has(Flags::WRITE) || spec.may_replicate();
        if may_write && rights.reads_only {
            return Err("Write commands are not allowed from read-only scripts.");
        }
        let may_grow = rights.allows_oom || rights.has_written || !spec.flags.has(Flags::DENYOOM);
        if self.lacks_memory() && !may_grow {
            return Err("-OOM command not allowed when used memory > 'maxmemory'.");
        }
        if spec.flags.has(Flags::WRITE) && self.refuses_writes() && !rights.has_written {
            return Err(SCRIPT_MISCONF);
        }
        rights.has_written |= spec.flags.has(Flags::WRITE);
        Ok(spec)
    }
}
