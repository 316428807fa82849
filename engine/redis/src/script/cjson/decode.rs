//! Reading JSON.

use super::{Invalid, Settings};
use crate::number::strtod;
use crate::script::raise::error;
use mlua::{Lua, Value};

/// Structures within structures that are read whatever a script sets: handles to values of Lua are
/// few.
const DEPTH_MAX: i32 = 3_500;

/// The value of a text.
pub(super) fn decode(lua: &Lua, text: &[u8], settings: &Settings) -> mlua::Result<Value> {
    if matches!(text, [0, _, ..] | [_, 0, ..]) {
        let text = "JSON parser does not support UTF-16 or UTF-32";
        return Err(error(lua, text));
    }
    let mut decoder = Decoder {
        lua,
        text,
        at: 0,
        reads_invalid: settings.decode_invalid == Invalid::On,
        depth: 0,
        depth_max: settings.decode_depth_max,
    };
    let first = decoder.next();
    let value = decoder.value(&first)?;
    let behind = decoder.next();
    match behind.kind {
        Kind::End => Ok(value),
        _ => Err(decoder.expected("the end", &behind)),
    }
}

/// What a token is.
#[derive(Debug, PartialEq)]
enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Kind {
    /// The name in errors.
    fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::String(_) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Error(what) => what,
        }
    }
}

/// A token and where it begins.
struct Token {
    kind: Kind,
    at: usize,
}

struct Decoder<'a> {
    lua: &'a Lua,
    text: &'a [u8],
    at: usize,
    reads_invalid: bool,
    depth: i32,
    depth_max: i32,
}

