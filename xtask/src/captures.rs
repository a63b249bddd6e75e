//! `cargo xtask captures`: has other clients send known records to `milena broker --record`, and commits what they sent
//! as golden data under `testdata/captures/CLIENT-VERSION`.
//!
//! A client is a small program under `testdata/captures/clients` or `testdata/java`. It gets what it needs at its pinned
//! version, in `target/captures`, and runs once for each scenario, with a broker and a recording of its own. Needs
//! Python with pip, Go, Java and Maven, each for the clients that are written in it.

mod clients;
mod scenario;
mod select;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use self::clients::Client;
use self::scenario::Scenario;
use self::select::Selection;
use crate::interrupt::{self, Group};
use crate::paths;

/// The topic that all records go to.
const TOPIC: &str = "records";
/// Longer than any program takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whom to capture.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// Only clients whose names begin like this: java, java-0.11, sarama.
    client: Option<String>,
}

/// Captures the chosen clients, one after the other.
pub(crate) fn command(choice: &Choice) -> Result<()> {
    let chosen: Vec<Client> = clients::all()
        .into_iter()
        .filter(|client| {
            let begin = choice.client.as_deref().unwrap_or_default();
            client.folder().starts_with(begin)
        })
        .collect();
    if chosen.is_empty() {
        let names = clients::all();
        let names: Vec<String> = names.iter().map(Client::folder).collect();
        bail!("there is no such client; there are {}", names.join(", "));
    }
    let milena = build_milena()?;
    for client in chosen {
        let captured = capture(&client, &milena);
        captured.with_context(|| format!("capturing {}", client.folder()))?;
    }
    Ok(())
}

/// Where captures are committed.
fn golden() -> PathBuf {
    paths::root().join("testdata").join("captures")
}

/// Where tools and recordings are.
fn workshop() -> PathBuf {
    paths::root().join("target").join("captures")
}

fn build_milena() -> Result<PathBuf> {
    let mut cargo = Command::new(paths::cargo());
    cargo
        .args(["build", "--package", "milena-cli"])
        .current_dir(paths::root());
    run_to_end(&mut cargo)?;
    Ok(paths::program("milena"))
}

/// Runs a tool that is not captured.
fn run_to_end(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null());
    let program = Path::new(command.get_program()).display().to_string();
    let group = interrupt::spawn_group(command);
    let status = group
        .with_context(|| format!("`{program}` cannot be started"))?
        .child
        .wait()?;
    if !status.success() {
        bail!("`{program}` ended with {status}");
    }
    Ok(())
}

fn capture(client: &Client, milena: &Path) -> Result<()> {
    eprintln!("{}", client.folder());
    let program = client.prepare()?;
    let mut selection = Selection::default();
    for scenario in &client.scenarios {
        eprintln!("  {scenario}");
        let recording = record(client, &program, scenario, milena);
        let recording = recording.with_context(|| format!("scenario {}", scenario.name))?;
        selection.add(scenario, &recording)?;
    }
    let size = selection.write(client)?;
    eprintln!("  {size} bytes");
    Ok(())
}

/// Runs one scenario, and returns where its frames are.
fn record(
    client: &Client,
    program: &[String],
    scenario: &Scenario,
    milena: &Path,
) -> Result<PathBuf> {
    let dir = workshop()
        .join("recordings")
        .join(client.folder())
        .join(scenario.name);
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    let mut broker = Broker::start(milena, &dir)?;
    let (name, arguments) = program.split_first().context("a program has a name")?;
    let mut sender = Command::new(name);
    sender
        .args(arguments)
        .args([&broker.address, TOPIC])
        .args(scenario.arguments())
        .current_dir(golden());
    let status = wait(interrupt::spawn_group(sender.stdin(Stdio::null()))?)?;
    // Transactions are refused, and what leads to one is captured all the same.
    if status == scenario.is_refused() {
        bail!(
            "the program has {}",
            if status { "succeeded" } else { "failed" }
        );
    }
    broker.wait_for(milena, scenario.records()?)?;
    broker.stop()?;
    Ok(dir)
}

/// Whether it succeeded, within [`PATIENCE`].
fn wait(mut group: Group) -> Result<bool> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = group.child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("the program does not end");
}

/// `milena broker --record`.
struct Broker {
    group: Group,
    address: String,
}

impl Broker {
    fn start(milena: &Path, recording: &Path) -> Result<Self> {
        let mut command = Command::new(milena);
        command
            .args(["broker", "--topic", &format!("{TOPIC}:3"), "--record"])
            .arg(recording)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut group = interrupt::spawn_group(&mut command).context("starting milena")?;
        let stdout = group.child.stdout.take().context("stdout is a pipe")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address)?;
        if address.is_empty() {
            bail!("`milena broker` does not start");
        }
        let address = address.trim().to_owned();
        Ok(Self { group, address })
    }

    /// Reads what was sent back, for without acknowledgements a client may be gone before its records have come.
    fn wait_for(&mut self, milena: &Path, records: usize) -> Result<()> {
        let started = Instant::now();
        loop {
            let mut consume = Command::new(milena);
            consume
                .args(["consume", "--bootstrap-server", &self.address])
                .args(["--topic", TOPIC, "--from-beginning", "--exit-at-end"])
                .args(["--print", "offset"])
                .stdin(Stdio::null());
            let output = consume.output().context("starting milena")?;
            let found = output.stdout.iter().filter(|byte| **byte == b'\n').count();
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                bail!("`milena consume` ended with {}: {said}", output.status);
            }
            if found == records {
                return Ok(());
            }
            if found > records || started.elapsed() > PATIENCE {
                bail!("{found} records arrived of {records}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn stop(mut self) -> Result<()> {
        self.group.end();
        let status = self.group.child.wait()?;
        if !status.success() {
            bail!("`milena broker` ended with {status}: the recording is not whole");
        }
        Ok(())
    }
}
