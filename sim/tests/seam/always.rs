//! A log that is synced before it answers: the write holds the core, and who arrives meanwhile is
//! served, and synced, together.

use super::scenario::{ask, micros, run, way_back, world};
use kvrig_base::id::{ActorId, FileId, Ticket};
use kvrig_base::seam::{Actor, Counter, Cx, Effect, FileOp, FileOutcome, Input, OpenMode};
use kvrig_base::time::Time;
use kvrig_sim::world::DiskId;

const LOG: FileId = FileId(0);

/// Appends each argument to a log, and syncs the log at the end of the turn.
#[derive(Debug, Default)]
struct SyncedLog {
    is_open: bool,
    unwritten: Vec<u8>,
    tickets: u64,
}

impl SyncedLog {
    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }
}

impl Actor for SyncedLog {
    type Message = ();

    fn handle(&mut self, cx: &mut Cx<'_, ()>, input: Input<'_, ()>) {
        match input {
            Input::Connected { .. } if !self.is_open => {
                self.is_open = true;
                let op = FileOp::Open {
                    file: LOG,
                    name: "log".into(),
                    mode: OpenMode::Append,
                };
                let ticket = self.ticket();
                cx.effect(Effect::File {
                    ticket,
                    op,
                    holds_core: true,
                });
                cx.effect(Effect::File {
                    ticket: self.ticket(),
                    op: FileOp::SyncDirectory,
                    holds_core: true,
                });
            }
            Input::Command { conn, args } => {
                cx.work.count(Counter::Commands, 1);
                self.unwritten.extend_from_slice(args[0]);
                cx.reply(conn).write(b"+OK\r\n");
            }
            Input::TurnEnd if !self.unwritten.is_empty() => {
                cx.effects()
                    .append(self.ticket(), LOG, &self.unwritten, true);
                self.unwritten.clear();
                let op = FileOp::Sync { file: LOG };
                cx.effect(Effect::File {
                    ticket: self.ticket(),
                    op,
                    holds_core: true,
                });
            }
            Input::File { outcome, .. } => {
                assert!(matches!(outcome, FileOutcome::Done { .. }), "{outcome:?}");
            }
            _ => {}
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

#[test]
fn a_synced_write_holds_the_core_and_those_who_queue_share_the_next_sync() {
    let mut world = world(vec![SyncedLog::default()], false);
    let asked = vec![
        (micros(2_000), 0, vec!["first,"]),
        (micros(2_100), 1, vec!["second,"]),
        (micros(2_200), 2, vec!["third"]),
    ];
    ask(&mut world, &[0, 0, 0], asked);
    let seen = run(&mut world);

    // It arrives at 2,021. Wake-up 5, turn 10, read 2, command 1: 2,039. The append takes a call of
    // 1; its 6 bytes are written behind in 6 ns. The sync begins at 2,040: operation 1, flush 500.
    let synced = 2_021 + 5 + 10 + 2 + 1 + 1 + 1 + 500;
    let left = synced + 3;
    assert_eq!(seen.ended(0), micros(left) + way_back(5));

    // Both arrived while the core was held, and nothing was handed over before the reply had left.
    // One turn serves them: turn 10, then read 2 and command 1 for each; one append, one sync.
    let first_call = left + 10 + 2;
    assert_eq!(seen.reply(1).started, micros(first_call));
    assert_eq!(seen.reply(2).started, micros(first_call + 1 + 2));
    let synced = first_call + 1 + 2 + 1 + 1 + 1 + 500;
    assert_eq!(seen.ended(1), micros(synced + 3) + way_back(5));
    assert_eq!(seen.ended(2), micros(synced + 3 + 3) + way_back(5));

    // Service is the read, the command and the write; the sync is waiting.
    for request in 0..3 {
        assert_eq!(seen.reply(request).service.as_micros(), 2 + 1 + 3);
    }
    assert_eq!(world.host_counts(ActorId(0)).file_operations, 2 + 2 * 2);

    let directory = world.disk(disk()).directory(ActorId(0));
    directory.power_cut();
    assert_eq!(directory.content("log"), Some(&b"first,second,third"[..]));
}

fn disk() -> DiskId {
    DiskId::first()
}
