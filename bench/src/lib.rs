//! What the measurements share: a broker in a process of its own, the CPU time of this one, and the messages that are
//! read and written three ways.

pub mod messages;

use std::{env, error::Error, process::Stdio, time::Duration};

use milena_broker::Cluster;
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

/// Whatever went wrong.
pub type Failure = Box<dyn Error + Send + Sync>;

const SERVE: &str = "--serve-broker";

/// An embedded broker in a process of its own, so that its CPU time is not counted as ours.
pub struct Broker {
    /// Where it listens.
    pub bootstrap: String,
    _process: Child,
}

/// In the child process: serves until the parent goes away, and returns true.
pub async fn serve_if_asked() -> Result<bool, Failure> {
    if env::args().nth(1).as_deref() != Some(SERVE) {
        return Ok(false);
    }
    let cluster = Cluster::builder().nodes(1).start().await?;
    println!("{}", cluster.bootstrap());
    // The parent holds the other end of our standard input: its end is our end.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(true)
}

impl Broker {
    /// Starts this very program once more, as a broker.
    pub async fn start() -> Result<Self, Failure> {
        let mut process = Command::new(env::current_exe()?)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("the broker has no output")?;
        let mut bootstrap = String::new();
        BufReader::new(output).read_line(&mut bootstrap).await?;
        Ok(Self {
            bootstrap: bootstrap.trim().to_owned(),
            _process: process,
        })
    }
}

/// User and system CPU time of this process so far.
pub fn cpu() -> Result<Duration, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let (user, system) = (usage.user_time(), usage.system_time());
    let micros = (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// CPU time of this thread so far.
pub fn thread_cpu() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// The middle one of several figures.
pub fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
