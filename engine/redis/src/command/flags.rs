//! What commands may do, by the names of COMMAND INFO.

/// What a command may do, as COMMAND INFO names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

macro_rules! flags {
    ($($constant:ident = $bit:literal, $name:literal, $doc:literal;)*) => {
        impl Flags {
            $(#[doc = $doc] pub const $constant: Self = Self(1 << $bit);)*
            const NAMED: &[(Self, &'static str)] = &[$((Self::$constant, $name)),*];
        }
    };
}

flags! {
    WRITE = 0, "write", "May change the data.";
    READONLY = 1, "readonly", "Reads the data and changes nothing.";
    DENYOOM = 2, "denyoom", "Refused while memory is above its limit.";
    ADMIN = 3, "admin", "For administrators.";
    PUBSUB = 4, "pubsub", "Of publishing and subscribing.";
    NOSCRIPT = 5, "noscript", "Not for scripts.";
    BLOCKING = 6, "blocking", "May wait for data.";
    LOADING = 7, "loading", "Allowed while the data is loaded.";
    STALE = 8, "stale", "Allowed on a replica with old data.";
    SKIP_MONITOR = 9, "skip_monitor", "Not shown by MONITOR.";
    SKIP_SLOWLOG = 10, "skip_slowlog", "Not logged as slow.";
    ASKING = 11, "asking", "Taken as asked for while a slot moves.";
    FAST = 12, "fast", "Takes constant or logarithmic time.";
    NO_AUTH = 13, "no_auth", "Needs no authentication.";
    MAY_REPLICATE = 14, "may_replicate", "May write without being a write.";
    NO_MANDATORY_KEYS = 15, "no_mandatory_keys", "May name no key although it takes keys.";
    NO_ASYNC_LOADING = 16, "no_async_loading", "Refused while the data is loaded beside old data.";
    NO_MULTI = 17, "no_multi", "Not for transactions.";
    MOVABLEKEYS = 18, "movablekeys", "Which arguments are keys depends on others.";
    ALLOW_BUSY = 19, "allow_busy", "Allowed while a script holds the server.";
}

impl Flags {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and `other`.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether all of `other` are among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMED
            .iter()
            .filter(move |(flag, _)| self.has(*flag))
            .map(|&(_, name)| name)
    }
}
