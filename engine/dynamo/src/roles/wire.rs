//! Requests and answers as a simulated client says them: arguments and bytes without any protocol.
//!
//! A command is the operation, the table, and the key or item; a read has its consistency behind them.
//! Only requests without conditions can be said so: simulated clients send no others. Values are a
//! byte for their type and then, with lengths of four bytes, what they hold.

use super::message::{Answer, Request};
use crate::capacity::ReadConsistency;
use crate::error::{Error, Validation};
use crate::item::{AttributeMap, Item};
use crate::limits::NESTING_LEVELS_MAX;
use crate::number::Number;
use crate::table::{DeleteItem, GetItem, PutItem};
use crate::value::{AttributeValue, BinarySet, NumberSet, SetMember, StringSet, ValueSet};
use smol_str::SmolStr;

/// Writes requests as arguments.
#[derive(Clone, Copy, Debug)]
pub struct Arguments;

/// A request that was read from arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadArguments {
    /// The table.
    pub table: Box<str>,
    /// What is asked.
    pub request: Request,
}

impl Arguments {
    /// GetItem, PutItem or DeleteItem without a condition; nothing for what arguments cannot say.
    pub fn write(table: &str, request: &Request) -> Option<Vec<Vec<u8>>> {
        let (name, map, consistency): (_, _, Option<&[u8]>) = match request {
            Request::Get(get) if get.projection.is_empty() => {
                let consistency: &[u8] = match get.consistency {
                    ReadConsistency::Strong => b"strong",
                    _ => b"eventual",
                };
                ("GetItem", &get.key, Some(consistency))
            }
            Request::Put(put) if put.precondition.condition.is_none() => {
                ("PutItem", &put.item, None)
            }
            Request::Delete(delete) if delete.precondition.condition.is_none() => {
                ("DeleteItem", &delete.key, None)
            }
            _ => return None,
        };
        let mut item = Vec::new();
        write_map(map, &mut item);
        let mut arguments = vec![name.as_bytes().to_vec(), table.as_bytes().to_vec(), item];
        arguments.extend(consistency.map(<[u8]>::to_vec));
        Some(arguments)
    }
}

