//! The control task: keeps the picture of the cluster and hands it to everybody.

mod handle;

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use arc_swap::ArcSwap;
use milena_engine::{
    cluster::{Cluster, TopicView},
    metadata::{Metadata, MetadataError, Source, TopicState},
    time::Instant,
};
use milena_protocol::{
    ErrorCode, Str,
    metadata::{MetadataRequest, MetadataResponse},
};
use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use self::handle::{Command, TopicReply};
pub(crate) use self::handle::{Control, Inbox};
use super::{
    bootstrap,
    connector::BoxFuture,
    lane::RequestError,
    pool::{Pool, Purpose, Target},
};
use crate::error::{BrokerError, Cause, Peer};

/// Commands taken in one go before the task looks at anything else.
const COMMANDS: usize = 256;

/// The task.
pub(crate) struct ControlTask {
    metadata: Metadata,
    pool: Arc<Pool>,
    addresses: Arc<[Arc<Peer>]>,
    cluster: Arc<ArcSwap<Cluster>>,
    inbox: Inbox,
    asking: Option<BoxFuture<'static, Result<MetadataResponse, AskError>>>,
    waiters: Vec<Waiter>,
    /// Questions without success, in a row.
    failures: u32,
}

struct Waiter {
    topic: Arc<str>,
    create: bool,
    reply: oneshot::Sender<TopicReply>,
}

/// Why a question for metadata came to nothing.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("{}", crate::error::list(.0))]
    Bootstrap(Vec<BrokerError>),
    #[error(transparent)]
    Answer(#[from] MetadataError),
}

enum Happening {
    Command(Command),
    Answered(Result<MetadataResponse, AskError>),
    Time,
    Unwanted,
}

impl ControlTask {
    pub(crate) fn new(
        metadata: Metadata,
        pool: Arc<Pool>,
        addresses: Arc<[Arc<Peer>]>,
        cluster: Arc<ArcSwap<Cluster>>,
        inbox: Inbox,
    ) -> Self {
        Self {
            metadata,
            pool,
            addresses,
            cluster,
            inbox,
            asking: None,
            waiters: Vec::new(),
            failures: 0,
        }
    }

    pub(crate) async fn run(mut self) {
        let clock = self.pool.settings().dialer.clock;
        loop {
            let now = clock.now();
            if self.metadata.handle_timeout(now) {
                self.publish();
            }
            if let Some(request) = self.metadata.poll_request(now) {
                self.asking = Some(self.ask(request, now));
            }
            let wake = self.metadata.poll_timeout().unwrap_or(Instant::FAR_FUTURE);
            let mut sleep = pin!(tokio::time::sleep_until(clock.at(wake)));
            match poll_fn(|cx| self.poll(sleep.as_mut(), cx)).await {
                Happening::Time => {}
                Happening::Unwanted => return,
                Happening::Answered(outcome) => self.handle_answer(outcome, clock.now()),
                Happening::Command(command) => {
                    let now = clock.now();
                    self.handle_command(command, now);
                    for _ in 0..COMMANDS {
                        let Ok(command) = self.inbox.commands.try_recv() else {
                            break;
                        };
                        self.handle_command(command, now);
                    }
                }
            }
        }
    }

