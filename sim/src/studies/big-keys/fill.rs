//! Filling a node before the run: the small keys that clients ask for, and the one big value.
//!
//! The big value is made by the commands that a client would send, so that it has the encoding and
//! the tables of a value that has grown by them; the small keys are loaded as from a snapshot.

use super::commands::{BIG_KEY, OTHER_KEY, Subject};
use super::inputs::Inputs;
use crate::client::Arguments;
use crate::run::RunError;
use crate::studies::beginning::Beginning;
use crate::studies::hosting::{FILLS_UNASKED, load};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::ConnId;
use kvrig_base::random::{Seed, Stream};
use kvrig_base::seam::{Actor, Cx, Effects, Input, Outbox, Work};
use kvrig_base::time::{Time, Wall};
use kvrig_redis::Node;
use kvrig_redis::node::NoMessage;
use kvrig_workloads::OpKind;

/// Elements that one command adds.
const ELEMENTS_A_COMMAND: u64 = 512;
/// The connection that fills; it is closed before the run.
const FILLING: ConnId = ConnId(0);
/// Digits in front of an element: drawn, so that elements are in no order.
const DRAWN_DIGITS: u64 = 8;

/// A node that holds the small keys of `beginning` and `size` elements of `subject`.
///
/// # Errors
/// [`RunError::Cancelled`], or what the node answers to the commands that fill it.
pub(super) fn filled_node(
    inputs: &Inputs,
    subject: Subject,
    size: u64,
    beginning: &Beginning,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<Node, RunError> {
    let mut node = Node::new(inputs.config.clone(), inputs.table, seed);
    load_small_keys(&mut node, inputs, beginning, cancelled)?;
    let mut filler = Filler::new(node, inputs.cell.start);
    filler.input(Input::Connected { conn: FILLING });
    let elements = Elements {
        draws: seed.stream("big-elements"),
        bytes: inputs.knobs.element_bytes,
    };
    match subject {
        Subject::Store => top_up(&mut filler, size, &elements, cancelled)?,
        Subject::Text => {
            let bytes = usize::try_from(size.saturating_mul(elements.bytes)).map_err(|_| {
                Diagnostic::new(
                    diagnostic::TOO_LARGE,
                    "a string beyond the memory of a machine",
                )
            })?;
            filler.command(&[b"SET", BIG_KEY, &vec![b'x'; bytes]])?;
        }
        Subject::TwoSets => {
            add(&mut filler, subject, BIG_KEY, 0..size, &elements, cancelled)?;
            let half = size / 2;
            let shifted = half..half + size;
            add(
                &mut filler,
                subject,
                OTHER_KEY,
                shifted,
                &elements,
                cancelled,
            )?;
        }
        _ => add(&mut filler, subject, BIG_KEY, 0..size, &elements, cancelled)?,
    }
    filler.input(Input::Closed { conn: FILLING });
    Ok(filler.node)
}

fn load_small_keys(
    node: &mut Node,
    inputs: &Inputs,
    beginning: &Beginning,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), RunError> {
    let mut work = Work::unpriced();
    let mut writer = beginning.requests.clone();
    let mut args = Arguments::default();
    for (number, &key) in beginning.present.iter().enumerate() {
        if number % FILLS_UNASKED == 0 && cancelled() {
            return Err(RunError::Cancelled);
        }
        let op = beginning.workload.op_on(OpKind::Set, key);
        args.clear();
        writer.write(&op, &mut args);
        work.begin();
        args.lend(|args| load(node, args, op.ttl, inputs.cell.start, &mut work));
    }
    Ok(())
}

/// Adds keys until the store has `size` of them: where the clients ask for fewer, as a trace may.
fn top_up(
    filler: &mut Filler,
    size: u64,
    elements: &Elements,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), RunError> {
    let present = filler.node.keyspace().database(0).keys().len();
    let mut key = Vec::new();
    for index in present..size {
        if index % FILLS_UNASKED as u64 == 0 && cancelled() {
            return Err(RunError::Cancelled);
        }
        key.clear();
        key.extend_from_slice(b"kvrig:");
        elements.write(index, &mut key);
        let wall = filler.wall;
        filler.work.begin();
        filler.node.load(&key, b"1", wall, &mut filler.work);
    }
    Ok(())
}

/// Adds elements by the command of their kind of value, many at a time.
fn add(
    filler: &mut Filler,
    subject: Subject,
    key: &[u8],
    indices: std::ops::Range<u64>,
    elements: &Elements,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), RunError> {
    let mut args = Arguments::default();
    let mut next = indices.start;
    while next < indices.end {
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        args.clear();
        args.push(match subject {
            Subject::List => b"RPUSH",
            Subject::Hash => b"HSET",
            Subject::SortedSet => b"ZADD",
            Subject::Set | Subject::TwoSets | Subject::Text | Subject::Store => b"SADD",
        });
        args.push(key);
        let end = indices.end.min(next + ELEMENTS_A_COMMAND);
        for index in next..end {
            if subject == Subject::SortedSet {
                // Ascending, as times of events are: appending is quick, and releasing does not ask
                // in which order members came.
                args.push(index.to_string().as_bytes());
            }
            args.push_with(|buffer| elements.write(index, buffer));
            if subject == Subject::Hash {
                args.push_with(|buffer| elements.write(index, buffer));
            }
        }
        args.lend(|args| filler.command(args))?;
        next = end;
    }
    Ok(())
}

/// Elements by their index: numbers of a fixed length, distinct and in no order.
struct Elements {
    draws: Stream,
    bytes: u64,
}

impl Elements {
    fn drawn(&self, index: u64) -> u64 {
        self.draws.at(0, index).0[0] % 10_u64.pow(DRAWN_DIGITS as u32)
    }
    /// Appends the element: eight drawn digits, and its index behind them.
    fn write(&self, index: u64, buffer: &mut Vec<u8>) {
        let rest = usize::try_from(self.bytes.saturating_sub(DRAWN_DIGITS)).unwrap_or(usize::MAX);
        let drawn = self.drawn(index);
        let text = format!("{drawn:08}{index:0rest$}");
        buffer.extend_from_slice(text.as_bytes());
    }
}

/// A host for a node that is being filled: no clock runs and nothing costs anything.
struct Filler {
    node: Node,
    work: Work,
    out: Outbox,
    effects: Effects<NoMessage>,
    wall: Wall,
}

impl Filler {
    fn new(node: Node, wall: Wall) -> Self {
        Self {
            node,
            work: Work::unkept(),
            out: Outbox::default(),
            effects: Effects::default(),
            wall,
        }
    }
    fn input(&mut self, input: Input<'_, NoMessage>) {
        self.work.begin();
        let (work, out, effects) = (&mut self.work, &mut self.out, &mut self.effects);
        let mut cx = Cx::new(Time::START, self.wall, work, out, effects);
        self.node.handle(&mut cx, input);
    }
    fn command(&mut self, args: &[&[u8]]) -> Result<(), RunError> {
        self.input(Input::Command {
            conn: FILLING,
            args,
        });
        let error = self.out.iter().find(|(_, reply)| reply.starts_with(b"-"));
        let error = error.map(|(_, reply)| String::from_utf8_lossy(reply).trim_end().to_owned());
        self.out.clear();
        match error {
            None => Ok(()),
            Some(error) => Err(RunError::Failed(
                Diagnostic::new(
                    diagnostic::OUT_OF_RANGE,
                    format!("the node cannot be filled: {error}"),
                )
                .help("lower `study.big-keys.sizes` or `study.big-keys.element_size`"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_distinct_numbers_of_the_asked_length_in_no_order() {
        let elements = Elements {
            draws: Seed(1).stream("big-elements"),
            bytes: 20,
        };
        let texts: Vec<String> = (0..100)
            .map(|index| {
                let mut buffer = Vec::new();
                elements.write(index, &mut buffer);
                String::from_utf8(buffer).unwrap()
            })
            .collect();
        assert!(texts.iter().all(|text| text.len() == 20));
        assert!(texts.iter().all(|text| text.parse::<f64>().is_ok()));
        let mut sorted = texts.clone();
        sorted.sort();
        assert_ne!(sorted, texts);
        sorted.dedup();
        assert_eq!(sorted.len(), texts.len());
    }
}
