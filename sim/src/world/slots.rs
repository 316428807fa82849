//! Things that events name by a number: a slab whose slots are used again.

/// A slab of `T`; the slot freed last is used first, while it is still in the caches.
#[derive(Debug)]
pub(super) struct Slots<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// Keeps `value` and names it.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = Some(value);
            return slot;
        }
        let slot = u32::try_from(self.entries.len()).expect("fewer than 2^32 things are under way");
        self.entries.push(Some(value));
        slot
    }
    /// Takes the value called `slot` out.
    pub(super) fn remove(&mut self, slot: u32) -> T {
        self.free.push(slot);
        self.entries[slot as usize]
            .take()
            .expect("an event names a slot that is in use")
    }
    /// The value called `slot`.
    pub(super) fn get(&self, slot: u32) -> &T {
        self.entries[slot as usize]
            .as_ref()
            .expect("an event names a slot that is in use")
    }
    /// The value called `slot`.
    pub(super) fn get_mut(&mut self, slot: u32) -> &mut T {
        self.entries[slot as usize]
            .as_mut()
            .expect("an event names a slot that is in use")
    }
    /// All values, in the order of their slots.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().flatten()
    }
}
