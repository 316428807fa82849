//! Errors of commands, with the texts of Redis 7.0.15.

use std::borrow::Cow;

/// Bytes of a command's name, and of its arguments together, that an error quotes.
const QUOTED_BYTES_MAX: usize = 128;

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorReply<'a> {
    UnknownCommand {
        args: &'a [&'a [u8]],
    },
    WrongArity {
        command: &'static str,
    },
    UnknownSubcommand {
        command: &'static str,
        subcommand: &'a [u8],
    },
    /// A text around something that the client has sent.
    Quoting {
        before: &'static str,
        quoted: &'a [u8],
        after: &'static str,
    },
    /// The same around two things.
    QuotingTwo {
        texts: [&'static str; 3],
        quoted: [&'a [u8]; 2],
    },
    /// A text that depends on nothing.
    Fixed(&'static str),
    Syntax,
    WrongType,
    NoSuchKey,
    NotAnInteger,
    IncrementOverflow,
    DecrementOverflow,
    StringTooLong,
    /// Coordinates that have no geohash, as the bits of their numbers.
    InvalidPlace {
        longitude_bits: u64,
        latitude_bits: u64,
    },
    NoInputKeys {
        command: &'static str,
    },
    InvalidExpireTime {
        command: &'static str,
    },
    NotExistsWithOthers,
    GreaterWithLess,
    UnsupportedOption {
        option: &'a [u8],
    },
    InvalidCursor,
    DatabaseOutOfRange,
    AlreadySaving,
    OutOfMemory,
}

impl ErrorReply<'_> {
    /// The reply, without the mark and line end of the wire format.
    pub(crate) fn text(&self) -> Cow<'static, [u8]> {
        let fixed: &[u8] = match self {
            Self::UnknownCommand { args } => return Cow::Owned(unknown_command(args)),
            Self::WrongArity { command } => {
                let text = format!("ERR wrong number of arguments for '{command}' command");
                return Cow::Owned(text.into_bytes());
            }
            Self::UnknownSubcommand {
                command,
                subcommand,
            } => {
                let quoted = c_string(subcommand);
                let quoted = &quoted[..quoted.len().min(QUOTED_BYTES_MAX)];
                let rest = format!("'. Try {} HELP.", command.to_ascii_uppercase());
                let parts = [b"ERR unknown subcommand '", quoted, rest.as_bytes()];
                return Cow::Owned(parts.concat());
            }
            Self::Quoting {
                before,
                quoted,
                after,
            } => {
                let parts = [before.as_bytes(), c_string(quoted), after.as_bytes()];
                return Cow::Owned(parts.concat());
            }
            Self::QuotingTwo { texts, quoted } => {
                let [before, between, after] = texts.map(str::as_bytes);
                let [first, second] = quoted.map(c_string);
                return Cow::Owned([before, first, between, second, after].concat());
            }
            Self::InvalidPlace {
                longitude_bits,
                latitude_bits,
            } => {
                let text = format!(
                    "ERR invalid longitude,latitude pair {:.6},{:.6}",
                    f64::from_bits(*longitude_bits),
                    f64::from_bits(*latitude_bits)
                );
                return Cow::Owned(text.into_bytes());
            }
            Self::NoInputKeys { command } => {
                let text = format!("ERR at least 1 input key is needed for '{command}' command");
                return Cow::Owned(text.into_bytes());
            }
            Self::InvalidExpireTime { command } => {
                let text = format!("ERR invalid expire time in '{command}' command");
                return Cow::Owned(text.into_bytes());
            }
            Self::UnsupportedOption { option } => {
                return Cow::Owned([b"ERR Unsupported option ", c_string(option)].concat());
            }
            Self::Fixed(text) => text.as_bytes(),
            Self::Syntax => b"ERR syntax error",
            Self::NoSuchKey => b"ERR no such key",
            Self::WrongType => b"WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::NotAnInteger => b"ERR value is not an integer or out of range",
            Self::IncrementOverflow => b"ERR increment or decrement would overflow",
            Self::DecrementOverflow => b"ERR decrement would overflow",
            Self::StringTooLong => b"ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::NotExistsWithOthers => {
                b"ERR NX and XX, GT or LT options at the same time are not compatible"
            }
            Self::GreaterWithLess => b"ERR GT and LT options at the same time are not compatible",
            Self::InvalidCursor => b"ERR invalid cursor",
            Self::AlreadySaving => b"ERR Background save already in progress",
            Self::OutOfMemory => b"OOM command not allowed when used memory > 'maxmemory'.",
            Self::DatabaseOutOfRange => b"ERR DB index is out of range",
        };
        Cow::Borrowed(fixed)
    }
}

/// Quotes the name and as many arguments as fit (`redis:src/server.c`, commandCheckExistence).
fn unknown_command(args: &[&[u8]]) -> Vec<u8> {
    let cut = |text: &[u8], most: usize| text[..text.len().min(most)].to_vec();
    let (name, rest) = args.split_first().expect("a request has a name");
    let mut quoted = Vec::new();
    for arg in rest {
        if quoted.len() >= QUOTED_BYTES_MAX {
            break;
        }
        let room = QUOTED_BYTES_MAX - quoted.len();
        quoted.extend([b"'", cut(c_string(arg), room).as_slice(), b"' "].concat());
    }
    let name = cut(c_string(name), QUOTED_BYTES_MAX);
    let parts = [
        b"ERR unknown command '",
        &*name,
        b"', with args beginning with: ",
        &quoted,
    ];
    parts.concat()
}

/// What C's string functions see of an argument: up to its first zero byte.
pub(crate) fn c_string(arg: &[u8]) -> &[u8] {
    let end = arg.iter().position(|&byte| byte == 0).unwrap_or(arg.len());
    &arg[..end]
}
