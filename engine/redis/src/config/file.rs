//! A whole `redis.conf`, read as it is.

use super::{Config, DIRECTIVES, SUGGESTION_SIMILARITY_MIN};
use crate::resp::words_of;
use kvrig_base::diagnostic::{DIRECTIVE_WITHOUT_EFFECT, Diagnostic, STORE_DIRECTIVE};
use std::ops::Range;

/// What a `redis.conf` says to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// What the node heeds.
    pub config: Config,
    /// `port`: where the host listens.
    pub port: Option<u16>,
    /// `bind`: on which addresses. A `-` before one, which asks Redis not to mind if there is no
    /// such address, is kept.
    pub bind: Vec<String>,
    /// `dir`: where the host has its files.
    pub dir: Option<String>,
    /// `unixsocket`: a path that the host listens on as well.
    pub unix_socket: Option<String>,
    /// `unixsocketperm`: the permissions of that path, in octal digits there; 0 leaves them to the
    /// system.
    pub unix_socket_mode: Option<u32>,
    /// Lines that are known and have no effect here, one message each.
    pub notices: Vec<Diagnostic>,
    /// A line has stated save points: those of further lines come beside them.
    has_save_points: bool,
}

impl Default for ConfigFile {
    /// What an empty file says.
    fn default() -> Self {
        Self {
            config: Config::served(),
            port: None,
            bind: Vec::new(),
            dir: None,
            unix_socket: None,
            unix_socket_mode: None,
            notices: Vec::new(),
            has_save_points: false,
        }
    }
}

/// What becomes of a directive of Redis 7.0 that is not honoured.
#[derive(Clone, Copy, Debug)]
struct Known {
    name: &'static str,
    /// The value that asks for nothing, if there is one: the default.
    neutral: Option<&'static str>,
    /// Whether any other is an error, because a server that goes on without it would be less safe
    /// than its owner thinks, or another one.
    is_refused: bool,
}

const fn ignored(name: &'static str, neutral: &'static str) -> Known {
    Known {
        name,
        neutral: Some(neutral),
        is_refused: false,
    }
}

const fn unless(name: &'static str, neutral: &'static str) -> Known {
    Known {
        name,
        neutral: Some(neutral),
        is_refused: true,
    }
}

const fn never(name: &'static str) -> Known {
    Known {
        name,
        neutral: None,
        is_refused: true,
    }
}

