//! Scripts that run for long. What is told to whom is what a Redis 7.0.15 tells.

use crate::harness::{CONN, Host, LuaMeter, readable};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Actor, Counter, Input, Work};

const OTHER: ConnId = ConnId(1);
const THIRD: ConnId = ConnId(2);
const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// A node whose scripts hold it after 20 ms, with three connections.
fn host() -> Host {
    let mut host = Host::new();
    host.work = Work::new(Box::new(LuaMeter));
    host.ask("CONFIG SET busy-reply-threshold 20");
    for conn in [OTHER, THIRD] {
        host.input(Input::Connected { conn });
    }
    host
}

impl Host {
    fn send(&mut self, conn: ConnId, args: &[&str]) {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        self.input(Input::Command { conn, args: &args });
    }
    /// All replies to one connection since the last call, those to others being lost.
    fn heard(&mut self, conn: ConnId) -> String {
        let replies = self.replies();
        let own = replies.into_iter().filter(|(to, _)| *to == conn);
        let bytes: Vec<u8> = own.flat_map(|(_, bytes)| bytes).collect();
        readable(&bytes)
    }
    fn reply_to(&mut self, conn: ConnId, request: &str) -> String {
        self.send(conn, &request.split(' ').collect::<Vec<_>>());
        self.heard(conn)
    }
    /// Calls the node again: one slice of the script that holds it, unless somebody was heard.
    fn slice(&mut self) {
        let due = self.node.next_deadline().expect("the script goes on");
        self.now = self.now.max(due);
        self.input(Input::Deadline);
    }
    /// Lets it go on until somebody is answered.
    fn slices_until_answered(&mut self) -> Vec<(ConnId, String)> {
        for _ in 0..10_000 {
            self.slice();
            let replies = self.replies();
            if !replies.is_empty() {
                let shown = |(conn, bytes): (ConnId, Vec<u8>)| (conn, readable(&bytes));
                return replies.into_iter().map(shown).collect();
            }
        }
        panic!("nobody was answered");
    }
}

#[test]
fn a_script_costs_by_its_instructions() {
    let mut host = host();
    let mut count = |loops: u32| {
        let script = format!("for i = 1, {loops} do local a = i * 2 end");
        host.send(CONN, &["EVAL", &script, "0"]);
        assert_eq!(host.heard(CONN), "$-1");
        host.counts().get(Counter::LuaInstructions)
    };
    // Two instructions a turn: FORLOOP and MUL.
    let (small, large) = (count(10_000), count(200_000));
    assert!(small.abs_diff(20_000) <= 200, "{small}");
    assert!(large.abs_diff(400_000) <= 200, "{large}");
}

#[test]
fn an_endless_script_holds_the_node_after_its_time_and_can_be_killed() {
    let mut host = host();
    host.send(CONN, &["EVAL", "while true do end", "0"]);
    assert_eq!(host.heard(CONN), "", "it is not over");
    let spent = host.work.spent().as_micros();
    assert!((20_000..20_200).contains(&spent), "{spent} us");
    for request in ["GET k", "PING", "INFO", "CONFIG GET hz", "EVAL x 0", "SAVE"] {
        let reply = host.reply_to(OTHER, request);
        assert!(
            reply == BUSY || reply.starts_with("-ERR unknown"),
            "{request}: {reply}"
        );
    }
    host.slice();
    assert_eq!(host.reply_to(OTHER, "FUNCTION KILL"), BUSY);
    assert_eq!(host.reply_to(OTHER, "SCRIPT KILL"), "+OK");
    let answered = host.slices_until_answered();
    let error = "-ERR Script killed by user with SCRIPT KILL... script: 2d6fe2ec1ea2b6ba37bc5bd8cbe1f5a8d9ea1ff8, on @user_script:1.";
    assert_eq!(answered.len(), 1);
    assert_eq!(answered[0].0, CONN);
    let (before, after) = error.split_once("2d6f").expect("a digest");
    assert!(answered[0].1.starts_with(before), "{answered:?}");
    assert!(
        after.ends_with(", on @user_script:1.") && answered[0].1.ends_with(", on @user_script:1.")
    );
    assert_eq!(
        host.reply_to(OTHER, "SCRIPT KILL"),
        "-NOTBUSY No scripts in execution right now."
    );
    assert_eq!(host.reply_to(OTHER, "PING"), "+PONG");
    assert_eq!(host.reply_to(CONN, "PING"), "+PONG");
}

