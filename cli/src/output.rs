//! Writing results to standard output, and tables of text.

use crate::failure::Failure;
use std::io::Write;

/// Writes `text` to standard output. Colours are removed where it is no terminal.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(Failure::system("standard output"))
}

/// Columns of text, each as wide as its widest cell, the last one not padded.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            if column + 1 == N {
                text.push_str(cell);
            } else {
                let width = width(column).unwrap_or(0);
                text.push_str(&format!("{cell:width$}  "));
            }
        }
        text.push('\n');
    }
    text
}

/// The name among `names` that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_last_is_not_padded() {
        let rows = [
            ["a".to_owned(), "one".to_owned()],
            ["long".to_owned(), "2".to_owned()],
        ];
        assert_eq!(columns(&rows), "a     one\nlong  2\n");
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_name_and_nonsense_none() {
        assert_eq!(
            nearest("rehahs", ["rehash", "hot-partitions"]),
            Some("rehash")
        );
        assert_eq!(nearest("kv1004", ["KV1003", "KV1004"]), Some("KV1004"));
        assert_eq!(nearest("zzzzzz", ["rehash", "hot-partitions"]), None);
    }
}
