//! Sorted sets: members with scores, in a listpack while they are few and short, and otherwise in a
//! skip list beside a table.

mod bounds;
mod skip_list;

pub use bounds::{MemberRange, Range, ScoreEnd, ScoreRange};
pub use skip_list::Scored;

use super::dict::{Dict, DictConfig, Element};
use super::{Footprint, PackLimits, ValueBytes};
use crate::encoding::listpack::{Item, Listpack, Offset};
use crate::memory::{key_bytes, size_class};
use crate::number::{parse_double, write_score};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::{Entry, ResizePolicy, Slot};
use skip_list::{LIST_BYTES, SkipList};

/// struct zset.
const HEADER_BYTES: u64 = size_class(16);

impl Entry for Scored {
    type Key = [u8];
    const KEY_IS_OUTSIDE: bool = true;
    type Placement = ();
    fn key(&self) -> &[u8] {
        &self.member
    }
}

impl Element for Scored {
    const STRINGS: u64 = 1;
    fn string_bytes(&self) -> u64 {
        key_bytes(self.member.len())
    }
}

/// A sorted set. It is never empty while a key holds it.
#[derive(Debug)]
pub struct SortedSet {
    form: Form,
    limits: PackLimits,
    dict: DictConfig,
    levels: Sequence,
}

/// A member that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Its score.
    pub(crate) score: f64,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Pack(Offset),
    Table(Slot),
}

#[derive(Debug)]
enum Form {
    /// Member and score by turns, in order.
    Pack(Listpack),
    List(Box<Indexed>),
}

#[derive(Debug)]
struct Indexed {
    table: Dict<Scored>,
    list: SkipList,
}

/// What sorted sets of one database are made with.
#[derive(Clone, Copy, Debug)]
pub struct SortedSetConfig {
    /// Up to which size they stay in a listpack.
    pub limits: PackLimits,
    /// Their table.
    pub dict: DictConfig,
    /// Draws of the levels of their skip list.
    pub levels: Sequence,
}

