//! Patterns of scripts beside those of a real Redis, whose matcher is Lua's own.

use crate::harness::Host;
use crate::requests::Request;
use crate::server::RealServer;
use kvrig_base::random::{Seed, Sequence};

/// How many triples of subject, pattern and replacement are compared.
const TRIPLES: u64 = 4_000;
/// Of these so many go to the server at once.
const PER_PIPELINE: usize = 200;

/// All that is done with a triple: every function, what it gives or raises, its calls of functions and
/// look-ups.
const SCRIPT: &str = "
local s, p, r, n = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local out = {}
local function keep(ok, ...)
  local list = {ok and 1 or 0}
  for i = 1, select('#', ...) do list[i + 1] = tostring((select(i, ...))) end
  out[#out + 1] = list
end
keep(pcall(string.find, s, p))
keep(pcall(string.find, s, p, n))
keep(pcall(string.find, s, p, n, true))
keep(pcall(function() return s:match(p, n) end))
keep(pcall(string.gsub, s, p, r))
keep(pcall(string.gsub, s, p, r, n))
local seen = {}
keep(pcall(string.gsub, s, p, function(...)
  seen[#seen + 1] = select('#', ...)
  if #seen == 3 then return nil end
  if #seen == 5 then error('fifth') end
  if #seen == 6 then return {} end
  return table.concat({...}, '|')
end))
keep(true, unpack(seen, 1, math.min(#seen, 50)))
keep(pcall(string.gsub, s, p, {a = 'A', b = false, ab = 7, [1] = 'one', [''] = 'e'}))
keep(pcall(string.gsub, s, p, setmetatable({}, {__index = function(_, k)
  if k == 'b' then error({code = 1}) end
  return k .. k
end})))
keep(pcall(function()
  local count = 0
  for a, b in string.gmatch(s, p) do
    keep(true, a, b)
    count = count + 1
    if count == 9 then break end
  end
end))
return out";

/// Pieces of patterns; what they give together is often none.
const PIECES: &[&str] = &[
    "a", "b", "ab", ".", "%a", "%d", "%s", "%w", "%z", "%A", "%x", "%p", "%c", "%l", "%U", "%%",
    "%.", "[ab]", "[^a]", "[a-c]", "[]]", "[^]]", "[%a_]", "[%]x]", "[a%-]", "[a-]", "[-b]", "(",
    ")", "()", "(a)", "(.-)", "(%a+)", "*", "+", "-", "?", "^", "$", "%1", "%2", "%0", "%b()",
    "%bab", "%b", "%f[%a]", "%f[%z]", "%f", "%fa", "%", "[", "[a", "[^", "[%", "]", "\0", "é",
    "a*", "b-", ".-", "(b?)",
];
const SUBJECTS: &[&str] = &[
    "a", "b", "ab", "1", " ", "(", ")", "x_", "\0", "]", "-", "é", "A", "%", "key:42",
];
const REPLACEMENTS: &[&str] = &["", "x", "%0", "%1", "%2", "<%1>", "%%", "%", "%a", "7"];

fn joined(random: &mut Sequence, pieces: &[&str], most: u64) -> Vec<u8> {
    let count = random.below(most + 1);
    let piece = |_| pieces[random.below(pieces.len() as u64) as usize].as_bytes();
    (0..count).flat_map(piece).copied().collect()
}

/// Without anchors, a search of a short subject with few pieces takes no long time anywhere.
fn request(random: &mut Sequence) -> Request {
    let subject = joined(random, SUBJECTS, 10);
    let pattern = joined(random, PIECES, 6);
    let replacement = joined(random, REPLACEMENTS, 2);
    let number = (random.below(12) as i64 - 4).to_string().into_bytes();
    let head = ["EVAL", SCRIPT, "0"].map(|word| word.as_bytes().to_vec());
    head.into_iter()
        .chain([subject, pattern, replacement, number])
        .collect()
}

/// Goal: `find`, `match`, `gmatch` and `gsub` give what Lua's own give, errors included.
///
/// Method: random patterns put together from pieces, on random subjects; what differs is listed.
#[test]
fn random_patterns_match_as_those_of_lua() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = Host::new();
    let mut random = Seed(13).stream("patterns").sequence(0);
    let requests: Vec<Request> = (0..TRIPLES).map(|_| request(&mut random)).collect();
    let mut differences = String::new();
    for part in requests.chunks(PER_PIPELINE) {
        for (request, theirs) in part.iter().zip(server.pipeline(part)) {
            let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
            let ours = host.command(&args);
            if without_addresses(&ours) != without_addresses(&theirs) && differences.len() < 5_000 {
                let shown: Vec<String> = args[3..]
                    .iter()
                    .map(|arg| arg.escape_ascii().to_string())
                    .collect();
                differences += &format!(
                    "{shown:?}\n  redis: {}\n  here:  {}\n",
                    theirs.escape_ascii(),
                    ours.escape_ascii()
                );
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// Tables have other names in every process.
fn without_addresses(reply: &[u8]) -> String {
    let text = reply.escape_ascii().to_string();
    let mut parts = text.split("table: 0x");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    rest.fold(first, |all, part| all + "table: " + part)
}
