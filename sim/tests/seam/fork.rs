//! A fork whose child writes a snapshot while the parent goes on changing pages.

use super::scenario::{FIRST, ask, micros, run, way_back, world};
use kvrig_base::id::{ActorId, ConnId, FileId, JobId};
use kvrig_base::seam::{
    Actor, ChildHost, ChildOutcome, Counter, Cx, Effect, FileOp, Input, OpenMode, Region,
};
use kvrig_base::time::{Span, Time};
use kvrig_sim::world::DiskId;

const MIB: u64 = 1 << 20;
/// Lines of a 4 KiB page.
const LINES: u64 = 64;
const SNAPSHOT: JobId = JobId(1);
/// What the store saves itself.
const OWN: JobId = JobId(2);
const FILE: FileId = FileId(0);

/// A store of pages that can save itself.
#[derive(Debug)]
struct Pages {
    versions: Vec<u8>,
    saved: bool,
}

impl Actor for Pages {
    type Message = ();

    fn handle(&mut self, cx: &mut Cx<'_, ()>, input: Input<'_, ()>) {
        match input {
            Input::Command {
                conn,
                args: [b"save"],
            } => {
                cx.work.count(Counter::Commands, 1);
                cx.effect(Effect::Fork { job: SNAPSHOT });
                cx.reply(conn).write(b"+OK\r\n");
            }
            Input::Command {
                args: [b"save-itself"],
                ..
            } => {
                cx.work.count(Counter::Commands, 1);
                cx.effect(Effect::Perform { job: OWN });
            }
            Input::Command {
                conn,
                args: [b"save-and-end"],
            } => {
                cx.work.count(Counter::Commands, 1);
                cx.effect(Effect::Fork { job: SNAPSHOT });
                cx.effect(Effect::EndChild { job: SNAPSHOT });
                cx.reply(conn).write(b"+OK\r\n");
            }
            Input::ChildExit { job: OWN, outcome } => {
                self.saved = outcome == ChildOutcome::Done;
                cx.work.count(Counter::Commands, 1);
                cx.reply(ConnId(0)).write(b"+OK\r\n");
            }
            Input::Command {
                conn,
                args: [b"write", page],
            } => {
                cx.work.count(Counter::Commands, 1);
                let page = u64::from(page[0] - b'0');
                self.versions[page as usize] += 1;
                cx.work.read(Region(0), page * LINES);
                cx.work.write(Region(0), page * LINES + 7);
                cx.reply(conn).write(b"+OK\r\n");
            }
            Input::ChildExit {
                job: SNAPSHOT,
                outcome,
            } => {
                self.saved = outcome == ChildOutcome::Done;
            }
            _ => {}
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
    fn resident_bytes(&self) -> u64 {
        2 * MIB
    }
    fn run_child(&self, _: JobId, child: &mut dyn ChildHost) -> ChildOutcome {
        let open = FileOp::Open {
            file: FILE,
            name: "snapshot".into(),
            mode: OpenMode::Truncate,
        };
        let save = |child: &mut dyn ChildHost| {
            child.file(open, &[])?;
            for half in self.versions.chunks(self.versions.len() / 2) {
                child.work().count(Counter::Commands, 200);
                child.work().read(Region(0), 0);
                let append = FileOp::Append {
                    file: FILE,
                    data: 0..half.len(),
                };
                child.file(append, half)?;
            }
            child.file(FileOp::Sync { file: FILE }, &[])?;
            child.file(FileOp::SyncDirectory, &[])
        };
        match save(child) {
            Ok(()) => ChildOutcome::Done,
            Err(_) => ChildOutcome::Failed,
        }
    }
}

#[test]
fn the_child_saves_the_state_of_the_fork_while_the_parent_copies_what_it_writes() {
    let mut world = world(
        vec![Pages {
            versions: vec![0; 4],
            saved: false,
        }],
        false,
    );
    let asked = vec![
        (micros(1_000), FIRST.0, vec!["write", "0"]),
        (micros(2_000), FIRST.0, vec!["save"]),
        (micros(2_200), FIRST.0, vec!["write", "0"]),
        (micros(2_400), FIRST.0, vec!["write", "0"]),
        (micros(2_600), FIRST.0, vec!["write", "3"]),
        (micros(5_000), FIRST.0, vec!["write", "1"]),
    ];
    ask(&mut world, &[0], asked);
    let seen = run(&mut world);

    // The fork stands still for 100 and 10 for each of 2 MiB; then the write of 3.
    let forked = 2_021 + 5 + 10 + 2 + 1;
    assert_eq!(seen.forks[0].at, micros(forked));
    assert_eq!(seen.forks[0].span, Span::from_micros(100 + 2 * 10));
    let begun = forked + 120;
    assert_eq!(seen.ended(1), micros(begun + 3) + way_back(5));

    // Page 0 is copied once and page 3 once; the write before the fork and the one after the exit
    // of the child copy nothing.
    let handled = |request| seen.reply(request).handled.as_micros();
    assert_eq!([0, 2, 3, 4, 5].map(handled), [1, 1 + 4, 1, 1 + 4, 1]);

    // Open 1; twice 200 of work and an append of 1; sync: operation 1 and flush 500, the 4 bytes
    // being written behind; then the names: operation 1 and flush 500.
    let exited = begun + 1 + 2 * (200 + 1) + 501 + 501;
    let child = seen.child(SNAPSHOT);
    assert_eq!(child.exited, micros(exited));
    assert_eq!(child.worked, Span::from_micros(400));
    assert_eq!((child.bytes_written, child.pages_copied), (4, 2));
    assert!(world.actor(ActorId(0)).saved);

    let directory = world.disk(DiskId::first()).directory(ActorId(0));
    directory.power_cut();
    assert_eq!(
        directory.content("snapshot"),
        Some(&[1, 0, 0, 0][..]),
        "as it was at the fork"
    );
    assert_eq!(world.actor(ActorId(0)).versions, [3, 1, 0, 1]);
}

#[test]
fn work_in_place_holds_the_core_until_its_last_file_operation_has_ended() {
    let mut world = world(
        vec![Pages {
            versions: vec![0; 4],
            saved: false,
        }],
        false,
    );
    let asked = vec![
        (micros(1_000), FIRST.0, vec!["save-itself"]),
        (micros(1_200), 1, vec!["write", "0"]),
    ];
    ask(&mut world, &[0, 0], asked);
    let seen = run(&mut world);
    assert!(seen.forks.is_empty(), "nothing is forked");

    // The call of 1, then open 1; twice 200 of work and an append of 1; sync and names 501 each; the
    // call that hears of the end 1.
    let called = 1_021 + 5 + 10 + 2 + 1;
    let ended = called + 1 + 2 * (200 + 1) + 501 + 501 + 1;
    assert_eq!(seen.ended(0), micros(ended + 3) + way_back(5));
    assert!(seen.ended(1) > micros(ended), "the other has waited");
    assert!(world.actor(ActorId(0)).saved);
    let directory = world.disk(DiskId::first()).directory(ActorId(0));
    directory.power_cut();
    assert_eq!(directory.content("snapshot"), Some(&[0, 0, 0, 0][..]));
}

#[test]
fn a_child_that_is_ended_exits_behind_its_present_stretch() {
    let mut world = world(
        vec![Pages {
            versions: vec![0; 4],
            saved: true,
        }],
        false,
    );
    ask(
        &mut world,
        &[0],
        vec![(micros(1_000), FIRST.0, vec!["save-and-end"])],
    );
    let seen = run(&mut world);
    assert_eq!(seen.children[0].outcome, ChildOutcome::Failed);
    assert!(!world.actor(ActorId(0)).saved);
    let directory = world.disk(DiskId::first()).directory(ActorId(0));
    assert_eq!(directory.content("snapshot"), None);
}
