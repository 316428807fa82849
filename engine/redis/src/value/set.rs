//! Sets: an array of integers while all members are integers and few, and a table otherwise.

use super::dict::{Dict, DictConfig, Member};
use super::{Footprint, ValueBytes};
use crate::encoding::intset::Intset;
use crate::memory::size_class;
use crate::number::{IntegerText, parse_i64};
use kvrig_base::random::Sequence;
use kvrig_base::seam::{Counter, Work};
use kvrig_tables::{Entry, ResizePolicy};

/// A set. It is never empty while a key holds it.
#[derive(Debug)]
pub struct Set {
    form: Form,
    /// `set-max-intset-entries`.
    integers_max: usize,
    dict: DictConfig,
}

#[derive(Debug)]
enum Form {
    Integers(Intset),
    Table(Box<Dict<Member>>),
}

impl Set {
    /// An empty set, in the form that fits its first member (setTypeCreate).
    pub fn new(first: &[u8], integers_max: usize, dict: DictConfig) -> Self {
        let form = match parse_i64(first) {
            Some(_) => Form::Integers(Intset::default()),
            None => Form::Table(Box::new(Dict::new(dict))),
        };
        Self {
            form,
            integers_max,
            dict,
        }
    }
    /// An empty set for so many members: a table from the start where an array of integers would not
    /// take them.
    pub(crate) fn with_room(
        integers_max: usize,
        dict: DictConfig,
        members: usize,
        work: &mut Work,
    ) -> Self {
        let form = match members > integers_max {
            true => Form::Table(Box::new(Dict::with_room(dict, members, work))),
            false => Form::Integers(Intset::default()),
        };
        Self {
            form,
            integers_max,
            dict,
        }
    }
    /// The set of an array of integers; a table where they are too many.
    pub(crate) fn from_integers(
        integers: Intset,
        integers_max: usize,
        dict: DictConfig,
        work: &mut Work,
    ) -> Self {
        let is_table = integers.len() > integers_max;
        let mut set = Self {
            form: Form::Integers(integers),
            integers_max,
            dict,
        };
        if is_table {
            set.become_table(work);
        }
        set
    }
    /// A copy in the same form.
    pub(crate) fn copy(&self, dict: DictConfig, work: &mut Work) -> Self {
        let form = match &self.form {
            Form::Integers(integers) => Form::Integers(integers.clone()),
            Form::Table(table) => {
                let mut copy = Dict::new(dict);
                table.for_each(work, |member, work| {
                    copy.insert(Member::new(member.key()), work);
                });
                Form::Table(Box::new(copy))
            }
        };
        Self {
            form,
            dict,
            ..*self
        }
    }
    /// Number of members.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Integers(integers) => integers.len(),
            Form::Table(table) => table.len(),
        }
    }
    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The name of its encoding.
    pub const fn encoding(&self) -> &'static str {
        match self.form {
            Form::Integers(_) => "intset",
            Form::Table(_) => "hashtable",
        }
    }
    /// The array of integers, if it is one.
    pub fn integers(&self) -> Option<&Intset> {
        match &self.form {
            Form::Integers(integers) => Some(integers),
            Form::Table(_) => None,
        }
    }
    /// What Redis would have allocated.
    pub fn footprint(&self) -> Footprint {
        match &self.form {
            Form::Integers(integers) => Footprint {
                bytes: size_class(integers.byte_len() as u64),
                allocations: 1,
            },
            Form::Table(table) => table.footprint(),
        }
    }
    /// What MEMORY USAGE says of its table, of so many entries taken for all.
    pub(super) fn sampled_bytes(&self, samples: usize, work: &mut Work) -> u64 {
        match &self.form {
            Form::Table(table) => table.sampled_bytes(samples, work),
            _ => 0,
        }
    }
    /// Counts what giving it back takes beside the frees of its allocations.
    pub(crate) fn count_release(&self, work: &mut Work) {
        if let Form::Table(table) = &self.form {
            table.count_release(work);
        }
    }
    /// Says whether its table may resize.
    pub fn set_resize_policy(&mut self, policy: ResizePolicy) {
        if let Form::Table(table) = &mut self.form {
            table.set_resize_policy(policy);
        }
    }
    /// Whether a member is there.
    pub fn contains(&mut self, member: &[u8], work: &mut Work) -> bool {
        match &mut self.form {
            Form::Integers(integers) => {
                count_search(integers, work);
                parse_i64(member).is_some_and(|number| integers.contains(number))
            }
            Form::Table(table) => table.get(member, work).is_some(),
        }
    }
    /// Adds a member, and says whether it was absent.
    pub fn insert(&mut self, member: &[u8], work: &mut Work) -> bool {
        if let Form::Integers(integers) = &mut self.form {
            count_search(integers, work);
            if let Some(number) = parse_i64(member) {
                let is_new = integers.insert(number);
                if is_new {
                    work.count(Counter::BytesCopied, integers.byte_len() as u64 / 2);
                    if integers.len() > self.integers_max {
                        self.become_table(work);
                    }
                }
                return is_new;
            }
            self.become_table(work);
        }
        let Form::Table(table) = &mut self.form else {
            unreachable!("only integers stay in the array")
        };
        let is_new = table.insert(Member::new(member), work);
        if is_new {
            work.count(Counter::AllocationsSmall, 1);
            work.count(Counter::BytesCopied, member.len() as u64);
        }
        is_new
    }
    /// Removes a member, and says whether it was there.
    pub fn remove(&mut self, member: &[u8], work: &mut Work) -> bool {
        match &mut self.form {
            Form::Integers(integers) => {
                count_search(integers, work);
                let removed = parse_i64(member).is_some_and(|number| integers.remove(number));
                let moved = if removed { integers.byte_len() / 2 } else { 0 };
                work.count(Counter::BytesCopied, moved as u64);
                removed
            }
            Form::Table(table) => {
                let removed = table.remove(member, work).is_some();
                work.count(Counter::Frees, u64::from(removed));
                removed
            }
        }
    }
    /// Visits all members: integers from the smallest, others in the order of their table.
    pub fn for_each(&self, work: &mut Work, mut visit: impl FnMut(ValueBytes<'_>, &mut Work)) {
        match &self.form {
            Form::Integers(integers) => {
                for number in integers.iter() {
                    work.count(Counter::EntriesVisited, 1);
                    visit(ValueBytes::Digits(IntegerText::new(number)), work);
                }
            }
            Form::Table(table) => {
                table.for_each(work, |member, work| {
                    visit(ValueBytes::Stored(member.key()), work);
                });
            }
        }
    }
    /// Visits the members of the bucket at `cursor` and returns the next cursor; integers all at
    /// once.
    pub fn scan(&self, cursor: u64, work: &mut Work, visit: &mut dyn FnMut(&[u8])) -> u64 {
        match &self.form {
            Form::Integers(_) => {
                self.for_each(work, |member, _| visit(member.as_slice()));
                0
            }
            Form::Table(table) => {
                table.scan(cursor, &mut |member: &Member| visit(member.key()), work)
            }
        }
    }
    /// A random member.
    pub fn random(&mut self, random: &mut Sequence, work: &mut Work) -> Option<ValueBytes<'_>> {
        match &mut self.form {
            Form::Integers(integers) => {
                let index = random.below(integers.len().max(1) as u64) as usize;
                work.count(Counter::EntriesVisited, 1);
                let number = integers.get(index)?;
                Some(ValueBytes::Digits(IntegerText::new(number)))
            }
            Form::Table(table) => {
                let member = table.random(random, work)?;
                Some(ValueBytes::Stored(member.key()))
            }
        }
    }

    fn become_table(&mut self, work: &mut Work) {
        let Form::Integers(integers) = &self.form else {
            return;
        };
        let mut table = Dict::with_room(self.dict, integers.len(), work);
        for number in integers.iter() {
            work.count(Counter::AllocationsSmall, 1);
            work.count(Counter::EntriesVisited, 1);
            table.insert(Member::new(IntegerText::new(number).as_bytes()), work);
        }
        work.count(Counter::Frees, 1);
        self.form = Form::Table(Box::new(table));
    }
}

/// Searching an array of n integers looks at log2 n of them.
fn count_search(integers: &Intset, work: &mut Work) {
    let looks = u64::from((integers.len() + 1).ilog2()) + 1;
    work.count(Counter::EntriesVisited, looks);
}