impl SortedSet {
    /// An empty sorted set in the form that fits so many members, the longest of so many bytes.
    pub fn new(config: SortedSetConfig, length: usize, longest: usize) -> Self {
        let mut set = Self {
            form: Form::Pack(Listpack::default()),
            limits: config.limits,
            dict: config.dict,
            levels: config.levels,
        };
        if length > config.limits.entries || longest > config.limits.element_bytes {
            set.form = Form::List(Box::new(set.empty_list()));
        }
        set
    }
    /// The sorted set of a listpack of members and scores by turns; a skip list where it has too many,
    /// however long they are (rdbLoadObject).
    pub(crate) fn from_pack(pack: Listpack, config: SortedSetConfig, work: &mut Work) -> Self {
        let mut set = Self::new(config, 0, 0);
        let is_list = pack.len() / 2 > config.limits.entries;
        set.form = Form::Pack(pack);
        if is_list {
            set.become_list(work);
        }
        set
    }
    fn empty_list(&self) -> Indexed {
        Indexed {
            table: Dict::new(self.dict),
            list: SkipList::new(self.levels),
        }
    }
    /// A copy in the same form.
    pub(crate) fn copy(&self, config: SortedSetConfig, work: &mut Work) -> Self {
        // No listpack is large enough for the longest: the copy begins as a skip list.
        let longest = if self.pack().is_some() { 0 } else { usize::MAX };
        let mut copy = Self::new(config, self.len(), longest);
        if let Some(pack) = self.pack() {
            copy.form = Form::Pack(pack.clone());
            return copy;
        }
        if !self.is_empty() {
            self.walk(0, false, work, |member, score, work| {
                copy.set(member.as_slice(), score, work);
                true
            });
        }
        copy
    }
    /// Number of members.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.len() / 2,
            Form::List(indexed) => indexed.list.len(),
        }
    }
    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The name of its encoding.
    pub const fn encoding(&self) -> &'static str {
        match self.form {
            Form::Pack(_) => "listpack",
            Form::List(_) => "skiplist",
        }
    }
    /// The listpack, if it is one.
    pub fn pack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Pack(pack) => Some(pack),
            Form::List(_) => None,
        }
    }
    /// What Redis would have allocated.
    pub fn footprint(&self) -> Footprint {
        match &self.form {
            Form::Pack(pack) => Footprint {
                bytes: size_class(pack.byte_len() as u64),
                allocations: 1,
            },
            Form::List(indexed) => {
                let table = indexed.table.footprint();
                Footprint {
                    bytes: HEADER_BYTES + table.bytes + indexed.list.bytes(),
                    allocations: 3 + table.allocations + indexed.list.len() as u64,
                }
            }
        }
    }
    /// What MEMORY USAGE says of its table and list, of so many members taken for all.
    pub(super) fn sampled_bytes(&self, samples: usize) -> u64 {
        match &self.form {
            Form::List(indexed) => {
                let fixed = HEADER_BYTES + LIST_BYTES + indexed.table.table_bytes();
                let sample = indexed.list.sample(samples);
                sample.scaled(fixed, indexed.table.len())
            }
            Form::Pack(_) => 0,
        }
    }
    /// Counts what giving it back takes beside the frees of its allocations: the table is released,
    /// and then the list is followed from node to node.
    pub(crate) fn count_release(&self, work: &mut Work) {
        if let Form::List(indexed) = &self.form {
            indexed.table.count_release(work);
            work.count(Counter::ListSteps, indexed.list.len() as u64);
        }
    }
    /// Says whether its table may resize.
    pub fn set_resize_policy(&mut self, policy: ResizePolicy) {
        if let Form::List(indexed) = &mut self.form {
            indexed.table.set_resize_policy(policy);
        }
    }
    /// The score of a member.
    pub fn score(&mut self, member: &[u8], work: &mut Work) -> Option<f64> {
        self.find(member, work).map(|found| found.score)
    }
    /// Where a member is, until the set is changed or asked again.
    pub(crate) fn find(&mut self, member: &[u8], work: &mut Work) -> Option<Found> {
        match &mut self.form {
            Form::Pack(pack) => {
                let at = find(pack, member, work)?;
                let score = pack.get(pack.next(at)).as_ref().map(score_of)?;
                let place = Place::Pack(at);
                Some(Found { score, place })
            }
            Form::List(indexed) => {
                let slot = indexed.table.find(member, work)?;
                let score = indexed.table.at(slot).score;
                let place = Place::Table(slot);
                Some(Found { score, place })
            }
        }
    }
    /// Gives a member a score, and says which it had.
    pub fn set(&mut self, member: &[u8], score: f64, work: &mut Work) -> Option<f64> {
        match self.find(member, work) {
            None => {
                self.add(member, score, work);
                None
            }
            Some(found) => {
                self.move_to(found, member, score, work);
                Some(found.score)
            }
        }
    }
    /// Adds a member that is not there.
    pub(crate) fn add(&mut self, member: &[u8], score: f64, work: &mut Work) {
        if let Form::Pack(pack) = &self.form {
            let is_too_large = pack.len() / 2 + 1 > self.limits.entries;
            if is_too_large || member.len() > self.limits.element_bytes {
                self.become_list(work);
            }
        }
        match &mut self.form {
            Form::Pack(pack) => insert_in_order(pack, member, score, work),
            Form::List(indexed) => {
                let item = Scored {
                    member: member.into(),
                    score,
                };
                work.count(Counter::AllocationsSmall, 1);
                work.count(Counter::BytesCopied, member.len() as u64);
                indexed.list.insert(item.clone(), work);
                indexed.table.insert(item, work);
            }
        }
    }
    /// Gives a member that was found another score; the table is not asked again, since it holds where
    /// the score is (zslUpdateScore).
    pub(crate) fn move_to(&mut self, found: Found, member: &[u8], score: f64, work: &mut Work) {
        if found.score == score {
            return;
        }
        match (&mut self.form, found.place) {
            (Form::Pack(pack), Place::Pack(at)) => {
                pack.remove_range(at, 2);
                insert_in_order(pack, member, score, work);
            }
            (Form::List(indexed), Place::Table(slot)) => {
                let Indexed { table, list } = &mut **indexed;
                list.move_to(found.score, member, score, work);
                table.at_mut(slot, work).score = score;
            }
            (Form::Pack(_), Place::Table(_)) | (Form::List(_), Place::Pack(_)) => {
                unreachable!("a place is of the form that it was found in")
            }
        }
    }
    /// Leaves the listpack, as SORT makes a sorted set do (zsetConvert).
    pub(crate) fn leave_pack(&mut self, work: &mut Work) {
        if matches!(self.form, Form::Pack(_)) {
            self.become_list(work);
        }
    }
    /// Removes a member, and says whether it was there.
    pub fn remove(&mut self, member: &[u8], work: &mut Work) -> bool {
        match &mut self.form {
            Form::Pack(pack) => {
                let found = find(pack, member, work);
                if let Some(at) = found {
                    work.count(Counter::BytesCopied, pack.byte_len() as u64);
                    pack.remove_range(at, 2);
                }
                found.is_some()
            }
            Form::List(indexed) => {
                let Some(item) = indexed.table.remove(member, work) else {
                    return false;
                };
                work.count(Counter::Frees, 1);
                indexed.list.remove(item.score, member, work)
            }
        }
    }
    /// Removes `count` members from rank `start` on.
    pub fn remove_ranks(&mut self, start: usize, count: usize, work: &mut Work) {
        match &mut self.form {
            Form::Pack(pack) => {
                if let Some(at) = pack.nth(2 * start) {
                    work.count(Counter::BytesCopied, pack.byte_len() as u64);
                    let removed = pack.remove_range(at, 2 * count);
                    work.count(Counter::EntriesVisited, removed as u64);
                }
            }
            Form::List(indexed) => {
                let Indexed { table, list } = &mut **indexed;
                list.remove_ranks(start, count, work, |item, work| {
                    table.remove(&item.member, work);
                    work.count(Counter::Frees, 1);
                });
            }
        }
    }
    /// The rank of a member, counted from the lowest.
    pub fn rank(&mut self, member: &[u8], work: &mut Work) -> Option<usize> {
        match &mut self.form {
            Form::Pack(pack) => {
                let mut rank = 0;
                let mut items = pack.iter();
                while let (Some(item), Some(_)) = (items.next(), items.next()) {
                    work.count(Counter::EntriesVisited, 2);
                    if item.is(member) {
                        return Some(rank);
                    }
                    rank += 1;
                }
                None
            }
            Form::List(indexed) => {
                let score = indexed.table.get(member, work)?.score;
                let before = indexed.list.count_while(work, |item| {
                    item.order(score, member) == std::cmp::Ordering::Less
                });
                Some(before)
            }
        }
    }
    /// The rank at which a range begins, and how many members it has.
    pub fn range(&self, range: &Range<'_>, work: &mut Work) -> (usize, usize) {
        match &self.form {
            Form::Pack(pack) => {
                let (mut start, mut count) = (0, 0);
                let mut items = pack.iter();
                while let (Some(member), Some(score)) = (items.next(), items.next()) {
                    work.count(Counter::EntriesVisited, 2);
                    let (member, score) = (member.bytes(), score_of(&score));
                    if range.is_above(score, member.as_slice()) {
                        start += 1;
                    } else if !range.is_below(score, member.as_slice()) {
                        count += 1;
                    } else {
                        break;
                    }
                }
                (start, count)
            }
            Form::List(indexed) => {
                let list = &indexed.list;
                let start = list.count_while(work, |item| range.is_above(item.score, &item.member));
                let end = list.count_while(work, |item| !range.is_below(item.score, &item.member));
                (start, end.saturating_sub(start))
            }
        }
    }
    /// Visits members with their scores from rank `start` on, towards the highest or the lowest,
    /// until `visit` says to stop.
    pub fn walk(
        &self,
        start: usize,
        backwards: bool,
        work: &mut Work,
        mut visit: impl FnMut(ValueBytes<'_>, f64, &mut Work) -> bool,
    ) {
        match &self.form {
            Form::Pack(pack) => {
                let mut at = pack.nth(2 * start);
                while let Some(place) = at {
                    let Some(member) = pack.get(place) else {
                        return;
                    };
                    let score = pack.get(pack.next(place));
                    work.count(Counter::EntriesVisited, 2);
                    let score = score.as_ref().map_or(0.0, score_of);
                    if !visit(member.bytes(), score, work) {
                        return;
                    }
                    at = match backwards {
                        true => pack.before(place).and_then(|score| pack.before(score)),
                        false => Some(pack.next(pack.next(place))),
                    };
                }
            }
            Form::List(indexed) => indexed.list.walk(start, backwards, work, |item, work| {
                visit(ValueBytes::Stored(&item.member), item.score, work)
            }),
        }
    }
    /// Visits the members of the bucket at `cursor` and returns the next cursor; all at once in a
    /// listpack.
    pub fn scan(&self, cursor: u64, work: &mut Work, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        match &self.form {
            Form::Pack(_) => {
                self.walk(0, false, work, |member, score, _| {
                    visit(member.as_slice(), score);
                    true
                });
                0
            }
            Form::List(indexed) => {
                let mut entry = |item: &Scored| visit(&item.member, item.score);
                indexed.table.scan(cursor, &mut entry, work)
            }
        }
    }

    fn become_list(&mut self, work: &mut Work) {
        let Form::Pack(pack) = &self.form else {
            return;
        };
        let mut indexed = self.empty_list();
        let mut items = pack.iter();
        while let (Some(member), Some(score)) = (items.next(), items.next()) {
            let item = Scored {
                member: member.bytes().as_slice().into(),
                score: score_of(&score),
            };
            work.count(Counter::AllocationsSmall, 1);
            indexed.list.insert(item.clone(), work);
            indexed.table.insert(item, work);
        }
        work.count(Counter::Frees, 1);
        self.form = Form::List(Box::new(indexed));
    }
}

