//! Random requests on HyperLogLogs, whose bytes are compared too.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

/// Strings that are none, or not whole.
const VALUES: &[&[u8]] = &[
    b"",
    b"hello",
    b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0",
    b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff",
    b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff",
    b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x7f\xfe",
    b"HYLL\0\0\0\0\0\0\0\0\0\0\0\0\x7f\xff",
    b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff",
    b"1234567890123456789",
];

/// One request.
pub(crate) fn request(random: &mut Sequence) -> Request {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut say = |word: &str| words.push(word.as_bytes().to_vec());
    match random.below(20) {
        0..=5 => {
            say("PFADD");
            say(pick(random, LASTING));
            for _ in 0..random.below(8) {
                say(&format!("e{}", random.below(100_000)));
            }
        }
        6..=7 => {
            say("PFADD");
            say(pick(random, LASTING));
            for _ in 0..random.below(1_500) {
                say(&random.below(1_000_000).to_string());
            }
        }
        8..=11 => {
            say("PFCOUNT");
            for _ in 0..1 + random.below(3) / 2 {
                words.push(pick(random, LASTING).as_bytes().to_vec());
            }
        }
        12..=13 => {
            say("PFMERGE");
            for _ in 0..1 + random.below(3) {
                words.push(pick(random, LASTING).as_bytes().to_vec());
            }
        }
        14 => {
            say("SET");
            say(pick(random, LASTING));
            words.push(pick(random, VALUES).to_vec());
        }
        15 if random.below(2) == 0 => {
            say("PFDEBUG");
            let what = ["ENCODING", "decode", "DECODE", "TODENSE", "GETREG", "x"];
            say(pick(random, &what));
            say(pick(random, LASTING));
        }
        15 => {
            say(pick(random, &["DEL", "STRLEN"]));
            say(pick(random, LASTING));
        }
        _ => {
            say("GET");
            say(pick(random, LASTING));
        }
    }
    words
}
