//! A script that runs for long costs long, and others are told so when its time is up.

use super::scenario::{ask, micros, run, way_back, world};
use kvrig_base::random::Seed;
use kvrig_redis::{Config, Node};
use kvrig_tables::TableKind;

const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";

#[test]
fn others_are_told_after_two_milliseconds_that_a_script_runs() {
    let mut config = Config::default();
    let set = config.set("busy-reply-threshold", "2");
    set.expect("it is honoured");
    let node = Node::new(config, TableKind::Redis70, Seed(1));
    let mut world = world(vec![node], false);
    // A turn of the loop is one instruction: 4 ms in all.
    let script = "for i = 1, 400000 do end";
    let asked = vec![
        (micros(1_000), 0, vec!["EVAL", script, "0"]),
        (micros(1_500), 1, vec!["PING"]),
        (micros(8_000), 1, vec!["PING"]),
    ];
    ask(&mut world, &[0, 0], asked);
    let seen = run(&mut world);

    // The script begins at 1,021 + wake-up 5, turn 10, read 2 and its command's 1; the first to be heard
    // behind it is read 2,000 later, within a pause of 1,000 instructions.
    let begun = 1_021 + 5 + 10 + 2 + 1;
    let refused = seen.reply(1);
    assert_eq!(refused.bytes, BUSY.len() as u64);
    let told = refused
        .ended
        .since(micros(begun + 2_000) + way_back(refused.bytes));
    assert!(told.as_micros() <= 40, "{told:?} after its time was up");
    // Two slices of a millisecond follow, each with a wake-up and a turn of its own.
    let script_took = seen.ended(0).since(micros(begun) + way_back(5));
    let micros_took = script_took.as_micros();
    assert!((4_000..4_100).contains(&micros_took), "{micros_took} us");
    assert_eq!(seen.reply(2).bytes, "+PONG\r\n".len() as u64);
}
