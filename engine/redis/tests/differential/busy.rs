//! What may be sent while a script runs for long, beside a real Redis.

use crate::harness::{Host, LuaMeter};
use crate::requests::{Request, words};
use crate::server::RealServer;
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Input, Work};
use kvrig_redis::command::{COMMANDS, CommandSpec};

/// Who runs the script.
const CALLER: ConnId = ConnId(1);
const ENDLESS: &[&str] = &["EVAL", "while true do end", "0"];
/// Commands that end something.
const LEFT_OUT: &[&str] = &["quit", "shutdown", "script|kill"];
/// How often a script is asked for that is on its way.
const ATTEMPTS: u32 = 10_000;

/// Every command with as many arguments as it takes, and what ends a script.
fn requests() -> Vec<Request> {
    let with_subcommands =
        |spec: &'static CommandSpec| std::iter::once(spec).chain(spec.subcommands());
    let all = COMMANDS.iter().flat_map(with_subcommands);
    let wanted = all.filter(|spec| !LEFT_OUT.contains(&spec.name));
    let mut requests = Vec::new();
    for spec in wanted {
        let mut request = words(&spec.name.split('|').collect::<Vec<_>>());
        let least = usize::from(spec.arity.unsigned_abs());
        request.resize(least.max(request.len()), b"1".to_vec());
        if spec.name == "hello" {
            // Its reply tells the number of the connection.
            request.push(b"9".to_vec());
        }
        requests.push(request);
        // Whatever it has changed of the connection goes back.
        requests.push(words(&["RESET"]));
    }
    for request in [
        "MULTI",
        "GET k",
        "SET k v",
        "WATCH k",
        "EXEC",
        "MULTI",
        "DISCARD",
        "UNWATCH",
        "nothing",
        "get",
        "client nothing",
        "FUNCTION KILL",
        "SCRIPT KILL",
    ] {
        requests.push(words(&request.split(' ').collect::<Vec<_>>()));
    }
    requests
}

/// Goal: the node allows and refuses the same commands as Redis while a script holds it, and in the same
/// words.
///
/// Method: an endless script is sent by one connection, then every command by another.
#[test]
fn the_same_commands_are_allowed_while_a_script_runs() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    server.ask(&["CONFIG", "SET", "busy-reply-threshold", "20"]);
    let mut caller = server.connect();
    caller.send(&words(ENDLESS));
    let is_busy = |server: &mut RealServer| server.ask(&["PING"]).text().starts_with("BUSY");
    assert!((0..ATTEMPTS).any(|_| is_busy(&mut server)));

    let mut host = Host::new();
    host.work = Work::new(Box::new(LuaMeter));
    host.ask("CONFIG SET busy-reply-threshold 20");
    host.input(Input::Connected { conn: CALLER });
    let script = words(ENDLESS);
    let args: Vec<&[u8]> = script.iter().map(Vec::as_slice).collect();
    host.input(Input::Command {
        conn: CALLER,
        args: &args,
    });
    let mut differences = String::new();
    for request in requests() {
        let theirs = server.pipeline(std::slice::from_ref(&request)).remove(0);
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let ours = host.command(&args);
        if ours != theirs {
            differences += &format!(
                "{}\n  redis: {}\n  here:  {}\n",
                request.join(&b' ').escape_ascii(),
                theirs.escape_ascii(),
                ours.escape_ascii()
            );
        }
    }
    assert!(differences.is_empty(), "{differences}");
    let mut told = Vec::new();
    while !told.ends_with(b"\r\n") {
        told.extend(caller.received());
    }
    let due = kvrig_base::seam::Actor::next_deadline(&host.node).expect("it goes on");
    assert!(due <= host.now, "at once");
    host.input(Input::Deadline);
    assert_eq!(host.replies(), [], "the replies to others leave first");
    host.input(Input::Deadline);
    let replies = host.replies();
    assert_eq!(replies, [(CALLER, told)]);
}
