//! Random scripts, put together from templates: commands of all types, errors that are caught and not,
//! conversions, and the libraries.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

/// Values of Lua.
const VALUES: &[&str] = &[
    "nil",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "2.5",
    "-2.5",
    "1e15",
    "1e17",
    "9007199254740993",
    "1/0",
    "-1/0",
    "'x'",
    "''",
    "'12'",
    "'-7'",
    "'1.5'",
    "'a\\0b'",
    "'\\255\\254'",
    "'a\\r\\nb'",
    "{}",
    "{1,2,3}",
    "{1,nil,3}",
    "{'a',{'b',{}}}",
    "{a=1}",
    "{[0]=1}",
    "{[1.5]=2}",
    "{[2]='x'}",
    "{1,2,x=3}",
    "{ok='fine'}",
    "{err='BAD luck'}",
    "{double=1.25}",
    "{map={a=1}}",
    "{set={a=true}}",
    "{big_number='123'}",
    "{verbatim_string={format='txt',string='v'}}",
    "KEYS",
    "ARGV",
    "KEYS[1]",
    "ARGV[2]",
    "cjson.null",
    "redis.pcall('get')",
    "redis.call('get', KEYS[1])",
    "0.1",
    "100",
    "3",
    "'[1,2,{\"a\":null}]'",
    "'{\"k\":[true,1e3]}'",
    "string.rep('ab', 20)",
];
/// Expressions; `A`, `B` and `C` stand for values.
const EXPRESSIONS: &[&str] = &[
    "A",
    "{A, B}",
    "{A, B, C}",
    "{A, {B}, {C}}",
    "tostring(TEXT)",
    "tonumber(A)",
    "tonumber(A, 16)",
    "type(A)",
    "#A",
    "A == B",
    "A and B or C",
    "not A",
    "A .. B",
    "A + B",
    "A * B",
    "A - B",
    "A / B",
    "A % B",
    "A ^ B",
    "-A",
    "A < B",
    "A <= B",
    "A[B]",
    "A.err",
    "A.ok",
    "cjson.encode(A)",
    "cjson.encode({A, B})",
    "cjson.encode({k=A})",
    "cjson.decode(A)",
    "cjson.decode(cjson.encode(A))",
    "cjson.decode(cjson.encode({A, B, C}))",
    "cjson.encode(cjson.decode(A))",
    "cmsgpack.pack(A)",
    "cmsgpack.pack(A, B, C)",
    "cmsgpack.unpack(cmsgpack.pack(A, B))",
    "{cmsgpack.unpack(cmsgpack.pack(A, B, C))}",
    "{cmsgpack.unpack(A)}",
    "{cmsgpack.unpack_one(A, B)}",
    "{cmsgpack.unpack_limit(cmsgpack.pack(A, B, C), 2, 0)}",
    "struct.pack(FORMAT, A, B, C)",
    "{struct.unpack(FORMAT, A)}",
    "{struct.unpack(FORMAT, struct.pack(FORMAT, 1, 2, 3))}",
    "struct.size(FORMAT)",
    "{struct.unpack(FORMAT, string.rep('\\1\\254', 20), A)}",
    "bit.band(A, B)",
    "bit.bor(A, B, C)",
    "bit.bxor(A, B)",
    "bit.bnot(A)",
    "bit.tobit(A)",
    "bit.tohex(A)",
    "bit.tohex(A, B)",
    "bit.lshift(A, B)",
    "bit.rshift(A, B)",
    "bit.arshift(A, B)",
    "bit.rol(A, B)",
    "bit.ror(A, B)",
    "bit.bswap(A)",
    "string.sub(A, B, C)",
    "string.rep(A, 3)",
    "string.upper(A)",
    "string.len(A)",
    "string.reverse(A)",
    "{string.byte(A, 1, -1)}",
    "{string.find(A, B)}",
    "{string.find(A, B, 1, true)}",
    "{string.gsub(A, B, 'z')}",
    "string.format('%s|%5.1f|%d', A, B, C)",
    "string.format('%q', A)",
    "string.format('%x', A)",
    "string.match(A, '(%w)(.)')",
    "string.char(A)",
    "table.concat(A)",
    "table.concat(A, B)",
    "table.concat({A, B, C}, ',')",
    "{unpack(A)}",
    "{unpack({A, B, C}, 2)}",
    "table.getn(A)",
    "table.maxn(A)",
    "table.remove(A)",
    "next(A)",
    "select('#', A, B)",
    "{select(A, B, C)}",
    "math.floor(A)",
    "math.ceil(A)",
    "math.abs(A)",
    "math.max(A, B)",
    "math.min(A, B, C)",
    "math.fmod(A, B)",
    "{math.modf(A)}",
    "{math.frexp(A)}",
    "math.sqrt(A)",
    "math.random(A)",
    "math.random(A, B)",
    "math.random()",
    "{math.random(10), math.random(10), math.random(1000)}",
    "redis.sha1hex(A)",
    "redis.error_reply(A)",
    "redis.status_reply(A)",
    "redis.error_reply('CODE ' .. A)",
    "redis.log(A, B)",
    "redis.setresp(A)",
    "redis.set_repl(A)",
    "redis.acl_check_cmd(A)",
    "redis.replicate_commands()",
    "{pcall(function() return A.x.y end)}",
    "{pcall(error, A)}",
    "{pcall(function() error(ERROR) end)}",
    "{xpcall(function() error(ERROR) end, function(e) return B end)}",
    "{pcall(redis.call, A, B)}",
    "{pcall(redis.call, 'set', KEYS[1], A)}",
    "redis.pcall('incrby', KEYS[1], A)",
    "redis.call('set', KEYS[1], A)",
    "redis.call('echo', A)",
    "redis.call('append', KEYS[1], A)",
    "redis.call('get', KEYS[1])",
    "redis.pcall('get', KEYS[1]).err",
    "redis.call('rpush', KEYS[1], A, B, C)",
    "redis.call('lrange', KEYS[1], 0, -1)",
    "redis.call('del', KEYS[1])",
    "redis.call('hset', KEYS[1], A, B)",
    "redis.call('hget', KEYS[1], A)",
    "redis.call('zadd', KEYS[1], A, 'm')",
    "redis.call('zscore', KEYS[1], 'm')",
    "redis.call('zrange', KEYS[1], 0, -1, 'withscores')",
    "redis.call('sadd', KEYS[1], A)",
    "redis.call('sismember', KEYS[1], A)",
    "redis.call('type', KEYS[1])",
    "redis.call('type', KEYS[1]).ok",
    "redis.call('exists', KEYS[1], KEYS[2])",
    "redis.call('strlen', KEYS[1]) + A",
    "redis.call('getset', KEYS[1], A)",
    "redis.call('mget', KEYS[1], KEYS[2])",
    "redis.call('setrange', KEYS[1], A, B)",
    "redis.call(A)",
    "redis.call(A, B)",
    "redis.pcall(A)",
    "redis.call('select', A)",
    "redis.call('object', 'encoding', KEYS[1])",
    "redis.call('lpos', KEYS[1], A)",
    "redis.call('publish', 'channel', A)",
    "assert(A, ERROR)",
    "rawget(A, B)",
    "rawequal(A, B)",
    "rawset({}, B, C)",
    "setmetatable(A, B)",
    "getmetatable(A)",
    "loadstring(A)",
    "loadstring('return ' .. A)()",
    "nosuchglobal",
    "string.nosuch",
    "('x'):rep(3)",
    "coroutine.wrap(function() return A end)()",
    "{coroutine.resume(coroutine.create(function() return B end))}",
    "{coroutine.resume(coroutine.create(function() error(ERROR) end))}",
];
/// Statements in front of what is returned.
const STATEMENTS: &[&str] = &[
    "local t = {} for i = 1, 12 do t[i] = i * i end",
    "for i = 1, 3 do redis.call('incr', KEYS[2]) end",
    "redis.setresp(3)",
    "redis.setresp(2)",
    "math.randomseed(A)",
    "local s = '' for k, v in pairs({a=1, b=2, c=3, d=4, 5, 6}) do s = s .. k end redis.call('set', KEYS[2], s)",
    "if A then return B end",
    "KEYS[1] = 'k1'",
    "x = A",
    "local t = {3, 1, 2} table.sort(t) table.insert(t, A)",
    "local function f(n) if n <= 1 then return 1 end return n * f(n - 1) end redis.call('set', KEYS[2], f(10))",
    "redis.call('set', KEYS[2], A)",
    "redis.pcall('lpush', KEYS[2], A)",
    "-- a comment\n",
    "\n\n",
    "error(ERROR)",
    "local a = A local b = a.field",
];
const FORMATS: &[&str] = &[
    "'bhi'",
    "'>BHI'",
    "'<lLd'",
    "'f'",
    "'s'",
    "'c2'",
    "'bc0'",
    "'!4bi'",
    "'i3'",
    "'>I5x'",
    "'i9'",
    "'T'",
    "'q'",
    "'c0'",
    "'ss'",
    "'!8bd'",
    "' > h < h'",
    "A",
];
/// What scripts raise. Redis 7.0.15 ends where a table has no text.
const ERRORS: &[&str] = &[
    "'text'",
    "'-CODE text'",
    "12",
    "nil",
    "true",
    "{err='BAD luck'}",
    "redis.error_reply('OUT of luck')",
    "redis.pcall('nosuch')",
    "redis.pcall('incr', KEYS[1], 'x')",
];
/// First lines that declare something.
const SHEBANGS: &[&str] = &[
    "#!lua\n",
    "#!lua flags=no-writes\n",
    "#!lua flags=allow-oom,no-cluster\n",
    "#!lua flags=x\n",
    "#!lua name=x\n",
    "#!js\n",
    "#!lua",
];

