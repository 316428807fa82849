//! Random requests that are rich in edges, one file for each group of commands.

mod lists;
mod strings;
mod wire;

pub(crate) use wire::{raw_replies_of_node, wire_pieces};

use kvrig_base::random::Sequence;

/// The arguments of a request, its command first.
pub(crate) type Request = Vec<Vec<u8>>;

/// A group of requests: its name, and what draws one.
pub(crate) type Group = (&'static str, fn(&mut Sequence) -> Request);

/// All groups; each is compared alone and all together.
pub(crate) const GROUPS: &[Group] = &[("strings", strings::request), ("lists", lists::request)];

/// Keys that never have an expiry.
pub(crate) const LASTING: &[&str] = &[
    "k1",
    "k2",
    "k3",
    "",
    "a-key-that-is-too-long-to-lie-in-its-record",
];

/// One word of a pool.
fn pick<'a, T: ?Sized>(random: &mut Sequence, pool: &[&'a T]) -> &'a T {
    pool[random.below(pool.len() as u64) as usize]
}

/// A request of these words.
pub(crate) fn words(words: &[&str]) -> Request {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// One request of any of `groups`.
pub(crate) fn request(groups: &[Group], random: &mut Sequence) -> Request {
    let (_, draw) = groups[random.below(groups.len() as u64) as usize];
    let mut request = draw(random);
    // A word too few now and then: the number of arguments is then often wrong.
    if request.len() > 1 && random.below(25) == 0 {
        request.pop();
    }
    request
}

/// Whether the reply depends on the order in which keys are found.
pub(crate) fn is_scan(request: &Request) -> bool {
    request[0].eq_ignore_ascii_case(b"SCAN")
}
