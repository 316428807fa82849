//! Streams, read (rdbLoadObject, RDB_TYPE_STREAM_LISTPACKS and _2).

use super::{Read, Reader, error_at};
use crate::encoding::listpack::Listpack;
use crate::rdb::kind;
use crate::value::Stream;
use crate::value::stream::{Group, Log, Stated, StreamId, StreamNode};
use kvrig_base::seam::Work;
use std::io::BufRead;

/// Bytes that a pending entry takes at least: its id, when it was delivered, and how often.
const PENDING_BYTES_MIN: u64 = 16 + 8 + 1;
/// Bytes that an id takes.
const ID_BYTES: u64 = 16;

impl<R: BufRead> Reader<R> {
    pub(super) fn stream_value(&mut self, kind: u8, work: &mut Work) -> Read<Stream> {
        let begin = self.offset;
        let is_of_7_0 = kind == kind::STREAM_LISTPACKS_2;
        let mut nodes = Vec::new();
        for _ in 0..self.count(2)? {
            nodes.push(self.node()?);
        }
        let (length, last_id) = (self.length()?, self.id()?);
        let since_7_0 = match is_of_7_0 {
            true => Some((self.id()?, self.id()?, self.length()?)),
            false => None,
        };
        let stated = Stated {
            length,
            last_id,
            since_7_0,
        };
        let log = Log::from_nodes(nodes, stated, work).map_err(|found| error_at(begin, found))?;
        let mut stream = Stream::from_log(log);
        for _ in 0..self.count(1)? {
            let at = self.offset;
            let name = self.string()?;
            let group = self.group(&stream, is_of_7_0, work)?;
            if !stream.create_group(&name, group, work) {
                return Err(error_at(at, "a group that the stream has already"));
            }
        }
        Ok(stream)
    }
    fn node(&mut self) -> Read<(StreamId, StreamNode)> {
        let at = self.offset;
        let key = self.string()?;
        let Ok(key) = <[u8; ID_BYTES as usize]>::try_from(key) else {
            return Err(error_at(at, "a node of a stream whose key is no id"));
        };
        let at = self.offset;
        let pack = Listpack::from_bytes(self.string()?);
        let node = pack.and_then(StreamNode::from_pack);
        let node = node.map_err(|found| error_at(at, found))?;
        Ok((StreamId::from_bytes(key), node))
    }
    fn group(&mut self, stream: &Stream, is_of_7_0: bool, work: &mut Work) -> Read<Group> {
        let last_id = self.id()?;
        let entries_read = match is_of_7_0 {
            true => Some(self.length()?).filter(|read| *read != kind::UNKNOWN),
            false => stream.log().added_up_to(last_id),
        };
        let mut group = Group::new(last_id, entries_read);
        for _ in 0..self.count(PENDING_BYTES_MIN)? {
            let at = self.offset;
            let id = StreamId::from_bytes(self.array()?);
            let delivered_ms = i64::from_le_bytes(self.array()?);
            let deliveries = self.length()? as i64;
            if !group.restore_pending(id, delivered_ms, deliveries, work) {
                return Err(error_at(at, "an entry that is pending already"));
            }
        }
        for _ in 0..self.count(ID_BYTES / 2 + 2)? {
            self.consumer(&mut group, work)?;
        }
        match group.is_owned(work) {
            true => Ok(group),
            false => Err(self.error("a group with an entry that is pending for nobody")),
        }
    }
    fn consumer(&mut self, group: &mut Group, work: &mut Work) -> Read<()> {
        let at = self.offset;
        let name = self.string()?;
        let seen_ms = i64::from_le_bytes(self.array()?);
        if !group.create_consumer(&name, seen_ms, work) {
            return Err(error_at(at, "a consumer that the group has already"));
        }
        let consumer = group.see_consumer(&name, seen_ms, work);
        for _ in 0..self.count(ID_BYTES)? {
            let at = self.offset;
            let id = StreamId::from_bytes(self.array()?);
            if !group.restore_owner(id, consumer, work) {
                let found = "an entry that is not pending in the group, or for another consumer";
                return Err(error_at(at, found));
            }
        }
        Ok(())
    }
    fn id(&mut self) -> Read<StreamId> {
        let (ms, seq) = (self.length()?, self.length()?);
        Ok(StreamId { ms, seq })
    }
}
