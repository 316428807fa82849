//! Listpack: strings and integers one behind the other in one allocation.
//!
//! The layout is that of Redis (`redis:src/listpack.c` and the listpack specification by
//! antirez), so that sizes, thresholds and serialised values are the same:
//!
//! ```text
//!   total bytes  number of elements   element ...                         end
//!   u32 LE       u16 LE, 65535 = many [encoding and data][back length]    0xFF
//! ```
//!
//! The back length states how long encoding and data are, so that elements can be walked from the
//! end; its bytes are read from right to left, seven bits each.

use crate::number::{INTEGER_TEXT_BYTES_MAX, IntegerText, parse_i64};
use crate::value::ValueBytes;

/// Total bytes and number of elements.
const HEADER_BYTES: usize = 6;
const END: u8 = 0xFF;
/// The number of elements that stands for "count them".
const COUNT_UNKNOWN: u16 = u16::MAX;

/// One element.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A string whose text is a canonical integer.
    Integer(i64),
    /// Any other string.
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The element that a string is stored as.
    fn of(bytes: &'a [u8]) -> Self {
        if bytes.len() <= INTEGER_TEXT_BYTES_MAX
            && let Some(number) = parse_i64(bytes)
        {
            return Self::Integer(number);
        }
        Self::Bytes(bytes)
    }
    /// Its bytes.
    pub fn bytes(&self) -> ValueBytes<'a> {
        match *self {
            Self::Integer(number) => ValueBytes::Digits(IntegerText::new(number)),
            Self::Bytes(bytes) => ValueBytes::Stored(bytes),
        }
    }
    /// Whether it is this string.
    pub fn is(&self, other: &[u8]) -> bool {
        match *self {
            Self::Integer(number) => parse_i64(other) == Some(number),
            Self::Bytes(bytes) => bytes == other,
        }
    }
    /// Number of bytes of the string.
    pub fn byte_len(&self) -> usize {
        match *self {
            Self::Integer(number) => IntegerText::new(number).byte_len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Bytes of encoding and data.
    fn encoded_len(&self) -> usize {
        match *self {
            Self::Integer(0..=127) => 1,
            Self::Integer(-4096..=4095) => 2,
            Self::Integer(-0x8000..=0x7FFF) => 3,
            Self::Integer(-0x80_0000..=0x7F_FFFF) => 4,
            Self::Integer(-0x8000_0000..=0x7FFF_FFFF) => 5,
            Self::Integer(_) => 9,
            Self::Bytes(bytes) => {
                let head = match bytes.len() {
                    0..64 => 1,
                    64..4096 => 2,
                    _ => 5,
                };
                head + bytes.len()
            }
        }
    }
    fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Integer(number @ 0..=127) => out.push(number as u8),
            Self::Integer(number @ -4096..=4095) => {
                let bits = number as u16 & 0x1FFF;
                out.extend_from_slice(&[0xC0 | (bits >> 8) as u8, bits as u8]);
            }
            Self::Integer(number @ -0x8000..=0x7FFF) => {
                out.push(0xF1);
                out.extend_from_slice(&(number as i16).to_le_bytes());
            }
            Self::Integer(number @ -0x80_0000..=0x7F_FFFF) => {
                out.push(0xF2);
                out.extend_from_slice(&(number as i32).to_le_bytes()[..3]);
            }
            Self::Integer(number @ -0x8000_0000..=0x7FFF_FFFF) => {
                out.push(0xF3);
                out.extend_from_slice(&(number as i32).to_le_bytes());
            }
            Self::Integer(number) => {
                out.push(0xF4);
                out.extend_from_slice(&number.to_le_bytes());
            }
            Self::Bytes(bytes) => {
                let length = bytes.len();
                match length {
                    0..64 => out.push(0x80 | length as u8),
                    64..4096 => {
                        out.extend_from_slice(&[0xE0 | (length >> 8) as u8, length as u8]);
                    }
                    _ => {
                        out.push(0xF0);
                        out.extend_from_slice(&(length as u32).to_le_bytes());
                    }
                }
                out.extend_from_slice(bytes);
            }
        }
    }
    /// Reads the element at the front of `bytes`, and says how long encoding and data are.
    fn decode(bytes: &'a [u8]) -> (Self, usize) {
        let head = bytes[0];
        let string =
            |head: usize, length: usize| (Self::Bytes(&bytes[head..head + length]), head + length);
        match head {
            0x00..=0x7F => (Self::Integer(head.into()), 1),
            0x80..=0xBF => string(1, usize::from(head & 0x3F)),
            0xC0..=0xDF => {
                let bits = u16::from(head & 0x1F) << 8 | u16::from(bytes[1]);
                let number = ((bits << 3) as i16) >> 3;
                (Self::Integer(number.into()), 2)
            }
            0xE0..=0xEF => string(2, usize::from(head & 0x0F) << 8 | usize::from(bytes[1])),
            0xF0 => {
                let length = [bytes[1], bytes[2], bytes[3], bytes[4]];
                string(5, u32::from_le_bytes(length) as usize)
            }
            0xF1 => (
                Self::Integer(i16::from_le_bytes([bytes[1], bytes[2]]).into()),
                3,
            ),
            0xF2 => {
                let number = i32::from_le_bytes([0, bytes[1], bytes[2], bytes[3]]) >> 8;
                (Self::Integer(number.into()), 4)
            }
            0xF3 => {
                let number = [bytes[1], bytes[2], bytes[3], bytes[4]];
                (Self::Integer(i32::from_le_bytes(number).into()), 5)
            }
            _ => {
                let mut number = [0; 8];
                number.copy_from_slice(&bytes[1..9]);
                (Self::Integer(i64::from_le_bytes(number)), 9)
            }
        }
    }
}

