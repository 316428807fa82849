//! Patterns of Lua 5.1, matched step by step (`lua:src/lstrlib.c`).
//!
//! Lua's own matcher is one call of C that nothing can interrupt, and a short pattern may keep it busy
//! for longer than anybody lives. This one counts what it does and lets its caller stop it. It goes back
//! by a list of choices and not by recursion: however long a pattern is, its stack stays small.
//!
//! A pattern ends at its first zero byte, as in C; `%z` stands for one. A subject may hold any bytes.

use std::cell::Cell;

/// Captures that a pattern may have (LUA_MAXCAPTURES).
const CAPTURES_MAX: usize = 32;
/// Steps after which the caller is asked whether to go on.
const STEPS_PER_CHECK: u64 = 100;
/// Longer lists of choices are given back to the system.
const CHOICES_KEPT_MAX: usize = 1_024;
/// What escapes a character or begins a class.
const ESCAPE: u8 = b'%';

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop<E> {
    /// The pattern is none, for this reason.
    Malformed(&'static str),
    /// The caller wants no more.
    Asked(E),
}

/// What a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// It has begun and not ended.
    Open,
    /// It is the position alone: `()`.
    Position,
    /// So many bytes.
    Bytes(usize),
}

/// A capture: where it begins in the subject, and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capture {
    pub(super) start: usize,
    pub(super) extent: Extent,
}

/// A way that was not taken yet, or what is to be undone before one is.
#[derive(Clone, Copy, Debug)]
enum Choice {
    /// One repetition less of the item in front of `behind`, which fits from `at` on for `more` bytes.
    Fewer {
        at: usize,
        more: usize,
        behind: usize,
    },
    /// One repetition more of the item at `item`, which ends at `end`.
    More { at: usize, item: usize, end: usize },
    /// To go on here without the item.
    Without { at: usize, behind: usize },
    /// A capture that was begun.
    Begun,
    /// A capture that was ended.
    Ended { capture: usize },
}

/// Lists of a matcher that has ended, for the next: most searches are shorter than getting memory.
#[derive(Debug, Default)]
pub(super) struct Lists {
    captures: Vec<Capture>,
    choices: Vec<Choice>,
}

/// A subject and a pattern. What is counted goes to `spend`, which may stop the search.
pub(super) struct Matcher<'a, F> {
    subject: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<Capture>,
    choices: Vec<Choice>,
    /// Where both go in the end.
    lists: &'a Cell<Lists>,
    /// Steps that `spend` has not heard of.
    steps: u64,
    spend: F,
}

impl<F> Drop for Matcher<'_, F> {
    fn drop(&mut self) {
        if self.choices.capacity() <= CHOICES_KEPT_MAX {
            self.lists.set(Lists {
                captures: std::mem::take(&mut self.captures),
                choices: std::mem::take(&mut self.choices),
            });
        }
    }
}

impl<'a, E, F: FnMut(u64) -> Result<(), E>> Matcher<'a, F> {
    /// A pattern without the anchor that it may begin with.
    pub(super) fn new(
        subject: &'a [u8],
        pattern: &'a [u8],
        lists: &'a Cell<Lists>,
        spend: F,
    ) -> Self {
        let end = pattern.iter().position(|byte| *byte == 0);
        let Lists { captures, choices } = lists.take();
        Self {
            subject,
            pattern: &pattern[..end.unwrap_or(pattern.len())],
            captures,
            choices,
            lists,
            steps: 0,
            spend,
        }
    }
    /// The captures of the last match.
    pub(super) fn captures(&self) -> &[Capture] {
        &self.captures
    }
    /// Counts so many steps more.
    pub(super) fn count(&mut self, steps: u64) {
        self.steps += steps;
    }
    /// Tells `spend` of the steps that it has not heard of.
    pub(super) fn settle(&mut self) -> Result<(), Stop<E>> {
        (self.spend)(std::mem::take(&mut self.steps)).map_err(Stop::Asked)
    }

    #[inline]
    fn step(&mut self) -> Result<(), Stop<E>> {
        self.steps += 1;
        match self.steps >= STEPS_PER_CHECK {
            true => self.settle(),
            false => Ok(()),
        }
    }
    /// The pattern's byte; zero is behind its end.
    #[inline]
    fn at(&self, place: usize) -> u8 {
        self.pattern.get(place).copied().unwrap_or(0)
    }

    /// Where a match that begins at `start` ends.
    pub(super) fn match_at(&mut self, start: usize) -> Result<Option<usize>, Stop<E>> {
        self.captures.clear();
        self.choices.clear();
        let (mut subject, mut pattern) = (start, 0);
        loop {
            self.step()?;
            let next = match self.at(pattern) {
                0 => return Ok(Some(subject)),
                b'(' => self.begin_capture(subject, pattern).map(Some)?,
                b')' => self.end_capture(subject, pattern).map(Some)?,
                b'$' if self.at(pattern + 1) == 0 => {
                    let is_end = subject == self.subject.len();
                    is_end.then_some((subject, pattern + 1))
                }
                ESCAPE => match self.at(pattern + 1) {
                    b'b' => self.balanced(subject, pattern)?,
                    b'f' => self.frontier(subject, pattern)?,
                    digit if digit.is_ascii_digit() => self.repeated(subject, pattern)?,
                    _ => self.item(subject, pattern)?,
                },
                _ => self.item(subject, pattern)?,
            };
            let next = match next {
                Some(next) => Some(next),
                None => self.go_back()?,
            };
            match next {
                Some(next) => (subject, pattern) = next,
                None => return Ok(None),
            }
        }
    }