/// The other directives of Redis 7.0, with the values that CONFIG GET shows on a fresh server.
#[rustfmt::skip]
const KNOWN: &[Known] = &[
    ignored("acl-pubsub-default", "resetchannels"),
    unless("aclfile", ""),
    ignored("acllog-max-len", "128"),
    ignored("active-defrag-cycle-max", "25"),
    ignored("active-defrag-cycle-min", "1"),
    ignored("active-defrag-ignore-bytes", "104857600"),
    ignored("active-defrag-max-scan-fields", "1000"),
    ignored("active-defrag-threshold-lower", "10"),
    ignored("active-defrag-threshold-upper", "100"),
    ignored("activedefrag", "no"),
    ignored("always-show-logo", "no"),
    ignored("aof-disable-auto-gc", "no"),
    ignored("aof-load-truncated", "yes"),
    ignored("aof-rewrite-incremental-fsync", "yes"),
    ignored("aof-timestamp-enabled", "no"),
    ignored("aof-use-rdb-preamble", "yes"),
    ignored("aof_rewrite_cpulist", ""),
    ignored("appenddirname", "appendonlydir"),
    ignored("appendfilename", "appendonly.aof"),
    ignored("appendfsync", "everysec"),
    ignored("auto-aof-rewrite-min-size", "67108864"),
    ignored("auto-aof-rewrite-percentage", "100"),
    ignored("bgsave_cpulist", ""),
    unless("bind-source-addr", ""),
    ignored("bio_cpulist", ""),
    ignored("client-query-buffer-limit", "1073741824"),
    ignored("cluster-allow-pubsubshard-when-down", "yes"),
    ignored("cluster-allow-reads-when-down", "no"),
    ignored("cluster-allow-replica-migration", "yes"),
    ignored("cluster-announce-bus-port", "0"),
    ignored("cluster-announce-hostname", ""),
    ignored("cluster-announce-ip", ""),
    ignored("cluster-announce-port", "0"),
    ignored("cluster-announce-tls-port", "0"),
    ignored("cluster-config-file", "nodes.conf"),
    unless("cluster-enabled", "no"),
    ignored("cluster-link-sendbuf-limit", "0"),
    ignored("cluster-migration-barrier", "1"),
    ignored("cluster-node-timeout", "15000"),
    ignored("cluster-port", "0"),
    ignored("cluster-preferred-endpoint-type", "ip"),
    ignored("cluster-replica-no-failover", "no"),
    ignored("cluster-replica-validity-factor", "10"),
    ignored("cluster-require-full-coverage", "yes"),
    ignored("cluster-slave-no-failover", "no"),
    ignored("cluster-slave-validity-factor", "10"),
    ignored("crash-log-enabled", "yes"),
    ignored("crash-memcheck-enabled", "yes"),
    unless("daemonize", "no"),
    ignored("disable-thp", "yes"),
    ignored("enable-module-command", "no"),
    ignored("enable-protected-configs", "no"),
    ignored("ignore-warnings", ""),
    never("include"),
    ignored("io-threads", "1"),
    ignored("io-threads-do-reads", "no"),
    ignored("jemalloc-bg-thread", "yes"),
    ignored("lazyfree-lazy-eviction", "no"),
    ignored("lazyfree-lazy-expire", "no"),
    ignored("lazyfree-lazy-server-del", "no"),
    ignored("lazyfree-lazy-user-del", "no"),
    ignored("lazyfree-lazy-user-flush", "no"),
    never("loadmodule"),
    ignored("logfile", ""),
    ignored("loglevel", "notice"),
    ignored("masterauth", ""),
    ignored("masteruser", ""),
    unless("maxmemory-clients", "0"),
    ignored("min-replicas-max-lag", "10"),
    unless("min-replicas-to-write", "0"),
    ignored("min-slaves-max-lag", "10"),
    unless("min-slaves-to-write", "0"),
    ignored("no-appendfsync-on-rewrite", "no"),
    ignored("oom-score-adj", "no"),
    ignored("oom-score-adj-values", "0 200 800"),
    ignored("pidfile", ""),
    ignored("proc-title-template", "{title} {listen-addr} {server-mode}"),
    ignored("propagation-error-behavior", "ignore"),
    ignored("rdb-del-sync-files", "no"),
    ignored("rdb-save-incremental-fsync", "yes"),
    ignored("rdbchecksum", "yes"),
    never("rename-command"),
    ignored("repl-backlog-size", "1048576"),
    ignored("repl-backlog-ttl", "3600"),
    ignored("repl-disable-tcp-nodelay", "no"),
    ignored("repl-diskless-load", "disabled"),
    ignored("repl-diskless-sync", "yes"),
    ignored("repl-diskless-sync-delay", "5"),
    ignored("repl-diskless-sync-max-replicas", "0"),
    ignored("repl-ping-replica-period", "10"),
    ignored("repl-ping-slave-period", "10"),
    ignored("repl-timeout", "60"),
    ignored("replica-announce-ip", ""),
    ignored("replica-announce-port", "0"),
    ignored("replica-announced", "yes"),
    ignored("replica-ignore-disk-write-errors", "no"),
    ignored("replica-ignore-maxmemory", "yes"),
    ignored("replica-lazy-flush", "no"),
    ignored("replica-priority", "100"),
    ignored("replica-read-only", "yes"),
    ignored("replica-serve-stale-data", "yes"),
    unless("replicaof", ""),
    ignored("sanitize-dump-payload", "no"),
    ignored("server_cpulist", ""),
    ignored("set-proc-title", "yes"),
    ignored("shutdown-on-sigint", "default"),
    ignored("shutdown-on-sigterm", "default"),
    ignored("shutdown-timeout", "10"),
    ignored("slave-announce-ip", ""),
    ignored("slave-announce-port", "0"),
    ignored("slave-ignore-maxmemory", "yes"),
    ignored("slave-lazy-flush", "no"),
    ignored("slave-priority", "100"),
    ignored("slave-read-only", "yes"),
    ignored("slave-serve-stale-data", "yes"),
    unless("slaveof", ""),
    ignored("socket-mark-id", "0"),
    ignored("supervised", "no"),
    ignored("syslog-enabled", "no"),
    ignored("syslog-facility", "local0"),
    ignored("syslog-ident", "redis"),
    ignored("tcp-backlog", "511"),
    ignored("tls-auth-clients", "yes"),
    ignored("tls-ca-cert-dir", ""),
    ignored("tls-ca-cert-file", ""),
    ignored("tls-cert-file", ""),
    ignored("tls-ciphers", ""),
    ignored("tls-ciphersuites", ""),
    ignored("tls-client-cert-file", ""),
    ignored("tls-client-key-file", ""),
    ignored("tls-client-key-file-pass", ""),
    unless("tls-cluster", "no"),
    ignored("tls-dh-params-file", ""),
    ignored("tls-key-file", ""),
    ignored("tls-key-file-pass", ""),
    unless("tls-port", "0"),
    ignored("tls-prefer-server-ciphers", "no"),
    ignored("tls-protocols", ""),
    unless("tls-replication", "no"),
    ignored("tls-session-cache-size", "20480"),
    ignored("tls-session-cache-timeout", "300"),
    ignored("tls-session-caching", "yes"),
    ignored("tracking-table-max-keys", "1000000"),
    never("user"),
];

