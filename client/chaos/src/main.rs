//! A real Kafka cluster under load and faults: `cargo xtask chaos`.
//!
//! Producers send all the while. Nodes are killed, paused and restarted, one at a time; leaders move; one topic is deleted
//! and created anew; and every connection of the producers leads through a proxy, which delays, chops, stalls and cuts.
//! In the end Kafka's own consumer reads everything, and what the producers were told is compared with what is there.

use std::{
    collections::BTreeMap,
    fs::File,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, atomic::AtomicU32},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Parser;
use milena::Client;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

mod faults;
mod judge;
mod ledger;
mod load;
mod nodes;
mod proxy;
mod read_back;
mod schedule;
mod weaving;
mod wire;

use faults::World;
use judge::Judge;
use ledger::{Account, Tally};
use load::{Load, PARTITIONS, RENEWED};
use nodes::Nodes;
use proxy::{Detour, Proxy};
use schedule::Schedule;
use weaving::WOVEN;

/// How often counts are shown.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Puts load and faults on a cluster that is up; `cargo xtask chaos` starts one and calls this.
#[derive(Parser)]
struct Choice {
    /// For how long faults begin.
    #[arg(long)]
    minutes: f64,
    /// From which they are drawn.
    #[arg(long)]
    seed: u64,
    /// Sends in transactions besides, and reads what is committed.
    #[arg(long)]
    transactions: bool,
    /// The cluster's folder.
    #[arg(long)]
    folder: PathBuf,
    /// The program that starts its nodes.
    #[arg(long)]
    xtask: PathBuf,
    /// Of the Java programs.
    #[arg(long)]
    classpath: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Choice::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True when every promise was kept.
async fn run(choice: Choice) -> Result<bool> {
    let nodes = Nodes::read(choice.folder.clone(), choice.xtask)?;
    let log = choice.folder.join("client.log");
    let file = File::create(&log).with_context(|| format!("writing {}", log.display()))?;
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .init();

    let time = Duration::try_from_secs_f64(choice.minutes * 60.0).context("minutes")?;
    let schedule = Schedule::draw(choice.seed, nodes.count(), time);
    eprintln!(
        "chaos: seed {}, {} minutes, what the client says goes to {}",
        choice.seed,
        choice.minutes,
        log.display()
    );

    let (mut proxies, mut ports) = (Vec::new(), BTreeMap::new());
    for port in &nodes.ports {
        let proxy = Proxy::to(*port).await?;
        ports.insert(*port, proxy.port);
        proxies.push(proxy);
    }
    let started = Instant::now();
    let calm = Client::builder(nodes.bootstrap())
        .client_id("calm")
        .connect()
        .await?;
    let mut world = World {
        nodes,
        proxies,
        calm,
        topics: load::topics()
            .chain(choice.transactions.then_some(WOVEN))
            .map(|topic| (topic.to_owned(), AtomicU32::new(0)))
            .collect(),
        started,
        end: started,
    };
    world.create(PARTITIONS).await?;
    world.end = Instant::now() + time;
    let world = Arc::new(world);

    let load = Load::begin(&world, &Detour::new(ports), choice.transactions).await?;
    let watch = async {
        loop {
            sleep(HEARTBEAT).await;
            let Tally {
                produced,
                acknowledged,
                maybe,
                not_stored,
                unresolved,
                ..
            } = load.tally();
            world.tell(format_args!(
                "{produced} produced: {acknowledged} acknowledged, {maybe} maybe, {not_stored} not stored, {unresolved} open"
            ));
        }
    };
    let faults = async {
        tokio::try_join!(
            world.clone().trouble_nodes(schedule.nodes),
            world.clone().trouble_network(schedule.network),
            world.clone().renew(RENEWED, PARTITIONS, schedule.topics),
        )
    };
    tokio::select! {
        outcome = faults => drop(outcome?),
        () = watch => {}
    }
    world.tell("no more faults; waiting for the rest");
    let accounts = load.end().await?;
    world.recover().await?;
    let tally = spawn_blocking(move || judge(&world, &accounts, &choice.classpath)).await??;
    println!("chaos: {tally}");
    Ok(tally.is_clean())
}

/// Reads everything, and compares it with what was said.
fn judge(world: &World, accounts: &[Account], classpath: &str) -> Result<Tally> {
    for account in accounts {
        let Tally {
            produced,
            acknowledged,
            maybe,
            not_stored,
            ..
        } = account.tally();
        let name = &account.producer;
        world.tell(format_args!(
            "{name}: {produced} produced, {acknowledged} acknowledged, {maybe} maybe, {not_stored} not stored"
        ));
    }
    let topics: Vec<String> = world.topics.keys().cloned().collect();
    let eras = topics.iter().map(|topic| (topic.clone(), world.era(topic)));
    let mut judge = Judge::new(accounts, eras.collect());
    let mut count = 0_u64;
    read_back::read_back(classpath, &world.nodes.bootstrap(), &topics, |stored| {
        count += 1;
        judge.record(
            &stored.topic,
            stored.partition,
            stored.offset,
            &stored.value,
        );
    })?;
    world.tell(format_args!("Kafka's consumer read {count} records"));
    let tally = judge.settle();
    for finding in &judge.findings {
        eprintln!("{finding}");
    }
    Ok(tally)
}
