//! Calls of the system: the cheapest, those of connections, and the way from sleep to work.

use super::timing::{Laps, timed};
use super::{Effort, Timings};
use crate::clock::{Clock, RealClock, thread_cpu_ns};
use kvrig_base::calibration::{Part, Spread, Timing};
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const SYSTEM_CALLS: u32 = 50_000;
/// Bytes of a message. The largest together fit in the buffers of a socket.
const MESSAGE_BYTES: [usize; 3] = [64, 1_024, 4_096];
/// Messages that are sent before they are received.
const MESSAGES: u32 = 8;
/// How often they are.
const ROUNDS: u32 = 400;
const TURNS: u32 = 4_000;
/// Bytes of the message of a turn.
const TURN_BYTES: usize = 64;
const WAKE_UPS: u32 = 300;
/// Before it is woken, a thread sleeps for so long: long enough that a virtual processor has stopped
/// polling for work (200 us where Linux polls, `guest_halt_poll_ns`) and given its core up, as that of
/// a store that hears a few hundred requests a second.
const ASLEEP: Duration = Duration::from_millis(1);
/// A thread that nobody wakes goes on by itself after so long, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn system_call(effort: &Effort<'_>) -> io::Result<Timings> {
    let repetitions = effort.repetitions(SYSTEM_CALLS);
    let timing = timed(1, repetitions, || {
        for _ in 0..repetitions {
            std::hint::black_box(rustix::process::getppid());
        }
        Ok(())
    })?;
    Ok(vec![(Part::SystemCall, timing)])
}

/// Both ends of a connection on the loopback address.
fn connection() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}

pub(super) fn send_and_receive(effort: &Effort<'_>) -> io::Result<Timings> {
    let rounds = effort.repetitions(ROUNDS);
    let (mut near, mut far) = connection()?;
    let mut timings = Vec::new();
    for bytes in MESSAGE_BYTES {
        let (message, mut buffer) = (vec![b'm'; bytes], vec![0; bytes]);
        let (mut send, mut receive) = (Laps::start(), Laps::start());
        for _ in 0..rounds {
            send.resume();
            for _ in 0..MESSAGES {
                near.write_all(&message)?;
            }
            send.lap();
            receive.resume();
            for _ in 0..MESSAGES {
                far.read_exact(&mut buffer)?;
            }
            receive.lap();
        }
        let (size, messages) = (bytes as u64, rounds * MESSAGES);
        timings.push((Part::Send, send.timing(size, messages)));
        timings.push((Part::Receive, receive.timing(size, messages)));
    }
    Ok(timings)
}

/// What a look at which connections are ready adds to sending and receiving.
pub(super) fn turn(effort: &Effort<'_>) -> io::Result<Timings> {
    let turns = effort.repetitions(TURNS);
    let (mut near, far) = connection()?;
    far.set_nonblocking(true)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(8));
    let mut far = mio::net::TcpStream::from_std(far);
    poll.registry()
        .register(&mut far, Token(0), Interest::READABLE)?;
    let mut buffer = [0; TURN_BYTES];
    let mut pass = |looks: bool| {
        near.write_all(&[b'm'; TURN_BYTES])?;
        if looks {
            poll.poll(&mut events, Some(Duration::ZERO))?;
        }
        let mut received = 0;
        while received < TURN_BYTES {
            received += far.read(&mut buffer)?;
        }
        io::Result::Ok(())
    };
    let mut time = |looks| {
        timed(TURN_BYTES as u64, turns, || {
            (0..turns).try_for_each(|_| pass(looks))
        })
    };
    let (without, with) = (time(false)?, time(true)?);
    let timing = Timing {
        size: 1,
        cpu_ns: (with.cpu_ns - without.cpu_ns).max(0.0),
        elapsed_ns: (with.elapsed_ns - without.elapsed_ns).max(f64::MIN_POSITIVE),
    };
    Ok(vec![(Part::Turn, timing)])
}

/// A thread sleeps in a wait for events; another wakes it and both look at the clock. The median
/// counts: a single one may be late for reasons of its own.
pub(super) fn wake_up(effort: &Effort<'_>) -> io::Result<Timings> {
    let times = effort.repetitions(WAKE_UPS);
    let mut poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), Token(0))?;
    let clock = RealClock::start();
    let now_ns = || clock.now().as_picos() / 1_000;
    let (rounds, awake_ns) = (AtomicU32::new(0), AtomicU64::new(0));
    let (rounds, awake_ns) = (&rounds, &awake_ns);
    let sleeper = move || -> io::Result<f64> {
        let mut events = Events::with_capacity(8);
        let cpu = thread_cpu_ns();
        for round in 1..=times {
            poll.poll(&mut events, Some(PATIENCE))?;
            awake_ns.store(now_ns(), Ordering::Relaxed);
            rounds.store(round, Ordering::Release);
        }
        Ok((thread_cpu_ns() - cpu) as f64 / f64::from(times))
    };
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(sleeper);
        let mut delays = Vec::new();
        for round in 1..=times {
            let since = now_ns();
            while now_ns() - since < ASLEEP.as_nanos() as u64 {
                std::hint::spin_loop();
            }
            let woken_ns = now_ns();
            waker.wake()?;
            while rounds.load(Ordering::Acquire) < round && !sleeper.is_finished() {
                std::hint::spin_loop();
            }
            delays.push((awake_ns.load(Ordering::Relaxed).saturating_sub(woken_ns)) as f64);
        }
        let cpu_ns = sleeper
            .join()
            .map_err(|_| io::Error::other("the sleeping thread has ended early"))??;
        let spread = Spread::of(&delays).ok_or(io::ErrorKind::InvalidInput)?;
        let timing = Timing {
            size: 1,
            cpu_ns,
            elapsed_ns: spread.median,
        };
        Ok(vec![(Part::WakeUp, timing)])
    })
}
