//! What scripts may do beside other commands. The replies are those of a Redis 7.0.15.

use crate::harness::{CONN, Host};
use kvrig_base::id::ConnId;
use kvrig_base::seam::{Counter, Input};
use kvrig_redis::Config;
use kvrig_tables::TableKind;

fn text(reply: &[u8]) -> String {
    String::from_utf8_lossy(reply).into_owned()
}

fn eval(host: &mut Host, script: &str) -> String {
    text(&host.command(&[b"EVAL", script.as_bytes(), b"0"]))
}

fn limited(bytes: &str) -> Host {
    let mut config = Config::default();
    config.set("maxmemory", bytes).expect("a number");
    Host::with(config, TableKind::Redis70)
}

#[test]
fn a_script_chooses_a_database_and_a_protocol_for_itself_alone() {
    let mut host = Host::new();
    let script = "redis.setresp(3) redis.call('select', 3) return redis.call('set', 'k', 'v')";
    assert_eq!(eval(&mut host, script), "+OK\r\n");
    host.check(&[("GET k", "$-1"), ("SELECT 3", "+OK"), ("GET k", "$1 v")]);
    assert_eq!(
        eval(&mut host, "return redis.call('get', 'k')"),
        "$1\r\nv\r\n"
    );
    assert_eq!(
        eval(&mut host, "return redis.call('get', 'n') == false"),
        ":1\r\n"
    );
}

#[test]
fn nothing_that_a_script_leaves_behind_reaches_the_next() {
    let mut host = Host::new();
    for script in [
        "x = 1",
        "string.x = 1",
        "rawset(_G, 'x', 1)",
        "table.insert(redis, 1)",
        "table.insert(_G, 1)",
        "for k in pairs(math) do math[k] = nil end",
        "getmetatable(_G).__index = function() return 1 end",
        "getmetatable('').__index = nil",
        "local f, t, k = pairs(string) t.rep = nil",
        "KEYS.x = 1 ARGV[1] = 2",
    ] {
        eval(&mut host, script);
    }
    let script = "return {tostring(rawget(_G, 'x')), tostring(rawget(redis, 1)), ('a'):rep(2), \
                  tostring(string.x), tostring(rawget(_G, 1)), type(math.abs), #ARGV, tostring(KEYS.x)}";
    let reply = eval(&mut host, script).replace("\r\n", " ");
    assert_eq!(
        reply,
        "*8 $3 nil $3 nil $2 aa $3 nil $3 nil $8 function :0 $3 nil "
    );
}

#[test]
fn tables_have_numbers_instead_of_addresses() {
    let mut host = Host::new();
    let script = "local t = {} return {tostring(t), tostring({}), tostring(t), tostring(type)}";
    let first = eval(&mut host, script);
    assert_eq!(first, eval(&mut host, script));
    assert_eq!(first, eval(&mut Host::new(), script));
    assert!(first.contains("table: 0x"), "{first}");
}

#[test]
fn random_numbers_go_on_from_script_to_script_and_outlast_a_flush() {
    let mut host = Host::new();
    let script = "return tostring(math.random())";
    let first = eval(&mut host, script);
    let second = eval(&mut host, script);
    assert_eq!(host.ask("SCRIPT FLUSH"), "+OK");
    let third = eval(&mut host, script);
    assert!(first != second && second != third && first != third);
    let mut other = Host::new();
    let again: Vec<String> = (0..3).map(|_| eval(&mut other, script)).collect();
    assert_eq!(again, [first, second, third]);
}

#[test]
fn commands_of_a_script_are_counted_and_watchers_see_them() {
    let mut host = Host::new();
    host.ask("WATCH k");
    eval(
        &mut host,
        "redis.call('set', 'k', 1) redis.call('incr', 'k')",
    );
    assert_eq!(host.counts().get(Counter::Commands), 3);
    host.check(&[("MULTI", "+OK"), ("GET k", "+QUEUED"), ("EXEC", "*-1")]);
}