fn score_of(item: &Item<'_>) -> f64 {
    match item {
        Item::Integer(number) => *number as f64,
        Item::Bytes(text) => parse_double(text).unwrap_or(0.0),
    }
}

/// The place of a member in a listpack of members and scores.
fn find(pack: &Listpack, member: &[u8], work: &mut Work) -> Option<Offset> {
    let mut at = pack.first();
    while let Some(item) = pack.get(at) {
        work.count(Counter::EntriesVisited, 2);
        work.count(Counter::BytesScanned, item.byte_len() as u64);
        if item.is(member) {
            return Some(at);
        }
        at = pack.next(pack.next(at));
    }
    None
}

/// Adds a member where its score belongs (zzlInsert).
fn insert_in_order(pack: &mut Listpack, member: &[u8], score: f64, work: &mut Work) {
    let mut at = pack.first();
    while let Some(item) = pack.get(at) {
        let score_at = pack.next(at);
        let other = pack.get(score_at).as_ref().map_or(0.0, score_of);
        work.count(Counter::EntriesVisited, 2);
        let is_behind = other > score || other == score && item.bytes().as_slice() > member;
        if is_behind {
            break;
        }
        at = pack.next(score_at);
    }
    let mut text = String::new();
    write_score(score, &mut text);
    work.count(Counter::BytesCopied, pack.byte_len() as u64);
    pack.insert(at, text.as_bytes());
    pack.insert(at, member);
}