    fn poll(
        &mut self,
        sleep: Pin<&mut tokio::time::Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<Happening> {
        if let Some(asking) = &mut self.asking
            && let Poll::Ready(outcome) = asking.as_mut().poll(cx)
        {
            self.asking = None;
            return Poll::Ready(Happening::Answered(outcome));
        }
        match self.inbox.commands.poll_recv(cx) {
            Poll::Ready(Some(command)) => return Poll::Ready(Happening::Command(command)),
            Poll::Ready(None) => return Poll::Ready(Happening::Unwanted),
            Poll::Pending => {}
        }
        sleep.poll(cx).map(|()| Happening::Time)
    }

    fn handle_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Track {
                topic,
                create,
                reply,
            } => {
                if topic.len() > Str::MAX_LEN {
                    // No request could be written that asks for it, nor for any other topic along with it.
                    if let Some(reply) = reply {
                        let _ = reply.send(Err(ErrorCode::INVALID_TOPIC_EXCEPTION));
                    }
                    return;
                }
                self.metadata.track(&topic, create, now);
                if let Some(reply) = reply {
                    let waiter = Waiter {
                        topic,
                        create,
                        reply,
                    };
                    self.waiters.extend(self.serve(waiter));
                }
            }
            Command::Refresh => self.metadata.request_refresh(),
            Command::Leader(hint) => {
                if self.metadata.handle_leader_hint(&hint) {
                    self.publish();
                }
            }
        }
    }

    fn handle_answer(&mut self, outcome: Result<MetadataResponse, AskError>, now: Instant) {
        let outcome = match outcome {
            Ok(response) => self
                .metadata
                .handle_response(&response, now)
                .map_err(AskError::Answer),
            Err(error) => {
                self.metadata.handle_failure(now);
                Err(error)
            }
        };
        match outcome {
            Ok(changed) => {
                self.failures = 0;
                self.inbox.set_trouble(None);
                if changed {
                    self.publish();
                }
            }
            Err(error) => {
                warn!(%error, failures = self.failures, "cannot refresh metadata, retrying");
                self.failures = self.failures.saturating_add(1);
                self.inbox.set_trouble(Some(error.into()));
            }
        }
        let waiters = std::mem::take(&mut self.waiters);
        for waiter in waiters {
            // Somebody still waits for it, so it is in use.
            self.metadata.track(&waiter.topic, waiter.create, now);
            self.waiters.extend(self.serve(waiter));
        }
    }

    /// Answers a waiter if there is an answer; otherwise gives it back, unless nobody waits any more.
    fn serve(&self, waiter: Waiter) -> Option<Waiter> {
        let answer = match self.metadata.topic(&waiter.topic) {
            TopicState::Known(view) => Ok(view),
            TopicState::Failed(code) => Err(code),
            TopicState::Waiting(_) => return (!waiter.reply.is_closed()).then_some(waiter),
        };
        // Nobody may be waiting any more, which is their business.
        let _ = waiter.reply.send(answer);
        None
    }

    fn publish(&mut self) {
        let new = self.metadata.cluster().clone();
        let old = self.cluster.swap(new.clone());
        for (name, topic) in &new.topics {
            if let Some(old) = old.topic(name).filter(|old| !Arc::ptr_eq(old, topic)) {
                report_moves(old, topic);
            }
        }
        if old.cluster_id.is_some() && old.cluster_id != new.cluster_id {
            warn!(before = ?old.cluster_id, now = ?new.cluster_id, "another cluster answers");
        }
        debug!(
            version = new.version,
            brokers = new.brokers.len(),
            "new cluster metadata"
        );
        self.inbox.announce(new.version);
    }

    /// A question on its way to a broker that is worth asking.
    fn ask(
        &self,
        request: MetadataRequest,
        now: Instant,
    ) -> BoxFuture<'static, Result<MetadataResponse, AskError>> {
        let settings = self.pool.settings();
        // A broker that hangs should not cost the whole request timeout when others could answer.
        let patience = settings
            .setup
            .base
            .saturating_mul(1 << self.failures.min(8));
        let timeout = settings.request_timeout.min(patience);
        let known = match self.metadata.source() {
            Source::Known => self.pool.resolve(Target::Any),
            Source::Bootstrap => None,
        };
        let pool = self.pool.clone();
        if let Some(node) = known {
            return Box::pin(async move {
                let make = move |version| bootstrap::for_version(request, version);
                let target = Target::Node(node);
                Ok(pool
                    .request_with(target, Purpose::General, make, None, timeout)
                    .await?)
            });
        }
        let addresses = self.addresses.clone();
        let first = fastrand::usize(..addresses.len().max(1));
        Box::pin(async move {
            let dialer = &pool.settings().dialer;
            info!("asking the bootstrap addresses");
            let answer = bootstrap::ask(dialer, &addresses, first, &request, now + timeout).await;
            answer
                .map(|(_, response)| response)
                .map_err(AskError::Bootstrap)
        })
    }
}

fn report_moves(old: &TopicView, new: &TopicView) {
    let moves = old.partitions.iter().zip(&new.partitions).enumerate();
    let mut moves = moves.filter(|(_, (old, new))| old.leader != new.leader);
    let Some((partition, (before, now))) = moves.next() else {
        return;
    };
    info!(
        topic = &*new.name,
        partition,
        from = ?before.leader,
        to = ?now.leader,
        epoch = now.leader_epoch,
        others = moves.count(),
        "leader moved"
    );
}

impl From<AskError> for Cause {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Request(error) => error.into(),
            AskError::Bootstrap(_) | AskError::Answer(_) => Self::Other(error.to_string().into()),
        }
    }
}
