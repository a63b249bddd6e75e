//! The task that keeps a producer: deadlines, leaders, the producer id, and the end.

use std::{
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use milena_engine::{backoff::Rng, cluster::NodeId};
use milena_protocol::ErrorCode;
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, timeout, timeout_at},
};
use tracing::{error, info, warn};

use super::{produce::ProduceTask, transactions};
use crate::{Cause, process::at_home, producer::Core};

/// How often, at the least, topics in use are reported to the client, so that it does not forget them.
const IN_USE: Duration = Duration::from_secs(60);

/// How long the first broker asked for a producer id has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts the task. It ends with the producer.
pub(crate) fn spawn(core: Arc<Core>) {
    let runtime = core.client.runtime().clone();
    let keeper = Keeper {
        tasks: JoinSet::new(),
        nodes: BTreeSet::new(),
        seen: 0,
        report_every: IN_USE.min(core.client.config().metadata.max_idle / 3),
        next_report: Instant::now(),
        core,
        ending: false,
    };
    runtime.spawn(at_home(keeper.run()));
}

struct Keeper {
    core: Arc<Core>,
    /// One per broker, and passing ones.
    tasks: JoinSet<Done>,
    nodes: BTreeSet<NodeId>,
    /// Version of the cluster whose leaders the partitions have.
    seen: u64,
    report_every: Duration,
    next_report: Instant,
    /// The last handle is gone, and what was accepted is being delivered.
    ending: bool,
}

enum Done {
    /// A task that goes on as long as the producer.
    Lasting,
    Identity,
    Flushed,
}

impl Keeper {
    async fn run(mut self) {
        let core = self.core.clone();
        let changes = self.watch_cluster();
        let mut identifying = false;
        if core.coordination.is_some() {
            let core = core.clone();
            self.tasks.spawn(async move {
                transactions::run(core).await;
                Done::Lasting
            });
        }
        while !core.has_ended() {
            self.start_broker_tasks();
            self.adopt_leaders();
            if !identifying && core.wants_identity() {
                identifying = true;
                self.tasks.spawn(identify(core.clone()));
            }
            if core.is_abandoned() && !self.ending {
                self.ending = true;
                let core = core.clone();
                self.tasks.spawn(async move {
                    core.flush().await;
                    let patience = core.settings.delivery_timeout;
                    core.finish_transaction(core.clock.after(patience)).await;
                    Done::Flushed
                });
            }
            self.report_topics();
            let mut until = self.next_report;
            if let Some(deadline) = core.expire() {
                until = until.min(core.clock.at(deadline));
            }
            match timeout_at(until, self.something()).await {
                Ok(Some(Ok(Done::Identity))) => identifying = false,
                Ok(Some(Ok(Done::Flushed))) => self.end_abandoned(),
                Ok(Some(Err(error))) => {
                    error!(%error, "a task of the producer failed; the producer ends");
                    core.abort();
                }
                Ok(Some(Ok(Done::Lasting)) | None) | Err(_) => {}
            }
        }
        changes.abort();
        self.tasks.abort_all();
    }

    /// Waits until somebody wants the keeper, or a task is done.
    async fn something(&mut self) -> Option<Result<Done, JoinError>> {
        let mut notified = pin!(self.core.keeper.notified());
        poll_fn(|cx| {
            if let Poll::Ready(Some(done)) = self.tasks.poll_join_next(cx) {
                return Poll::Ready(Some(done));
            }
            notified.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// Wakes the keeper whenever the client's picture of the cluster changes.
    fn watch_cluster(&self) -> tokio::task::AbortHandle {
        let mut changes = self.core.client.control().changes();
        let core = self.core.clone();
        let watching = tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                core.keeper.notify_one();
            }
        });
        watching.abort_handle()
    }

    fn start_broker_tasks(&mut self) {
        let core = &self.core;
        let mut fresh: Vec<_> = Vec::new();
        for (node, inbox) in &*core.brokers() {
            if self.nodes.insert(*node) {
                fresh.push((*node, inbox.clone()));
            }
        }
        // A runtime that is closing drops the task at once, which ends the producer: no lock is held here.
        for (node, inbox) in fresh {
            let task = ProduceTask::new(core.clone(), node, inbox);
            self.tasks.spawn(at_home(async move {
                task.await;
                Done::Lasting
            }));
        }
    }

    /// Moves partitions to their new leaders.
    fn adopt_leaders(&mut self) {
        let cluster = self.core.client.cluster();
        if cluster.version == self.seen {
            return;
        }
        self.seen = cluster.version;
        for (name, topic) in &*self.core.topics() {
            if let Some(view) = cluster.topic(name)
                && !Arc::ptr_eq(view, &topic.view())
            {
                self.core.adopt(view);
            }
        }
    }

    fn report_topics(&mut self) {
        if self.next_report <= Instant::now() {
            self.next_report = Instant::now() + self.report_every;
            for topic in self.core.topics().values() {
                // Unused from here on until a record says otherwise.
                if topic.rest() || topic.has_unsettled() {
                    self.core.client.control().track(&topic.facts.name, true);
                }
            }
        }
        for name in self.core.newly_used() {
            self.core.client.control().track(&name, true);
        }
    }

    fn end_abandoned(&self) {
        let lost = self.core.lost_since_abandoned();
        if lost > 0 {
            warn!(
                records = lost,
                "producer dropped; so many records were not delivered"
            );
        } else {
            info!("producer dropped; everything it had accepted was delivered");
        }
        self.core.abort();
    }
}

impl Drop for Keeper {
    /// Without its keeper, a producer comes to a stop: if the runtime drops it, every delivery still resolves.
    fn drop(&mut self) {
        let ended = self.core.has_ended();
        let records = self.core.abort();
        if !ended && records > 0 {
            error!(
                records,
                "the producer's runtime went away with records undelivered"
            );
        }
    }
}

/// Asks for a producer id until there is one.
async fn identify(core: Arc<Core>) -> Done {
    let mut rng = Rng::new(core.seed());
    let mut attempt = 0;
    while !core.has_ended() {
        // One broker that hangs is given up for another before it has had all its time.
        let patience = PATIENCE.saturating_mul(1 << attempt.min(8));
        let asking = timeout(patience, core.client.init_producer_id());
        let answer = asking.await.unwrap_or_else(|_| {
            Err(Cause::Other(
                format!("no answer within {patience:?}").into(),
            ))
        });
        match answer {
            Ok(identity) => {
                core.handle_identity(identity);
                break;
            }
            Err(error) => {
                warn!(%error, attempt, "no producer id yet");
                core.handle_no_identity(&error.to_string());
                if let Cause::Kafka(error) = &error
                    && error.code == ErrorCode::CLUSTER_AUTHORIZATION_FAILED.0
                {
                    core.fail_unsent(error);
                }
                let pause = core.settings.retry_backoff.delay(attempt, &mut rng);
                attempt = attempt.saturating_add(1);
                tokio::time::sleep(pause).await;
            }
        }
    }
    Done::Identity
}
