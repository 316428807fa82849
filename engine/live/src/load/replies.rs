//! Counting whole replies in a stream of bytes.

/// Counts replies in RESP2 without keeping their contents.
#[derive(Debug, Default)]
pub(super) struct ReplyCounter {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// Bytes of a string, and its line break, that are still to come.
    skip: usize,
    /// Elements of the present reply that are still to come.
    missing: u64,
}

impl ReplyCounter {
    /// Takes bytes in and says how many replies are whole by them.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> usize {
        let mut whole = 0;
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                whole += usize::from(self.skip == 0 && self.missing == 0);
                continue;
            }
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                break;
            };
            match self.line.is_empty() {
                true => self.line_ends(&bytes[..end]),
                false => {
                    let mut line = std::mem::take(&mut self.line);
                    line.extend_from_slice(&bytes[..end]);
                    self.line_ends(&line);
                }
            }
            bytes = &bytes[end + 1..];
            whole += usize::from(self.skip == 0 && self.missing == 0);
        }
        whole
    }

    fn line_ends(&mut self, line: &[u8]) {
        let number = || {
            let digits = std::str::from_utf8(line.get(1..).unwrap_or_default());
            digits
                .ok()
                .and_then(|digits| digits.trim_end().parse::<i64>().ok())
        };
        self.missing = self.missing.saturating_sub(1);
        let (kind, number) = (line.first(), number().unwrap_or(0));
        match (kind, usize::try_from(number)) {
            // A null string is a length below zero, and has no bytes.
            (Some(b'$'), Ok(length)) => self.skip = length + 2,
            (Some(b'*'), Ok(length)) => self.missing += length as u64,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_wherever_the_stream_is_cut() {
        let stream = b"+OK\r\n:12\r\n$5\r\na\r\nbc\r\n$-1\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n*0\r\n$0\r\n\r\n-ERR x\r\n";
        for cut in 1..stream.len() {
            let mut counter = ReplyCounter::default();
            let count: usize = stream.chunks(cut).map(|part| counter.feed(part)).sum();
            assert_eq!(count, 8, "in parts of {cut}");
        }
    }
}
