//! At which keys the table of a real server grows.

use super::ServerProcess;
use std::io::{self, ErrorKind};

/// Settings by which nothing but commands moves a rehash on, and by which it can be looked at.
pub const ARGUMENTS: [&str; 4] = ["--activerehashing", "no", "--enable-debug-command", "yes"];
/// Keys on either side of an expected place among which the real one is looked for.
const SEARCHED_KEYS: u64 = 200;

/// A server that is given new keys one by one.
#[derive(Debug)]
pub struct Growing<'a> {
    server: ServerProcess,
    key: fn(u64) -> Vec<u8>,
    value: &'a [u8],
    keys: u64,
}

impl<'a> Growing<'a> {
    /// A server without data, started with [`ARGUMENTS`], that gets `value` under the keys that `key`
    /// makes.
    pub fn new(server: ServerProcess, key: fn(u64) -> Vec<u8>, value: &'a [u8]) -> Self {
        Self {
            server,
            key,
            value,
            keys: 0,
        }
    }
    /// Adds keys until there are so many.
    ///
    /// # Errors
    /// What the system answers.
    pub fn fill(&mut self, keys: u64) -> io::Result<()> {
        while self.keys < keys {
            let key = (self.key)(self.keys);
            self.server.ask(&[b"SET", &key, self.value])?;
            self.keys += 1;
        }
        Ok(())
    }
    /// Adds keys until a rehash goes on, or until none does, which is expected at so many keys; gives
    /// the number of keys then.
    ///
    /// # Errors
    /// What the system answers, or a server that does not come to it within 200 keys.
    pub fn until(&mut self, is_rehashing: bool, expected: u64) -> io::Result<u64> {
        self.fill(expected.saturating_sub(SEARCHED_KEYS))?;
        while self.is_rehashing()? != is_rehashing {
            if self.keys >= expected + SEARCHED_KEYS {
                let what = if is_rehashing { "began" } else { "ended" };
                let message = format!("no rehash {what} within {SEARCHED_KEYS} keys of {expected}");
                return Err(io::Error::new(ErrorKind::TimedOut, message));
            }
            self.fill(self.keys + 1)?;
        }
        Ok(self.keys)
    }
    fn is_rehashing(&mut self) -> io::Result<bool> {
        let reply = self.server.ask(&[b"DEBUG", b"HTSTATS", b"0"])?;
        let text = String::from_utf8_lossy(&reply).into_owned();
        let keys = text.split("[Expires HT]").next().unwrap_or_default();
        Ok(keys.contains("rehashing target"))
    }
    /// A whole round of SCAN for one key a call: the cursor given, the one replied, and whether
    /// anything was found.
    ///
    /// # Errors
    /// What the system answers, or a reply that is none of SCAN.
    pub fn scan(&mut self) -> io::Result<Vec<(u64, u64, bool)>> {
        let mut calls = Vec::new();
        let mut from = 0;
        loop {
            let cursor = u64::to_string(&from);
            let reply = self
                .server
                .ask(&[b"SCAN", cursor.as_bytes(), b"COUNT", b"1"])?;
            let (to, found) = scanned(&reply).ok_or(ErrorKind::InvalidData)?;
            calls.push((from, to, found));
            if to == 0 {
                return Ok(calls);
            }
            from = to;
        }
    }
}

/// The cursor in a reply of SCAN, and whether there are keys.
fn scanned(reply: &[u8]) -> Option<(u64, bool)> {
    let mut lines = std::str::from_utf8(reply).ok()?.lines();
    let cursor = lines.nth(2)?.parse().ok()?;
    Some((cursor, lines.next()? != "*0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_scan_has_a_cursor_and_perhaps_keys() {
        let reply = b"*2\r\n$4\r\n8192\r\n*1\r\n$1\r\na\r\n";
        assert_eq!(scanned(reply), Some((8_192, true)));
        assert_eq!(scanned(b"*2\r\n$1\r\n0\r\n*0\r\n"), Some((0, false)));
        for broken in [&b"-ERR no\r\n"[..], b"*2\r\n$1\r\nx\r\n*0\r\n", b"\xff"] {
            assert_eq!(scanned(broken), None);
        }
    }
}
