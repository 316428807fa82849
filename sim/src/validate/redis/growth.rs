//! At which keys the table of a server grows, if nothing but insertions drives it.
//!
//! A rehash begins with the key that is one too many for the buckets. It ends when all buckets that
//! hold anything are moved, three with each SET of a new key; how many those are depends on the hash
//! key, which every server draws for itself. So both sides count them with SCAN before, and the node
//! says what follows.

/// Buckets of the table whose growth is looked at.
pub const BUCKETS: u64 = 1 << 14;
/// Keys with which the rehash has begun: one more than buckets.
pub const BEGINS_WITH: u64 = BUCKETS + 1;
/// Buckets that one SET of a new key moves: two look-ups and an insertion take a step each.
const MOVED_BY_SET: u64 = 3;

/// Keys with which the rehash has ended, where so many buckets held something at its beginning.
///
/// A step that meets ten empty buckets in a row ends without moving any, which happens less than
/// once in a table of this size: the true number may be one larger.
pub const fn ends_with(occupied: u64) -> u64 {
    BEGINS_WITH + occupied.div_ceil(MOVED_BY_SET)
}

#[cfg(test)]
mod tests {
    use super::super::Direct;
    use super::super::traffic::{VALUE_BYTES, string_key};
    use super::*;
    use kvrig_redis::Config;

    #[test]
    fn a_node_grows_where_the_buckets_that_it_has_filled_say() {
        let config = Config {
            activerehashing: false,
            ..Config::default()
        };
        let mut direct = Direct::new(config);
        let mut keys = 0;
        let mut set = |direct: &mut Direct| {
            direct.command(&[b"SET", &string_key(keys), &[b'v'; VALUE_BYTES]]);
            keys += 1;
            direct.node.keyspace().database(0).keys().rehash().is_some()
        };
        for _ in 0..BUCKETS {
            set(&mut direct);
        }
        let occupied = occupied(&mut direct);
        assert!(set(&mut direct), "the key that is one too many");
        let mut added = 0;
        while set(&mut direct) {
            added += 1;
        }
        let found = BEGINS_WITH + added + 1;
        assert!(
            (ends_with(occupied)..=ends_with(occupied) + 1).contains(&found),
            "{found}"
        );
    }

    /// Buckets that hold something, as many as calls of SCAN for one key find one.
    fn occupied(direct: &mut Direct) -> u64 {
        let (mut cursor, mut occupied) = ("0".to_owned(), 0);
        loop {
            direct.command(&[b"SCAN", cursor.as_bytes(), b"COUNT", b"1"]);
            let (_, reply) = direct.outbox.iter().next().expect("a reply");
            let reply = String::from_utf8_lossy(reply).into_owned();
            let lines: Vec<&str> = reply.lines().collect();
            occupied += u64::from(lines[3] != "*0");
            if lines[2] == "0" {
                return occupied;
            }
            cursor = lines[2].to_owned();
        }
    }
}
