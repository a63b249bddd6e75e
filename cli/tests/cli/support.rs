//! The real binary, and a cluster of its own for each test.

use std::{
    fmt::Display,
    io::{BufRead, BufReader, Write},
    net::Ipv4Addr,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use milena_broker::{Cluster, ClusterBuilder};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{net::TcpSocket, runtime::Runtime};

/// Longer than anything here takes, so that a test that hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn milena(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_milena"));
    command.args(args).env_remove("RUST_LOG");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs to the end; input is what it reads.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Finished {
    let mut child = milena(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // Whoever ends early reads no further.
        let _ = stdin.write_all(&input);
    });
    let finished = finish(child);
    writer.join().unwrap();
    finished
}

/// Waits for the end, but not for ever.
pub(crate) fn finish(child: Child) -> Finished {
    Finished(guarded(child.id(), || child.wait_with_output()).unwrap())
}

/// Waits for something of a process, and ends it when that does not come.
pub(crate) fn guarded<T>(pid: u32, wait: impl FnOnce() -> T) -> T {
    let (done, waited) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if waited.recv_timeout(PATIENCE).is_err() {
            signal(pid, Signal::SIGKILL);
        }
    });
    let came = wait();
    let _ = done.send(());
    watchdog.join().unwrap();
    came
}

/// Tries again and again, but not for ever; an error is what is said in the end.
#[track_caller]
pub(crate) fn eventually<T, E: Display>(mut attempt: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(found) => return found,
            Err(why) => assert!(Instant::now() < deadline, "{why}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An address that refuses connections for as long as its socket is kept, for nobody else can listen there.
pub(crate) fn refusing() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid as i32), signal).unwrap();
}

pub(crate) struct Finished(Output);

impl Finished {
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn stdout_bytes(&self) -> &[u8] {
        &self.0.stdout
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        let status: ExitStatus = self.0.status;
        assert_eq!(
            status.code(),
            Some(code),
            "{status}\n{}\n{}",
            self.stdout(),
            self.stderr()
        );
        self
    }

    /// Standard output as JSON lines.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.stdout()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// `milena broker` on free ports; ends when dropped.
pub(crate) struct Broker {
    child: Child,
    pub(crate) bootstrap: String,
}

impl Broker {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = milena(&[&["broker"], args].concat())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first_line)
            .unwrap();
        Self {
            child,
            bootstrap: first_line.trim().to_owned(),
        }
    }

    /// Runs `milena` with a command's name and then the bootstrap address.
    pub(crate) fn run(&self, command: &str, args: &[&str], input: &[u8]) -> Finished {
        run(&self.args(command, args), input)
    }

    pub(crate) fn args<'a>(&'a self, command: &'a str, args: &[&'a str]) -> Vec<&'a str> {
        let mut all: Vec<_> = command.split(' ').collect();
        all.extend(["--bootstrap-server", &self.bootstrap]);
        all.extend(args);
        all
    }

    /// Everything in a topic, as JSON.
    pub(crate) fn read(&self, topic: &str) -> Vec<serde_json::Value> {
        let args = [
            "--topic",
            topic,
            "--from-beginning",
            "--exit-at-end",
            "--format",
            "json",
        ];
        self.run("consume", &args, b"").expect(0).json()
    }

    /// Reads a topic again and again until it holds so many records.
    pub(crate) fn wait_for(&self, topic: &str, records: usize) -> Vec<serde_json::Value> {
        eventually(|| {
            let found = self.read(topic);
            match found.len() {
                few if few < records => Err(format!("only {few} of {records} records")),
                _ => Ok(found),
            }
        })
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        signal(self.child.id(), Signal::SIGINT);
        self.child.wait().unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A cluster in this process, for as long as it is held.
pub(crate) struct Held {
    pub(crate) cluster: Cluster,
    runtime: Runtime,
}

impl Held {
    pub(crate) fn start(builder: ClusterBuilder) -> Self {
        let runtime = Runtime::new().unwrap();
        let cluster = runtime.block_on(builder.start()).unwrap();
        Self { cluster, runtime }
    }

    pub(crate) fn down(&self, node: i32) {
        self.runtime.block_on(self.cluster.node_down(node)).unwrap();
    }

    pub(crate) fn address(&self, node: i32) -> String {
        self.cluster.address(node).unwrap()
    }
}
