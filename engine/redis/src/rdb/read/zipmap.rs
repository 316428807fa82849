//! Zipmaps, the compact hashes before 2.6 (`redis:src/zipmap.c`).
//!
//! ```text
//!   fields           field         value                    ...   end
//!   u8, 254 or more  [length] ...  [length][unused] ... ...       0xFF
//!   = count them
//! ```
//!
//! A length takes one byte, or five of which the first is 0xFE; the last four are little endian.

const END: u8 = 0xFF;
/// Lengths and numbers of fields from here on are not stated by one byte.
const LONG: u8 = 0xFE;

/// Visits the fields of a zipmap with their values (zipmapValidateIntegrity, deep).
///
/// # Errors
/// What is wrong, in a few words; fields may have been visited before it was met.
pub(super) fn for_each(
    bytes: &[u8],
    mut visit: impl FnMut(&[u8], &[u8]),
) -> Result<(), &'static str> {
    let Some((&stated, rest)) = bytes.split_first() else {
        return Err("a zipmap without a byte");
    };
    let cut = "a zipmap with a field beyond its end";
    let (mut rest, mut count) = (rest, 0_usize);
    while *rest.first().ok_or(cut)? != END {
        let field = text(&mut rest, 0).ok_or(cut)?;
        let value = text(&mut rest, 1).ok_or(cut)?;
        visit(field, value);
        count += 1;
    }
    match () {
        () if rest.len() != 1 => Err("a zipmap that ends before its last byte"),
        () if stated < LONG && usize::from(stated) != count => {
            Err("a zipmap that states another number of fields than it has")
        }
        () => Ok(()),
    }
}

/// Takes a text off the front, in front of which stands, behind its length, how many bytes behind it
/// are unused, where it has such a byte.
fn text<'a>(rest: &mut &'a [u8], unused_bytes: usize) -> Option<&'a [u8]> {
    let (length, head) = match *rest.first()? {
        END => return None,
        LONG => {
            let mut word = [0; 4];
            word.copy_from_slice(rest.get(1..5)?);
            (u32::from_le_bytes(word) as usize, 5)
        }
        length => (length.into(), 1),
    };
    let unused = match unused_bytes {
        0 => 0,
        _ => usize::from(*rest.get(head)?),
    };
    let start = head + unused_bytes;
    let end = start.checked_add(length)?;
    let text = rest.get(start..end)?;
    *rest = rest.get(end.checked_add(unused)?..)?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Fields = Vec<(Vec<u8>, Vec<u8>)>;

    fn fields(bytes: &[u8]) -> Result<Fields, &'static str> {
        let mut all = Vec::new();
        for_each(bytes, |field, value| {
            all.push((field.to_vec(), value.to_vec()));
        })?;
        Ok(all)
    }

    /// The zipmap that the comments of `redis:src/zipmap.c` print.
    const EXAMPLE: &[u8] = b"\x02\x03foo\x03\x00bar\x05hello\x05\x00world\xff";

    #[test]
    fn the_published_example_is_read() {
        let pair = |field: &[u8], value: &[u8]| (field.to_vec(), value.to_vec());
        assert_eq!(
            fields(EXAMPLE),
            Ok(vec![pair(b"foo", b"bar"), pair(b"hello", b"world")])
        );
        assert_eq!(
            fields(b"\x01\xfe\x03\0\0\0foo\x02\x03ba...\xff"),
            Ok(vec![pair(b"foo", b"ba")])
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = EXAMPLE.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = fields(&bytes);
            prop_assert!(fields(&bytes[..at]).is_err());
        }
    }
}