    /// Takes the last choice that is left, and says where it leads.
    fn go_back(&mut self) -> Result<Option<(usize, usize)>, Stop<E>> {
        while let Some(choice) = self.choices.pop() {
            self.step()?;
            match choice {
                Choice::Begun => {
                    self.captures.pop();
                }
                Choice::Ended { capture } => self.captures[capture].extent = Extent::Open,
                Choice::Without { at, behind } => return Ok(Some((at, behind))),
                Choice::Fewer { at, more, behind } => {
                    return Ok(Some(self.fewer(at, more, behind)));
                }
                Choice::More { at, item, end } => {
                    if self.fits(at, item, end) {
                        return Ok(Some(self.more(at + 1, item, end)));
                    }
                }
            }
        }
        Ok(None)
    }
    /// As many repetitions as fit, and one less whenever that leads nowhere.
    fn fewer(&mut self, at: usize, more: usize, behind: usize) -> (usize, usize) {
        if let Some(more) = more.checked_sub(1) {
            self.choices.push(Choice::Fewer { at, more, behind });
        }
        (at + more, behind)
    }
    /// No repetition, and one more whenever that leads nowhere.
    fn more(&mut self, at: usize, item: usize, end: usize) -> (usize, usize) {
        self.choices.push(Choice::More { at, item, end });
        (at, end + 1)
    }

    /// One class or character, with what says how often it may be there.
    fn item(&mut self, subject: usize, item: usize) -> Result<Option<(usize, usize)>, Stop<E>> {
        let end = self.end_of_class(item)?;
        let fits = self.fits(subject, item, end);
        Ok(match self.at(end) {
            b'?' => {
                let behind = end + 1;
                if !fits {
                    return Ok(Some((subject, behind)));
                }
                let at = subject;
                self.choices.push(Choice::Without { at, behind });
                Some((subject + 1, behind))
            }
            b'*' => Some(self.longest(subject, item, end)?),
            b'+' if fits => Some(self.longest(subject + 1, item, end)?),
            b'-' => Some(self.more(subject, item, end)),
            b'+' => None,
            _ => fits.then_some((subject + 1, end)),
        })
    }
    fn longest(
        &mut self,
        subject: usize,
        item: usize,
        end: usize,
    ) -> Result<(usize, usize), Stop<E>> {
        let mut more = 0;
        while self.fits(subject + more, item, end) {
            self.step()?;
            more += 1;
        }
        Ok(self.fewer(subject, more, end + 1))
    }

    fn begin_capture(&mut self, start: usize, pattern: usize) -> Result<(usize, usize), Stop<E>> {
        if self.captures.len() >= CAPTURES_MAX {
            return Err(Stop::Malformed("too many captures"));
        }
        let (extent, behind) = match self.at(pattern + 1) {
            b')' => (Extent::Position, pattern + 2),
            _ => (Extent::Open, pattern + 1),
        };
        self.captures.push(Capture { start, extent });
        self.choices.push(Choice::Begun);
        Ok((start, behind))
    }
    fn end_capture(&mut self, subject: usize, pattern: usize) -> Result<(usize, usize), Stop<E>> {
        let is_open = |capture: &Capture| capture.extent == Extent::Open;
        let Some(capture) = self.captures.iter().rposition(is_open) else {
            return Err(Stop::Malformed("invalid pattern capture"));
        };
        let bytes = subject - self.captures[capture].start;
        self.captures[capture].extent = Extent::Bytes(bytes);
        self.choices.push(Choice::Ended { capture });
        Ok((subject, pattern + 1))
    }
    /// `%1` to `%9`: what a capture holds, once more. Of a position there is no more.
    fn repeated(
        &mut self,
        subject: usize,
        pattern: usize,
    ) -> Result<Option<(usize, usize)>, Stop<E>> {
        let digit = usize::from(self.at(pattern + 1) - b'0');
        let capture = digit.checked_sub(1).and_then(|at| self.captures.get(at));
        let Some(capture) = capture.filter(|capture| capture.extent != Extent::Open) else {
            return Err(Stop::Malformed("invalid capture index"));
        };
        let Extent::Bytes(bytes) = capture.extent else {
            return Ok(None);
        };
        // Comparing is counted by lines of a cache.
        self.steps += bytes as u64 / 64;
        let held = &self.subject[capture.start..capture.start + bytes];
        let is_there = self.subject[subject..].starts_with(held);
        Ok(is_there.then_some((subject + bytes, pattern + 2)))
    }
    /// `%bxy`: from an x to the y that closes it.
    fn balanced(
        &mut self,
        subject: usize,
        pattern: usize,
    ) -> Result<Option<(usize, usize)>, Stop<E>> {
        let (open, close) = (self.at(pattern + 2), self.at(pattern + 3));
        if open == 0 || close == 0 {
            return Err(Stop::Malformed("unbalanced pattern"));
        }
        if self.subject.get(subject) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1_usize;
        for place in subject + 1..self.subject.len() {
            self.step()?;
            let byte = self.subject[place];
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some((place + 1, pattern + 4)));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }
    /// `%f[…]`: between a character outside of the set and one inside. Around the subject are zeros.
    fn frontier(
        &mut self,
        subject: usize,
        pattern: usize,
    ) -> Result<Option<(usize, usize)>, Stop<E>> {
        let set = pattern + 2;
        if self.at(set) != b'[' {
            return Err(Stop::Malformed("missing '[' after '%f' in pattern"));
        }
        let end = self.end_of_class(set)?;
        let byte = |place: Option<usize>| -> u8 {
            let byte = place.and_then(|place| self.subject.get(place));
            byte.copied().unwrap_or(0)
        };
        let (before, here) = (byte(subject.checked_sub(1)), byte(Some(subject)));
        let set = &self.pattern[set..end];
        let is_there = !is_in_set(before, set) && is_in_set(here, set);
        Ok(is_there.then_some((subject, end)))
    }