#[test]
fn a_waiting_connection_gets_what_a_script_pushes_once_it_has_ended() {
    let mut host = Host::new();
    let waiting = ConnId(1);
    host.input(Input::Connected { conn: waiting });
    host.input(Input::Command {
        conn: waiting,
        args: &[b"BLPOP", b"l", b"0"],
    });
    assert!(host.replies().is_empty());
    let script = b"redis.call('rpush', 'l', 'a', 'b') return redis.call('llen', 'l')";
    host.input(Input::Command {
        conn: CONN,
        args: &[b"EVAL", script, b"0"],
    });
    let replies = host.replies();
    assert_eq!(replies[0], (CONN, b":2\r\n".to_vec()));
    assert_eq!(
        replies[1],
        (waiting, b"*2\r\n$1\r\nl\r\n$1\r\na\r\n".to_vec())
    );
}

#[test]
fn who_monitors_sees_a_script_and_then_its_commands() {
    let mut host = Host::new();
    let watching = ConnId(1);
    host.input(Input::Connected { conn: watching });
    host.input(Input::Command {
        conn: watching,
        args: &[b"MONITOR"],
    });
    host.replies();
    let script = b"redis.call('select', 2) return redis.call('get', 'k')";
    host.input(Input::Command {
        conn: CONN,
        args: &[b"EVAL", script, b"0"],
    });
    let seen: String = host
        .replies()
        .iter()
        .filter(|(conn, _)| *conn == watching)
        .map(|(_, bytes)| text(bytes))
        .collect();
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines.len(), 3, "{seen}");
    assert!(lines[0].contains("[0 ?:0] \"EVAL\""), "{seen}");
    assert!(lines[1].ends_with("[0 lua] \"select\" \"2\""), "{seen}");
    assert!(lines[2].ends_with("[2 lua] \"get\" \"k\""), "{seen}");
}

#[test]
fn without_memory_a_script_may_read_and_finish_what_it_has_begun() {
    let mut host = limited("1");
    let refused = "-OOM command not allowed when used memory > 'maxmemory'. script: ";
    assert_eq!(eval(&mut host, "return redis.call('get', 'k')"), "$-1\r\n");
    let reply = eval(&mut host, "return redis.call('set', 'k', 1)");
    assert!(reply.starts_with(refused), "{reply}");
    let script = "redis.call('del', 'k') return redis.call('set', 'k', 1)";
    assert_eq!(eval(&mut host, script), "+OK\r\n");
    let script = "#!lua flags=allow-oom\nreturn redis.call('set', 'k', 1)";
    assert_eq!(eval(&mut host, script), "+OK\r\n");
    assert_eq!(
        eval(&mut host, "#!lua\nreturn 1"),
        "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
    );
    assert_eq!(eval(&mut host, "#!lua flags=no-writes\nreturn 1"), ":1\r\n");
}

#[test]
fn a_bomb_runs_out_of_luas_memory_and_nothing_else() {
    let mut host = Host::new();
    let reply = eval(
        &mut host,
        "local s, t = string.rep('x', 2^24), {} for i = 1, 100 do t[i] = s .. i end return 1",
    );
    assert!(reply.contains("not enough memory"), "{reply}");
    assert_eq!(eval(&mut host, "return 1"), ":1\r\n");
    let reply = eval(
        &mut host,
        "return loadstring(string.dump(function() return 1 end))",
    );
    assert_eq!(reply, "$-1\r\n");
}

#[test]
fn a_paused_node_keeps_scripts_that_may_write() {
    let mut host = Host::new();
    host.ask("CLIENT PAUSE 1000 WRITE");
    assert_eq!(
        text(&host.command(&[b"EVAL_RO", b"return 1", b"0"])),
        ":1\r\n"
    );
    host.input(Input::Command {
        conn: CONN,
        args: &[b"EVAL", b"return 1", b"0"],
    });
    assert!(host.replies().is_empty());
}

#[test]
fn replies_take_the_newer_forms_where_the_connection_has_asked_for_them() {
    let mut host = Host::new();
    host.command(&[b"HELLO", b"3"]);
    for (script, reply) in [
        ("return {map={a=1}}", "%1\r\n$1\r\na\r\n:1\r\n"),
        ("return {set={a=true}}", "~1\r\n$1\r\na\r\n"),
        ("return {double=1.5}", ",1.5\r\n"),
        ("return {big_number='12'}", "(12\r\n"),
        (
            "return {verbatim_string={format='markdown', string='x'}}",
            "=5\r\nmar:x\r\n",
        ),
        ("return nil", "_\r\n"),
        ("return true", ":1\r\n"),
        ("return false", "_\r\n"),
        ("redis.setresp(3) return true", "#t\r\n"),
        ("redis.setresp(3) return false", "#f\r\n"),
    ] {
        assert_eq!(eval(&mut host, script), reply, "{script}");
    }
}

