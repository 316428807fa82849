//! Names of things: small integers that cannot be mistaken for one another.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);
        impl $name {
            /// The number, for indexing.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id! {
    /// One actor of a world: a Redis process, a Memcached worker, a DynamoDB storage node.
    ActorId(u32)
}
id! {
    /// One client connection, as the engine sees it; unique within a world.
    ConnId(u32)
}
id! {
    /// One request, numbered from zero in the order in which the workload addresses it.
    RequestId(u64)
}
id! {
    /// One file of an actor, numbered by the actor when it opens it.
    FileId(u32)
}
id! {
    /// One file operation in flight; the completion carries the same ticket.
    Ticket(u64)
}
id! {
    /// One forked child or offloaded job of an actor.
    JobId(u32)
}
id! {
    /// One lock of a store that several workers share.
    LockId(u32)
}
id! {
    /// One core of a host.
    CoreId(u32)
}
