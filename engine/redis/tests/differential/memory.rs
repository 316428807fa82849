//! Data sets whose memory is compared, at least one for each encoding.

use crate::requests::{Request, words};

/// A name, and the requests that build it.
type DataSet = (&'static str, fn() -> Vec<Request>);

/// All data sets.
pub(crate) const DATA_SETS: &[DataSet] = &[
    ("lists of one listpack", || lists(1_000, 10, 8)),
    ("lists of many listpacks", || lists(2, 5_000, 30)),
    ("lists of elements larger than a listpack", || {
        lists(20, 20, 9_000)
    }),
];

/// `keys` lists of `elements` elements of about `bytes` bytes.
fn lists(keys: usize, elements: usize, bytes: usize) -> Vec<Request> {
    let element = |number: usize| format!("{number:x<bytes$}");
    let mut requests = Vec::new();
    for key in 0..keys {
        for number in 0..elements {
            requests.push(words(&[
                "RPUSH",
                &format!("list:{key:08}"),
                &element(number),
            ]));
        }
    }
    requests
}
