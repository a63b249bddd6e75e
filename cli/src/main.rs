//! The `milena` command: `milena --help`.

use std::{fmt, process::ExitCode};

use anyhow::Context;
use clap::{ArgAction, Parser, Subcommand};
use milena::{ConfigError, ConnectError, PropertiesError, ReadError};
use tracing_subscriber::EnvFilter;

mod blob;
mod broker;
mod connection;
mod consume;
mod decode;
mod doctor;
mod escape;
mod interrupt;
mod perf;
mod produce;
mod producing;
mod progress;
mod say;
mod topics;
mod visible;

/// Talk to Apache Kafka: produce, consume, manage topics, measure, find out what is wrong; or start an embedded cluster to talk to.
#[derive(Debug, Parser)]
#[command(name = "milena", version, after_help = AFTER_HELP)]
struct Cli {
    /// Say more on stderr: -v connections and leaders, -vv details, -vvv everything. RUST_LOG has the last word.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit status: 0 all done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C.

Try it without a Kafka of your own:
  milena broker --nodes 3 --port 9092 &
  printf '17:twelve apples\\n' | milena produce -b localhost:9092 -t orders -K :
  milena consume -b localhost:9092 -t orders --from-beginning \\
      --exit-at-end --format json";

#[derive(Debug, Subcommand)]
enum Command {
    Broker(broker::Args),
    Produce(produce::Args),
    Consume(consume::Args),
    Topics(topics::Args),
    Perf(perf::Args),
    Doctor(doctor::Args),
    Decode(decode::Args),
}

/// How a command ended that did not end in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It ran to its end, and not all went well; what, was said already.
    Failed,
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Failed => Self::FAILURE,
            Outcome::Interrupted => Self::from(130),
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.verbose);
    match run(cli.command) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            say::warn(&error);
            for cause in error.chain().skip(1) {
                say::note(format_args!("  because: {cause}"));
            }
            if is_usage(&error) {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Options that do not go together.
#[derive(Debug)]
struct Misuse(&'static str);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Misuse {}

/// Whether it is for the user to say something else.
fn is_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let connect = cause.downcast_ref::<ConnectError>();
        let read = cause.downcast_ref::<ReadError>();
        cause.is::<Misuse>()
            || cause.is::<ConfigError>()
            || cause.is::<PropertiesError>()
            || matches!(connect, Some(ConnectError::Config(_)))
            || matches!(read, Some(ReadError::Config(_)))
    })
}

fn run(command: Command) -> anyhow::Result<Outcome> {
    let runtime = match &command {
        Command::Perf(args) => args.runtime(),
        _ => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build(),
    };
    let runtime = runtime.context("the runtime cannot be started")?;
    let outcome = runtime.block_on(async {
        match command {
            Command::Broker(args) => broker::run(args).await,
            Command::Produce(args) => produce::run(args).await,
            Command::Consume(args) => consume::run(args).await,
            Command::Topics(args) => topics::run(args).await,
            Command::Perf(args) => perf::run(args).await,
            Command::Doctor(args) => doctor::run(args).await,
            Command::Decode(args) => decode::run(&args),
        }
    });
    // Whatever still runs has nothing more to say.
    runtime.shutdown_background();
    outcome
}

fn log_to_stderr(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would tell them on stderr, of all places.
        .log_internal_errors(false)
        .init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
