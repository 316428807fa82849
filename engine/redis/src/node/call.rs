//! One command that is being carried out.

use super::error::{ErrorReply, c_string};
use crate::command::CommandSpec;
use crate::keyspace::count_allocation;
use crate::number::{Extended, INTEGER_TEXT_BYTES_MAX, parse_double, parse_i64};
use crate::resp::{Frame, Protocol};
use crate::value::StringValue;
use kvrig_base::seam::{Counter, Work};
use kvrig_base::time::Time;

/// What the functions of commands get: the request, the time, and where to leave the reply.
pub(crate) struct Call<'c> {
    pub(crate) spec: &'static CommandSpec,
    /// The request, the name included, with as many arguments as the command takes.
    pub(crate) args: &'c [&'c [u8]],
    /// The node's unix time in milliseconds, the same throughout the call.
    pub(crate) now_ms: i64,
    /// The node's monotonic time at the start of the call.
    pub(crate) now: Time,
    /// The form that replies take.
    pub(crate) protocol: Protocol,
    pub(crate) out: &'c mut Vec<u8>,
    pub(crate) work: &'c mut Work,
}

/// What functions of commands return; the reply is written unless there is an error.
pub(crate) type Outcome<'c> = Result<(), ErrorReply<'c>>;

/// The reply to what is no floating-point number.
pub(crate) const NOT_A_FLOAT: ErrorReply<'static> =
    ErrorReply::Fixed("ERR value is not a valid float");

/// Random elements with repeats that one request may ask for: their reply takes some 500 MB.
const REPEATS_MAX: i64 = 1 << 24;

impl<'c> Call<'c> {
    /// Writes one element of the reply.
    #[inline]
    pub(crate) fn reply(&mut self, frame: Frame<'_>) -> Outcome<'c> {
        self.work.count(Counter::ProtocolElements, 1);
        frame.encode_in(self.protocol, self.out);
        Ok(())
    }
    /// Replies `OK`.
    pub(crate) fn reply_ok(&mut self) -> Outcome<'c> {
        self.reply(Frame::Simple("OK"))
    }
    /// Replies an integer.
    pub(crate) fn reply_integer(&mut self, number: i64) -> Outcome<'c> {
        self.reply(Frame::Integer(number))
    }
    /// Replies that there is nothing: a string that is not there.
    pub(crate) fn reply_null(&mut self) -> Outcome<'c> {
        self.reply(Frame::Null)
    }
    /// Replies a string of bytes, which is copied.
    pub(crate) fn reply_bulk(&mut self, bytes: &[u8]) -> Outcome<'c> {
        self.work.count(Counter::BytesCopied, bytes.len() as u64);
        self.reply(Frame::Bulk(bytes))
    }
    /// Replies how many.
    pub(crate) fn reply_count(&mut self, count: usize) -> Outcome<'c> {
        self.reply_integer(i64::try_from(count).expect("counts stay below 2^63"))
    }
    /// The integer that argument `index` stands for.
    pub(crate) fn integer(&mut self, index: usize) -> Result<i64, ErrorReply<'c>> {
        let text = self.args[index];
        self.work.count(Counter::BytesScanned, text.len() as u64);
        parse_i64(text).ok_or(ErrorReply::NotAnInteger)
    }
    /// The same of 32 bits (getRangeLongFromObjectOrReply).
    pub(crate) fn integer_32(&mut self, index: usize) -> Result<i32, ErrorReply<'c>> {
        i32::try_from(self.integer(index)?).map_err(|_| {
            ErrorReply::Fixed(
                "ERR value is out of range, value must between -2147483648 and 2147483647",
            )
        })
    }
    /// An integer that can be negated (getRangeLongFromObjectOrReply from -LONG_MAX).
    pub(crate) fn negatable(&mut self, index: usize) -> Result<i64, ErrorReply<'c>> {
        match self.integer(index)? {
            i64::MIN => Err(ErrorReply::Fixed(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            )),
            number => Ok(number),
        }
    }
    /// Refuses more random elements with repeats than [`REPEATS_MAX`]. Redis draws as many as a
    /// negative number says, until it has no memory left; the error is its own for other ranges.
    pub(crate) fn limit_repeats(count: i64) -> Outcome<'c> {
        match count < -REPEATS_MAX {
            true => Err(ErrorReply::Fixed("ERR value is out of range")),
            false => Ok(()),
        }
    }
    /// An integer that must not be negative (getPositiveLongFromObjectOrReply).
    pub(crate) fn count(&mut self, index: usize) -> Result<usize, ErrorReply<'c>> {
        let refused = ErrorReply::Fixed("ERR value is out of range, must be positive");
        let text = self.args[index];
        self.work.count(Counter::BytesScanned, text.len() as u64);
        let number = parse_i64(text).ok_or(refused)?;
        usize::try_from(number).map_err(|_| refused)
    }
    /// The floating-point number that argument `index` stands for.
    pub(crate) fn double(&mut self, index: usize) -> Result<f64, ErrorReply<'c>> {
        let text = self.args[index];
        self.work.count(Counter::BytesScanned, text.len() as u64);
        parse_double(text).ok_or(NOT_A_FLOAT)
    }
    /// The same with 64 bits of mantissa.
    pub(crate) fn extended(&mut self, index: usize) -> Result<Extended, ErrorReply<'c>> {
        let text = self.args[index];
        self.work.count(Counter::BytesScanned, text.len() as u64);
        Extended::parse(text).ok_or(NOT_A_FLOAT)
    }
    /// The error of a wrong number of arguments.
    pub(crate) fn wrong_arity(&self) -> ErrorReply<'c> {
        ErrorReply::WrongArity {
            command: self.spec.name,
        }
    }
    /// The string that argument `index` is stored as.
    pub(crate) fn string(&mut self, index: usize) -> StringValue {
        let argument = self.args[index];
        if argument.len() <= INTEGER_TEXT_BYTES_MAX {
            self.work
                .count(Counter::BytesScanned, argument.len() as u64);
        }
        let value = StringValue::from_argument(argument);
        if value.stored_len() > 0 {
            count_allocation(value.stored_len(), self.work);
            self.work.count(Counter::BytesCopied, argument.len() as u64);
        }
        value
    }
}

/// Whether an argument is this option, in any case and up to a zero byte, as strcasecmp sees it.
pub(crate) fn is_option(arg: &[u8], option: &str) -> bool {
    c_string(arg).eq_ignore_ascii_case(option.as_bytes())
}