/// Bytes of the back length of an element of `length` bytes.
const fn back_len(length: usize) -> usize {
    match length {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

fn encode_back(length: usize, out: &mut Vec<u8>) {
    out.extend(back_bytes(length));
}

/// The bytes of a back length: the highest bits first, marked where more lie to the left.
fn back_bytes(length: usize) -> impl Iterator<Item = u8> {
    let bytes = back_len(length);
    (0..bytes).rev().map(move |place| {
        let bits = (length >> (7 * place) & 0x7F) as u8;
        let mark = if place + 1 == bytes { 0 } else { 0x80 };
        bits | mark
    })
}

/// Checks that every element lies within `bytes`, that its back length fits, and that the header is
/// true.
fn check(bytes: &[u8]) -> Result<(), &'static str> {
    if bytes.len() <= HEADER_BYTES {
        return Err("a listpack without room for its header");
    }
    let stated = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    if stated as usize != bytes.len() {
        return Err("a listpack that states another size than it has");
    }
    let (mut at, mut count, end) = (HEADER_BYTES, 0_usize, bytes.len() - 1);
    while bytes[at] != END {
        let length =
            stated_len(&bytes[at..end]).ok_or("a listpack with an element beyond its end")?;
        let behind = at + length;
        let back = bytes.get(behind..end).unwrap_or(&[]);
        let back = back.iter().copied().take(back_len(length));
        if !back.eq(back_bytes(length)) {
            return Err("a listpack with an element of another length than it states behind");
        }
        at = behind + back_len(length);
        count += 1;
    }
    let stated = u16::from_le_bytes([bytes[4], bytes[5]]);
    match () {
        () if at != end => Err("a listpack that ends before its last byte"),
        () if stated != COUNT_UNKNOWN && usize::from(stated) != count => {
            Err("a listpack that states another number of elements than it has")
        }
        () => Ok(()),
    }
}

/// How long encoding and data of the element at the front are, if they are there.
fn stated_len(bytes: &[u8]) -> Option<usize> {
    let length = match *bytes.first()? {
        0x00..=0x7F => 1,
        head @ 0x80..=0xBF => 1 + usize::from(head & 0x3F),
        0xC0..=0xDF => 2,
        head @ 0xE0..=0xEF => 2 + (usize::from(head & 0x0F) << 8 | usize::from(*bytes.get(1)?)),
        0xF0 => {
            let mut length = [0; 4];
            length.copy_from_slice(bytes.get(1..5)?);
            5_usize.checked_add(u32::from_le_bytes(length) as usize)?
        }
        0xF1 => 3,
        0xF2 => 4,
        0xF3 => 5,
        0xF4 => 9,
        0xF5..=0xFF => return None,
    };
    (length <= bytes.len()).then_some(length)
}

/// A place in a listpack: the offset of an element, or the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset(usize);

/// Strings and integers one behind the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack(Vec<u8>);

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Default for Listpack {
    fn default() -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.push(END);
        let mut pack = Self(bytes);
        pack.set_header(Some(0));
        pack
    }
}

