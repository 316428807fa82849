//! A Redis node and scripts that run for long: how long others wait, and when they hear of it.

use super::scenario::{TestWorld, ask, micros, run, way_back, world};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::seam::Counter;
use kvrig_base::time::Span;
use kvrig_redis::{Config, Node};
use kvrig_tables::TableKind;

/// Price of an instruction: 10 ns.
const INSTRUCTION: Span = Span::from_nanos(10);
/// What others are told while a script holds the node (`redis:src/server.c`, shared.slowevalerr).
const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
/// What a killed script replies, around its digest of 40 digits.
const KILLED: [&str; 2] = [
    "-ERR Script killed by user with SCRIPT KILL... script: ",
    ", on @user_script:1.\r\n",
];

/// A node that scripts hold after `threshold_ms` milliseconds.
fn node(threshold_ms: u64) -> TestWorld<Node> {
    let config = Config {
        busy_reply_threshold_ms: threshold_ms,
        ..Config::default()
    };
    world(vec![Node::new(config, TableKind::Redis70, Seed(1))], false)
}

fn instructions(world: &TestWorld<Node>) -> u64 {
    world.counts(ActorId(0)).get(Counter::LuaInstructions)
}

#[test]
fn a_script_keeps_everybody_waiting_for_the_price_of_its_instructions() {
    let mut world = node(5_000);
    let asked = vec![
        (
            micros(2_000),
            0,
            vec!["EVAL", "for i = 1, 200000 do end", "0"],
        ),
        (micros(2_100), 1, vec!["PING"]),
    ];
    ask(&mut world, &[0, 0], asked);
    run(&mut world);
    // One instruction a round; the hook tells hundreds.
    let told = instructions(&world);
    assert!((200_000..200_200).contains(&told), "{told}");

    // The script arrives at 2,021: wake-up 5, turn 10, read 2, command 1.
    let seen = world.observer();
    let called = 2_021 + 5 + 10 + 2;
    assert_eq!(seen.reply(0).started, micros(called));
    assert_eq!(
        seen.reply(0).handled,
        Span::from_micros(1) + INSTRUCTION * told
    );
    let left = micros(called + 1 + 3) + INSTRUCTION * told;
    assert_eq!(seen.ended(0), left + way_back("$-1\r\n".len() as u64));

    // The other request had arrived at 2,121. Its turn begins when the script's reply has left.
    let others = left + Span::from_micros(10 + 2);
    assert_eq!(seen.reply(1).started, others);
    assert_eq!(
        seen.ended(1),
        others + Span::from_micros(1 + 3) + way_back("+PONG\r\n".len() as u64)
    );
}

#[test]
fn after_its_time_a_script_lets_others_hear_that_it_is_busy_and_ends_when_it_is_killed() {
    let mut world = node(1);
    let asked = vec![
        (micros(2_000), 0, vec!["EVAL", "while true do end", "0"]),
        (micros(2_500), 1, vec!["PING"]),
        (micros(6_000), 1, vec!["SCRIPT", "KILL"]),
        (micros(8_000), 1, vec!["PING"]),
    ];
    ask(&mut world, &[0, 0], asked);
    let seen = run(&mut world);

    // The script is called at 2,038, its command takes 1, and a millisecond later the node goes back
    // to its host: 100,000 instructions, without a reply to write.
    let interrupted = 2_021 + 5 + 10 + 2 + 1 + 1_000;
    // Turn 10, read 2, command 1, write 3: the reply leaves before the script goes on.
    assert_eq!(seen.reply(1).started, micros(interrupted + 10 + 2));
    let answered = interrupted + 10 + 2 + 1 + 3;
    assert_eq!(
        seen.ended(1),
        micros(answered) + way_back(BUSY.len() as u64)
    );

    // Three slices follow, each a turn in which nobody asks. The node does not sleep in between, and
    // SCRIPT KILL arrives at 6,021, within the last.
    let between = answered + 3 * (10 + 1_000);
    assert!((between - 1_000..between).contains(&6_021));
    assert_eq!(seen.reply(2).started, micros(between + 10 + 2));
    // It is answered first. In a turn of its own the script ends, which does nothing more.
    let killed = between + 10 + 2 + 1 + 3;
    assert_eq!(seen.ended(2), micros(killed) + way_back(5));
    let bytes = KILLED.concat().len() as u64 + 40;
    assert_eq!(seen.ended(0), micros(killed + 10 + 3) + way_back(bytes));

    // Whoever comes later finds the node as it was before.
    let pong = 8_021 + 5 + 10 + 2 + 1 + 3;
    assert_eq!(seen.ended(3), micros(pong) + way_back(7));
    assert_eq!(instructions(&world), 400_000);
}

#[test]
fn a_script_goes_on_although_others_ask_without_end() {
    let mut world = node(1);
    let mut asked = vec![(micros(2_000), 0, vec!["EVAL", "while true do end", "0"])];
    // While one turn of 16 serves a request, the next arrives: there is always somebody to be heard.
    asked.extend((0..200).map(|number| {
        (
            micros(3_000 + 10 * number),
            1 + number as u32 % 20,
            vec!["PING"],
        )
    }));
    asked.push((micros(9_000), 21, vec!["SCRIPT", "KILL"]));
    ask(&mut world, &[0; 22], asked);
    run(&mut world);
    // Slices of 1,000 and up to four turns between them, none much longer than what it reads, until
    // 9,000.
    let told = instructions(&world);
    assert!((500_000..=700_000).contains(&told), "{told}");
}
