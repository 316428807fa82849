//! Ranges of scores and of members.

use crate::number::strtod;

/// One end of a range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreEnd {
    /// The score.
    pub score: f64,
    /// Whether the score itself is outside.
    pub is_excluded: bool,
}

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lower end.
    pub min: ScoreEnd,
    /// The upper end.
    pub max: ScoreEnd,
}

impl ScoreEnd {
    /// Reads an end: a number, behind `(` if it is outside (zslParseRange).
    fn parse(text: &[u8]) -> Option<Self> {
        let is_excluded = text.first() == Some(&b'(');
        let text = &text[usize::from(is_excluded)..];
        let (score, used) = strtod(text);
        // C sees an argument up to its first zero byte.
        let is_whole = text.get(used).is_none_or(|&byte| byte == 0);
        (is_whole && !score.is_nan()).then_some(Self { score, is_excluded })
    }
}

impl ScoreRange {
    /// Reads both ends; `None` if one is no number.
    pub fn parse(min: &[u8], max: &[u8]) -> Option<Self> {
        Some(Self {
            min: ScoreEnd::parse(min)?,
            max: ScoreEnd::parse(max)?,
        })
    }
    /// Whether a score lies before the range.
    pub fn is_above(&self, score: f64) -> bool {
        match self.min.is_excluded {
            true => score <= self.min.score,
            false => score < self.min.score,
        }
    }
    /// Whether a score lies behind the range.
    pub fn is_below(&self, score: f64) -> bool {
        match self.max.is_excluded {
            true => score >= self.max.score,
            false => score > self.max.score,
        }
    }
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberEnd<'a> {
    /// Before all (`-`).
    First,
    /// Behind all (`+`).
    Last,
    /// At a member.
    At {
        /// The member.
        member: &'a [u8],
        /// Whether the member itself is outside.
        is_excluded: bool,
    },
}

impl<'a> MemberEnd<'a> {
    /// Reads an end (zslParseLexRangeItem).
    fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            b"-" => Some(Self::First),
            b"+" => Some(Self::Last),
            [mark @ (b'(' | b'['), member @ ..] => Some(Self::At {
                member,
                is_excluded: *mark == b'(',
            }),
            _ => None,
        }
    }
}

/// A range of members, for sets whose scores are all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRange<'a> {
    /// The lower end.
    pub min: MemberEnd<'a>,
    /// The upper end.
    pub max: MemberEnd<'a>,
}

impl<'a> MemberRange<'a> {
    /// Reads both ends; `None` if one is not written as it must be.
    pub fn parse(min: &'a [u8], max: &'a [u8]) -> Option<Self> {
        Some(Self {
            min: MemberEnd::parse(min)?,
            max: MemberEnd::parse(max)?,
        })
    }
    /// Whether a member lies before the range.
    pub fn is_above(&self, member: &[u8]) -> bool {
        match self.min {
            MemberEnd::First => false,
            MemberEnd::Last => true,
            MemberEnd::At {
                member: end,
                is_excluded: true,
            } => member <= end,
            MemberEnd::At { member: end, .. } => member < end,
        }
    }
    /// Whether a member lies behind the range.
    pub fn is_below(&self, member: &[u8]) -> bool {
        match self.max {
            MemberEnd::First => true,
            MemberEnd::Last => false,
            MemberEnd::At {
                member: end,
                is_excluded: true,
            } => member >= end,
            MemberEnd::At { member: end, .. } => member > end,
        }
    }
}

/// A range of either kind.
#[derive(Clone, Copy, Debug)]
pub enum Range<'a> {
    /// Of scores.
    Scores(ScoreRange),
    /// Of members.
    Members(MemberRange<'a>),
}

impl Range<'_> {
    /// Whether an entry lies before the range.
    pub fn is_above(&self, score: f64, member: &[u8]) -> bool {
        match self {
            Self::Scores(range) => range.is_above(score),
            Self::Members(range) => range.is_above(member),
        }
    }
    /// Whether an entry lies behind the range.
    pub fn is_below(&self, score: f64, member: &[u8]) -> bool {
        match self {
            Self::Scores(range) => range.is_below(score),
            Self::Members(range) => range.is_below(member),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_score_ranges_are_read_as_c_reads_them() {
        for (text, expected) in [
            ("1", Some((1.0, false))),
            ("(1.5", Some((1.5, true))),
            ("-inf", Some((f64::NEG_INFINITY, false))),
            ("", Some((0.0, false))),
            ("(", Some((0.0, true))),
            (" 7", Some((7.0, false))),
            ("7 ", None),
            ("((1", None),
            ("nan", None),
            ("x", None),
        ] {
            let end = ScoreEnd::parse(text.as_bytes()).map(|end| (end.score, end.is_excluded));
            assert_eq!(end, expected, "{text:?}");
        }
    }

    #[test]
    fn ends_of_member_ranges_need_their_mark() {
        assert_eq!(MemberEnd::parse(b"-"), Some(MemberEnd::First));
        assert_eq!(MemberEnd::parse(b"+"), Some(MemberEnd::Last));
        assert!(MemberEnd::parse(b"(a").is_some());
        assert!(MemberEnd::parse(b"[").is_some());
        assert_eq!(MemberEnd::parse(b"a"), None);
        assert_eq!(MemberEnd::parse(b""), None);
        assert_eq!(MemberEnd::parse(b"-x"), None);
    }
}