    /// Where the class or character ends that begins at `place`.
    fn end_of_class(&self, place: usize) -> Result<usize, Stop<E>> {
        match self.at(place) {
            ESCAPE if self.at(place + 1) == 0 => {
                Err(Stop::Malformed("malformed pattern (ends with '%')"))
            }
            ESCAPE => Ok(place + 2),
            b'[' => {
                let mut place = place + 1;
                if self.at(place) == b'^' {
                    place += 1;
                }
                // A bracket that is first closes nothing.
                loop {
                    let byte = self.at(place);
                    if byte == 0 {
                        return Err(Stop::Malformed("malformed pattern (missing ']')"));
                    }
                    place += 1;
                    if byte == ESCAPE && self.at(place) != 0 {
                        place += 1;
                    }
                    if self.at(place) == b']' {
                        return Ok(place + 1);
                    }
                }
            }
            _ => Ok(place + 1),
        }
    }
    /// Whether the subject has a byte there that the class or character stands for.
    #[inline]
    fn fits(&self, subject: usize, item: usize, end: usize) -> bool {
        let Some(&byte) = self.subject.get(subject) else {
            return false;
        };
        match self.pattern[item] {
            b'.' => true,
            ESCAPE => is_in_class(byte, self.at(item + 1)),
            b'[' => is_in_set(byte, &self.pattern[item..end]),
            own => own == byte,
        }
    }
}

/// Whether a set, `[…]`, has a byte.
fn is_in_set(byte: u8, set: &[u8]) -> bool {
    let last = set.len() - 1;
    let is_complement = set[1] == b'^';
    let mut place = if is_complement { 2 } else { 1 };
    while place < last {
        let first = set[place];
        if first == ESCAPE {
            // The bracket that ends the set may be what is escaped.
            if is_in_class(byte, set[place + 1]) {
                return !is_complement;
            }
            place += 2;
        } else if set[place + 1] == b'-' && place + 2 < last {
            if (first..=set[place + 2]).contains(&byte) {
                return !is_complement;
            }
            place += 3;
        } else {
            if first == byte {
                return !is_complement;
            }
            place += 1;
        }
    }
    is_complement
}

/// Whether a class, `%a` and the like, has a byte; in capitals it is all that the other has not.
#[inline]
fn is_in_class(byte: u8, class: u8) -> bool {
    let has = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    has == class.is_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the first match is, with as many steps as a search may take.
    fn find(subject: &str, pattern: &str, most: u64) -> Result<Option<(usize, usize)>, Stop<()>> {
        let mut left = most;
        let spend = |steps| {
            left = u64::checked_sub(left, steps).ok_or(())?;
            Ok(())
        };
        let lists = Cell::default();
        let mut matcher = Matcher::new(subject.as_bytes(), pattern.as_bytes(), &lists, spend);
        for start in 0..=subject.len() {
            if let Some(end) = matcher.match_at(start)? {
                return Ok(Some((start, end)));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_search_that_would_not_end_is_stopped_after_as_many_steps_as_it_may_take() {
        let subject = "a".repeat(30_000);
        let pattern = format!("{}b", ".-".repeat(20));
        assert_eq!(find(&subject, &pattern, 1_000_000), Err(Stop::Asked(())));
    }

    #[test]
    fn a_pattern_of_a_million_items_needs_no_stack() {
        let pattern = "a?".repeat(1_000_000);
        assert_eq!(find("aaa", &pattern, u64::MAX), Ok(Some((0, 3))));
    }

    #[test]
    fn steps_of_an_ordinary_search_are_about_the_bytes_that_it_looks_at() {
        let subject = format!("{}key:123", " ".repeat(90));
        assert_eq!(find(&subject, "(%a+):(%d+)", 300), Ok(Some((90, 97))));
        assert_eq!(find(&subject, "(%a+):(%d+)", 80), Err(Stop::Asked(())));
    }
}
