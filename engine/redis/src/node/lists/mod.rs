//! Commands on lists (`redis:src/t_list.c`).

mod edit;
mod ends;
mod multi;
mod read;

pub(crate) use ends::{end, move_element, pop_one, pop_range};
pub(crate) use multi::{MultiPop, multi_pop};

use crate::command::commands;

commands! { List;
    "lindex", 3, [READONLY], FIRST, "1.0.0" => Database(read::lindex);
    "linsert", 5, [WRITE DENYOOM], FIRST, "2.2.0" => Database(edit::linsert);
    "llen", 2, [READONLY FAST], FIRST, "1.0.0" => Database(read::llen);
    "lmove", 5, [WRITE DENYOOM], FIRST_TWO, "6.2.0" => Database(ends::lmove);
    "lmpop", -4, [WRITE MOVABLEKEYS], NONE, "7.0.0" => Database(ends::lmpop);
    "lpop", -2, [WRITE FAST], FIRST, "1.0.0" => Database(ends::lpop);
    "lpos", -3, [READONLY], FIRST, "6.0.6" => Database(read::lpos);
    "lpush", -3, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(ends::lpush);
    "lpushx", -3, [WRITE DENYOOM FAST], FIRST, "2.2.0" => Database(ends::lpushx);
    "lrange", 4, [READONLY], FIRST, "1.0.0" => Database(read::lrange);
    "lrem", 4, [WRITE], FIRST, "1.0.0" => Database(edit::lrem);
    "lset", 4, [WRITE DENYOOM], FIRST, "1.0.0" => Database(edit::lset);
    "ltrim", 4, [WRITE], FIRST, "1.0.0" => Database(edit::ltrim);
    "rpop", -2, [WRITE FAST], FIRST, "1.0.0" => Database(ends::rpop);
    "rpoplpush", 3, [WRITE DENYOOM], FIRST_TWO, "1.2.0" => Database(ends::rpoplpush);
    "rpush", -3, [WRITE DENYOOM FAST], FIRST, "1.0.0" => Database(ends::rpush);
    "rpushx", -3, [WRITE DENYOOM FAST], FIRST, "2.2.0" => Database(ends::rpushx);
}

/// The elements from `start` to `stop`, which may count from the end, of a list of `length`: the
/// first and how many.
pub(crate) fn resolve(start: i64, stop: i64, length: usize) -> (usize, usize) {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let start = if start < 0 {
        (start + length).max(0)
    } else {
        start
    };
    let stop = if stop < 0 {
        stop + length
    } else {
        stop.min(length - 1)
    };
    if start > stop || start >= length {
        return (0, 0);
    }
    (start as usize, (stop - start + 1) as usize)
}

/// The element that `index` names, which may count from the end.
fn element(index: i64, length: usize) -> Option<usize> {
    let index = match index {
        0.. => index,
        _ => index.checked_add(i64::try_from(length).ok()?)?,
    };
    usize::try_from(index).ok().filter(|&index| index < length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_may_count_from_the_end() {
        for (start, stop, expected) in [
            (0, -1, (0, 5)),
            (0, 0, (0, 1)),
            (-2, -1, (3, 2)),
            (-100, 100, (0, 5)),
            (3, 2, (0, 0)),
            (5, 9, (0, 0)),
            (0, -6, (0, 0)),
            (i64::MIN, i64::MAX, (0, 5)),
        ] {
            assert_eq!(resolve(start, stop, 5), expected, "{start} {stop}");
        }
    }

    #[test]
    fn an_index_may_count_from_the_end() {
        assert_eq!(element(0, 3), Some(0));
        assert_eq!(element(-1, 3), Some(2));
        assert_eq!(element(3, 3), None);
        assert_eq!(element(-4, 3), None);
        assert_eq!(element(i64::MIN, 3), None);
    }
}
