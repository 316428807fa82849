//! Popping from the first of several keys that has something.

use crate::node::call::is_option;
use crate::node::{Call, ErrorReply};
use crate::number::parse_i64;
use std::ops::Range;

/// What LMPOP and ZMPOP are asked for.
pub(crate) struct MultiPop<E> {
    /// The arguments that are keys.
    pub(crate) keys: Range<usize>,
    /// From which end.
    pub(crate) end: E,
    /// How many elements at most.
    pub(crate) count: usize,
}

/// Reads `numkeys key [key ...] END [COUNT count]` from argument `first` on (lmpopGenericCommand,
/// zmpopGenericCommand).
pub(crate) fn multi_pop<'c, E>(
    call: &Call<'c>,
    first: usize,
    end: impl Fn(&[u8]) -> Result<E, ErrorReply<'c>>,
) -> Result<MultiPop<E>, ErrorReply<'c>> {
    let positive = |arg: &[u8]| {
        let number = parse_i64(arg).and_then(|number| usize::try_from(number).ok());
        number.filter(|&number| number > 0)
    };
    let keys = positive(call.args[first]);
    let keys = keys.ok_or(ErrorReply::Fixed("ERR numkeys should be greater than 0"))?;
    let end_index = keys.checked_add(first + 1).ok_or(ErrorReply::Syntax)?;
    let end = end(call.args.get(end_index).ok_or(ErrorReply::Syntax)?)?;
    let mut count = None;
    let mut index = end_index + 1;
    while let Some(option) = call.args.get(index) {
        let Some(number) = call.args.get(index + 1) else {
            return Err(ErrorReply::Syntax);
        };
        if count.is_some() || !is_option(option, "count") {
            return Err(ErrorReply::Syntax);
        }
        let number = positive(number);
        count = Some(number.ok_or(ErrorReply::Fixed("ERR count should be greater than 0"))?);
        index += 2;
    }
    Ok(MultiPop {
        keys: first + 1..end_index,
        end,
        count: count.unwrap_or(1),
    })
}