/// Puts values in the places of a template.
fn fill(random: &mut Sequence, template: &str) -> String {
    let mut text = template.replace("FORMAT", pick(random, FORMATS));
    text = text.replace("ERROR", pick(random, ERRORS));
    // What has an address is not compared.
    text = text.replace(
        "TEXT",
        pick(
            random,
            &["1e15", "'x'", "nil", "true", "0.1", "-0.5", "2^53"],
        ),
    );
    let mut filled = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['A', 'B', 'C']) {
        let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let before = at.checked_sub(1).map(|at| rest.as_bytes()[at]);
        let is_place = !is_word(before) && !is_word(rest.as_bytes().get(at + 1).copied());
        filled += &rest[..at];
        match is_place {
            true => filled += &format!("({})", pick(random, VALUES)),
            false => filled += &rest[at..=at],
        }
        rest = &rest[at + 1..];
    }
    filled + rest
}

fn script(random: &mut Sequence) -> String {
    // Random numbers go on from script to script, and the server is older than the node.
    let mut text = format!("math.randomseed({}) ", random.below(5));
    for _ in 0..random.below(3) {
        let statement = pick(random, STATEMENTS);
        text += &fill(random, statement);
        text.push(' ');
    }
    let expression = pick(random, EXPRESSIONS);
    text + "return " + &fill(random, expression)
}

