//! The nodes of a cluster that `cargo xtask kafka` started, as processes.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// How long a node may take to end when it is asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(30);

/// A cluster's folder, and what its `cluster` file says.
#[derive(Debug)]
pub(crate) struct Nodes {
    folder: PathBuf,
    /// The program that starts nodes.
    xtask: PathBuf,
    version: String,
    settings: Vec<String>,
    /// Where clients connect, node 1 first.
    pub(crate) ports: Vec<u16>,
}

impl Nodes {
    pub(crate) fn read(folder: PathBuf, xtask: PathBuf) -> Result<Self> {
        let path = folder.join("cluster");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let (mut version, mut settings, mut ports) = (String::new(), Vec::new(), Vec::new());
        for line in text.lines() {
            match line
                .split_once('=')
                .with_context(|| format!("{}: {line}", path.display()))?
            {
                ("version", value) => value.clone_into(&mut version),
                ("set", value) => settings.extend(["--set".to_owned(), value.to_owned()]),
                ("feature", value) => settings.extend(["--feature".to_owned(), value.to_owned()]),
                ("node", value) => {
                    let (client, _) = value.split_once(',').unwrap_or((value, ""));
                    ports.push(
                        client
                            .parse()
                            .with_context(|| format!("{}: {line}", path.display()))?,
                    );
                }
                _ => {}
            }
        }
        Ok(Self {
            folder,
            xtask,
            version,
            settings,
            ports,
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> i32 {
        i32::try_from(self.ports.len()).unwrap_or(i32::MAX)
    }

    /// `host:port` of every node, with commas between.
    pub(crate) fn bootstrap(&self) -> String {
        let addresses = self.ports.iter().map(|port| format!("127.0.0.1:{port}"));
        addresses.collect::<Vec<_>>().join(",")
    }

    /// Ends a node without asking.
    pub(crate) fn kill(&self, node: i32) -> Result<()> {
        self.signal(node, "-KILL")?;
        self.await_end(node, GRACE)
    }

    /// Asks a node to end, and waits until it has.
    pub(crate) fn terminate(&self, node: i32) -> Result<()> {
        self.signal(node, "-TERM")?;
        self.await_end(node, GRACE).or_else(|_| self.kill(node))
    }

    /// Has a node stand still.
    pub(crate) fn pause(&self, node: i32) -> Result<()> {
        self.signal(node, "-STOP")
    }

    /// Lets it go on.
    pub(crate) fn resume(&self, node: i32) -> Result<()> {
        self.signal(node, "-CONT")
    }

    /// Starts the nodes that do not run, with the settings they had, and waits until all answer.
    pub(crate) fn start_stopped(&self) -> Result<()> {
        let mut up = Command::new(&self.xtask);
        up.args([
            "kafka",
            "up",
            "--version",
            &self.version,
            "--nodes",
            &self.ports.len().to_string(),
        ]);
        up.arg("--name").arg(
            self.folder
                .file_name()
                .context("a cluster's folder has a name")?,
        );
        up.args(&self.settings);
        let output = up
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("running {}", self.xtask.display()))?;
        ensure!(
            output.status.success(),
            "starting a node: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn signal(&self, node: i32, signal: &str) -> Result<()> {
        let Some(pid) = self.pid(node) else {
            bail!("node {node} does not run, and should");
        };
        let status = Command::new("kill")
            .args([signal, &pid])
            .status()
            .context("running kill")?;
        ensure!(status.success(), "kill {signal} {pid} ended with {status}");
        Ok(())
    }

    fn await_end(&self, node: i32, time: Duration) -> Result<()> {
        let started = Instant::now();
        while self.pid(node).is_some() {
            ensure!(started.elapsed() < time, "node {node} does not end");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The process of a node, when it runs. The number in the file may be somebody else's by now, so the process must be
    /// one that was started with this node's settings.
    fn pid(&self, node: i32) -> Option<String> {
        let folder = self.folder.join(format!("node-{node}"));
        let pid = fs::read_to_string(folder.join("pid"))
            .ok()?
            .trim()
            .to_owned();
        let command = Command::new("ps")
            .args(["-ww", "-o", "stat=,command=", "-p", &pid])
            .output()
            .ok()?;
        let command = String::from_utf8_lossy(&command.stdout).trim().to_owned();
        let settings = folder.join("server.properties");
        let runs = !command.starts_with('Z') && command.ends_with(&*settings.to_string_lossy());
        runs.then_some(pid)
    }
}
