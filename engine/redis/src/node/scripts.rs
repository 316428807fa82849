//! EVAL and its kin, SCRIPT, and what there is of FUNCTION (`redis:src/eval.c`, `script.c`).
//!
//! A script's commands go through the same checks as those of clients, and through some of their
//! own: no command that waits or that makes sense on a connection alone, none that writes in a script
//! that said it would not. The script chooses a database and a protocol for itself.

use super::call::{Call, is_option};
use super::client::{Marks, Session};
use super::error::ErrorReply;
use super::help::help;
use super::snapshot::SCRIPT_MISCONF;
use super::{After, Node};
use crate::command::{self, Flags, commands};
use crate::resp::Frame;
use crate::script::{Answer, Declared, Interpreter, Invocation, Random, Request, digest};
use kvrig_base::seam::Counter;

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
    "function|kill", 2, [NOSCRIPT ALLOW_BUSY], NONE, "7.0.0" => Node(kill);
}

/// The node's scripts. A node that never runs one has no state of Lua.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    interpreter: Option<Box<Interpreter>>,
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
    fn take(&mut self) -> Result<Box<Interpreter>, ErrorReply<'static>> {
        match self.interpreter.take() {
            Some(interpreter) => Ok(interpreter),
            None => Interpreter::new(self.random.clone())
                .map(Box::new)
                .map_err(|_| {
                    ErrorReply::Fixed("ERR Error running script, not enough memory for Lua")
                }),
        }
    }
}

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
struct Rights {
    reads_only: bool,
    allows_oom: bool,
    has_written: bool,
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
    let mut interpreter = node.scripts.take()?;
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
            node.scripts.interpreter = Some(interpreter);
            let text = reason.ok_or(no_script)?;
            return call.reply(Frame::Error(&text)).map(|()| After::Continue);
        }
    };
    let rights = match rights(script.declared, manner, node.lacks_memory()) {
        Ok(rights) => rights,
        Err(error) => {
            node.scripts.interpreter = Some(interpreter);
            return Err(error);
        }
    };
    let (keys, args) = call.args[3..].split_at(keys);
    let copied: usize = call.args[3..].iter().map(|arg| arg.len()).sum();
    call.work.count(Counter::BytesCopied, copied as u64);
    let owned = |list: &[&[u8]]| list.iter().map(|arg| arg.to_vec()).collect();
    let invocation = Invocation {
        keys: owned(keys),
        args: owned(args),
        protocol: call.protocol,
    };
    let reply = node.run_script(session, call, rights, |serve| {
        interpreter.run(&script, invocation, serve)
    });
    node.scripts.interpreter = Some(interpreter);
    call.work.count(Counter::BytesCopied, reply.len() as u64);
    call.out.extend_from_slice(&reply);
    Ok(After::Continue)
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
    let mut interpreter = node.scripts.take()?;
    let compiled = interpreter.compile(body);
    node.scripts.interpreter = Some(interpreter);
    match compiled {
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

/// FUNCTION DELETE.
fn function_delete<'c>(_: &mut Node, _: &mut Session, _: &mut Call<'c>) -> Done<'c> {
    Err(ErrorReply::Fixed("ERR Library not found"))
}

/// SCRIPT KILL and FUNCTION KILL: scripts run to their end before another command is read.
fn kill<'c>(_: &mut Node, _: &mut Session, _: &mut Call<'c>) -> Done<'c> {
    Err(ErrorReply::Fixed(
        "NOTBUSY No scripts in execution right now.",
    ))
}

impl Node {
    /// Whether memory was above its limit when the present command came.
    fn lacks_memory(&self) -> bool {
        self.scripts.is_out_of_memory && self.config.maxmemory > 0
    }

    /// Lets `run` run a script whose commands are carried out in the name of this connection, which
    /// is afterwards as it was.
    fn run_script(
        &mut self,
        session: &mut Session,
        call: &mut Call<'_>,
        mut rights: Rights,
        run: impl FnOnce(&mut dyn FnMut(Request) -> Answer) -> Vec<u8>,
    ) -> Vec<u8> {
        let (database, protocol, marks) = (session.database, session.protocol, session.marks);
        session.marks = Marks::DENY_BLOCKING;
        let mut serve = |request: Request| self.serve_script(session, call, &mut rights, &request);
        let reply = run(&mut serve);
        session.marks = marks;
        (session.database, session.protocol) = (database, protocol);
        reply
    }

    /// Carries out one command of a script (scriptCall).
    fn serve_script(
        &mut self,
        session: &mut Session,
        outer: &mut Call<'_>,
        rights: &mut Rights,
        request: &Request,
    ) -> Answer {
        let args: Vec<&[u8]> = request.args.iter().map(Vec::as_slice).collect();
        let Some(spec) = command::look_up(&args) else {
            return Answer::Refused("Unknown Redis command called from script");
        };
        if !spec.takes(args.len()) {
            return Answer::Refused("Wrong number of args calling Redis command from script");
        }
        if spec.flags.has(Flags::NOSCRIPT) {
            return Answer::Refused("This Redis command is not allowed from script");
        }
        let may_write = spec.flags.has(Flags::WRITE) || spec.may_replicate();
        if may_write && rights.reads_only {
            return Answer::Refused("Write commands are not allowed from read-only scripts.");
        }
        let may_grow = rights.allows_oom || rights.has_written || !spec.flags.has(Flags::DENYOOM);
        if self.lacks_memory() && !may_grow {
            return Answer::Refused("-OOM command not allowed when used memory > 'maxmemory'.");
        }
        if spec.flags.has(Flags::WRITE) && self.refuses_writes() && !rights.has_written {
            return Answer::Refused(SCRIPT_MISCONF);
        }
        rights.has_written |= spec.flags.has(Flags::WRITE);
        outer.work.count(Counter::Commands, 1);
        self.statistics.commands += 1;
        let copied: usize = args.iter().map(|arg| arg.len()).sum();
        outer.work.count(Counter::BytesCopied, copied as u64);
        if self.is_gated && !spec.flags.has(Flags::SKIP_MONITOR) && !spec.flags.has(Flags::ADMIN) {
            self.show_to_monitors(session.database, "lua", spec, &args, outer.now_ms);
        }
        session.protocol = request.protocol;
        let mut reply = Vec::new();
        let mut call = Call {
            spec,
            args: &args,
            now_ms: outer.now_ms,
            now: outer.now,
            protocol: request.protocol,
            out: &mut reply,
            work: &mut *outer.work,
        };
        let done = self.carry_out(session, &mut call);
        if let Err(text) = done.map_err(|error| error.text()) {
            reply.clear();
            Frame::Error(&text).encode(&mut reply);
        }
        Answer::Reply(reply)
    }
}
