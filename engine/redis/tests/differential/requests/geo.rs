//! Random requests on places.
//!
//! Every member has a place of its own that no other has, so that no two are equally far away: Redis
//! orders those as its sorting happens to. Stored distances go to a key whose scores are not asked
//! for: their last digit depends on the sines of the C library.

use super::{LASTING, Request, pick};
use kvrig_base::random::Sequence;

const KEYS: &[&str] = &["g1", "g2", "g3"];
/// Where distances are stored.
const DISTANCES: &str = "distances";
const UNITS: &[&str] = &["m", "km", "KM", "ft", "mi", "M", "x", ""];
const WORDS: &[&str] = &[
    "WITHDIST",
    "WITHHASH",
    "WITHCOORD",
    "ASC",
    "DESC",
    "ANY",
    "withdist",
    "x",
];
const NUMBERS: &[&str] = &["0", "1", "2", "3", "10", "-1", "x", "9223372036854775807"];
/// Coordinates without a cell, and at its edges.
const ODD: &[(&str, &str)] = &[
    ("181", "10"),
    ("-180.5", "10"),
    ("10", "85.06"),
    ("10", "-85.06"),
    ("x", "10"),
    ("10", ""),
    ("nan", "1"),
    ("inf", "1"),
];

/// The place of a member: some far apart, some near, some at the edges of the map.
fn place(member: u64) -> (String, String) {
    let odd = member as f64;
    let (longitude, latitude) = match member % 4 {
        0 => (13.361_389 + odd * 0.001_7, 38.115_556 - odd * 0.000_9),
        1 => (-179.9 + odd * 7.31, -84.0 + odd * 3.77),
        2 => (179.9 - odd * 0.03, 70.0 + odd * 0.31),
        _ => (odd * 2.13 - 40.0, 12.0 - odd * 1.07),
    };
    (format!("{longitude:.6}"), format!("{latitude:.6}"))
}

const MEMBERS: u64 = 40;

fn member(random: &mut Sequence) -> String {
    format!("m{}", random.below(MEMBERS))
}

fn distance(random: &mut Sequence) -> String {
    let distance = pick(
        random,
        &[
            "0", "1", "50", "300", "1500", "20000", "500000", "7000000", "1e8", "12.5", "-1", "x",
        ],
    );
    distance.to_owned()
}

fn options(random: &mut Sequence, words: &mut Vec<String>) {
    for _ in 0..random.below(4) {
        words.push(pick(random, WORDS).to_owned());
    }
    if random.below(2) == 0 {
        words.push("COUNT".to_owned());
        words.push(pick(random, NUMBERS).to_owned());
        if random.below(3) == 0 {
            words.push("ANY".to_owned());
        }
    }
}

fn middle(random: &mut Sequence, words: &mut Vec<String>) {
    if random.below(12) == 0 {
        let (longitude, latitude) = ODD[random.below(ODD.len() as u64) as usize];
        words.extend([longitude.to_owned(), latitude.to_owned()]);
        return;
    }
    let (longitude, latitude) = place(random.below(MEMBERS));
    words.extend([longitude, latitude]);
}

/// One request.
pub(crate) fn request(random: &mut Sequence) -> Request {
    let mut words: Vec<String> = Vec::new();
    let key = pick(random, KEYS).to_owned();
    match random.below(20) {
        0..=5 => {
            words.extend(["GEOADD".to_owned(), key]);
            for _ in 0..random.below(2) {
                words.push(pick(random, &["NX", "XX", "CH", "ch", "x"]).to_owned());
            }
            for _ in 0..1 + random.below(6) {
                let number = random.below(MEMBERS);
                let (longitude, latitude) = place(number);
                words.extend([longitude, latitude, format!("m{number}")]);
            }
            if random.below(15) == 0 {
                let (longitude, latitude) = ODD[random.below(ODD.len() as u64) as usize];
                words.extend([longitude, latitude, "m0"].map(str::to_owned));
            }
        }
        6 => {
            words.extend(["GEODIST".to_owned(), key, member(random), member(random)]);
            if random.below(2) == 0 {
                words.push(pick(random, UNITS).to_owned());
            }
        }
        7 => {
            words.push(pick(random, &["GEOHASH", "GEOPOS"]).to_owned());
            words.push(key);
            for _ in 0..random.below(4) {
                words.push(member(random));
            }
        }
        8..=9 => {
            words.push(pick(random, &["GEORADIUS", "GEORADIUS_RO"]).to_owned());
            words.push(key);
            middle(random, &mut words);
            words.extend([distance(random), pick(random, UNITS).to_owned()]);
            options(random, &mut words);
        }
        10..=11 => {
            words.push(pick(random, &["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"]).to_owned());
            words.extend([key, member(random), distance(random)]);
            words.push(pick(random, UNITS).to_owned());
            options(random, &mut words);
            if random.below(4) == 0 {
                match random.below(2) {
                    0 => words.extend(["STORE", pick(random, KEYS)].map(str::to_owned)),
                    _ => words.extend(["STOREDIST", DISTANCES].map(str::to_owned)),
                }
            }
        }
        12..=16 => {
            let (stores, distances) = (random.below(4) == 0, random.below(3) == 0);
            words.push(
                if stores {
                    "GEOSEARCHSTORE"
                } else {
                    "GEOSEARCH"
                }
                .to_owned(),
            );
            if stores {
                let target = pick(random, KEYS);
                words.push(if distances { DISTANCES } else { target }.to_owned());
            }
            words.push(key);
            match random.below(9) {
                0..=3 => words.extend(["FROMMEMBER".to_owned(), member(random)]),
                4..=7 => {
                    words.push("FROMLONLAT".to_owned());
                    middle(random, &mut words);
                }
                _ => {}
            }
            match random.below(9) {
                0..=3 => words.extend(["BYRADIUS".to_owned(), distance(random)]),
                4..=7 => {
                    words.extend(["BYBOX".to_owned(), distance(random), distance(random)]);
                }
                _ => {}
            }
            words.push(pick(random, UNITS).to_owned());
            options(random, &mut words);
            if distances {
                words.push("STOREDIST".to_owned());
            }
        }
        17 => words.extend(["ZRANGE", &key, "0", "-1", "WITHSCORES"].map(str::to_owned)),
        18 if random.below(2) == 0 => {
            words.extend(["ZRANGE", DISTANCES, "0", "-1"].map(str::to_owned));
        }
        18 => words.extend(["ZREM".to_owned(), key, member(random)]),
        _ => {
            let key = pick(random, &[KEYS, LASTING].concat()).to_owned();
            words.extend([
                pick(random, &["DEL", "TYPE", "ZCARD", "INCR"]).to_owned(),
                key,
            ]);
        }
    }
    words.into_iter().map(String::into_bytes).collect()
}
