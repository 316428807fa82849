//! Random requests that are rich in edges, one file for each group of commands.

mod bitmaps;
mod dumps;
mod geo;
mod hashes;
mod hyperloglogs;
mod keys;
mod lists;
mod numbers;
mod scripts;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
mod wire;

pub(crate) use wire::{raw_replies_of_node, wire_pieces};

use kvrig_base::random::Sequence;

/// The arguments of a request, its command first.
pub(crate) type Request = Vec<Vec<u8>>;

/// A group of requests: its name, and what draws one.
pub(crate) type Group = (&'static str, fn(&mut Sequence) -> Request);

/// All groups; each is compared alone and all together.
pub(crate) const GROUPS: &[Group] = &[
    ("keys", keys::request),
    ("dumps", dumps::request),
    ("strings", strings::request),
    ("bitmaps", bitmaps::request),
    ("geo", geo::request),
    ("hyperloglogs", hyperloglogs::request),
    ("lists", lists::request),
    ("numbers", numbers::request),
    ("hashes", hashes::request),
    ("scripts", scripts::request),
    ("sets", sets::request),
    ("sorted sets", sorted_sets::request),
    ("streams", streams::request),
];

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

/// Requests that draw members at random.
const DRAWS: &[&str] = &["hrandfield", "spop", "srandmember", "zrandmember"];

/// One request of any of `groups`.
pub(crate) fn request(groups: &[Group], random: &mut Sequence) -> Request {
    let (_, draw) = groups[random.below(groups.len() as u64) as usize];
    let mut request = draw(random);
    // A word too few now and then: the number of arguments is then often wrong. Draws without a
    // count are left alone, since each server draws another member.
    let draws = DRAWS
        .iter()
        .any(|name| request[0].eq_ignore_ascii_case(name.as_bytes()));
    if request.len() > 1 && !draws && random.below(25) == 0 {
        request.pop();
    }
    request
}

/// What of a reply depends on the hash key, which is another in every process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unordered {
    /// The order of its elements.
    Elements,
    /// The order of its pairs of elements.
    Pairs,
    /// The order of the elements behind a cursor, or of their pairs.
    Scan { pairs: bool },
}

/// Requests whose replies have no order that Redis promises.
const UNORDERED: &[(&str, Unordered)] = &[
    ("keys", Unordered::Elements),
    ("scan", Unordered::Scan { pairs: false }),
    ("hkeys", Unordered::Elements),
    ("hvals", Unordered::Elements),
    ("hgetall", Unordered::Pairs),
    ("hrandfield", Unordered::Elements),
    ("hscan", Unordered::Scan { pairs: true }),
    ("smembers", Unordered::Elements),
    ("sinter", Unordered::Elements),
    ("sunion", Unordered::Elements),
    ("sdiff", Unordered::Elements),
    ("spop", Unordered::Elements),
    ("srandmember", Unordered::Elements),
    ("sscan", Unordered::Scan { pairs: false }),
    ("zrandmember", Unordered::Elements),
    ("zscan", Unordered::Scan { pairs: true }),
];

/// Whether the reply to a request tells times, which no two servers share.
pub(crate) fn tells_times(request: &Request) -> bool {
    let is_word = |at: usize, word: &str| {
        let arg = request.get(at);
        arg.is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    is_word(0, "xpending") || is_word(0, "xinfo") && !is_word(1, "groups")
}

/// What of the reply to a request has no order.
pub(crate) fn unordered(request: &Request) -> Option<Unordered> {
    let is_it = |(name, _): &&(&str, Unordered)| request[0].eq_ignore_ascii_case(name.as_bytes());
    UNORDERED.iter().find(is_it).map(|&(_, what)| what)
}
