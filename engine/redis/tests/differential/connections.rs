//! Several connections beside a real Redis: transactions, waiting, publishing.

use crate::REPEATS;
use crate::harness::Host;
use crate::requests::{Request, words};
use crate::server::RealServer;
use crate::shrink;
use kvrig_base::id::ConnId;
use kvrig_base::random::{Seed, Sequence};
use kvrig_base::seam::Input;
use kvrig_redis::Config;
use kvrig_tables::TableKind;

/// How many connections send.
const CONNECTIONS: usize = 3;
const LISTS: u64 = 60;
const REQUESTS_PER_LIST: usize = 80;

/// What brings the server back to its beginning.
const BEFORE_EACH_LIST: &[&str] = &[
    "CONFIG SET maxmemory 0 maxmemory-policy noeviction lfu-log-factor 10 lfu-decay-time 1",
    "FLUSHALL",
    "CONFIG RESETSTAT",
];
/// Statistics that the test itself changes, or that another compares.
const STATISTICS_LEFT_OUT: &[&str] = &["cmdstat_config|resetstat:", "cmdstat_ping:", "keyspace_"];

/// A request, and which connection sends it.
type Step = (usize, Request);

/// What each connection has received behind each step.
type Received = Vec<Vec<Vec<u8>>>;

const REQUESTS: &[&str] = &[
    "multi",
    "multi",
    "exec",
    "exec",
    "exec",
    "discard",
    "watch k1 k2",
    "watch z1",
    "unwatch",
    "set k1 v",
    "get k1",
    "append k1 w",
    "incr k1",
    "del k1 k2",
    "del l1 l2 z1",
    "pexpire k1 -1",
    "expire k2 100",
    "persist k2",
    "set k2 x ex 100",
    "hset k2 f v",
    "hdel k2 nothing",
    "sadd k2 m",
    "sadd k2 m",
    "srem k2 nothing",
    "zadd z1 1 a",
    "zadd z1 1 a 2 b",
    "zadd k1 1 a",
    "zrem z1 nothing",
    "rpush l1 1",
    "rpush l1 1 2 3",
    "rpush l2 x",
    "lpush l2 y z",
    "lrem l1 0 nothing",
    "lset l1 0 1",
    "ltrim l1 0 -1",
    "lpop l1",
    "rpoplpush l1 l2",
    "set l1 v",
    "sort l2 alpha store l1",
    "blpop l1 l2 0",
    "blpop l2 l2 k1 0",
    "brpop l1 0",
    "blmove l1 l2 left right 0",
    "blmove l1 k1 left right 0",
    "brpoplpush l2 l1 0",
    "blmpop 0 2 l1 l2 left",
    "blmpop 0 1 l1 right count 2",
    "bzpopmin z1 0",
    "bzpopmax z1 z2 0",
    "bzmpop 0 1 z1 min count 5",
    "blpop l1 abc",
    "blpop l1 -1",
    "blpop l1 nan",
    "blpop l1 1e300",
    "blpop l1 inf",
    "blmpop 0 0 l1 left",
    "xadd x1 5-* f v",
    "xadd x1 5-* f v",
    "xadd x1 nomkstream 6-1 f v",
    "xadd x1 maxlen 0 5-* f v",
    "xadd x2 1-1 f v",
    "xdel x1 5-1 5-2 5-3",
    "xdel x1 9-9",
    "xtrim x1 maxlen 0",
    "xsetid x1 9-0",
    "xgroup create x1 g1 $ mkstream",
    "xgroup create x1 g1 0",
    "xgroup create x2 g1 0 mkstream",
    "xgroup setid x1 g1 0",
    "xgroup destroy x1 g1",
    "xgroup createconsumer x1 g1 c1",
    "xack x1 g1 5-0",
    "xread streams x1 0",
    "xread block 0 streams x1 $",
    "xread block 0 streams x1 5-1",
    "xread block 0 count 1 streams x1 x2 $ $",
    "xread block 0 streams x1 x1 $ 0",
    "xread block -1 streams x1 $",
    "xread block x streams x1 $",
    "xreadgroup group g1 c1 streams x1 >",
    "xreadgroup group g1 c1 block 0 streams x1 >",
    "xreadgroup group g1 c2 block 0 noack count 1 streams x1 >",
    "xreadgroup group g1 c2 block 0 streams x1 x2 > >",
    "xreadgroup group g1 c1 block 0 streams x1 0",
    "xinfo groups x1",
    "xinfo stream x1",
    "xinfo stream x2",
    "xautoclaim x1 g1 c1 0 0 justid",
    "watch x1",
    "expire x1 100",
    "persist x1",
    "pexpire x1 -1",
    "set x1 v",
    "del x1",
    "del x1 x2",
    "rename x2 x1",
    "rename x1 x2",
    "copy x1 x2 replace",
    "move x1 1",
    "wait 0 0",
    "wait 0 -1",
    "wait a 0",
    "subscribe c1",
    "subscribe c1 c2",
    "unsubscribe c1",
    "unsubscribe c2",
    "psubscribe c*",
    "punsubscribe c*",
    "publish c1 hello",
    "publish c2 there",
    "pubsub numsub c1 c2",
    "pubsub numpat",
    "pubsub channels x",
    "pubsub nothing",
    "ping",
    "ping text",
    "echo x",
    "select 1",
    "select 0",
    "hello 3",
    "hello 2",
    "hello 4",
    "hello 3 nothing",
    "hello abc",
    "reset",
    "auth x",
    "auth default x",
    "auth other x",
    "auth a b c",
    "client reply on",
    "client reply on",
    "client reply skip",
    "client reply maybe",
    "client setname me",
    "client setname with\nline",
    "client getname",
    "client no-evict on",
    "client no-evict maybe",
    "client unblock 0",
    "client unblock 0 never",
    "client kill a",
    "client kill id 0",
    "client kill type nothing",
    "client list type nothing",
    "client pause abc",
    "client pause -1",
    "client pause 0 never",
    "client",
    "client nothing",
    "client id x",
    "nothing",
    "get",
    "flushall",
    "flushdb",
    "config",
    "config nothing",
    "config get hz",
    "config get nothing",
    "config set hz",
    "config set hz abc",
    "config set hz 10 hz 20",
    "config set databases 4",
    "config set dbfilename x",
    "config set nothing 1",
    "config set activerehashing maybe",
    "config set activerehashing yes hz 10",
    "config resetstat",
    "config resetstat x",
    "info nothing",
    "command count x",
    "command nothing",
    "command getkeys get a",
    "command getkeys ping",
    "command getkeys ping x",
    "command getkeys nothing a",
    "command getkeys get a b",
    "command getkeys zunionstore d 2 a b",
    "command getkeys mset a 1 b 2",
    "command getkeys lmpop 2 a b left",
    "command getkeys lmpop x a b left",
    "command getkeys object encoding a",
    "command getkeys xread streams a b 1 2",
    "command getkeys xread count 1 streams a b c",
    "command getkeys xread count 1 a",
    "command getkeys xread block 1 streams",
    "command getkeys xreadgroup group streams c streams a 1",
    "command info nothing",
    "command docs nothing",
    "command list filterby module x",
    "command list filterby x",
    "swapdb 0 1",
    "swapdb 0 x",
    "swapdb 0 99",
    "move k1 1",
    "move l1 1",
    "rename l2 l1",
    "rename k1 l1",
    "copy l1 l2",
    "copy z1 k1 replace",
    "dbsize",
    "role",
    "role x",
    "debug",
    "debug nothing",
    "debug set-active-expire 0",
    "time x",
    "object encoding k1",
    "object freq k1",
];

