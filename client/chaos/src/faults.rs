//! A schedule, carried out.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use milena::{AdminError, Client, NewTopic};
use milena_protocol::ErrorCode;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    ledger::Era,
    nodes::Nodes,
    proxy::Proxy,
    schedule::{NetworkFault, NodeFault, Timed},
    wire,
};

/// How long a cluster may take to be well again.
const RECOVERY: Duration = Duration::from_secs(400);

/// All replicas must be in sync that often in a row: what a broker knows about others may be old.
const LOOKS: u32 = 3;

/// Copies of each partition.
const REPLICAS: i16 = 3;

/// What faults are about: the cluster, and the ways to it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) nodes: Nodes,
    /// Of node 1 first.
    pub(crate) proxies: Vec<Proxy>,
    /// A client that no proxy stands in the way of.
    pub(crate) calm: Client,
    /// All topics, with the life that each is in.
    pub(crate) topics: BTreeMap<String, AtomicU32>,
    pub(crate) started: Instant,
    /// When no more faults begin.
    pub(crate) end: Instant,
}

impl World {
    /// Tells what happens, with the time.
    pub(crate) fn tell(&self, what: impl fmt::Display) {
        eprintln!("{:7.1} s  {what}", self.started.elapsed().as_secs_f64());
    }

    /// The life that a topic is in.
    pub(crate) fn era(&self, topic: &str) -> Era {
        self.topics
            .get(topic)
            .map_or(0, |era| era.load(Ordering::SeqCst))
    }

    /// Creates the topics.
    pub(crate) async fn create(&self, partitions: i32) -> Result<()> {
        for topic in self.topics.keys() {
            let created = self
                .calm
                .admin()
                .create_topic(NewTopic::new(topic, partitions, REPLICAS))
                .await;
            created.with_context(|| format!("creating {topic}"))?;
        }
        Ok(())
    }

    /// Sleeps, and says whether there is time for a fault then.
    async fn pause(&self, time: Duration) -> bool {
        sleep_until(self.end.min(Instant::now() + time)).await;
        Instant::now() < self.end
    }

    /// Faults of nodes, one after the other.
    pub(crate) async fn trouble_nodes(
        self: Arc<Self>,
        faults: Vec<Timed<NodeFault>>,
    ) -> Result<()> {
        for Timed { pause, fault } in faults {
            if !self.pause(pause).await {
                break;
            }
            self.tell(fault);
            match fault {
                NodeFault::Kill { node, down } => {
                    self.on_nodes(move |nodes| nodes.kill(node)).await?;
                    self.stay_down(node, down).await?;
                }
                NodeFault::Restart { node, down } => {
                    self.on_nodes(move |nodes| nodes.terminate(node)).await?;
                    self.stay_down(node, down).await?;
                }
                NodeFault::Pause { node, time } => {
                    self.on_nodes(move |nodes| nodes.pause(node)).await?;
                    sleep(time).await;
                    self.on_nodes(move |nodes| nodes.resume(node)).await?;
                }
                NodeFault::Move { by } => {
                    let topics: Vec<String> = self.topics.keys().cloned().collect();
                    let moved = self.on_nodes(move |nodes| {
                        let port = nodes.ports.first().context("a cluster has nodes")?;
                        wire::move_leaders(*port, &topics, by)
                    });
                    // The cluster may refuse: it is busy, and it is only one more fault.
                    if let Err(error) = moved.await {
                        self.tell(format_args!("the leaders stay: {error:#}"));
                    }
                }
            }
            // Whatever is acknowledged must be on two nodes before another one goes.
            let since = Instant::now();
            self.recover().await?;
            self.tell(format_args!(
                "all replicas are in sync, after {:.1?}",
                since.elapsed()
            ));
        }
        Ok(())
    }

    async fn stay_down(self: &Arc<Self>, node: i32, down: Duration) -> Result<()> {
        sleep(down).await;
        self.on_nodes(Nodes::start_stopped).await?;
        self.tell(format_args!("node {node} is back"));
        Ok(())
    }

