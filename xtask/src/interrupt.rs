//! Ctrl-C and SIGTERM: what this process started is ended before it goes.

use std::path::{Path, PathBuf};
use std::process::{self, Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use anyhow::Context;

use crate::kafka::node;
use crate::signal;

/// How long a process group may take to end when it is asked to: it may have nodes of its own to stop.
const PATIENCE: Duration = Duration::from_secs(12);

/// What an interrupt ends.
static OWNED: Mutex<Owned> = Mutex::new(Owned {
    groups: Vec::new(),
    nodes: Vec::new(),
});

struct Owned {
    /// Leaders of process groups: a cargo command and all it started.
    groups: Vec<i32>,
    /// Folders of Kafka nodes, whose pid files say what to end.
    nodes: Vec<PathBuf>,
}

/// Held while a process is started and recorded, so that an interrupt cannot fall in between.
fn owned() -> MutexGuard<'static, Owned> {
    OWNED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on, Ctrl-C, SIGTERM and SIGHUP end everything owned, and then this process with status 130.
pub(crate) fn install() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        // Never unlocked: nothing new may start, and this process ends here.
        let owned = owned();
        eprintln!("\ninterrupted: stopping what was started");
        for leader in &owned.groups {
            let _ = signal::end_group(*leader, false);
        }
        if let Err(error) = node::stop_all(&owned.nodes, Duration::from_secs(5)) {
            eprintln!("  {error:#}");
        }
        end_hard(&owned.groups);
        process::exit(130);
    })
    .context("installing the Ctrl-C handler")
}

/// Gives groups that were asked to end their time, and ends them.
fn end_hard(groups: &[i32]) {
    let asked = Instant::now();
    let mut left = groups.to_vec();
    while asked.elapsed() < PATIENCE {
        left.retain(|leader| signal::is_group(*leader));
        if left.is_empty() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    for leader in left {
        let _ = signal::end_group(leader, true);
    }
}

/// Starts a child in its own process group, which an interrupt ends until [`Group`] is dropped.
pub(crate) fn spawn_group(command: &mut Command) -> io::Result<Group> {
    signal::detach(command);
    let mut owned = owned();
    let child = command.spawn()?;
    let leader = i32::try_from(child.id()).unwrap_or(i32::MAX);
    owned.groups.push(leader);
    Ok(Group { child, leader })
}

/// A running child and its process group. Dropping it ends what is left of the group.
pub(crate) struct Group {
    /// The group's leader.
    pub(crate) child: Child,
    leader: i32,
}

impl Group {
    /// Ends the whole group: asks, and after a while does not ask.
    pub(crate) fn end(&mut self) {
        let _ = signal::end_group(self.leader, false);
        let asked = Instant::now();
        // While the leader is not waited for, the group is there.
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(50));
        }
        end_hard(&[self.leader]);
        let _ = self.child.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A leader that has been waited for may leave children behind; its id stays theirs while they live.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
        owned().groups.retain(|leader| *leader != self.leader);
    }
}

/// Runs `start`, which starts the node of that folder. An interrupt stops the node while this process lives.
pub(crate) fn own_node<T>(
    dir: &Path,
    start: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut owned = owned();
    if !owned.nodes.iter().any(|node| node == dir) {
        owned.nodes.push(dir.to_path_buf());
    }
    start()
}
