//! Asking for lines ahead: the walks of many look-ups and moves overlap, so that the machine that
//! runs the table need not wait for each line by itself. Nothing but speed changes.

use super::super::hash_of;
use super::{END, Link, Node, Stripe, StripedTable};
use crate::prefetch::prefetch;
use crate::table::Entry;
use kvrig_base::seam::sync::{Lock, SyncForm};

/// What is asked for ahead of a walk along a chain.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The head of the chain.
    Head,
    /// The first item.
    First,
    /// What the first item has outside, and the second item.
    Second,
    /// What the second item has outside.
    Outside,
}

impl Stage {
    /// Each when the lines of the one before have come.
    const OF_CHAINS: [Self; 4] = [Self::Head, Self::First, Self::Second, Self::Outside];
}

/// Buckets that move while the lines of one stage come.
const BUCKETS_BETWEEN_STAGES: usize = 3;

impl<E: Entry, S: SyncForm> StripedTable<E, S> {
    /// Asks the processor for the lines that looking `keys` up begins with, for all keys together. It
    /// has no effect but on speed, and none at all where workers are threads.
    pub fn prefetch<'a>(&self, keys: impl Iterator<Item = &'a E::Key>)
    where
        E::Key: 'a,
    {
        let hashes: Vec<u64> = keys.map(hash_of).collect();
        for stage in Stage::OF_CHAINS {
            for &hash in &hashes {
                self.stripe_of(hash).glance(|stripe| {
                    stripe.ask(stage, stripe.head_of(hash >> self.lock_power));
                });
            }
        }
    }
    /// Asks for the lines that moving the buckets from `next` on will wait for, each when those that
    /// lead to it have come.
    pub(super) fn ask_ahead(&self, next: u64) {
        let glance = |distance: usize, ask: &dyn Fn(&Stripe<E, S>, &Link)| {
            let bucket = next + (distance * BUCKETS_BETWEEN_STAGES) as u64;
            let stripe = &self.stripes[bucket as usize & (self.stripes.len() - 1)];
            let local = (bucket >> self.lock_power) as usize;
            stripe.glance(|stripe| {
                let old = stripe.old.as_ref();
                if let Some(head) = old.and_then(|(old, _)| old.heads.get(local)) {
                    ask(stripe, head);
                }
            });
        };
        for (distance, stage) in Stage::OF_CHAINS.into_iter().rev().enumerate() {
            glance(distance + 1, &|stripe, head| stripe.ask(stage, head));
        }
        glance(0, &|stripe, head| {
            stripe.ask_targets(*head, self.lock_power);
        });
    }
}

impl<E: Entry, S: SyncForm> Stripe<E, S> {
    /// The head of the chain of a hash without the bits of its lock.
    #[inline]
    fn head_of(&self, hash: u64) -> &Link {
        let (is_old, local) = self.place_of(hash);
        match &self.old {
            Some((old, _)) if is_old => &old.heads[local],
            _ => &self.primary.heads[local],
        }
    }
    /// The item that a link leads to, with the link to the next.
    #[inline]
    fn item(&self, link: Link) -> Option<(Link, &E)> {
        match &self.nodes[link.checked_sub(1)? as usize] {
            Node::Used { next, entry } => Some((*next, entry)),
            Node::Vacant { .. } => None,
        }
    }
    /// The link to the item after the first of a chain.
    #[inline]
    fn after(&self, head: Link) -> Link {
        self.item(head).map_or(END, |(next, _)| next)
    }
    /// Asks for the line of an item.
    #[inline]
    fn prefetch(&self, link: Link) {
        if let Some(number) = link.checked_sub(1) {
            prefetch(&self.nodes[number as usize]);
        }
    }
    /// Asks for what an item has outside.
    #[inline]
    fn prefetch_outside(&self, link: Link) {
        if let Some((_, entry)) = self.item(link) {
            entry.prefetch_outside();
        }
    }
    /// Asks for one stage of the lines of a chain.
    #[inline]
    fn ask(&self, stage: Stage, head: &Link) {
        match stage {
            Stage::Head => prefetch(head),
            Stage::First => self.prefetch(*head),
            Stage::Second => {
                self.prefetch_outside(*head);
                self.prefetch(self.after(*head));
            }
            Stage::Outside => self.prefetch_outside(self.after(*head)),
        }
    }
    /// Asks for the buckets that the first two items of an old chain move to.
    #[inline]
    fn ask_targets(&self, head: Link, lock_power: u32) {
        let mask = self.primary.heads.len() - 1;
        for link in [head, self.after(head)] {
            if let Some((_, entry)) = self.item(link) {
                let to = (hash_of(entry.key()) >> lock_power) as usize & mask;
                prefetch(&self.primary.heads[to]);
            }
        }
    }
}