impl Decoder<'_> {
    /// The byte at a place; a zero ends the text wherever it stands.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }
    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or(&[])
    }
    fn expected(&self, what: &str, found: &Token) -> mlua::Error {
        let (name, place) = (found.kind.name(), found.at + 1);
        let text = format!("Expected {what} but found {name} at character {place}");
        error(self.lua, text)
    }
    fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let single = match self.byte(at) {
            b'{' => Kind::ObjectBegin,
            b'}' => Kind::ObjectEnd,
            b'[' => Kind::ArrayBegin,
            b']' => Kind::ArrayEnd,
            b',' => Kind::Comma,
            b':' => Kind::Colon,
            0 => {
                return Token {
                    kind: Kind::End,
                    at,
                };
            }
            b'"' => {
                return match self.string() {
                    Ok(text) => Token {
                        kind: Kind::String(text),
                        at,
                    },
                    // Errors within a string are placed where they are.
                    Err(what) => Token {
                        kind: Kind::Error(what),
                        at: self.at,
                    },
                };
            }
            _ => {
                let kind = self.word();
                return Token { kind, at };
            }
        };
        self.at += 1;
        Token { kind: single, at }
    }
    /// A number or a name.
    fn word(&mut self) -> Kind {
        let first = self.byte(self.at);
        for (name, kind) in [
            ("true", Kind::Boolean(true)),
            ("false", Kind::Boolean(false)),
            ("null", Kind::Null),
        ] {
            if self.rest().starts_with(name.as_bytes()) {
                self.at += name.len();
                return kind;
            }
        }
        let is_invalid = matches!(first, b'+' | b'-' | b'0'..=b'9' | b'I' | b'N' | b'i' | b'n')
            && self.is_invalid_number();
        match first {
            b'-' | b'0'..=b'9' if is_invalid && !self.reads_invalid => {
                Kind::Error("invalid number")
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ if is_invalid && self.reads_invalid => self.number(),
            _ => Kind::Error("invalid token"),
        }
    }
    /// Whether what follows is a number that C reads and JSON does not know.
    fn is_invalid_number(&self) -> bool {
        let mut rest = self.rest();
        if rest.first() == Some(&b'+') {
            return true;
        }
        rest = rest.strip_prefix(b"-").unwrap_or(rest);
        match rest {
            [b'0', next, ..] => matches!(next, b'x' | b'X' | b'0'..=b'9'),
            [first, ..] if *first <= b'9' => false,
            _ => {
                let begins = |name: &[u8]| {
                    let start = rest.get(..3);
                    start.is_some_and(|start| start.eq_ignore_ascii_case(name))
                };
                begins(b"inf") || begins(b"nan")
            }
        }
    }
    fn number(&mut self) -> Kind {
        match strtod(self.rest()) {
            (_, 0) => Kind::Error("invalid number"),
            (number, used) => {
                self.at += used;
                Kind::Number(number)
            }
        }
    }
    fn string(&mut self) -> Result<Vec<u8>, &'static str> {
        let mut text = Vec::new();
        self.at += 1;
        loop {
            let byte = match self.byte(self.at) {
                b'"' => break,
                0 => return Err("unexpected end of string"),
                b'\\' => {
                    let byte = match self.byte(self.at + 1) {
                        byte @ (b'"' | b'\\' | b'/') => byte,
                        b'b' => 0x08,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 0x0C,
                        b'r' => b'\r',
                        b'u' => {
                            let character = self.unicode();
                            let character = character.ok_or("invalid unicode escape code")?;
                            let mut bytes = [0; 4];
                            text.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
                            continue;
                        }
                        _ => return Err("invalid escape code"),
                    };
                    self.at += 1;
                    byte
                }
                byte => byte,
            };
            text.push(byte);
            self.at += 1;
        }
        self.at += 1;
        Ok(text)
    }
    /// The character of `\uXXXX`, or of two such that belong together.
    fn unicode(&mut self) -> Option<char> {
        let high = self.four_digits(self.at + 2)?;
        if !(0xD800..0xE000).contains(&high) {
            self.at += 6;
            return char::from_u32(high);
        }
        let is_pair = self.byte(self.at + 6) == b'\\' && self.byte(self.at + 7) == b'u';
        if high >= 0xDC00 || !is_pair {
            return None;
        }
        let low = self.four_digits(self.at + 8)?;
        if !(0xDC00..0xE000).contains(&low) {
            return None;
        }
        self.at += 12;
        char::from_u32(0x1_0000 + ((high & 0x3FF) << 10 | low & 0x3FF))
    }
    fn four_digits(&self, at: usize) -> Option<u32> {
        (at..at + 4).try_fold(0, |number, at| {
            let digit = char::from(self.byte(at)).to_digit(16)?;
            Some(number << 4 | digit)
        })
    }
    fn value(&mut self, token: &Token) -> mlua::Result<Value> {
        match &token.kind {
            Kind::String(text) => Ok(Value::String(self.lua.create_string(text)?)),
            Kind::Number(number) => Ok(Value::Number(*number)),
            Kind::Boolean(yes) => Ok(Value::Boolean(*yes)),
            Kind::Null => Ok(Value::NULL),
            Kind::ObjectBegin => self.object(),
            Kind::ArrayBegin => self.array(),
            _ => Err(self.expected("value", token)),
        }
    }
    fn descend(&mut self) -> mlua::Result<()> {
        self.depth += 1;
        match self.depth <= self.depth_max.min(DEPTH_MAX) {
            true => Ok(()),
            false => {
                let (depth, at) = (self.depth, self.at);
                let text =
                    format!("Found too many nested data structures ({depth}) at character {at}");
                Err(error(self.lua, text))
            }
        }
    }
    fn object(&mut self) -> mlua::Result<Value> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if token.kind != Kind::ObjectEnd {
            loop {
                let Kind::String(key) = &token.kind else {
                    return Err(self.expected("object key string", &token));
                };
                let key = self.lua.create_string(key)?;
                let colon = self.next();
                if colon.kind != Kind::Colon {
                    return Err(self.expected("colon", &colon));
                }
                let first = self.next();
                let value = self.value(&first)?;
                table.raw_set(key, value)?;
                token = self.next();
                match token.kind {
                    Kind::ObjectEnd => break,
                    Kind::Comma => token = self.next(),
                    _ => return Err(self.expected("comma or object end", &token)),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }
    fn array(&mut self) -> mlua::Result<Value> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        let mut index = 0;
        if token.kind != Kind::ArrayEnd {
            loop {
                let value = self.value(&token)?;
                index += 1;
                table.raw_set(index, value)?;
                token = self.next();
                match token.kind {
                    Kind::ArrayEnd => break,
                    Kind::Comma => token = self.next(),
                    _ => return Err(self.expected("comma or array end", &token)),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }
}
