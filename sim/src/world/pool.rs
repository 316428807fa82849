//! Cores, and pools of cores that several tasks share in order of arrival.

use kvrig_base::id::{ActorId, CoreId};
use kvrig_base::time::{Span, Time};
use std::collections::VecDeque;

/// A set of cores on which its tasks take turns: first come, first served, without preemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolId(pub(super) u32);

/// Something that wants a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// The turn of an actor.
    Turn(ActorId),
    /// The work of a child up to its next file operation.
    Child(u32),
    /// An offloaded job.
    Offload(u32),
}

#[derive(Debug)]
struct Core {
    pool: PoolId,
    /// From when it is free; none while a task of unknown end has it.
    free_at: Option<Time>,
    taken_at: Time,
    busy: Span,
}

#[derive(Debug)]
struct Pool {
    cores: Vec<CoreId>,
    waiting: VecDeque<Task>,
    /// When the pool is looked at next on behalf of those who wait.
    wake_at: Time,
}

/// All cores and pools of a world.
#[derive(Debug, Default)]
pub(super) struct Pools {
    cores: Vec<Core>,
    pools: Vec<Pool>,
}

impl Pools {
    /// Adds a pool of `cores` idle cores.
    pub(super) fn add(&mut self, cores: u32) -> PoolId {
        let pool = PoolId(u32::try_from(self.pools.len()).expect("fewer than 2^32 pools"));
        let first = u32::try_from(self.cores.len()).expect("fewer than 2^32 cores");
        let ids: Vec<CoreId> = (first..first + cores).map(CoreId).collect();
        self.cores.extend(ids.iter().map(|_| Core {
            pool,
            free_at: Some(Time::START),
            taken_at: Time::START,
            busy: Span::ZERO,
        }));
        self.pools.push(Pool {
            cores: ids,
            waiting: VecDeque::new(),
            wake_at: Time::NEVER,
        });
        pool
    }
    /// The first core of a pool: where work is priced that has no core yet.
    #[inline]
    pub(super) fn first_core(&self, pool: PoolId) -> CoreId {
        self.pools[pool.0 as usize].cores[0]
    }
    /// Takes a core that is free at `now`, `preferred` if it is one, unless others wait already.
    #[inline]
    pub(super) fn take(&mut self, pool: PoolId, preferred: CoreId, now: Time) -> Option<CoreId> {
        if !self.pools[pool.0 as usize].waiting.is_empty() {
            return None;
        }
        self.take_free(pool, Some(preferred), now)
    }
    #[inline]
    fn take_free(&mut self, pool: PoolId, preferred: Option<CoreId>, now: Time) -> Option<CoreId> {
        let free = |core: &CoreId| {
            let core = &self.cores[core.index()];
            core.pool == pool && core.free_at.is_some_and(|free_at| free_at <= now)
        };
        let core = match preferred.filter(free) {
            Some(core) => core,
            None => self.pools[pool.0 as usize]
                .cores
                .iter()
                .copied()
                .find(free)?,
        };
        let taken = &mut self.cores[core.index()];
        taken.free_at = None;
        taken.taken_at = now;
        Some(core)
    }
    /// Lets `task` wait.
    pub(super) fn wait(&mut self, pool: PoolId, task: Task) {
        self.pools[pool.0 as usize].waiting.push_back(task);
    }
    /// When the pool must be looked at for those who wait, and who is the first of them: the
    /// earliest instant at which one of its cores is known to become free, unless the pool is
    /// looked at by then anyway. What it says is taken as arranged.
    #[inline]
    pub(super) fn wake(&mut self, pool: PoolId, now: Time) -> Option<(Time, Task)> {
        let Pool {
            cores,
            waiting,
            wake_at,
        } = &mut self.pools[pool.0 as usize];
        let first = *waiting.front()?;
        let free_at = cores
            .iter()
            .filter_map(|core| self.cores[core.index()].free_at)
            .min()?;
        let at = free_at.max(now);
        if *wake_at <= at {
            return None;
        }
        *wake_at = at;
        Some((at, first))
    }
    /// The pool is looked at now.
    pub(super) fn woken(&mut self, pool: PoolId, now: Time) {
        let pool = &mut self.pools[pool.0 as usize];
        if pool.wake_at <= now {
            pool.wake_at = Time::NEVER;
        }
    }
    /// The next waiting task and a core for it, if there are both at `now`.
    pub(super) fn next(&mut self, pool: PoolId, now: Time) -> Option<(Task, CoreId)> {
        let task = *self.pools[pool.0 as usize].waiting.front()?;
        let core = self.take_free(pool, None, now)?;
        self.pools[pool.0 as usize].waiting.pop_front();
        Some((task, core))
    }
    /// Gives a core back from `at` on; says to which pool.
    #[inline]
    pub(super) fn release(&mut self, core: CoreId, at: Time) -> PoolId {
        let released = &mut self.cores[core.index()];
        released.free_at = Some(at);
        released.busy += at.since(released.taken_at);
        released.pool
    }
    /// How long each core of a pool was busy, the holding of it included, up to its last release.
    pub(super) fn busy(&self, pool: PoolId) -> impl Iterator<Item = Span> {
        self.pools[pool.0 as usize]
            .cores
            .iter()
            .map(|core| self.cores[core.index()].busy)
    }
}
