//! Every chore of this repository by name: `cargo xtask --help`.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod captures;
mod chaos;
mod fuzz;
mod golden;
mod golden_batches;
#[cfg(test)]
mod guarantees;
mod interrupt;
mod java;
mod kafka;
mod maven;
mod mutants;
mod paths;
mod schema;
mod signal;
mod simulate;
mod test;

/// Every chore of this repository by name.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check everything that must hold, and say what failed.
    ///
    /// With CI=true a tier that cannot run, for want of Java or Maven or a C compiler, is a failure.
    Test(test::Choice),
    /// Start and stop real Apache Kafka brokers on this machine.
    #[command(subcommand)]
    Kafka(Kafka),
    /// Give the fuzz targets arbitrary input.
    Fuzz(fuzz::Choice),
    /// Write the golden batches anew, or compare fresh ones with Apache Kafka.
    GoldenBatches(golden_batches::Choice),
    /// Compare the tables of the protocol with the message schemas of a release of Apache Kafka.
    Schema(schema::Choice),
    /// Write the golden messages anew, or compare fresh ones with Apache Kafka.
    Golden(golden::Choice),
    /// Have other clients send records to an embedded broker, and commit their requests as golden data.
    Captures(captures::Choice),
    /// Play the rules of producing in a simulated world, from seeds; --help describes the arguments.
    #[command(disable_help_flag = true)]
    Simulate {
        /// For the program, which is milena-sim.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Break the rules of producing on purpose, one at a time, and see that each break is noticed.
    Mutants(mutants::Choice),
    /// Put a real cluster under load and faults drawn from a seed, and compare what was promised with what is stored.
    Chaos(chaos::Choice),
    /// Compile the Java programs under testdata/java, and run one.
    ///
    /// Without a program it prints the class path.
    Java {
        /// ReadBack, Write, GroupOffsets, Protocol or Golden.
        program: Option<String>,
        /// Its arguments; --help describes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Subcommand)]
enum Kafka {
    /// Start a cluster and print its bootstrap address; start again what is stopped of one that is up.
    Up(kafka::Up),
    /// Stop a cluster and remove its data.
    Down {
        /// Which cluster.
        #[arg(long, default_value = kafka::cluster::DEFAULT_NAME, conflicts_with = "all")]
        name: String,
        /// Every cluster of this checkout.
        #[arg(long)]
        all: bool,
    },
    /// Show the clusters of this checkout; fails when a node does not answer.
    Status {
        /// Only this cluster.
        #[arg(long)]
        name: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False when the chore ran to its end and the outcome is bad.
fn run(cli: Cli) -> Result<bool> {
    interrupt::install()?;
    match cli.chore {
        Chore::Test(choice) => test::command(&choice),
        Chore::Kafka(Kafka::Up(ask)) => {
            println!("{}", kafka::up(&ask)?);
            Ok(true)
        }
        Chore::Kafka(Kafka::Down { name, all }) => {
            let names = if all {
                kafka::cluster::names()?
            } else {
                vec![name]
            };
            for name in names {
                let found = kafka::down(&name)?;
                eprintln!(
                    "cluster `{name}` {}",
                    if found { "stopped" } else { "was not there" }
                );
            }
            Ok(true)
        }
        Chore::Kafka(Kafka::Status { name }) => kafka::status::print(name.as_deref()),
        Chore::Fuzz(choice) => fuzz::command(&choice),
        Chore::GoldenBatches(choice) => golden_batches::command(&choice),
        Chore::Schema(choice) => schema::command(&choice),
        Chore::Golden(choice) => golden::command(&choice),
        Chore::Simulate { arguments } => simulate::command(&arguments),
        Chore::Mutants(choice) => mutants::command(&choice),
        Chore::Chaos(choice) => chaos::command(&choice),
        Chore::Captures(choice) => {
            captures::command(&choice)?;
            Ok(true)
        }
        Chore::Java { program, arguments } => {
            java::command(program.as_deref(), &arguments)?;
            Ok(true)
        }
    }
}
