//! Nodes that die and hang in mid-stream.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use milena::{Client, Producer};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    ledger::{Ledger, verify},
    place::Place,
    sample::{Sample, text},
};

const PARTITIONS: i32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real Kafka brokers: cargo xtask test"]
async fn a_killed_node_and_a_hung_one_cost_nothing() {
    let _alone = Place::alone().await;
    let place = Place::Cluster;
    let client = place.client().await;
    let topic = place.topic(&client, "failover", PARTITIONS).await;
    let producer = client
        .producer()
        .linger(Duration::from_millis(2))
        .batch_size(4 << 10)
        // Shorter than a hang lasts, so that requests are given up that the node will still heed.
        .request_timeout(Duration::from_secs(2))
        .delivery_timeout(Duration::from_secs(100))
        .build()
        .unwrap();
    let mut stream = Stream {
        producer,
        ledger: Ledger::new(topic),
        sent: 0,
    };

    stream.send(3_000).await;
    let hung = Node::leading(place, &client, stream.ledger.topic(), 0).await;
    hung.signal("-STOP");
    let started = Instant::now();
    stream
        .send_while(|| started.elapsed() < Duration::from_secs(5))
        .await;
    hung.signal("-CONT");
    stream.send(3_000).await;

    let killed = Node::leading(place, &client, stream.ledger.topic(), 1).await;
    killed.signal("-KILL");
    let started = Instant::now();
    // Long enough for others to be elected.
    stream
        .send_while(|| started.elapsed() < Duration::from_secs(12))
        .await;
    let restart = start_stopped_nodes(place);
    stream.send_while(|| !restart.is_finished()).await;
    restart.await.unwrap();
    stream.send(3_000).await;

    stream.producer.flush().await;
    let failed = stream.ledger.settle().await;
    assert!(
        failed.is_empty(),
        "{} records failed, the first: {}",
        failed.len(),
        failed[0].1
    );
    assert_eq!(stream.ledger.len(), stream.sent);
    await_replicas(&client, stream.ledger.topic()).await;
    verify(place, &client, &[stream.ledger]).await;
}

/// Records that are sent one after another, at some pace.
struct Stream {
    producer: Producer,
    ledger: Ledger,
    sent: usize,
}

impl Stream {
    async fn send(&mut self, count: usize) {
        for _ in 0..count {
            let sample = Sample::keyed(format!("{}", self.sent % 997), text(self.sent, 100));
            self.ledger.send(&self.producer, sample).await;
            self.sent += 1;
            if self.sent.is_multiple_of(20) {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    async fn send_while(&mut self, mut go_on: impl FnMut() -> bool) {
        while go_on() {
            self.send(20).await;
        }
    }
}

/// A node's process.
struct Node {
    folder: PathBuf,
    pid: String,
}

impl Node {
    /// The one that leads a partition.
    async fn leading(place: Place, client: &Client, topic: &str, partition: i32) -> Self {
        let leader = async {
            loop {
                let partitions = client.partitions_for(topic).await.unwrap();
                let found = partitions.iter().find(|one| one.id == partition).unwrap();
                match found.leader {
                    Some(leader) => return leader,
                    None => sleep(Duration::from_millis(100)).await,
                }
            }
        };
        let leader = timeout(Duration::from_secs(60), leader).await.unwrap();
        let folder = place.folder().join(format!("node-{leader}"));
        let pid = fs::read_to_string(folder.join("pid"))
            .unwrap()
            .trim()
            .to_owned();
        Self { folder, pid }
    }

    fn signal(&self, signal: &str) {
        // The number in the file may be somebody else's by now.
        if let Ok(command) = fs::read(format!("/proc/{}/cmdline", self.pid)) {
            let command = String::from_utf8_lossy(&command).into_owned();
            assert!(
                command.contains(&*self.folder.to_string_lossy()),
                "{} is: {command}",
                self.pid
            );
        }
        let status = Command::new("kill")
            .args([signal, &self.pid])
            .status()
            .unwrap();
        assert!(status.success(), "kill {signal} {}", self.pid);
    }
}

/// Has the nodes started that do not run, with the settings that the cluster was started with.
fn start_stopped_nodes(place: Place) -> JoinHandle<()> {
    let folder = place.folder();
    let spec = fs::read_to_string(folder.join("cluster")).unwrap();
    let name = folder.file_name().unwrap().to_owned();
    tokio::task::spawn_blocking(move || {
        let mut xtask = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        xtask.args(["xtask", "kafka", "up", "--name"]).arg(name);
        let mut nodes = 0;
        for line in spec.lines() {
            match line.split_once('=').unwrap() {
                ("version", version) => drop(xtask.args(["--version", version])),
                ("set", setting) => drop(xtask.args(["--set", setting])),
                ("feature", level) => drop(xtask.args(["--feature", level])),
                ("node", _) => nodes += 1,
                _ => {}
            }
        }
        xtask.args(["--nodes", &nodes.to_string()]);
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let output = xtask
            .current_dir(workspace)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    })
}

/// Waits until all copies are in sync again, for the tests that come after.
async fn await_replicas(client: &Client, topic: &str) {
    let started = Instant::now();
    loop {
        let described = client
            .admin()
            .describe_topics([topic])
            .await
            .remove(0)
            .result
            .unwrap();
        if described
            .partitions
            .iter()
            .all(|partition| partition.isr.len() == 3)
        {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(180),
            "not in sync: {described:?}"
        );
        sleep(Duration::from_millis(200)).await;
    }
}