/// One request.
pub(crate) fn request(random: &mut Sequence) -> Request {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut say = |word: &str| words.push(word.as_bytes().to_vec());
    match random.below(20) {
        0 => {
            say(pick(random, &["GET", "STRLEN", "TYPE", "DEL", "INCR"]));
            say(pick(random, LASTING));
        }
        1 => {
            say("LRANGE");
            say(pick(random, LASTING));
            say("0");
            say("-1");
        }
        2 => {
            say("SET");
            say(pick(random, LASTING));
            say(pick(random, &["1", "text", "2.5", ""]));
        }
        3 => {
            say(pick(random, &["EVALSHA", "EVALSHA_RO", "evalsha"]));
            say(pick(
                random,
                &[
                    "e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
                    "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB",
                    "ffffffffffffffffffffffffffffffffffffffff",
                    "x",
                ],
            ));
            say("0");
        }
        4 => {
            say("SCRIPT");
            match random.below(4) {
                0 => {
                    say("LOAD");
                    say(pick(random, &["return 1", "return +", "#!lua\nreturn 2"]));
                }
                1 => say("FLUSH"),
                2 => {
                    say("EXISTS");
                    say("ffffffffffffffffffffffffffffffffffffffff");
                    say("x");
                }
                _ => say(pick(random, &["KILL", "NOTHING"])),
            }
        }
        _ => {
            say(pick(random, &["EVAL", "EVAL", "EVAL", "EVAL_RO"]));
            let mut text = script(random);
            if random.below(12) == 0 {
                text = pick(random, SHEBANGS).to_owned() + &text;
            }
            say(&text);
            let count = pick(
                random,
                &["2", "2", "2", "2", "2", "2", "1", "0", "5", "-1", "x"],
            );
            say(count);
            say(pick(random, LASTING));
            say(pick(random, LASTING));
            for _ in 0..random.below(3) {
                say(pick(random, &["10", "arg", "", "-3.5", "[1]"]));
            }
        }
    }
    words
}