/// Permissions of a path: of its owner, of a group and of all others.
const UNIX_SOCKET_MODE_MAX: u32 = 0o777;

/// Directives that a host heeds, or that have no effect whatever their value is.
const OF_THE_HOST: &[&str] = &[
    "bind",
    "dir",
    "port",
    "protected-mode",
    "unixsocket",
    "unixsocketperm",
];

/// Older names of directives that are honoured.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    ("hash-max-ziplist-value", "hash-max-listpack-value"),
    ("list-max-ziplist-size", "list-max-listpack-size"),
    ("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    ("zset-max-ziplist-value", "zset-max-listpack-value"),
];

/// Honoured directives for which a server is told, and not refused, that a value has no effect: it
/// keeps less on disk than was asked for.
const LENIENT: &[&str] = &["appendonly"];

/// One line that says something.
struct Line<'t> {
    name: String,
    args: Vec<String>,
    /// Where it stands.
    span: Range<usize>,
    file: (&'t str, &'t str),
}

impl Line<'_> {
    fn value(&self) -> String {
        self.args.join(" ")
    }
    fn diagnostic(&self, message: String, label: &str) -> Diagnostic {
        let (name, text) = self.file;
        Diagnostic::new(STORE_DIRECTIVE, message).at(name, text, self.span.clone(), label)
    }
    /// An error of its value, with its place.
    fn located(&self, error: Diagnostic) -> Diagnostic {
        let located = self.diagnostic(error.message, "");
        match error.help {
            Some(help) => located.help(help),
            None => located,
        }
    }
    fn notice(&self) -> Diagnostic {
        let message = format!("`{} {}` has no effect here", self.name, self.value());
        let (name, text) = self.file;
        Diagnostic::new(DIRECTIVE_WITHOUT_EFFECT, message).at(name, text, self.span.clone(), "")
    }
}

