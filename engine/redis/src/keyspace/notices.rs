//! What happens to keys, told to those who subscribe to it (`redis:src/notify.c`).
//!
//! Commands say what they do where the functions of Redis do, and in the same order. Where nobody
//! wants to know, which is the default, a database has no place to put it and asks nothing more.

use super::{Database, Keyspace};
use kvrig_base::seam::Work;
use std::cell::RefCell;
use std::rc::Rc;

/// Kinds of events, as `notify-keyspace-events` chooses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u16);

macro_rules! classes {
    ($($constant:ident = $bit:literal, $letter:literal, $doc:literal;)*) => {
        impl EventClasses {
            $(#[doc = $doc] pub const $constant: Self = Self(1 << $bit);)*
            const LETTERS: &[(Self, char)] = &[$((Self::$constant, $letter)),*];
        }
    };
}

// In the order in which CONFIG GET prints them (keyspaceEventsFlagsToString).
classes! {
    GENERIC = 2, 'g', "Commands on keys of any type.";
    STRING = 3, '$', "Commands on strings.";
    LIST = 4, 'l', "Commands on lists.";
    SET = 5, 's', "Commands on sets.";
    HASH = 6, 'h', "Commands on hashes.";
    SORTED_SET = 7, 'z', "Commands on sorted sets.";
    EXPIRED = 8, 'x', "Keys that are removed because their time has passed.";
    EVICTED = 9, 'e', "Keys that are evicted.";
    STREAM = 10, 't', "Commands on streams.";
    MODULE = 13, 'd', "Modules, of which there are none.";
    NEW = 14, 'n', "Keys that are added; not among `A`.";
    KEYSPACE = 0, 'K', "Channels by key.";
    KEYEVENT = 1, 'E', "Channels by event.";
    MISSED = 11, 'm', "Keys that are read and not there; not among `A`.";
}

impl EventClasses {
    /// None.
    pub const NONE: Self = Self(0);
    /// What `A` stands for.
    const ALL: Self = Self(0b10_0111_1111_1100);

    /// Reads letters, in any order (keyspaceEventsStringToFlags).
    pub fn parse(letters: &str) -> Option<Self> {
        let mut classes = Self::NONE;
        for letter in letters.chars() {
            let named = Self::LETTERS.iter().find(|(_, named)| *named == letter);
            classes.0 |= match named {
                Some((class, _)) => class.0,
                None if letter == 'A' => Self::ALL.0,
                None => return None,
            };
        }
        Some(classes)
    }
    /// The letters, as CONFIG GET prints them.
    pub fn letters(self) -> String {
        let mut letters = String::new();
        let mut rest = self;
        if self.has(Self::ALL) {
            letters.push('A');
            // Redis does not print `n` behind it.
            rest.0 &= !(Self::ALL.0 | Self::NEW.0);
        }
        let named = Self::LETTERS.iter().filter(|(class, _)| rest.has(*class));
        letters.extend(named.map(|(_, letter)| letter));
        letters
    }
    /// Whether all of `other` are among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// Whether anybody can hear of any event.
    pub(crate) const fn are_heard(self) -> bool {
        let channels = Self::KEYSPACE.0 | Self::KEYEVENT.0;
        self.0 & channels != 0 && self.0 & !channels != 0
    }
}

/// Something that has happened to a key.
#[derive(Debug)]
pub(crate) struct Notice {
    /// The number of the database.
    pub(crate) database: usize,
    pub(crate) event: &'static str,
    pub(crate) key: Box<[u8]>,
}

/// Where a database puts what happens to its keys.
#[derive(Clone, Debug)]
pub(crate) struct Notices {
    database: usize,
    classes: EventClasses,
    /// Of all databases, in order.
    list: Rc<RefCell<Vec<Notice>>>,
}

impl Keyspace {
    /// Notes events of these classes from now on.
    pub(super) fn set_event_classes(&mut self, classes: EventClasses) {
        let list = Rc::default();
        for (number, database) in self.databases.iter_mut().enumerate() {
            database.notices = classes.are_heard().then(|| Notices {
                database: number,
                classes,
                list: Rc::clone(&list),
            });
        }
    }
    /// The events since this was asked last, in order.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        let notices = self
            .databases
            .first()
            .and_then(|first| first.notices.as_ref());
        notices.map_or_else(Vec::new, |notices| notices.list.take())
    }
}

impl Database {
    /// Says that something has happened to a key (notifyKeyspaceEvent).
    #[inline]
    pub(crate) fn notify(&mut self, class: EventClasses, event: &'static str, key: &[u8]) {
        if let Some(notices) = &self.notices {
            notices.add(class, event, key);
        }
    }
}

impl Database {
    /// The same of a command that may have taken the last element of a collection: its key is then
    /// gone, which is told behind it.
    #[inline]
    pub(crate) fn notify_taken(&mut self, class: EventClasses, event: &'static str, key: &[u8]) {
        if self.notices.is_some() {
            self.notify(class, event, key);
            if !self.has(key) {
                self.notify(EventClasses::GENERIC, "del", key);
            }
        }
    }
    /// Removes a key, and tells it if it was there.
    pub(crate) fn delete_telling(&mut self, key: &[u8], work: &mut Work) -> bool {
        let was_there = self.delete(key, work);
        if was_there {
            self.notify(EventClasses::GENERIC, "del", key);
        }
        was_there
    }
}

impl Notices {
    #[cold]
    fn add(&self, class: EventClasses, event: &'static str, key: &[u8]) {
        if self.classes.has(class) {
            self.list.borrow_mut().push(Notice {
                database: self.database,
                event,
                key: key.into(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EventClasses;

    /// What CONFIG GET of redis-server 7.0.15 shows after CONFIG SET.
    #[test]
    fn letters_are_read_and_printed_as_redis_does() {
        for (set, shown) in [
            ("", ""),
            ("KEA", "AKE"),
            ("AKEmn", "AKEm"),
            ("Kg$lshzxet", "g$lshzxetK"),
            ("Kg$lshzxetd", "AK"),
            ("mx", "xm"),
            ("En", "nE"),
        ] {
            let classes = EventClasses::parse(set).expect("letters");
            assert_eq!(classes.letters(), shown, "{set}");
        }
        assert_eq!(EventClasses::parse("KEy"), None);
        for (letters, heard) in [("KE", false), ("A", false), ("Kx", true), ("Em", true)] {
            let classes = EventClasses::parse(letters).expect("letters");
            assert_eq!(classes.are_heard(), heard, "{letters}");
        }
    }
}
