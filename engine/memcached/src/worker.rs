//! A worker thread: reads and carries out the commands of its connections.

use crate::command::{self, BAD_DATA, Request, TOO_LARGE, Value, carry_out, write_line};
use crate::store::{Store, StoreMode};
use crate::text::{Progress, Reader, words};
use kvrig_base::id::ConnId;
use kvrig_base::seam::sync::SyncForm;
use kvrig_base::seam::{Counter, Cx, Effect, Input, Work};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of up to so many words are read without an allocation.
const WORDS_WITHOUT_ALLOCATION: usize = 24;

/// One worker thread.
#[derive(Debug)]
pub(crate) struct Worker<S: SyncForm> {
    store: Arc<Store<S>>,
    readers: BTreeMap<ConnId, Reader>,
}

impl<S: SyncForm> Worker<S> {
    pub(crate) fn new(store: Arc<Store<S>>) -> Self {
        Self {
            store,
            readers: BTreeMap::new(),
        }
    }

    pub(crate) fn handle<M>(&mut self, cx: &mut Cx<'_, M>, input: &Input<'_, M>) {
        match *input {
            Input::Command { conn, args } => self.whole_command(conn, args, cx),
            Input::Bytes { conn, bytes } => self.bytes(conn, bytes, cx),
            Input::Closed { conn } => _ = self.readers.remove(&conn),
            _ => {}
        }
    }

    fn whole_command<M>(&mut self, conn: ConnId, args: &[&[u8]], cx: &mut Cx<'_, M>) {
        let read = command::read(args, Value::IsArgument);
        let (mut reply, work) = cx.reply_and_work(conn);
        count_command(work);
        match read.request {
            Ok(Request::Quit) => cx.effect(Effect::Close { conn }),
            Ok(request) => {
                let value = match request {
                    Request::Store { .. } => args[4],
                    _ => &[],
                };
                carry_out(&request, value, &self.store, reply.buffer(), work);
            }
            Err(text) => write_line(text, reply.buffer()),
        }
    }

    /// Carries out all whole commands of `bytes`.
    fn bytes<M>(&mut self, conn: ConnId, bytes: &[u8], cx: &mut Cx<'_, M>) {
        let mut reader = self.readers.remove(&conn).unwrap_or_default();
        let mut rest = bytes;
        loop {
            let mut words = 0;
            let used = match reader.next(rest) {
                Progress::Incomplete => break,
                Progress::Dropped { bytes } => bytes,
                Progress::Hopeless => {
                    cx.consume(rest.len());
                    cx.effect(Effect::Close { conn });
                    return;
                }
                Progress::Line { line, bytes } => {
                    words = line.split(|&byte| byte == b' ').count() as u64;
                    match self.line(conn, line, &rest[bytes..], &mut reader, cx) {
                        Taken::Value { bytes: value } => bytes + value,
                        Taken::Incomplete => break,
                        Taken::Quit => {
                            cx.consume(rest.len());
                            return;
                        }
                    }
                }
            };
            reader.consumed();
            cx.work.count(Counter::ProtocolElements, words);
            cx.consume(used);
            rest = &rest[used..];
        }
        self.readers.insert(conn, reader);
    }

    /// Carries out the command of one line, whose value may follow in `behind`.
    fn line<M>(
        &self,
        conn: ConnId,
        line: &[u8],
        behind: &[u8],
        reader: &mut Reader,
        cx: &mut Cx<'_, M>,
    ) -> Taken {
        let mut few: [&[u8]; WORDS_WITHOUT_ALLOCATION] = Default::default();
        let many: Vec<&[u8]>;
        let count = words(line).count();
        let words = match few.get_mut(..count) {
            Some(few) => {
                few.iter_mut()
                    .zip(words(line))
                    .for_each(|(to, word)| *to = word);
                &*few
            }
            None => {
                many = words(line).collect();
                &many
            }
        };
        let read = command::read(words, Value::Follows);
        let request = match read.request {
            Ok(request) => request,
            Err(text) => {
                count_command(cx.work);
                if read.wants_reply {
                    write_line(text, cx.reply(conn).buffer());
                }
                return Taken::Value { bytes: 0 };
            }
        };
        let mut taken = 0;
        let mut value: &[u8] = &[];
        if let Request::Store {
            mode,
            key,
            flags,
            value_bytes,
            ..
        } = request
        {
            if self.store.is_too_large(key.len(), flags, value_bytes) {
                count_command(cx.work);
                if mode == StoreMode::Set {
                    self.store.delete(key, cx.work);
                }
                reader.drop_next(value_bytes as u64 + 2);
                if read.wants_reply {
                    write_line(TOO_LARGE, cx.reply(conn).buffer());
                }
                return Taken::Value { bytes: 0 };
            }
            taken = value_bytes + 2;
            let Some(data) = behind.get(..taken) else {
                return Taken::Incomplete;
            };
            if !data.ends_with(b"\r\n") {
                count_command(cx.work);
                if read.wants_reply {
                    write_line(BAD_DATA, cx.reply(conn).buffer());
                }
                return Taken::Value { bytes: taken };
            }
            value = &data[..value_bytes];
        }
        count_command(cx.work);
        if request == Request::Quit {
            cx.effect(Effect::Close { conn });
            return Taken::Quit;
        }
        if read.wants_reply {
            let (mut reply, work) = cx.reply_and_work(conn);
            carry_out(&request, value, &self.store, reply.buffer(), work);
        } else {
            carry_out(&request, value, &self.store, &mut Vec::new(), cx.work);
        }
        Taken::Value { bytes: taken }
    }
}

/// Counts a command with its reply, which is a line, or a value between two.
fn count_command(work: &mut Work) {
    work.count(Counter::Commands, 1);
    work.count(Counter::ProtocolElements, 1);
}

/// What the command of a line has taken of the bytes behind it.
enum Taken {
    Value { bytes: usize },
    Incomplete,
    Quit,
}
