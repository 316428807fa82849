//! `docs/redis-commands.md`: every command of a real server, and whether it is here.

use crate::server::RealServer;
use kvrig_redis::command::COMMANDS;
use std::collections::BTreeMap;
use std::path::Path;

/// Commands that come later as a whole, by what they belong to: names and beginnings of names.
const LATER: &[(&str, &[&str])] = &[
    ("append-only file", &["bgrewriteaof"]),
    ("access control lists", &["acl"]),
    (
        "client tracking",
        &[
            "client|caching",
            "client|getredir",
            "client|tracking",
            "client|trackinginfo",
        ],
    ),
    (
        "cluster",
        &[
            "asking",
            "cluster",
            "migrate",
            "readonly",
            "readwrite",
            "restore-asking",
        ],
    ),
    ("functions", &["fcall", "fcall_ro", "function"]),
    ("modules", &["module"]),
    (
        "replication",
        &[
            "failover",
            "psync",
            "replconf",
            "replicaof",
            "slaveof",
            "sync",
            "wait",
        ],
    ),
    (
        "sharded channels",
        &[
            "pubsub|shardchannels",
            "pubsub|shardnumsub",
            "spublish",
            "ssubscribe",
            "sunsubscribe",
        ],
    ),
];

/// What a command that is not here belongs to.
fn part_of(name: &str) -> &'static str {
    let command = name.split('|').next().unwrap_or(name);
    let belongs = |names: &&(&str, &[&str])| names.1.contains(&name) || names.1.contains(&command);
    LATER
        .iter()
        .find(belongs)
        .map_or("others", |(part, _)| part)
}

/// All names that a real server lists, subcommands as `command|subcommand`.
fn names(server: &mut RealServer) -> Vec<String> {
    let mut all = Vec::new();
    for command in server.ask(&["COMMAND"]).elements() {
        let fields = command.elements();
        all.push(fields[0].text());
        let subcommands = fields.get(9).map(|list| list.elements());
        all.extend(
            subcommands
                .into_iter()
                .flatten()
                .map(|sub| sub.elements()[0].text()),
        );
    }
    all.sort();
    all
}

fn table(names: &[String]) -> String {
    let is_here = |name: &&String| {
        let own = |spec: &&kvrig_redis::command::CommandSpec| spec.name == name.as_str();
        let subcommands = COMMANDS.iter().flat_map(|spec| spec.subcommands());
        COMMANDS.iter().chain(subcommands).any(|spec| own(&spec))
    };
    let (here, missing): (Vec<&String>, Vec<&String>) = names.iter().partition(is_here);
    let mut text = format!(
        "# Commands of Redis 7.0\n\n\
         `COMMAND` of redis-server 7.0.15 lists {} commands and subcommands; {} of them are here, and \
         random differential lists hold their replies to the server's. The others are refused as any \
         unknown command is.\n\n## Missing\n",
        names.len(),
        here.len()
    );
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in missing {
        parts.entry(part_of(name)).or_default().push(name);
    }
    for (part, names) in parts {
        let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!("\n- **{part}**: {}\n", list.join(", ")));
    }
    text.push_str("\n## Here\n\n");
    let list: Vec<String> = here.iter().map(|name| format!("`{name}`")).collect();
    text.push_str(&format!("{}\n", list.join(", ")));
    text
}

/// The table is written again where `KVRIG_WRITE_DOCS` is set.
#[test]
fn the_table_of_commands_is_that_of_a_real_server() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let current = table(&names(&mut server));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/redis-commands.md");
    if std::env::var_os("KVRIG_WRITE_DOCS").is_some() {
        std::fs::write(&path, &current).expect("docs can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, current,
        "run with KVRIG_WRITE_DOCS=1 to write it again"
    );
}
