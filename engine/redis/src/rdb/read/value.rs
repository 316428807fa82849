//! Values, read into the form that they have in memory (rdbLoadObject).

use super::{Read, Reader, error_at, ziplist, zipmap};
use crate::encoding::intset::Intset;
use crate::encoding::listpack::Listpack;
use crate::keyspace::Database;
use crate::number::parse_double;
use crate::rdb::kind;
use crate::value::list::End;
use crate::value::{Hash, Kind, List, Set, SortedSet, StringValue, Value, ValueBytes};
use kvrig_base::seam::{Counter, Work};
use std::io::BufRead;

/// Marks in the place of the length of a score that is text.
const NOT_A_NUMBER: u8 = 253;
const INFINITE: u8 = 254;
const MINUS_INFINITE: u8 = 255;

impl<R: BufRead> Reader<R> {
    /// A type and a value of it, as a payload has them.
    pub(crate) fn typed_value(
        &mut self,
        db: &mut Database,
        work: &mut Work,
    ) -> Read<Option<Value>> {
        let kind = self.byte()?;
        self.value(kind, db, work)
    }
    /// A value of this type, made with what `db` says of new ones; `None` is a collection without
    /// elements, which some versions have written by mistake and Redis leaves out.
    pub(super) fn value(
        &mut self,
        kind: u8,
        db: &mut Database,
        work: &mut Work,
    ) -> Read<Option<Value>> {
        let value = match kind {
            kind::STRING => {
                let value = StringValue::from_argument(&self.string()?);
                work.count(Counter::AllocationsSmall, u64::from(value.stored_len() > 0));
                work.count(Counter::BytesCopied, value.stored_len() as u64);
                return Ok(Some(value.into_value()));
            }
            kind::LIST => some(self.list(db, work)?),
            kind::LIST_ZIPLIST => some(self.list_of_ziplist(db, work)?),
            kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
                some(self.list_of_packs(kind, db, work)?)
            }
            kind::SET => some(self.set(db, work)?),
            kind::SET_INTSET => some(self.set_of_integers(db, work)?),
            kind::ZSET | kind::ZSET_2 => some(self.sorted_set(kind, db, work)?),
            kind::HASH => some(self.hash(db, work)?),
            kind::HASH_ZIPMAP => some(self.hash_of_zipmap(db, work)?),
            kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
                let pack = self.pairs(kind == kind::ZSET_ZIPLIST, true)?;
                some(SortedSet::from_pack(pack, db.sorted_set_config(), work))
            }
            kind::HASH_ZIPLIST | kind::HASH_LISTPACK => {
                let pack = self.pairs(kind == kind::HASH_ZIPLIST, false)?;
                let limits = db.limits().hash_pack;
                some(Hash::from_pack(pack, limits, db.new_dict(), work))
            }
            kind::STREAM_LISTPACKS | kind::STREAM_LISTPACKS_2 => {
                Some(self.stream_value(kind, work)?.into_value())
            }
            kind::MODULE | kind::MODULE_2 => {
                let found = "a value of a module, which this server does not have";
                return Err(error_at(self.offset - 1, found));
            }
            _ => {
                let found = format!(
                    "0x{kind:02x} where a mark or the type of a value belongs, which no Redis up to 7.0 \
                     writes"
                );
                return Err(error_at(self.offset.saturating_sub(1), found));
            }
        };
        if let Some(value) = &value {
            let footprint = value.footprint();
            work.count(Counter::BytesCopied, footprint.bytes);
        }
        Ok(value)
    }

    fn list(&mut self, db: &Database, work: &mut Work) -> Read<List> {
        let mut list = List::new(db.limits().list);
        for _ in 0..self.count(1)? {
            list.push(End::Right, &self.string()?, work);
        }
        Ok(list)
    }
    fn list_of_ziplist(&mut self, db: &Database, work: &mut Work) -> Read<List> {
        let mut list = List::new(db.limits().list);
        let at = self.offset;
        let bytes = self.string()?;
        let read = ziplist::for_each(&bytes, |element| {
            list.push(End::Right, element.as_slice(), work);
        });
        read.map_err(|found| error_at(at, found))?;
        Ok(list)
    }
    /// A list node by node. One that is a single large element becomes a listpack of one.
    fn list_of_packs(&mut self, kind: u8, db: &Database, work: &mut Work) -> Read<List> {
        let mut list = List::new(db.limits().list);
        for _ in 0..self.count(1)? {
            let at = self.offset;
            let container = match kind {
                kind::LIST_QUICKLIST => kind::NODE_PACKED,
                _ => self.length()?,
            };
            let bytes = self.string()?;
            let pack = match container {
                _ if bytes.is_empty() => Err("an empty node of a list"),
                kind::NODE_PLAIN => {
                    let mut pack = Listpack::default();
                    pack.push_back(&bytes);
                    Ok(pack)
                }
                kind::NODE_PACKED if kind == kind::LIST_QUICKLIST => pack_of_ziplist(&bytes),
                kind::NODE_PACKED => Listpack::from_bytes(bytes),
                _ => Err("a node of a list that is neither plain nor packed"),
            };
            list.push_pack(pack.map_err(|found| error_at(at, found))?, work);
        }
        Ok(list)
    }
    fn set(&mut self, db: &mut Database, work: &mut Work) -> Read<Set> {
        let members = self.count(1)?;
        let integers_max = db.limits().set_integers_max;
        let mut set = Set::with_room(integers_max, db.new_dict(), members, work);
        for _ in 0..members {
            let at = self.offset;
            if !set.insert(&self.string()?, work) {
                return Err(error_at(at, "a member that the set has already"));
            }
        }
        Ok(set)
    }
    fn set_of_integers(&mut self, db: &mut Database, work: &mut Work) -> Read<Set> {
        let at = self.offset;
        let integers = Intset::from_bytes(&self.string()?);
        let integers = integers.map_err(|found| error_at(at, found))?;
        let integers_max = db.limits().set_integers_max;
        let dict = db.new_dict();
        Ok(Set::from_integers(integers, integers_max, dict, work))
    }
    fn sorted_set(&mut self, kind: u8, db: &mut Database, work: &mut Work) -> Read<SortedSet> {
        let count = self.count(2)?;
        let (mut members, mut longest) = (Vec::new(), 0);
        for _ in 0..count {
            let at = self.offset;
            let member = self.string()?;
            let score = match kind {
                kind::ZSET_2 => f64::from_le_bytes(self.array()?),
                _ => self.score_text()?,
            };
            if score.is_nan() {
                return Err(error_at(at, "a score that is not a number"));
            }
            longest = longest.max(member.len());
            members.push((at, member, score));
        }
        let mut set = SortedSet::new(db.sorted_set_config(), count, longest);
        for (at, member, score) in members {
            if set.set(&member, score, work).is_some() {
                return Err(error_at(at, "a member that the sorted set has already"));
            }
        }
        Ok(set)
    }
    /// A score in the form of versions before 4.0: its text behind the length of that.
    fn score_text(&mut self) -> Read<f64> {
        let at = self.offset;
        match self.byte()? {
            NOT_A_NUMBER => Ok(f64::NAN),
            INFINITE => Ok(f64::INFINITY),
            MINUS_INFINITE => Ok(f64::NEG_INFINITY),
            length => {
                let text = self.take(length.into())?;
                parse_double(&text).ok_or_else(|| error_at(at, "a score that is no number"))
            }
        }
    }
    fn hash(&mut self, db: &mut Database, work: &mut Work) -> Read<Hash> {
        let fields = self.count(2)?;
        let limits = db.limits().hash_pack;
        let mut hash = Hash::with_room(limits, db.new_dict(), fields, work);
        for _ in 0..fields {
            let at = self.offset;
            let (field, value) = (self.string()?, self.string()?);
            if !hash.set(&field, &value, work) {
                return Err(error_at(at, "a field that the hash has already"));
            }
        }
        Ok(hash)
    }
    fn hash_of_zipmap(&mut self, db: &mut Database, work: &mut Work) -> Read<Hash> {
        let at = self.offset;
        let bytes = self.string()?;
        let limits = db.limits().hash_pack;
        let (mut hash, mut is_unique) = (Hash::new(limits, db.new_dict()), true);
        let read = zipmap::for_each(&bytes, |field, value| {
            is_unique &= hash.set(field, value, work);
        });
        match read {
            Ok(()) if is_unique => Ok(hash),
            Ok(()) => Err(error_at(at, "a field that the hash has already")),
            Err(found) => Err(error_at(at, found)),
        }
    }
    /// A compact encoding of pairs whose first halves must differ, and whose second halves may have to
    /// be scores (lpPairsValidateIntegrityAndDups).
    fn pairs(&mut self, is_ziplist: bool, has_scores: bool) -> Read<Listpack> {
        let at = self.offset;
        let bytes = self.string()?;
        let pack = match is_ziplist {
            true => pack_of_ziplist(&bytes),
            false => Listpack::from_bytes(bytes),
        };
        let pack = pack.map_err(|found| error_at(at, found))?;
        check_pairs(&pack, has_scores).map_err(|found| error_at(at, found))?;
        Ok(pack)
    }
}