    /// Waits until every node says that all replicas are in sync, and goes on to say so.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<()> {
        let since = Instant::now();
        let mut looks = 0;
        while looks < LOOKS {
            if since.elapsed() > RECOVERY {
                bail!("the replicas are not in sync after {RECOVERY:?}");
            }
            sleep(Duration::from_millis(500)).await;
            let well = self.on_nodes(|nodes| {
                let mut well = true;
                for port in &nodes.ports {
                    well &= wire::is_in_sync(&wire::metadata(*port)?);
                }
                Ok(well)
            });
            looks = if well.await.unwrap_or(false) {
                looks + 1
            } else {
                0
            };
        }
        Ok(())
    }

    /// What blocks, on a thread of its own.
    async fn on_nodes<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Nodes) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let world = self.clone();
        spawn_blocking(move || work(&world.nodes)).await?
    }

    /// Faults of the network, one after the other.
    pub(crate) async fn trouble_network(
        self: Arc<Self>,
        faults: Vec<Timed<NetworkFault>>,
    ) -> Result<()> {
        for Timed { pause, fault } in faults {
            if !self.pause(pause).await {
                break;
            }
            let place = usize::try_from(fault.node - 1).unwrap_or_default();
            let proxy = self
                .proxies
                .get(place)
                .with_context(|| format!("node {} has no proxy", fault.node))?;
            self.tell(fault);
            proxy.turn(Some(fault.kind));
            self.pause(fault.time).await;
            proxy.turn(None);
        }
        Ok(())
    }

    /// Has a topic deleted and created anew, time and again.
    pub(crate) async fn renew(
        self: Arc<Self>,
        topic: &'static str,
        partitions: i32,
        lives: Vec<Duration>,
    ) -> Result<()> {
        let era = self
            .topics
            .get(topic)
            .with_context(|| format!("there is no topic {topic}"))?;
        for life in lives {
            if !self.pause(life).await {
                break;
            }
            self.tell(format_args!("topic {topic} is deleted"));
            era.fetch_add(1, Ordering::SeqCst);
            let since = Instant::now();
            self.insist(topic, since, || async {
                let deleted = self.calm.admin().delete_topics([topic]).await;
                let outcomes = deleted.into_iter().map(|deleted| deleted.result);
                unless_done(outcomes.collect(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            })
            .await?;
            self.insist(topic, since, || async {
                let created = self
                    .calm
                    .admin()
                    .create_topic(NewTopic::new(topic, partitions, REPLICAS))
                    .await;
                unless_done(created.map(drop), ErrorCode::TOPIC_ALREADY_EXISTS)
            })
            .await?;
            self.await_news(topic, since).await?;
            era.fetch_add(1, Ordering::SeqCst);
            self.tell(format_args!(
                "topic {topic} is there anew, after {:.1?}",
                since.elapsed()
            ));
        }
        Ok(())
    }

    /// Waits until every node that answers knows of the new topic: from then on, what is acknowledged is in there. A node
    /// that stands still may know of the old one alone, but cannot acknowledge anything without the others.
    async fn await_news(self: &Arc<Self>, topic: &'static str, since: Instant) -> Result<()> {
        self.insist(topic, since, || async move {
            let told = self.on_nodes(move |nodes| {
                let answers = nodes
                    .ports
                    .iter()
                    .filter_map(|port| wire::metadata(*port).ok());
                Ok(answers
                    .map(|answer| wire::topic_id(&answer, topic))
                    .collect::<Vec<_>>())
            });
            let told = told.await?;
            let agreed = told
                .iter()
                .all(|id| id.is_some() && Some(id) == told.first());
            ensure!(agreed && told.len() > 1, "the nodes do not agree on it");
            Ok(())
        })
        .await
    }

    /// Tries again until it works, or has not for long.
    async fn insist<F: Future<Output = Result<()>>>(
        &self,
        topic: &str,
        since: Instant,
        mut attempt: impl FnMut() -> F,
    ) -> Result<()> {
        loop {
            match attempt().await {
                Ok(()) => return Ok(()),
                Err(error) if since.elapsed() > RECOVERY => {
                    return Err(error.context(format!("creating {topic} anew")));
                }
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

/// An attempt that went unanswered may have done it: the next one is told so by this code.
fn unless_done(outcome: Result<(), AdminError>, done_before: ErrorCode) -> Result<()> {
    match outcome {
        Err(error) if error.code() != Some(done_before.0) => Err(error.into()),
        _ => Ok(()),
    }
}