impl Listpack {
    /// Takes a serialised form over, once every byte of it is checked (lpValidateIntegrity, deep).
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, &'static str> {
        check(&bytes)?;
        Ok(Self(bytes))
    }
    /// Takes over what [`Listpack::as_bytes`] gave.
    pub(crate) fn trusted(bytes: Vec<u8>) -> Self {
        debug_assert!(check(&bytes).is_ok());
        Self(bytes)
    }
    /// Number of bytes, header and end included.
    pub fn byte_len(&self) -> usize {
        self.0.len()
    }
    /// The serialised form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    /// Bytes that `string` takes as an element, its back length included.
    pub fn element_len(string: &[u8]) -> usize {
        let length = Item::of(string).encoded_len();
        length + back_len(length)
    }
    /// Number of elements; counts them where the header cannot say.
    pub fn len(&self) -> usize {
        match u16::from_le_bytes([self.0[4], self.0[5]]) {
            COUNT_UNKNOWN => self.iter().count(),
            count => count.into(),
        }
    }
    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.0[HEADER_BYTES] == END
    }
    /// The place of the first element, or the end.
    pub fn first(&self) -> Offset {
        Offset(HEADER_BYTES)
    }
    /// The place behind the last element.
    pub fn end(&self) -> Offset {
        Offset(self.0.len() - 1)
    }
    /// The place of the last element, if there is one.
    pub fn last(&self) -> Option<Offset> {
        self.before(self.end())
    }
    /// The place behind the element at `at`.
    ///
    /// # Panics
    /// If `at` is the end.
    pub fn next(&self, at: Offset) -> Offset {
        let (_, length) = Item::decode(&self.0[at.0..]);
        Offset(at.0 + length + back_len(length))
    }
    /// The place of the element before `at`, if there is one.
    pub fn before(&self, at: Offset) -> Option<Offset> {
        if at.0 == HEADER_BYTES {
            return None;
        }
        let (mut length, mut bytes) = (0, 0);
        loop {
            let byte = self.0[at.0 - 1 - bytes];
            length |= usize::from(byte & 0x7F) << (7 * bytes);
            bytes += 1;
            if byte & 0x80 == 0 {
                return Some(Offset(at.0 - bytes - length));
            }
        }
    }
    /// The element at `at`; `None` at the end.
    pub fn get(&self, at: Offset) -> Option<Item<'_>> {
        (self.0[at.0] != END).then(|| Item::decode(&self.0[at.0..]).0)
    }
    /// The place of the element with this index, walking from the nearer end.
    pub fn nth(&self, index: usize) -> Option<Offset> {
        let count = self.len();
        if index >= count {
            return None;
        }
        if index <= count / 2 {
            let mut at = self.first();
            for _ in 0..index {
                at = self.next(at);
            }
            return Some(at);
        }
        let mut at = self.end();
        for _ in index..count {
            at = self.before(at)?;
        }
        Some(at)
    }
    /// Inserts `string` before `at`.
    pub fn insert(&mut self, at: Offset, string: &[u8]) {
        let count = self.stated_count();
        let mut element = Vec::with_capacity(string.len() + 10);
        let item = Item::of(string);
        item.encode(&mut element);
        encode_back(item.encoded_len(), &mut element);
        self.0.splice(at.0..at.0, element);
        self.set_header(count.map(|count| count + 1));
    }
    /// Adds `string` at the end.
    pub fn push_back(&mut self, string: &[u8]) {
        let count = self.stated_count();
        self.0.pop();
        let item = Item::of(string);
        item.encode(&mut self.0);
        encode_back(item.encoded_len(), &mut self.0);
        self.0.push(END);
        self.set_header(count.map(|count| count + 1));
    }
    /// Adds `string` at the front.
    pub fn push_front(&mut self, string: &[u8]) {
        self.insert(self.first(), string);
    }
    /// Removes the element at `at` and returns the place of the one that followed.
    ///
    /// # Panics
    /// If `at` is the end.
    pub fn remove(&mut self, at: Offset) -> Offset {
        self.remove_range(at, 1);
        at
    }
    /// Removes up to `count` elements from `at` on, and says how many.
    pub fn remove_range(&mut self, at: Offset, count: usize) -> usize {
        let stated = self.stated_count();
        let (mut end, mut removed) = (at, 0);
        while removed < count && self.0[end.0] != END {
            end = self.next(end);
            removed += 1;
        }
        self.0.drain(at.0..end.0);
        self.set_header(stated.map(|count| count - removed));
        removed
    }
    /// Puts `string` in the place of the element at `at`.
    ///
    /// # Panics
    /// If `at` is the end.
    pub fn replace(&mut self, at: Offset, string: &[u8]) {
        let count = self.stated_count();
        let end = self.next(at);
        let mut element = Vec::with_capacity(string.len() + 10);
        let item = Item::of(string);
        item.encode(&mut element);
        encode_back(item.encoded_len(), &mut element);
        self.0.splice(at.0..end.0, element);
        self.set_header(count);
    }
    /// Adds all elements of `other` at the end.
    pub fn append(&mut self, other: &Self) {
        let count = self.len() + other.len();
        self.0.pop();
        self.0.extend_from_slice(&other.0[HEADER_BYTES..]);
        self.set_header(Some(count));
    }
    /// All elements, from the first.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            pack: self,
            front: self.first(),
            back: self.end(),
        }
    }

    /// The number in the header, unless it means "count them".
    fn stated_count(&self) -> Option<usize> {
        let count = u16::from_le_bytes([self.0[4], self.0[5]]);
        (count != COUNT_UNKNOWN).then_some(count.into())
    }
    /// Writes the header; `None` leaves an unknown number unknown.
    fn set_header(&mut self, count: Option<usize>) {
        let bytes = u32::try_from(self.0.len()).expect("limits keep listpacks below 4 GiB");
        self.0[..4].copy_from_slice(&bytes.to_le_bytes());
        let count = count.and_then(|count| u16::try_from(count).ok());
        let count = count.unwrap_or(COUNT_UNKNOWN);
        self.0[4..6].copy_from_slice(&count.to_le_bytes());
    }
}

