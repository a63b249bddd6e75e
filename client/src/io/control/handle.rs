//! What anybody may want of the control task, and how they are told.

use std::{sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use milena_engine::{
    cluster::{Cluster, TopicView},
    metadata::LeaderHint,
};
use milena_protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    error::{Cause, TopicError},
    lock::Lock,
    process::Home,
};

/// How soon a partition that nobody has heard of is wanted again. The wait between two questions is the engine's matter.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What anybody may want of the control task. The task ends when the last of these is gone.
#[derive(Clone)]
pub(crate) struct Control {
    home: Home,
    commands: mpsc::UnboundedSender<Command>,
    cluster: Arc<ArcSwap<Cluster>>,
    changes: watch::Receiver<u64>,
    trouble: Arc<Lock<Option<Cause>>>,
}

pub(crate) enum Command {
    Track {
        topic: Arc<str>,
        create: bool,
        reply: Option<oneshot::Sender<TopicReply>>,
    },
    Refresh,
    Leader(LeaderHint),
}

pub(super) type TopicReply = Result<Arc<TopicView>, ErrorCode>;

impl Control {
    /// The picture of the cluster as it is now.
    pub(crate) fn cluster(&self) -> Guard<Arc<Cluster>> {
        self.cluster.load()
    }

    /// Tells of each new picture, by its version.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Waits until a topic is known, or until there is no hope of it.
    ///
    /// `create` lets the broker create it, if the broker is set up to do so.
    pub(crate) async fn topic(
        &self,
        name: &str,
        create: bool,
        deadline: tokio::time::Instant,
    ) -> Result<Arc<TopicView>, TopicError> {
        self.home.check()?;
        let known = self.cluster().known(name).cloned();
        let (reply, answer) = oneshot::channel();
        let reply = known.is_none().then_some(reply);
        let started = tokio::time::Instant::now();
        self.command(Command::Track {
            topic: name.into(),
            create,
            reply,
        });
        if let Some(known) = known {
            return Ok(known);
        }
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(Ok(view))) => Ok(view),
            Ok(Ok(Err(code))) => Err(TopicError::Refused {
                topic: name.into(),
                error: code.into(),
            }),
            Ok(Err(_)) => Err(TopicError::Ended),
            Err(_) => Err(TopicError::TimedOut {
                topic: name.into(),
                waited: started.elapsed(),
                cause: self.trouble_with(name),
            }),
        }
    }

    /// As [`topic`](Self::topic), and until the partition is among the topic's partitions.
    pub(crate) async fn partition(
        &self,
        name: &str,
        partition: Option<i32>,
        create: bool,
        deadline: tokio::time::Instant,
    ) -> Result<Arc<TopicView>, TopicError> {
        let started = tokio::time::Instant::now();
        let mut changes = self.changes();
        loop {
            let view = self.topic(name, create, deadline).await?;
            if partition.is_none_or(|partition| view.partition(partition).is_some()) {
                return Ok(view);
            }
            // Partitions may have been added since, and the broker that is asked may not have heard of them yet.
            self.request_refresh();
            let again = deadline.min(tokio::time::Instant::now() + ASK_AGAIN);
            match tokio::time::timeout_at(again, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(TopicError::Ended),
                Err(_) if again < deadline => {}
                Err(_) => {
                    return Err(TopicError::NoPartition {
                        topic: name.into(),
                        partition: partition.unwrap_or_default(),
                        count: view.partitions.len(),
                        waited: started.elapsed(),
                    });
                }
            }
        }
    }

    /// Asks for a topic without waiting, or says that it is still in use.
    pub(crate) fn track(&self, name: &str, create: bool) {
        self.command(Command::Track {
            topic: name.into(),
            create,
            reply: None,
        });
    }

    /// Something showed that the picture is out of date.
    pub(crate) fn request_refresh(&self) {
        self.command(Command::Refresh);
    }

    /// A broker named the leader of a partition.
    pub(crate) fn leader_hint(&self, hint: LeaderHint) {
        self.command(Command::Leader(hint));
    }

    /// What keeps the picture from being renewed, if anything does.
    pub(crate) fn trouble(&self) -> Option<Cause> {
        self.trouble.lock().clone()
    }

    fn trouble_with(&self, topic: &str) -> Option<Cause> {
        let refused = self.cluster().topic(topic).and_then(|view| view.error);
        self.trouble().or(refused.map(Cause::from))
    }

    fn command(&self, command: Command) {
        // Without the task, whoever waits for something is told by the end of their own channel.
        let _ = self.commands.send(command);
    }

    /// A channel to a task that is yet to be started.
    pub(crate) fn channel(cluster: Arc<ArcSwap<Cluster>>) -> (Self, Inbox) {
        let (commands, received) = mpsc::unbounded_channel();
        let (publish, changes) = watch::channel(cluster.load().version);
        let trouble = Arc::new(Lock::new(None));
        let inbox = Inbox {
            commands: received,
            publish,
            trouble: trouble.clone(),
        };
        (
            Self {
                home: Home::here(),
                commands,
                cluster,
                changes,
                trouble,
            },
            inbox,
        )
    }

    /// Asks for a refresh, from somebody who does not keep the task alive.
    pub(crate) fn refresher(&self) -> impl Fn() + Send + Sync + 'static {
        let commands = self.commands.downgrade();
        move || {
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::Refresh);
            }
        }
    }
}

/// The other ends of [`Control`].
pub(crate) struct Inbox {
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    publish: watch::Sender<u64>,
    trouble: Arc<Lock<Option<Cause>>>,
}

impl Inbox {
    /// Tells everybody that there is a new picture.
    pub(super) fn announce(&self, version: u64) {
        self.publish.send_replace(version);
    }

    /// Notes what keeps the picture from being renewed, for those who give up waiting for it.
    pub(super) fn set_trouble(&self, cause: Option<Cause>) {
        *self.trouble.lock() = cause;
    }
}
