//! Patterns of SCAN MATCH.

/// Whether `text` matches `pattern`, by the rules of `redis:src/util.c` (stringmatchlen) of 7.0:
/// `*`, `?`, `[abc]`, `[a-c]`, `[^a]`, and `\` before a character to be taken as it is.
///
/// Where a later part fails, only the last `*` is tried again one byte further: what an earlier one
/// could swallow, the last one can too. So the time is at most the product of the two lengths, and
/// no pattern makes it exponential.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // No text is left to be taken by a `*`: Redis's loop does not begin.
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut read) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    loop {
        if read == text.len() {
            return pattern[at..].iter().all(|&byte| byte == b'*');
        }
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            last_star = Some((at, read));
            continue;
        }
        match one(&pattern[at..], text[read]) {
            Some(used) => {
                at += used;
                read += 1;
            }
            None => {
                let Some((after, from)) = last_star else {
                    return false;
                };
                (at, read) = (after, from + 1);
                last_star = Some((after, from + 1));
            }
        }
    }
}

/// How much of the pattern stands for `byte`, if its first element does.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (holds, used) = class_holds(class, byte);
            holds.then_some(1 + used)
        }
        [b'\\', literal, ..] => (*literal == byte).then_some(2),
        [literal, ..] => (*literal == byte).then_some(1),
    }
}

/// Whether a class (what follows its `[`) holds `byte`, and its length with the closing bracket. A
/// class without one ends with the pattern.
fn class_holds(class: &[u8], byte: u8) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut holds = false;
    loop {
        match &class[at..] {
            [] => return (holds != negated, at),
            [b'\\', literal, ..] => {
                holds |= *literal == byte;
                at += 2;
            }
            [b']', ..] => return (holds != negated, at + 1),
            [low, b'-', high, ..] => {
                holds |= (low.min(high)..=low.max(high)).contains(&&byte);
                at += 3;
            }
            [literal, ..] => {
                holds |= *literal == byte;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_redis_matches() {
        for (pattern, text, expected) in [
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "hllo", true),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("[]", "]", false),
            ("a\\", "a\\", true),
            ("", "", true),
            ("*", "", false),
            ("**", "", false),
            ("a*", "a", true),
            ("a**", "a", true),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybzd", false),
            ("*aab", "aaaaab", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = b"a*".repeat(200);
        let text = b"a".repeat(199);
        assert!(!matches(&pattern, &text));
    }
}