#[test]
fn no_script_can_catch_its_end() {
    for script in [
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() end) end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "local f = coroutine.wrap(function() while true do pcall(function() while true do end end) end end) f()",
        "while true do load(function() while true do end end) end",
        "while true do redis.pcall('get', 'k') end",
        "while true do pcall(redis.call, 'nothing') end",
        "while true do pcall(string.gsub, ('x'):rep(100), 'x', function() while true do end end) end",
        "while true do pcall(table.sort, {3, 1, 2}, function() while true do end end) end",
        "local t = setmetatable({}, {__index = function() while true do end end}) while true do pcall(function() return t.x end) end",
    ] {
        let mut host = host();
        host.ask("CONFIG SET busy-reply-threshold 1");
        host.send(CONN, &["EVAL", script, "0"]);
        assert_eq!(host.reply_to(OTHER, "SCRIPT KILL"), "+OK", "{script}");
        let answered = host.slices_until_answered();
        let text = &answered[0].1;
        assert!(
            text.starts_with("-ERR Script killed by user with SCRIPT KILL..."),
            "{script}: {text}"
        );
        assert_eq!(host.reply_to(OTHER, "PING"), "+PONG");
        assert_eq!(host.reply_to(CONN, "EVAL return(1) 0"), ":1", "{script}");
    }
}

#[test]
fn a_script_that_has_written_cannot_be_killed_and_ends_by_itself() {
    let mut host = host();
    let script =
        "redis.call('set', 'k', 'v') for i = 1, 5000000 do end return redis.call('incr', 'n')";
    host.send(CONN, &["EVAL", script, "0"]);
    for request in ["SCRIPT KILL", "FUNCTION KILL"] {
        let reply = host.reply_to(OTHER, request);
        assert!(
            reply.starts_with("-UNKILLABLE Sorry the script already executed write commands"),
            "{reply}"
        );
    }
    assert_eq!(host.slices_until_answered(), [(CONN, ":1".to_owned())]);
    assert_eq!(host.reply_to(OTHER, "GET k"), "$1 v");
}

#[test]
fn transactions_are_refused_as_a_whole_while_a_script_holds_the_node() {
    let mut host = host();
    host.send(CONN, &["EVAL", "while true do end", "0"]);
    assert_eq!(host.reply_to(OTHER, "WATCH k"), "+OK");
    assert_eq!(host.reply_to(OTHER, "MULTI"), "+OK");
    assert_eq!(host.reply_to(OTHER, "GET k"), BUSY);
    let aborted = BUSY.replace("-BUSY", "-EXECABORT Transaction discarded because of: BUSY");
    assert_eq!(host.reply_to(OTHER, "EXEC"), aborted);
    assert_eq!(
        host.reply_to(OTHER, "HELLO 3").split(' ').next(),
        Some("%7")
    );
    assert_eq!(host.reply_to(OTHER, "RESET"), "+RESET");
    assert_eq!(host.reply_to(OTHER, "SCRIPT KILL"), "+OK");
}

#[test]
fn a_transaction_goes_on_behind_its_script() {
    let mut host = host();
    for request in [
        &["MULTI"][..],
        &["SET", "a", "1"],
        &["EVAL", "for i = 1, 5000000 do end return KEYS[1]", "1", "k"],
        &["INCR", "a"],
        &[
            "EVAL",
            "for i = 1, 5000000 do end return redis.call('incr', 'a')",
            "0",
        ],
        &["GET", "a"],
        &["EXEC"],
    ] {
        host.send(CONN, request);
    }
    host.replies();
    assert_eq!(host.reply_to(OTHER, "GET a"), BUSY);
    // What was sent behind EXEC is carried out behind it.
    host.send(CONN, &["PING"]);
    let reply = "*5 +OK $1 k :2 :3 $1 3".to_owned();
    let answered = host.slices_until_answered();
    assert_eq!(answered, [(CONN, reply), (CONN, "+PONG".to_owned())]);
}