/// At a limit of one byte, every key that the policy may choose is evicted before the next command.
/// Keys with small integers are not asked how they are used, because they share an object in Redis.
const REQUESTS_AT_THE_LIMIT: &[&str] = &[
    "config set maxmemory 1",
    "config set maxmemory 1",
    "config set maxmemory 0",
    "config set maxmemory 0",
    "config set maxmemory-policy nothing",
    "config get maxmemory-policy",
    "config get lfu-log-factor",
    "config get lfu-decay-time",
    "config set lfu-log-factor 0 lfu-decay-time 1",
    "config set lfu-log-factor -1",
    "config set lfu-decay-time x",
    "multi",
    "multi",
    "exec",
    "exec",
    "exec",
    "discard",
    "watch k1",
    "unwatch",
    "reset",
    "quit",
    "select 1",
    "select 0",
    "set k1 v",
    "set n 7",
    "set k1 v ex 100",
    "set k2 v",
    "set k2 w ex 200",
    "get k1",
    "get k1",
    "get k2",
    "incr n",
    "expire k1 100",
    "expire k2 100",
    "persist k1",
    "del k1",
    "rename k1 k2",
    "move k1 1",
    "copy k1 k2 replace",
    "dbsize",
    "exists k1 k2",
    "hset h f v",
    "hget h f",
    "expire h 10",
    "lpush l a",
    "blpop l 0",
    "sort l store k1",
    "publish c1 hello",
    "ping",
    "flushall",
    "object freq k1",
    "object freq k1",
    "object freq k2",
    "object idletime k1",
    "object idletime k2",
    "object encoding k1",
    "object nothing k1",
    "object freq",
    "object help",
    "command help x",
];

/// Policies under which it is written down when keys are used.
const POLICIES_OF_TIMES: &[&str] = &[
    "config set maxmemory-policy noeviction",
    "config set maxmemory-policy allkeys-lru",
    "config set maxmemory-policy allkeys-random",
    "config set maxmemory-policy volatile-lru",
    "config set maxmemory-policy volatile-random",
    "config set maxmemory-policy volatile-ttl",
];
/// Policies under which it is how often, at a factor that leaves nothing to chance. What the others wrote reads as nonsense under these.
const POLICIES_OF_COUNTS: &[&str] = &[
    "config set maxmemory-policy allkeys-lfu lfu-log-factor 0",
    "config set maxmemory-policy allkeys-lfu",
    "config set maxmemory-policy volatile-lfu",
    "config set maxmemory-policy volatile-lfu",
];