impl ConfigFile {
    /// Reads the text of a `redis.conf` that is called `name` in messages. A directive that comes
    /// twice counts as it comes last.
    ///
    /// # Errors
    /// All lines that cannot be read, are unknown, or ask for what this server does not do and must
    /// not do without.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let (mut file, mut errors) = (Self::default(), Vec::new());
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let from = start;
            start += line.len();
            let line = line.trim_matches([' ', '\t', '\r', '\n']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let span = from..from + text[from..start].trim_end().len();
            if let Err(error) = file.line(line, span, (name, text)) {
                errors.push(error);
            }
        }
        match errors.is_empty() {
            true => Ok(file),
            false => Err(errors),
        }
    }

    fn line(
        &mut self,
        line: &str,
        span: Range<usize>,
        file: (&str, &str),
    ) -> Result<(), Diagnostic> {
        let words = words_of(line.as_bytes()).unwrap_or_default();
        let text_of = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
        let mut words = words.iter().map(text_of);
        let Some(name) = words.next() else {
            let message = "a quote on this line is not closed".to_owned();
            let (name, text) = file;
            return Err(Diagnostic::new(STORE_DIRECTIVE, message).at(name, text, span, ""));
        };
        let name = name.to_ascii_lowercase();
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let line = Line {
            name: alias.map_or(name, |(_, name)| (*name).to_owned()),
            args: words.collect(),
            span,
            file,
        };
        if line.args.is_empty() {
            let message = format!("`{}` has no value", line.name);
            return Err(line.diagnostic(message, "a value is missing"));
        }
        self.directive(&line)
    }

    fn directive(&mut self, line: &Line<'_>) -> Result<(), Diagnostic> {
        let value = line.value();
        match line.name.as_str() {
            "port" => {
                let port = value.parse().map_err(|_| {
                    line.diagnostic(format!("\"{value}\" is no port"), "0 to 65535")
                })?;
                self.port = Some(port);
                return Ok(());
            }
            "bind" => {
                self.bind.clone_from(&line.args);
                return Ok(());
            }
            "dir" => {
                self.dir = Some(value);
                return Ok(());
            }
            "unixsocket" => {
                self.unix_socket = (!value.is_empty()).then_some(value);
                return Ok(());
            }
            "unixsocketperm" => {
                let mode = u32::from_str_radix(&value, 8).ok();
                let mode = mode
                    .filter(|mode| *mode <= UNIX_SOCKET_MODE_MAX)
                    .ok_or_else(|| {
                        let message = format!("\"{value}\" are no permissions");
                        line.diagnostic(message, "octal digits up to 777")
                    })?;
                self.unix_socket_mode = (mode > 0).then_some(mode);
                return Ok(());
            }
            // Without a password this server is never reached from elsewhere.
            "protected-mode" if ["yes", "no"].contains(&value.as_str()) => return Ok(()),
            _ => {}
        }
        if line.name == "save" {
            let before = match self.has_save_points && !value.is_empty() {
                true => std::mem::take(&mut self.config.save_points),
                false => Vec::new(),
            };
            self.has_save_points = true;
            self.config
                .set(&line.name, &value)
                .map_err(|error| line.located(error))?;
            self.config.save_points.splice(0..0, before);
            return Ok(());
        }
        if DIRECTIVES.iter().any(|known| known.name == line.name) {
            return match self.config.set(&line.name, &value) {
                Ok(()) => Ok(()),
                Err(_) if LENIENT.contains(&line.name.as_str()) => {
                    self.notices.push(line.notice());
                    Ok(())
                }
                Err(error) => Err(line.located(error)),
            };
        }
        let Some(known) = KNOWN.iter().find(|known| known.name == line.name) else {
            let message = format!("`{}` is no directive of Redis 7.0", line.name);
            let unknown = line.diagnostic(message, "unknown");
            return Err(match meant(&line.name) {
                Some(name) => unknown.help(format!("did you mean `{name}`?")),
                None => unknown,
            });
        };
        if known
            .neutral
            .is_some_and(|neutral| neutral.eq_ignore_ascii_case(&value))
        {
            return Ok(());
        }
        if known.is_refused {
            let message = format!("`{} {value}` is more than this server does", line.name);
            let refused = line.diagnostic(message, "not part of this version");
            return Err(match known.neutral {
                Some("") | None => refused.help("leave the line out"),
                Some(neutral) => refused.help(format!("it may be `{neutral}`")),
            });
        }
        self.notices.push(line.notice());
        Ok(())
    }
}

/// Whether a file may have lines of this name.
pub(super) fn is_known(name: &str) -> bool {
    OF_THE_HOST.contains(&name)
        || DIRECTIVES.iter().any(|known| known.name == name)
        || KNOWN.iter().any(|known| known.name == name)
}

