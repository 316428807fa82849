//! The hook that counts a script's instructions, and by which a script can be left and killed
//! wherever it is.
//!
//! Lua calls the hook after every hundred of its instructions, on all of its coroutines. After every
//! thousand the script's own coroutine is left, so that whoever runs it may look at the time.

use super::raise::{caught, refuse};
use mlua::{Error, Function, HookTriggers, Lua, Value, VmState};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Instructions between two calls of the hook. What is left over counts for the next script, so that
/// the sum over many short ones is right.
const INSTRUCTIONS_PER_CALL: u64 = 100;
/// Instructions after which a script is left, so that the time can be looked at. Redis looks every
/// 100,000 (`redis:src/script_lua.c`, luaCallFunction).
pub(crate) const INSTRUCTIONS_PER_PAUSE: u64 = 1_000;

/// What the hook knows.
#[derive(Clone, Default)]
pub(super) struct Watch(Rc<State>);

#[derive(Default)]
struct State {
    /// Counted and not told yet.
    fresh: Cell<u64>,
    since_pause: Cell<u64>,
    is_killed: Cell<bool>,
    /// A script runs, which may be left.
    is_running: Cell<bool>,
    /// Leaves the coroutine of scripts.
    pause: RefCell<Option<Function>>,
}

impl Watch {
    /// Installs the hook.
    pub(super) fn install(&self, lua: &Lua) -> mlua::Result<()> {
        let watch = self.clone();
        let every = u32::try_from(INSTRUCTIONS_PER_CALL).unwrap_or(u32::MAX);
        let triggers = HookTriggers::new().every_nth_instruction(every);
        lua.set_global_hook(triggers, move |_, _| watch.tick())
    }
    fn tick(&self) -> mlua::Result<VmState> {
        self.spend(INSTRUCTIONS_PER_CALL)
            .map(|()| VmState::Continue)
    }
    /// Counts so many instructions, or what is worth as much.
    ///
    /// # Errors
    /// If the script was killed.
    pub(super) fn spend(&self, instructions: u64) -> mlua::Result<()> {
        let state = &*self.0;
        state.fresh.set(state.fresh.get() + instructions);
        let since = state.since_pause.get() + instructions;
        state.since_pause.set(since % INSTRUCTIONS_PER_PAUSE);
        self.check()?;
        if since >= INSTRUCTIONS_PER_PAUSE && state.is_running.get() {
            let pause = state.pause.borrow().clone();
            if let Some(pause) = pause {
                pause.call::<()>(())?;
            }
        }
        Ok(())
    }
    /// Says what leaves the coroutine that scripts run on, as long as there is one.
    pub(super) fn set_pause(&self, pause: Option<Function>) {
        self.0.pause.replace(pause);
    }
    /// Begins a script.
    pub(super) fn begin(&self) {
        self.0.is_running.set(true);
    }
    /// Ends what [`Watch::begin`] began.
    pub(super) fn end(&self) {
        self.0.is_running.set(false);
        self.0.is_killed.set(false);
    }
    /// The instructions since this was asked last.
    pub(super) fn take_instructions(&self) -> u64 {
        self.0.fresh.take()
    }
    /// Lets nothing that the script does succeed any more.
    pub(super) fn kill(&self) {
        self.0.is_killed.set(true);
    }
    /// An error if the script was killed. Whatever catches errors asks this, so that no script can
    /// catch its end and go on.
    pub(super) fn check(&self) -> mlua::Result<()> {
        match self.0.is_killed.get() {
            true => Err(killed()),
            false => Ok(()),
        }
    }
    /// The value of a caught error, unless the script was killed.
    pub(super) fn caught(&self, lua: &Lua, value: Value) -> mlua::Result<Value> {
        self.check()?;
        match value {
            Value::Error(error) => caught(lua, &error),
            value => Ok(value),
        }
    }
}

/// What ends a script that was killed (luaMaskCountHook).
pub(super) fn killed() -> Error {
    refuse("Script killed by user with SCRIPT KILL...")
}