/// A collection as a value, unless nothing is in it.
fn some<K: Kind>(collection: K) -> Option<Value> {
    (!collection.is_empty()).then(|| collection.into_value())
}

fn pack_of_ziplist(bytes: &[u8]) -> Result<Listpack, &'static str> {
    let mut pack = Listpack::default();
    ziplist::for_each(bytes, |element| pack.push_back(element.as_slice()))?;
    Ok(pack)
}

fn check_pairs(pack: &Listpack, has_scores: bool) -> Result<(), &'static str> {
    let mut names: Vec<ValueBytes<'_>> = Vec::new();
    let mut items = pack.iter();
    while let Some(name) = items.next() {
        let Some(other) = items.next() else {
            return Err("a compact hash or sorted set with half a pair");
        };
        let is_score = |text: &[u8]| parse_double(text).is_some_and(|score| !score.is_nan());
        if has_scores && !is_score(other.bytes().as_slice()) {
            return Err("a compact sorted set with a score that is no number");
        }
        names.push(name.bytes());
    }
    names.sort_unstable_by(|one, other| one.as_slice().cmp(other.as_slice()));
    let is_unique = names
        .windows(2)
        .all(|two| two[0].as_slice() != two[1].as_slice());
    match is_unique {
        true => Ok(()),
        false => Err("a compact hash or sorted set that has a member twice"),
    }
}