/// The known name that is most like an unknown one.
fn meant(name: &str) -> Option<&'static str> {
    let honoured = DIRECTIVES.iter().map(|known| known.name);
    let known = honoured.chain(KNOWN.iter().map(|known| known.name));
    let similar = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = similar.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= SUGGESTION_SIMILARITY_MIN).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(diagnostics: &[Diagnostic]) -> Vec<String> {
        diagnostics.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_is_read_line_by_line_with_quotes_comments_and_older_names() {
        let text = "# a comment\n\n  maxmemory 100mb\r\nMaxMemory-Policy allkeys-lru\n\
                    requirepass \"two words\\x21\"\nport 7000\ndir /tmp\nbind 127.0.0.1 -::1\n\
                    hash-max-ziplist-entries 64\nclient-output-buffer-limit pubsub 1mb 0 0\n";
        let file = ConfigFile::read("redis.conf", text).expect("all is honoured");
        assert_eq!(file.config.maxmemory, 100 << 20);
        assert_eq!(file.config.requirepass, "two words!");
        assert_eq!(file.config.hash_max_listpack_entries, 64);
        assert_eq!(file.config.output_limits.pubsub.hard_bytes, 1 << 20);
        assert_eq!(file.port, Some(7_000));
        assert_eq!(file.dir.as_deref(), Some("/tmp"));
        assert_eq!(file.bind, ["127.0.0.1", "-::1"]);
        assert_eq!(file.notices, []);
    }

    #[test]
    fn a_path_to_listen_on_has_permissions_in_octal_digits() {
        let text = "unixsocket /tmp/redis.sock\nunixsocketperm 700\n";
        let file = ConfigFile::read("redis.conf", text).expect("both are honoured");
        assert_eq!(file.unix_socket.as_deref(), Some("/tmp/redis.sock"));
        assert_eq!(file.unix_socket_mode, Some(0o700));
        let text = "unixsocket \"\"\nunixsocketperm 0\n";
        let file = ConfigFile::read("redis.conf", text).expect("both are defaults");
        assert_eq!((file.unix_socket, file.unix_socket_mode), (None, None));
        for wrong in ["800", "1777", "-1", "x"] {
            let error = ConfigFile::read("redis.conf", &format!("unixsocketperm {wrong}\n"));
            let error = messages(&error.expect_err("no permissions"));
            assert_eq!(
                error,
                [format!(
                    "redis.conf:1:1: KV3001: \"{wrong}\" are no permissions"
                )]
            );
        }
    }

    #[test]
    fn a_directive_without_effect_is_noticed_unless_it_asks_for_the_default() {
        let text = "loglevel notice\nloglevel debug\nappendonly yes\n";
        let file = ConfigFile::read("redis.conf", text).expect("all are known");
        assert_eq!(
            messages(&file.notices),
            [
                "redis.conf:2:1: KV3003: `loglevel debug` has no effect here",
                "redis.conf:3:1: KV3003: `appendonly yes` has no effect here",
            ]
        );
    }

    #[test]
    fn save_points_of_several_lines_come_together_and_replace_those_of_redis() {
        let points = |text: &str| {
            let file = ConfigFile::read("redis.conf", text).expect("it is honoured");
            let points = file.config.save_points.iter();
            let points = points.map(|point| (point.seconds, point.changes));
            points.collect::<Vec<_>>()
        };
        assert_eq!(points(""), [(3_600, 1), (300, 100), (60, 10_000)]);
        assert_eq!(
            points("save 3600 1\nsave 300 100 60 5\n"),
            [(3_600, 1), (300, 100), (60, 5)]
        );
        assert_eq!(points("save 3600 1\nsave \"\"\n"), []);
        assert_eq!(points("save \"\"\nsave 1 1\n"), [(1, 1)]);
        let error = ConfigFile::read("redis.conf", "save 60\n").expect_err("half a pair");
        assert!(
            error[0].to_string().contains("redis.conf:1:1"),
            "{}",
            error[0]
        );
    }

    #[test]
    fn unknown_lines_and_those_that_must_not_be_ignored_are_errors_with_their_place() {
        let text = "maxmemry 1gb\nhz fast\ntls-port 6380\nrename-command FLUSHALL \"\"\n\
                    requirepass \"open\nhz\nport 99999\n";
        let errors = ConfigFile::read("redis.conf", text).expect_err("nothing is right");
        assert_eq!(
            messages(&errors),
            [
                "redis.conf:1:1: KV3001: `maxmemry` is no directive of Redis 7.0 (did you mean \
                 `maxmemory`?)",
                "redis.conf:2:1: KV3001: \"hz\" cannot be \"fast\" (`hz` may be 1 to 500)",
                "redis.conf:3:1: KV3001: `tls-port 6380` is more than this server does (it may be \
                 `0`)",
                "redis.conf:4:1: KV3001: `rename-command FLUSHALL ` is more than this server does \
                 (leave the line out)",
                "redis.conf:5:1: KV3001: a quote on this line is not closed",
                "redis.conf:6:1: KV3001: `hz` has no value",
                "redis.conf:7:1: KV3001: \"99999\" is no port",
            ]
        );
    }

    #[test]
    fn no_directive_is_both_honoured_and_merely_known() {
        for pair in KNOWN.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        for known in KNOWN {
            assert!(
                DIRECTIVES
                    .iter()
                    .all(|honoured| honoured.name != known.name),
                "{}",
                known.name
            );
        }
    }
}
