//! Reading lists, behind which nodes may be compressed again.

use super::Database;
use crate::encoding::listpack::Item;
use crate::value::List;
use crate::value::list::End;
use kvrig_base::seam::Work;
use kvrig_tables::Slot;
use std::ops::Range;

impl Database {
    /// Visits elements of the list at `slot` from `start` on, in this direction, until `visit` says to
    /// stop.
    pub(crate) fn walk_list(
        &mut self,
        key: &[u8],
        slot: Slot,
        (start, towards): (usize, End),
        work: &mut Work,
        visit: impl FnMut(Item<'_>, &mut Work) -> bool,
    ) {
        let nodes = self.get::<List>(slot).walk(start, towards, work, visit);
        self.settle_list(key, slot, nodes, work);
    }
    /// Gives the element with this index to `read`, if there is one.
    pub(crate) fn read_element<R>(
        &mut self,
        key: &[u8],
        slot: Slot,
        index: usize,
        work: &mut Work,
        read: impl FnOnce(Item<'_>, &mut Work) -> R,
    ) -> Option<R> {
        let (result, node) = self.get::<List>(slot).read(index, work, read)?;
        self.settle_list(key, slot, node..node + 1, work);
        Some(result)
    }
    fn settle_list(&mut self, key: &[u8], slot: Slot, nodes: Range<usize>, work: &mut Work) {
        if !self.get::<List>(slot).is_settled(nodes.clone()) {
            self.look_into(key, slot, work, |list: &mut List, work| {
                list.settle_read(nodes, work);
            });
        }
    }
}