impl ReadArguments {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Validation::Arguments`] for what is not one.
    pub fn read(args: &[&[u8]]) -> Result<Self, Error> {
        let malformed = |what| Error::Validation(Validation::Arguments { what });
        let (operation, table, item, rest) = match args {
            [operation, table, item, rest @ ..] => (*operation, *table, *item, rest),
            _ => return Err(malformed("operation, table and item")),
        };
        let table = std::str::from_utf8(table).map_err(|_| malformed("a table name"))?;
        let mut reader = Reader { bytes: item };
        let map = reader.map(0).filter(|_| reader.bytes.is_empty());
        let map = map.ok_or_else(|| malformed("an item"))?;
        let request = match (operation, rest) {
            (b"GetItem", [b"strong"]) => {
                Request::Get(GetItem::new(map).consistency(ReadConsistency::Strong))
            }
            (b"GetItem", [b"eventual"]) => Request::Get(GetItem::new(map)),
            (b"GetItem", _) => return Err(malformed("strong or eventual")),
            (b"PutItem", []) => Request::Put(PutItem {
                item: map,
                ..PutItem::default()
            }),
            (b"DeleteItem", []) => Request::Delete(DeleteItem {
                key: map,
                ..DeleteItem::default()
            }),
            _ => return Err(malformed("GetItem, PutItem or DeleteItem")),
        };
        Ok(Self {
            table: table.into(),
            request,
        })
    }
}

/// An answer as bytes: `+` and the item, if there is one; or `-`, the exception and its message.
pub(super) fn write_answer(result: &Result<Answer, Error>) -> Vec<u8> {
    let item = match result {
        Ok(answer) => answer.item(),
        Err(error) => return format!("-{} {error}", error.code()).into_bytes(),
    };
    let mut bytes = vec![b'+'];
    if let Some(item) = item {
        write_map(item, &mut bytes);
    }
    bytes
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    // Nothing in a request reaches 4 GiB: items have 400 KB at most.
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

fn write_map(map: &AttributeMap, out: &mut Vec<u8>) {
    out.extend((map.len() as u32).to_le_bytes());
    for (name, value) in map.iter() {
        write_bytes(name.as_bytes(), out);
        write_value(value, out);
    }
}

fn write_value(value: &AttributeValue, out: &mut Vec<u8>) {
    fn write_all<T>(tag: u8, all: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
        out.push(tag);
        out.extend((all.len() as u32).to_le_bytes());
        all.iter().for_each(|one| write(one, out));
    }
    let number = |number: &Number, out: &mut Vec<u8>| {
        write_bytes(number.to_string().as_bytes(), out);
    };
    match value {
        AttributeValue::String(text) => {
            out.push(b'S');
            write_bytes(text.as_bytes(), out);
        }
        AttributeValue::Number(value) => {
            out.push(b'N');
            number(value, out);
        }
        AttributeValue::Binary(bytes) => {
            out.push(b'B');
            write_bytes(bytes, out);
        }
        AttributeValue::Bool(truth) => out.push(if *truth { b't' } else { b'f' }),
        AttributeValue::Null => out.push(b'0'),
        AttributeValue::StringSet(set) => {
            write_all(b's', set.members(), out, |text, out| {
                write_bytes(text.as_bytes(), out);
            });
        }
        AttributeValue::NumberSet(set) => write_all(b'n', set.members(), out, number),
        AttributeValue::BinarySet(set) => {
            write_all(b'b', set.members(), out, |bytes, out| {
                write_bytes(bytes, out);
            });
        }
        AttributeValue::List(values) => write_all(b'L', values, out, write_value),
        AttributeValue::Map(map) => {
            out.push(b'M');
            write_map(map, out);
        }
    }
}

/// Reads values; nothing for what is none, or nests too deep.
struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }
    fn count(&mut self) -> Option<usize> {
        let bytes: [u8; 4] = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    }
    fn slice(&mut self) -> Option<&'b [u8]> {
        let count = self.count()?;
        self.take(count)
    }
    fn text(&mut self) -> Option<SmolStr> {
        Some(std::str::from_utf8(self.slice()?).ok()?.into())
    }
    fn number(&mut self) -> Option<Number> {
        self.text()?.parse().ok()
    }
    fn all<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count()?;
        // Every element takes a byte at least, so a false count reserves nothing.
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(one(self)?);
        }
        Some(all)
    }
    fn set<T: SetMember>(
        &mut self,
        one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<ValueSet<T>> {
        ValueSet::new(self.all(one)?).ok()
    }
    fn map(&mut self, level: u32) -> Option<Item> {
        let attributes = self.all(|reader| Some((reader.text()?, reader.value(level)?)))?;
        Some(attributes.into_iter().collect())
    }
    fn value(&mut self, level: u32) -> Option<AttributeValue> {
        if level >= NESTING_LEVELS_MAX {
            return None;
        }
        Some(match self.take(1)? {
            b"S" => AttributeValue::String(self.text()?),
            b"N" => AttributeValue::Number(self.number()?),
            b"B" => AttributeValue::Binary(self.slice()?.into()),
            b"t" => AttributeValue::Bool(true),
            b"f" => AttributeValue::Bool(false),
            b"0" => AttributeValue::Null,
            b"s" => AttributeValue::StringSet(self.set::<SmolStr>(Self::text)? as StringSet),
            b"n" => AttributeValue::NumberSet(self.set(Self::number)? as NumberSet),
            b"b" => {
                let bytes = |reader: &mut Self| Some(Box::from(reader.slice()?));
                AttributeValue::BinarySet(self.set::<Box<[u8]>>(bytes)? as BinarySet)
            }
            b"L" => AttributeValue::List(self.all(|reader| reader.value(level + 1))?),
            b"M" => AttributeValue::Map(self.map(level + 1)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Item {
        let set = StringSet::new(["a".into(), "b".into()]).expect("two members");
        let numbers = NumberSet::new([Number::from(1), Number::from(-2)]).expect("two members");
        let binaries = BinarySet::new([Box::from(*b"x")]).expect("a member");
        let inner = Item::from([("n", AttributeValue::Null), ("t", true.into())]);
        Item::from([
            ("pk", "key".into()),
            ("number", 42.into()),
            ("bytes", AttributeValue::from(&b"\0\xff"[..])),
            ("set", set.into()),
            ("numbers", numbers.into()),
            ("binaries", binaries.into()),
            ("list", vec![inner.into(), false.into()].into()),
        ])
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let put = Request::Put(PutItem {
            item: item(),
            ..PutItem::default()
        });
        let get = GetItem::new(item().only(["pk"])).consistency(ReadConsistency::Strong);
        for request in [put, Request::Get(get)] {
            let written = Arguments::write("table", &request).expect("it has no condition");
            let args: Vec<&[u8]> = written.iter().map(Vec::as_slice).collect();
            let read = ReadArguments::read(&args).expect("it was written so");
            assert_eq!((&*read.table, read.request), ("table", request));
        }
    }

    #[test]
    fn what_is_cut_or_nests_too_deep_is_refused() {
        let mut whole = Vec::new();
        write_map(&item(), &mut whole);
        for end in 0..whole.len() {
            let args: [&[u8]; 3] = [b"PutItem", b"table", &whole[..end]];
            assert!(ReadArguments::read(&args).is_err(), "{end}");
        }
        let mut deep = vec![1, 0, 0, 0, 1, 0, 0, 0, b'x'];
        for _ in 0..100_000 {
            deep.extend([b'L', 1, 0, 0, 0]);
        }
        let args: [&[u8]; 3] = [b"PutItem", b"table", &deep];
        assert!(ReadArguments::read(&args).is_err());
    }
}
