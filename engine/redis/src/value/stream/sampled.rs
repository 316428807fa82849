//! What MEMORY USAGE says of a stream: an estimate by declared sizes (`redis:src/object.c`,
//! objectComputeSize and streamRadixTreeMemoryUsage).

use super::{IdTree, Stream, StreamId};
use kvrig_base::seam::Work;

/// struct stream.
const STREAM_BYTES: u64 = 80;
/// struct streamCG.
const GROUP_BYTES: u64 = 40;
/// struct streamConsumer.
const CONSUMER_BYTES: u64 = 24;
/// struct streamNACK.
const PENDING_BYTES: u64 = 24;
/// What Redis takes for each element of a radix tree, and for each node: its head and thirty words.
const ELEMENT_BYTES: u64 = 16;
const NODE_BYTES: u64 = 4 + 30 * 8;

fn tree_bytes<V>(tree: &IdTree<V>) -> u64 {
    tree.len() as u64 * ELEMENT_BYTES + tree.nodes() * NODE_BYTES
}

impl Stream {
    /// The bytes of the stream, of whose listpacks up to `samples` are looked at; the last one is
    /// always, since it is still growing.
    pub(crate) fn sampled_bytes(&self, samples: usize, work: &mut Work) -> u64 {
        let nodes = self.log.nodes();
        let (mut seen, mut bytes) = (0, 0);
        if samples > 0 {
            nodes.walk(StreamId::MIN, work, |_, node, _| {
                seen += 1;
                bytes += node.allocated();
                seen < samples
            });
        }
        let listpacks = match nodes.len() {
            count if count <= seen => bytes,
            count => {
                let each = bytes.checked_div(seen as u64).unwrap_or(0);
                let last = nodes.last(work).map_or(0, |(_, node)| node.allocated());
                each * (count as u64 - 1) + last
            }
        };
        let groups: u64 = self
            .groups()
            .map(|(_, group)| {
                let pending = group.pending();
                let consumers = group.consumers().map(|consumer| {
                    CONSUMER_BYTES + consumer.name().len() as u64 + tree_bytes(consumer.pending())
                });
                let consumers: u64 = consumers.sum();
                GROUP_BYTES + tree_bytes(pending) + pending.len() as u64 * PENDING_BYTES + consumers
            })
            .sum();
        STREAM_BYTES + tree_bytes(nodes) + listpacks + groups
    }
}