#[test]
fn nobody_waits_in_vain_for_what_a_script_has_brought() {
    let mut host = host();
    host.send(OTHER, &["BLPOP", "l", "0"]);
    assert_eq!(host.reply_to(THIRD, "WATCH w"), "+OK");
    host.send(THIRD, &["MULTI"]);
    host.send(THIRD, &["SUBSCRIBE", "c"]);
    host.replies();
    let script =
        "redis.call('rpush', 'l', 'x') redis.call('set', 'w', 'v') for i = 1, 5000000 do end";
    host.send(CONN, &["EVAL", script, "0"]);
    assert_eq!(
        host.replies(),
        [],
        "the list is served when the script is over"
    );
    let answered = host.slices_until_answered();
    let told = [(CONN, "$-1".to_owned()), (OTHER, "*2 $1 l $1 x".to_owned())];
    assert_eq!(answered, told);
    assert_eq!(
        host.reply_to(THIRD, "EXEC"),
        "*-1",
        "the watched key has changed"
    );
}

#[test]
fn the_timer_stands_still_and_a_script_outlives_its_connection() {
    let mut host = host();
    let script =
        "redis.call('set', 'k', 'v') for i = 1, 5000000 do end redis.call('set', 'done', 'yes')";
    host.send(CONN, &["EVAL", script, "0"]);
    host.input(Input::Closed { conn: CONN });
    // The number is given to another at once.
    host.input(Input::Connected { conn: CONN });
    assert_eq!(host.reply_to(CONN, "GET k"), BUSY);
    for _ in 0..1_000 {
        host.slice();
    }
    assert_eq!(host.replies(), [], "who has sent it is gone");
    assert_eq!(host.reply_to(CONN, "GET done"), "$3 yes");
}

#[test]
fn a_limit_of_zero_lets_scripts_run_to_their_end() {
    let mut host = host();
    host.ask("CONFIG SET lua-time-limit 0");
    host.check(&[("CONFIG GET lua-time-limit", "*2 $14 lua-time-limit $1 0")]);
    host.send(CONN, &["EVAL", "for i = 1, 9000000 do end return 1", "0"]);
    assert_eq!(host.heard(CONN), ":1");
}

#[test]
fn a_node_can_be_dropped_while_a_script_holds_it() {
    let mut host = host();
    host.send(
        CONN,
        &[
            "EVAL",
            "while true do pcall(function() while true do end end) end",
            "0",
        ],
    );
    drop(host);
}

#[test]
fn recursion_has_a_bound() {
    let mut host = host();
    for script in [
        "local function f() return 1 + f() end return f()",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. 'x'] end return t.x",
        "local function f(s) return (s:gsub('x', f)) end return f('x')",
    ] {
        host.send(CONN, &["EVAL", script, "0"]);
        let reply = host.heard(CONN);
        let is_bounded = reply.contains("stack overflow") || reply.contains("C stack overflow");
        assert!(reply.starts_with("-ERR") && is_bounded, "{script}: {reply}");
        assert_eq!(host.reply_to(OTHER, "PING"), "+PONG");
    }
}

/// A search that would go on for ages is one of Lua's steps after another: it is priced, left and killed
/// like any script.
#[test]
fn a_pattern_that_would_never_end_holds_the_node_and_can_be_killed() {
    for function in [
        "string.find(s, p)",
        "s:match(p)",
        "s:gsub(p, '')",
        "s:gmatch(p)()",
        "pcall(s.find, s, p)",
        "s:rep(300):find(s:rep(299) .. 'b', 1, true)",
    ] {
        let mut host = host();
        let script = format!(
            "local s, p = ('a'):rep(30000), ('.-'):rep(20) .. 'b' while true do local x = {function} end"
        );
        host.send(CONN, &["EVAL", &script, "0"]);
        assert_eq!(host.heard(CONN), "", "{function} is not over");
        let spent = host.work.spent().as_micros();
        // Comparing nine megabytes is one step of the clock.
        assert!((20_000..22_000).contains(&spent), "{spent} us");
        assert_eq!(host.reply_to(OTHER, "GET k"), BUSY);
        assert_eq!(host.reply_to(OTHER, "SCRIPT KILL"), "+OK");
        let answered = host.slices_until_answered();
        let killed = "-ERR Script killed by user with SCRIPT KILL...";
        assert!(answered[0].1.starts_with(killed), "{answered:?}");
        assert_eq!(host.reply_to(CONN, "PING"), "+PONG");
    }
}