fn step(requests: &[&str], random: &mut Sequence) -> Step {
    let text = requests[random.below(requests.len() as u64) as usize];
    let words = words(&text.split(' ').collect::<Vec<_>>());
    (random.below(CONNECTIONS as u64) as usize, words)
}

/// Goal: what each of several connections sees is what it sees from Redis, to the byte and in the same
/// order.
///
/// Method: seeded random lists of steps; behind each step all that has arrived anywhere is compared, and
/// in the end what INFO tells of commands and errors.
/// Only the number of the connection in HELLO's reply may differ.
#[test]
fn several_connections_see_what_they_see_from_redis() {
    compare("connections", REQUESTS, None);
}

/// The same where memory has a limit that changes, and a policy that does.
#[test]
fn several_connections_see_what_they_see_from_redis_at_the_memory_limit() {
    for (name, policies) in [
        ("memory-limit", POLICIES_OF_TIMES),
        ("memory-limit-lfu", POLICIES_OF_COUNTS),
    ] {
        let requests = [REQUESTS_AT_THE_LIMIT, policies].concat();
        compare(name, &requests, Some(policies[0]));
    }
}

fn compare(name: &str, requests: &[&str], first: Option<&str>) {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let lists = std::env::var("KVRIG_DIFFERENTIAL_LISTS");
    let lists = lists.ok().and_then(|lists| lists.parse().ok());
    let stream = Seed(7).stream(name);
    for number in 0..lists.unwrap_or(LISTS) {
        let mut random = stream.sequence(number);
        let drawn = (0..REQUESTS_PER_LIST).map(|_| step(requests, &mut random));
        let first = first.map(|first| (0, words(&first.split(' ').collect::<Vec<_>>())));
        let steps: Vec<Step> = first.into_iter().chain(drawn).collect();
        // Idle times may turn while a list runs.
        let mut differs =
            |steps: &[Step]| (0..REPEATS).all(|_| of_redis(&mut server, steps) != of_node(steps));
        if differs(&steps) {
            let shortest = shrink::shrink(steps, &mut differs);
            let (theirs, ours) = (of_redis(&mut server, &shortest), of_node(&shortest));
            let show = |received: &Vec<Vec<u8>>| -> Vec<String> {
                let texts = received
                    .iter()
                    .map(|bytes| bytes.escape_ascii().to_string());
                texts.collect()
            };
            let lines: Vec<String> = shortest
                .iter()
                .zip(theirs.iter().zip(&ours))
                .map(|((conn, request), (theirs, ours))| {
                    let request = request.join(&b' ').escape_ascii().to_string();
                    format!(
                        "{conn}: {request}\n  {:?}\n  {:?}",
                        show(theirs),
                        show(ours)
                    )
                })
                .collect();
            panic!(
                "list {number} is answered differently; request, Redis, node:\n{}\nstatistics:\n{:?}\n{:?}",
                lines.join("\n"),
                theirs.last().map(show),
                ours.last().map(show),
            );
        }
    }
}

fn of_redis(server: &mut RealServer, steps: &[Step]) -> Received {
    for request in BEFORE_EACH_LIST {
        server.ask(&request.split(' ').collect::<Vec<_>>());
    }
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    let mut all = Vec::new();
    for (from, request) in steps {
        connections[*from].send(request);
        // The second answer comes from a later turn of the server than the step.
        server.ask(&["PING"]);
        server.ask(&["PING"]);
        let received = connections.iter_mut().map(|conn| conn.received());
        all.push(received.map(|bytes| comparable(&bytes)).collect());
    }
    all.push(vec![statistics(&server.ask(crate::STATISTICS).text())]);
    drop(connections);
    all
}

fn statistics(info: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(&crate::statistics(info)).into_owned();
    let is_kept = |line: &&str| {
        let starts = |name: &&str| line.starts_with(*name);
        !STATISTICS_LEFT_OUT.iter().any(starts)
    };
    let kept: Vec<&str> = text.split(' ').filter(is_kept).collect();
    kept.join(" ").into_bytes()
}

fn of_node(steps: &[Step]) -> Received {
    let config = Config {
        times_commands: true,
        ..Config::default()
    };
    let mut host = Host::with(config, TableKind::Redis70);
    let first = 1;
    let conn = |number: usize| ConnId((first + number) as u32);
    for number in 0..CONNECTIONS {
        host.input(Input::Connected { conn: conn(number) });
    }
    let mut all = Vec::new();
    for (from, request) in steps {
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let conn_from = conn(*from);
        host.input(Input::Command {
            conn: conn_from,
            args: &args,
        });
        let mut received = vec![Vec::new(); CONNECTIONS];
        for (to, bytes) in host.replies() {
            received[to.index() - first].extend(bytes);
        }
        let received = received.into_iter();
        all.push(received.map(|bytes| comparable(&bytes)).collect());
    }
    all.push(vec![statistics(&host.ask(&crate::STATISTICS.join(" ")))]);
    all
}

/// The bytes without the number of the connection, which HELLO tells.
fn comparable(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match text.split_once("$2\r\nid\r\n:") {
        Some((before, after)) => {
            let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
            comparable(format!("{before}{rest}").as_bytes())
        }
        None => text.into_bytes(),
    }
}