/// Goal: whatever a script does, it is answered and the next one runs.
///
/// Method: scripts that nest, recurse and return as deep and as much as Lua lets them.
#[test]
fn hostile_scripts_are_answered_and_leave_the_node_alive() {
    let mut host = Host::new();
    for script in [
        "local function f() return f() + 1 end return f()",
        "local function f() return pcall(f) end return f()",
        "local f f = function(e) error(e) end return xpcall(function() error('x') end, f)",
        "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
        "local t = setmetatable({}, {}) getmetatable(t).__tostring = tostring return tostring(t)",
        "local co co = coroutine.wrap(function() return co() end) return co()",
        "local function f() return coroutine.wrap(f)() end return f()",
        "return cmsgpack.unpack(string.rep('\\129\\161a', 8000))",
        "return cmsgpack.unpack(string.rep('\\161a', 8000))",
        "return cmsgpack.unpack(string.rep('\\144', 8000))",
        "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
        "return cmsgpack.unpack('\\223\\255\\255\\255\\255')",
        "cjson.decode_max_depth(10^9) return cjson.decode(string.rep('[', 10^6))",
        "cjson.decode_max_depth(10^9) return cjson.decode(string.rep('{\"a\":', 10^6))",
        "cjson.encode_max_depth(10^9) local t = {} t.t = t return cjson.encode(t)",
        "cjson.encode_sparse_array(true, 0, 0) return #cjson.encode({[1] = 1, [10^5] = 2})",
        "local t = {} for i = 1, 7990 do t[i] = 'a' end return redis.call('del', unpack(t))",
        "local t = {} for i = 1, 7990 do t[i] = 'a' end return cmsgpack.pack(unpack(t))",
        "local t = {} for i = 1, 7990 do t[i] = 'a' end return cjson.encode(unpack(t))",
        "local t = {} for i = 1, 7990 do t[i] = {} end return tostring(unpack(t))",
        "return load(function() return load(function() return nil end) and nil end)",
        "local n = 0 local function f() n = n + 1 return load(f) end return load(f)",
        "return struct.unpack(string.rep('b', 9000), string.rep('x', 9000))",
        "return struct.unpack(string.rep('c1', 9000), string.rep('x', 9000))",
        "return struct.pack('c2147483647', 'x')",
        "return struct.unpack('I33', 'x')",
        "return struct.unpack('c0', 'x', 2^62)",
        "return struct.unpack('bc0', '\\255', -2^62)",
        "return struct.size(string.rep('c2147483647', 1000))",
        "return string.find(('a'):rep(20000), '^' .. ('a?'):rep(20000))",
        "return loadstring('return ' .. ('('):rep(10000))",
        "return loadstring('\\27Lua\\81\\0\\1\\4\\8\\4\\8\\0')",
        "local t = {} for i = 1, 300 do t[i] = 'local a' .. i .. ' = 1' end return loadstring(table.concat(t, ' '))",
        "error(setmetatable({}, {__index = function() error('again') end}))",
        "error({})",
        "error({err = {}})",
        "error({err = 'x', source = {}, line = {}})",
        "return setmetatable({}, {__index = error})",
        "return {map = setmetatable({}, {__index = error})}",
        "collectgarbage('stop') return collectgarbage('count') > 0",
        "return redis.call(unpack({'set', 'k'}, 1, 7000))",
        "return redis.call('mget', unpack(KEYS, 1, 100))",
        "return {pcall(redis.call)}",
        "return redis.pcall('eval', 'return 1', 0)",
    ] {
        let reply = host.command(&[b"EVAL", script.as_bytes(), b"0"]);
        assert!(reply.ends_with(b"\r\n"), "{script}");
        assert_eq!(eval(&mut host, "return 1"), ":1\r\n", "{script}");
    }
}