/// The elements of a listpack, from either end.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    pack: &'a Listpack,
    front: Offset,
    back: Offset,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;
    fn next(&mut self) -> Option<Item<'a>> {
        if self.front == self.back {
            return None;
        }
        let (item, length) = Item::decode(&self.pack.0[self.front.0..]);
        self.front = Offset(self.front.0 + length + back_len(length));
        Some(item)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        self.back = self.pack.before(self.back)?;
        self.pack.get(self.back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn strings(pack: &Listpack) -> Vec<Vec<u8>> {
        pack.iter()
            .map(|item| item.bytes().as_slice().to_vec())
            .collect()
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let mut pack = Listpack::default();
        for string in ["hello", "1", "-1", "1024", "-100000"] {
            pack.push_back(string.as_bytes());
        }
        let mut expected = vec![36, 0, 0, 0, 5, 0, 0x85];
        expected.extend_from_slice(b"hello");
        expected.extend_from_slice(&[6, 1, 1, 0xDF, 0xFF, 2, 0xC4, 0x00, 2]);
        expected.extend_from_slice(&[0xF2, 0x60, 0x79, 0xFE, 4, 0xFF]);
        expected[0] = expected.len() as u8;
        assert_eq!(pack.as_bytes(), expected);
    }

    fn string() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            vec(any::<u8>(), 0..80),
            vec(any::<u8>(), 4_000..5_000),
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            (-5_000..5_000_i64).prop_map(|number| number.to_string().into_bytes()),
            (-9_000_000..9_000_000_i64).prop_map(|number| number.to_string().into_bytes()),
        ]
    }

    #[derive(Clone, Debug)]
    enum Change {
        Insert(usize, Vec<u8>),
        Remove(usize, usize),
        Replace(usize, Vec<u8>),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            3 => (any::<usize>(), string()).prop_map(|(at, string)| Change::Insert(at, string)),
            1 => (any::<usize>(), 1..3_usize).prop_map(|(at, count)| Change::Remove(at, count)),
            1 => (any::<usize>(), string()).prop_map(|(at, string)| Change::Replace(at, string)),
        ]
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_list_of_strings(changes in vec(change(), 0..60)) {
            let (mut pack, mut model) = (Listpack::default(), Vec::<Vec<u8>>::new());
            for change in changes {
                match change {
                    Change::Insert(at, string) => {
                        let at = at % (model.len() + 1);
                        let offset = pack.nth(at).unwrap_or(pack.end());
                        pack.insert(offset, &string);
                        model.insert(at, string);
                    }
                    Change::Remove(at, count) if !model.is_empty() => {
                        let at = at % model.len();
                        let offset = pack.nth(at).unwrap();
                        let removed = pack.remove_range(offset, count);
                        prop_assert_eq!(removed, count.min(model.len() - at));
                        model.drain(at..at + removed);
                    }
                    Change::Replace(at, string) if !model.is_empty() => {
                        let at = at % model.len();
                        pack.replace(pack.nth(at).unwrap(), &string);
                        model[at] = string;
                    }
                    _ => {}
                }
                prop_assert_eq!(pack.len(), model.len());
                prop_assert_eq!(strings(&pack), model.clone());
                let backwards: Vec<Vec<u8>> = pack.iter().rev().map(|item| item.bytes().as_slice().to_vec()).collect();
                prop_assert_eq!(backwards, model.iter().rev().cloned().collect::<Vec<_>>());
                let bytes: usize = model.iter().map(|string| Listpack::element_len(string)).sum();
                prop_assert_eq!(pack.byte_len(), HEADER_BYTES + 1 + bytes);
            }
        }
    }

    #[test]
    fn a_serialised_form_is_taken_over_only_where_all_of_it_is_true() {
        let mut pack = Listpack::default();
        for string in ["hello", "1", "-1", "1024", "-100000", &"x".repeat(200)] {
            pack.push_back(string.as_bytes());
        }
        let bytes = pack.as_bytes().to_vec();
        assert_eq!(Listpack::from_bytes(bytes.clone()), Ok(pack));
        for length in 0..bytes.len() {
            assert!(Listpack::from_bytes(bytes[..length].to_vec()).is_err());
        }
        let mut uncounted = bytes.clone();
        uncounted[4..6].copy_from_slice(&[0xFF; 2]);
        assert!(Listpack::from_bytes(uncounted).is_ok());
        let mut miscounted = bytes;
        miscounted[4] += 1;
        assert_eq!(
            Listpack::from_bytes(miscounted),
            Err("a listpack that states another number of elements than it has")
        );
    }

    proptest! {
        #[test]
        fn what_is_taken_over_can_be_walked_both_ways(strings in vec(string(), 0..6), at in any::<prop::sample::Index>(), byte: u8) {
            let mut pack = Listpack::default();
            strings.iter().for_each(|string| pack.push_back(string));
            let mut bytes = pack.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(pack) = Listpack::from_bytes(bytes) {
                prop_assert_eq!(pack.iter().count(), pack.len());
                prop_assert_eq!(pack.iter().rev().count(), pack.len());
            }
        }
    }

    #[test]
    fn a_number_of_elements_beyond_16_bits_is_counted() {
        let mut pack = Listpack::default();
        for number in 0..70_000 {
            pack.push_back(format!("{}", number % 100).as_bytes());
        }
        assert_eq!(pack.len(), 70_000);
        assert_eq!(pack.nth(69_999), pack.last());
        pack.remove_range(pack.first(), 69_998);
        assert_eq!(strings(&pack), [b"98", b"99"]);
    }
}
