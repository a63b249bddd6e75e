//! Processes by id: is it still the one that was started, and signals to it.

#[cfg(unix)]
mod imp {
    use std::fs;
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use nix::errno::Errno;
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::signal::{self, Signal};
    use nix::sys::time::{TimeVal, TimeValLike};
    use nix::unistd::Pid;

    /// Gives the child a process group of its own, out of reach of the terminal's Ctrl-C.
    pub(crate) fn detach(command: &mut Command) {
        command.process_group(0);
    }

    fn send(result: nix::Result<()>) -> io::Result<()> {
        match result {
            // Gone already, which is what was wanted.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Asks the process to end. A stopped (paused) process is woken, or it would never hear.
    pub(crate) fn terminate(pid: i32) -> io::Result<()> {
        send(signal::kill(Pid::from_raw(pid), Signal::SIGTERM))?;
        send(signal::kill(Pid::from_raw(pid), Signal::SIGCONT))
    }

    /// Ends the process without asking.
    pub(crate) fn kill(pid: i32) -> io::Result<()> {
        send(signal::kill(Pid::from_raw(pid), Signal::SIGKILL))
    }

    /// Ends a process group: asks it, or not (`hard`).
    pub(crate) fn end_group(leader: i32, hard: bool) -> io::Result<()> {
        let signal = if hard {
            Signal::SIGKILL
        } else {
            Signal::SIGTERM
        };
        send(signal::killpg(Pid::from_raw(leader), signal))
    }

    /// Whether any process of the group is left.
    pub(crate) fn is_group(leader: i32) -> bool {
        signal::killpg(Pid::from_raw(leader), None).is_ok()
    }

    /// The CPU time of all children that have ended and been waited for, and of theirs.
    pub(crate) fn cpu_of_children() -> Duration {
        let time = |time: TimeVal| {
            let micros = time.num_microseconds();
            Duration::from_micros(micros.try_into().unwrap_or(0))
        };
        getrusage(UsageWho::RUSAGE_CHILDREN)
            .map(|usage| time(usage.user_time()) + time(usage.system_time()))
            .unwrap_or_default()
    }

    /// The arguments of a running process; `None` when there is none. A zombie has no arguments.
    pub(crate) fn command_line(pid: i32) -> Option<String> {
        let raw = if Path::new("/proc/self/cmdline").exists() {
            fs::read(format!("/proc/{pid}/cmdline")).ok()?
        } else {
            Command::new("ps")
                .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
                .output()
                .ok()?
                .stdout
        };
        let line = String::from_utf8_lossy(&raw)
            .replace('\0', " ")
            .trim()
            .to_owned();
        (!line.is_empty()).then_some(line)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::io;
    use std::process::Command;
    use std::time::Duration;

    fn unsupported() -> io::Error {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "processes are managed by signals, which needs Unix",
        )
    }
    pub(crate) fn detach(_command: &mut Command) {}
    pub(crate) fn terminate(_pid: i32) -> io::Result<()> {
        Err(unsupported())
    }
    pub(crate) fn kill(_pid: i32) -> io::Result<()> {
        Err(unsupported())
    }
    pub(crate) fn end_group(_leader: i32, _hard: bool) -> io::Result<()> {
        Err(unsupported())
    }
    pub(crate) fn is_group(_leader: i32) -> bool {
        false
    }
    pub(crate) fn cpu_of_children() -> Duration {
        Duration::ZERO
    }
    pub(crate) fn command_line(_pid: i32) -> Option<String> {
        None
    }
}

pub(crate) use imp::{command_line, cpu_of_children, detach, end_group, is_group, kill, terminate};
