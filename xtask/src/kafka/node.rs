//! One Kafka node: formatting, starting, and stopping it by process id.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cluster::Spec;
use crate::{interrupt, java, paths, signal};

/// Heap of a node that is alone, and of one among several.
const HEAP_ALONE: &str = "-Xmx384m";
const HEAP_SHARED: &str = "-Xmx256m";

/// How much of a log is shown when a node fails, in bytes.
const LOG_TAIL: u64 = 3000;

/// The folder of a release's jars.
pub(crate) fn jars(version: &str) -> PathBuf {
    paths::kafka().join("jars").join(version)
}

/// Formats a node's storage for a new cluster.
pub(crate) fn format(dir: &Path, spec: &Spec, cluster_id: &str) -> Result<()> {
    let log = dir.join("format.log");
    let out = File::create(&log)?;
    let mut java = java(&spec.version, &[]);
    java.args(["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c"])
        .arg(dir.join("server.properties"));
    for (name, level) in &spec.features {
        java.arg("--feature").arg(format!("{name}={level}"));
    }
    java.stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out);
    let status = interrupt::spawn_group(&mut java)
        .context("starting java")?
        .child
        .wait()?;
    if !status.success() {
        bail!(
            "formatting {} ended with {status}:\n{}",
            dir.display(),
            tail(&log)
        );
    }
    Ok(())
}

/// Starts a node in the background. It outlives this process, and the terminal's Ctrl-C does not reach it.
pub(crate) fn start(dir: &Path, spec: &Spec) -> Result<()> {
    let out = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("broker.log"))?;
    let heap = if spec.nodes == 1 {
        HEAP_ALONE
    } else {
        HEAP_SHARED
    };
    let mut java = java(
        &spec.version,
        &[heap, "-Xms64m", "-XX:+ExitOnOutOfMemoryError"],
    );
    java.arg("kafka.Kafka").arg(dir.join("server.properties"));
    java.stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .current_dir(dir);
    signal::detach(&mut java);
    let mut child = java.spawn().context("starting java")?;
    let pid = child.id();
    // Reaped as soon as it ends, or a long-lived xtask would keep it as a zombie.
    thread::spawn(move || child.wait());
    fs::write(dir.join("pid"), format!("{pid}\n"))
        .with_context(|| format!("writing the pid of {}", dir.display()))?;
    // The system shows no arguments for an instant after the start.
    let started = Instant::now();
    while self::pid(dir).is_none() && started.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn java(version: &str, flags: &[&str]) -> Command {
    let mut java = Command::new("java");
    java.args(java::SHORT_LIVED)
        .args(flags)
        .args([
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        ])
        .args([
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        ])
        .arg("-cp")
        .arg(jars(version).join("*"));
    java
}

/// The process of a node, when it runs. A pid file may be stale and its number belong to somebody else by now,
/// so the process must be one that was started with this node's settings.
pub(crate) fn pid(dir: &Path) -> Option<i32> {
    let pid: i32 = fs::read_to_string(dir.join("pid"))
        .ok()?
        .trim()
        .parse()
        .ok()
        .filter(|pid| *pid > 1)?;
    let line = signal::command_line(pid)?;
    is_node(&line, dir).then_some(pid)
}

fn is_node(command_line: &str, dir: &Path) -> bool {
    let settings = dir.join("server.properties");
    command_line.ends_with(&format!("kafka.Kafka {}", settings.display()))
}

/// Stops the nodes of those folders: all are asked at once, and what still runs after `grace` is killed.
pub(crate) fn stop_all(dirs: &[PathBuf], grace: Duration) -> Result<()> {
    let mut running: Vec<&PathBuf> = Vec::new();
    for dir in dirs {
        if let Some(pid) = pid(dir) {
            signal::terminate(pid).with_context(|| format!("stopping process {pid}"))?;
            running.push(dir);
        }
    }
    if wait_until_gone(&mut running, grace) {
        for dir in &running {
            if let Some(pid) = pid(dir) {
                signal::kill(pid).with_context(|| format!("killing process {pid}"))?;
            }
        }
        if wait_until_gone(&mut running, Duration::from_secs(5)) {
            bail!(
                "{} nodes could not be killed, the first in {:?}",
                running.len(),
                running.first()
            );
        }
    }
    for dir in dirs {
        let _ = fs::remove_file(dir.join("pid"));
    }
    Ok(())
}

/// True when some still run after that time.
fn wait_until_gone(running: &mut Vec<&PathBuf>, time: Duration) -> bool {
    let started = Instant::now();
    loop {
        running.retain(|dir| pid(dir).is_some());
        if running.is_empty() || started.elapsed() >= time {
            return !running.is_empty();
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The end of a node's log.
pub(crate) fn log_tail(dir: &Path) -> String {
    tail(&dir.join("broker.log"))
}

fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => format!(
            "{}\n(the end of {})",
            String::from_utf8_lossy(&bytes).trim_end(),
            path.display()
        ),
        Err(error) => format!("({}: {error})", path.display()),
    }
}

/// Resident memory of a process in MiB, where the system says.
pub(crate) fn resident_mib(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kib| kib / 1024)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::is_node;

    #[test]
    fn another_process_is_not_the_node() {
        let dir = Path::new("/checkout/target/kafka/default/node-1");
        assert!(is_node(
            "java -Xmx256m -cp jars/* kafka.Kafka /checkout/target/kafka/default/node-1/server.properties",
            dir
        ));
        for line in [
            "java -cp jars/* kafka.Kafka /checkout/target/kafka/default/node-11/server.properties",
            "java -cp jars/* kafka.Kafka /elsewhere/target/kafka/default/node-1/server.properties",
            "tail -f /checkout/target/kafka/default/node-1/server.properties",
            "bash",
        ] {
            assert!(!is_node(line, dir), "{line}");
        }
    }
}
