//! Trimming: old entries go, a node at a time where that is enough.

use super::id::StreamId;
use super::log::Log;
use kvrig_base::seam::Work;

/// What is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The last so many entries.
    Last(u64),
    /// Those from this id on.
    From(StreamId),
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What is to stay.
    pub keep: Keep,
    /// Only whole nodes go, so that more may stay.
    pub is_approximate: bool,
    /// How many entries may go at most; `None` is no limit.
    pub limit: Option<u64>,
}

impl Log {
    /// Removes old entries, and says how many (streamTrim).
    pub fn trim(&mut self, trim: Trim, work: &mut Work) -> u64 {
        let mut removed = 0;
        let mut from = Some(StreamId::MIN);
        while let Some((master, node)) = from.and_then(|from| self.nodes.at_or_after(from, work)) {
            let live = node.live();
            if matches!(trim.keep, Keep::Last(most) if self.length <= most)
                || trim.limit.is_some_and(|limit| removed + live > limit)
            {
                break;
            }
            let goes_whole = match trim.keep {
                Keep::Last(most) => self.length - live >= most,
                // Of a node whose last entry was deleted, that entry still counts.
                Keep::From(id) => node.last(master, work).is_none_or(|last| last.id < id),
            };
            if goes_whole {
                self.remove_node(master, work);
                removed += live;
                from = master.next();
                continue;
            }
            if !trim.is_approximate {
                removed += self.trim_in(master, trim.keep, work);
            }
            break;
        }
        if removed > 0 || self.length == 0 {
            self.find_first(work);
        }
        removed
    }
    /// Deletes old entries within a node that stays.
    fn trim_in(&mut self, master: StreamId, keep: Keep, work: &mut Work) -> u64 {
        let Some(node) = self.nodes.get(master, work) else {
            return 0;
        };
        let mut places = Vec::new();
        let mut next = node.first(master, work);
        while let Some(entry) = next {
            let stays = match keep {
                Keep::Last(most) => self.length - places.len() as u64 <= most,
                Keep::From(id) => entry.id >= id,
            };
            if stays {
                break;
            }
            if !entry.is_deleted() {
                places.push(entry.place());
            }
            next = node.after(master, &entry, work);
        }
        let removed = places.len() as u64;
        self.change_node(master, work, |node, work| {
            places
                .into_iter()
                .for_each(|place| node.mark_deleted(place));
            node.count_deleted(removed, work);
        });
        self.length -= removed;
        removed
    }
}
