//! Keeping the picture of the cluster fresh: when to ask, for which topics, and what to believe.

mod merge;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use milena_protocol::{
    ErrorCode, Str, Uuid,
    metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
};

use crate::{
    backoff::{Backoff, Rng},
    cluster::{BrokerView, Cluster, Leader, TopicView},
    time::Instant,
};

/// The client's view of the cluster, and the rules by which it is kept.
///
/// Only named topics are asked for. One question is under way at a time: [`poll_request`](Self::poll_request) gives it,
/// and [`handle_response`](Self::handle_response) or [`handle_failure`](Self::handle_failure) ends it. Each change makes
/// a new immutable [`Cluster`].
#[derive(Debug)]
pub struct Metadata {
    config: MetadataConfig,
    cluster: Arc<Cluster>,
    topics: BTreeMap<Arc<str>, Tracked>,
    rng: Rng,
    asked: Option<Asked>,
    source: Source,
    /// Somebody has reason to believe that the picture is wrong.
    wanted: bool,
    /// Questions in a row that failed or brought nothing new.
    fruitless: u32,
    /// No question before this, except for a topic never asked for.
    not_before: Instant,
    last_success: Option<Instant>,
    failing_since: Option<Instant>,
    /// Questions in a row that failed where they were last put: known brokers, or bootstrap addresses.
    failures: u32,
    next_expiry: Instant,
    /// Some topic was never asked for.
    has_fresh: bool,
    /// Some topic that was asked for leaves a question open.
    has_unsettled: bool,
}

/// A question under way.
#[derive(Debug)]
struct Asked {
    names: Vec<Arc<str>>,
    /// About everything, rather than about topics never asked for only.
    full: bool,
}

/// Settings of [`Metadata`]; the default is Kafka's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataConfig {
    /// Age at which the picture is refreshed although nothing happened.
    pub max_age: Duration,
    /// How long a topic is kept that nobody uses.
    pub max_idle: Duration,
    /// Wait between questions that fail or bring nothing new.
    pub backoff: Backoff,
    /// How long no question may succeed before the bootstrap addresses are used again (KIP-899).
    pub rebootstrap_after: Duration,
    /// How long a topic that was there must be missing, in several answers, before it counts as gone.
    pub missing_grace: Duration,
}

impl Default for MetadataConfig {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(300),
            max_idle: Duration::from_secs(300),
            backoff: Backoff {
                base: Duration::from_millis(100),
                max: Duration::from_secs(1),
            },
            rebootstrap_after: Duration::from_secs(300),
            missing_grace: Duration::from_secs(60),
        }
    }
}

/// Answers that must say so before a topic that was there counts as gone, or as the one that it was before.
const MISSING_ANSWERS: u32 = 3;

/// Where the next question goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// To one of the addresses given at the start; no broker is known, or none of the known ones is worth asking.
    Bootstrap,
    /// To any of the known brokers.
    Known,
}

/// What is known of a topic that was asked for.
#[derive(Clone, Debug)]
pub enum TopicState {
    /// It exists.
    Known(Arc<TopicView>),
    /// Not yet, with what the last answer said.
    Waiting(Option<ErrorCode>),
    /// The broker gave an error that waiting does not mend.
    Failed(ErrorCode),
}

/// A leader that a broker named in passing (KIP-951).
#[derive(Clone, Debug)]
pub struct LeaderHint {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// Its leader.
    pub leader: Leader,
    /// The leader's address, when it was told.
    pub endpoint: Option<BrokerView>,
}

/// An answer that does not serve as a picture of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The broker has not joined its cluster yet.
    #[error("the broker knows of no brokers yet")]
    NoBrokers,
    /// The broker says that this client has to start from the bootstrap addresses again (KIP-1102).
    #[error("the broker asks the client to bootstrap again")]
    Rebootstrap,
    /// Another cluster's broker is where one of ours was said to be.
    #[error("the broker belongs to cluster {told}, not to {known}")]
    OtherCluster {
        /// The cluster that the client is connected to.
        known: String,
        /// The broker's.
        told: String,
    },
    /// The broker refused.
    #[error("the broker refused: {0}")]
    Refused(ErrorCode),
    /// A broker is said to be where none can be.
    #[error("broker {node} is advertised as {host}:{port}, which is no address")]
    Address {
        /// The broker.
        node: i32,
        /// The advertised host.
        host: String,
        /// The advertised port.
        port: i32,
    },
    /// The numbers of a topic's partitions leave gaps.
    #[error(
        "topic {topic} is said to have {count} partitions, one of them with number {partition}"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// How many partitions were listed.
        count: usize,
        /// A number out of line.
        partition: i32,
    },
}

#[derive(Debug)]
struct Tracked {
    last_used: Instant,
    /// Whether the broker may create it when it is missing.
    create: bool,
    /// Never asked for.
    fresh: bool,
    /// What the last answer said against it.
    error: Option<ErrorCode>,
    /// Since when and in how many answers it has been missing, though it was there before.
    missing: Option<(Instant, u32)>,
    /// The id it had before it was re-created, by which a broker that lags behind is recognised, and how many answers in
    /// a row named it since.
    former: Option<(Uuid, u32)>,
}

// What is.
impl Metadata {
    /// The current picture.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Where the next question goes.
    pub fn source(&self) -> Source {
        self.source
    }

    /// What is known of a topic.
    pub fn topic(&self, name: &str) -> TopicState {
        if let Some(view) = self.cluster.known(name) {
            return TopicState::Known(view.clone());
        }
        match self.topics.get(name).and_then(|tracked| tracked.error) {
            Some(error) if !error.is_retriable() => TopicState::Failed(error),
            error => TopicState::Waiting(error),
        }
    }

    /// Whether nothing is left to find out about a topic for now.
    fn is_settled(&self, name: &str, tracked: &Tracked) -> bool {
        match (tracked.error, self.cluster.topic(name)) {
            (Some(error), _) => !error.is_retriable(),
            (None, Some(view)) => view.partitions.iter().all(|p| p.leader.is_some()),
            (None, None) => false,
        }
    }
}

// What is wanted.
impl Metadata {
    /// Knows nothing yet, and asks at once.
    pub fn new(config: MetadataConfig, rng: Rng) -> Self {
        Self {
            config,
            cluster: Arc::default(),
            topics: BTreeMap::new(),
            rng,
            asked: None,
            source: Source::Bootstrap,
            wanted: true,
            fruitless: 0,
            not_before: Instant::ZERO,
            last_success: None,
            failing_since: None,
            failures: 0,
            next_expiry: Instant::FAR_FUTURE,
            has_fresh: false,
            has_unsettled: false,
        }
    }

    /// Asks for a topic, or says that it is still in use. `create` lets the broker create it if it is set up to do so.
    pub fn track(&mut self, name: &str, create: bool, now: Instant) {
        self.next_expiry = self.next_expiry.min(now + self.config.max_idle);
        if let Some(tracked) = self.topics.get_mut(name) {
            tracked.last_used = tracked.last_used.max(now);
            tracked.create |= create;
            return;
        }
        let tracked = Tracked {
            last_used: now,
            create,
            fresh: true,
            error: None,
            missing: None,
            former: None,
        };
        self.topics.insert(name.into(), tracked);
        self.has_fresh = true;
    }

    /// Something showed that the picture is out of date. Honoured after the backoff.
    pub fn request_refresh(&mut self) {
        self.wanted = true;
    }
}

// What happened.
impl Metadata {
    /// The question was answered. Says whether there is a new picture.
    pub fn handle_response(
        &mut self,
        response: &MetadataResponse,
        now: Instant,
    ) -> Result<bool, MetadataError> {
        if let Err(error) = self
            .check_cluster(response)
            .and_then(|()| merge::check(response))
        {
            self.handle_failure(now);
            if error == MetadataError::Rebootstrap {
                self.source = Source::Bootstrap;
            }
            return Err(error);
        }
        let Some(asked) = self.asked.take() else {
            return Ok(false);
        };
        let changed = self.merge(&asked.names, response, now);
        self.failing_since = None;
        self.failures = 0;
        self.source = Source::Known;
        if asked.full {
            self.last_success = Some(now);
        }
        self.pause(!changed, now);
        self.take_stock();
        Ok(changed)
    }

    /// An address that was one of this cluster's brokers may be another cluster's by now. The bootstrap addresses lead to
    /// the cluster that is meant, whatever it calls itself.
    fn check_cluster(&self, response: &MetadataResponse) -> Result<(), MetadataError> {
        match (
            self.cluster.cluster_id.as_deref(),
            response.cluster_id.as_deref(),
        ) {
            (Some(known), Some(told)) if known != told && self.source == Source::Known => {
                Err(MetadataError::OtherCluster {
                    known: known.to_owned(),
                    told: told.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    /// The question came to nothing.
    pub fn handle_failure(&mut self, now: Instant) {
        self.asked = None;
        self.wanted = true;
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        let long = now.since(since) >= self.config.rebootstrap_after;
        // As many failures as there are brokers: each has had its turn. The bootstrap addresses then have theirs, and
        // so on, for it cannot be known which of them will come back.
        let everybody = self.failures as usize >= self.cluster.brokers.len();
        if long || everybody && self.source == Source::Known {
            self.failing_since = if long { Some(now) } else { self.failing_since };
            self.failures = 0;
            self.source = Source::Bootstrap;
        } else if self.source == Source::Bootstrap && !self.cluster.brokers.is_empty() {
            self.failures = 0;
            self.source = Source::Known;
        }
        self.pause(true, now);
    }

    /// A broker named a leader. Says whether there is a new picture.
    pub fn handle_leader_hint(&mut self, hint: &LeaderHint) -> bool {
        let Some(view) = self.cluster.topic(&hint.topic) else {
            return false;
        };
        let (Some(known), Ok(index)) = (
            view.partition(hint.partition),
            usize::try_from(hint.partition),
        ) else {
            return false;
        };
        let leader = hint.leader;
        let reachable = hint.endpoint.is_some() || self.cluster.broker(leader.node).is_some();
        if leader.epoch <= known.leader_epoch || !reachable {
            return false;
        }
        let mut cluster = Cluster::clone(&self.cluster);
        let mut view = TopicView::clone(view);
        if let Some(partition) = view.partitions.get_mut(index) {
            partition.leader = Some(leader.node);
            partition.leader_epoch = leader.epoch;
            partition.error = None;
        }
        if let Some(endpoint) = &hint.endpoint {
            cluster.brokers.insert(endpoint.id, endpoint.clone());
        }
        cluster.topics.insert(view.name.clone(), Arc::new(view));
        self.publish(cluster);
        self.take_stock();
        true
    }

    /// Time has passed: forgets topics that nobody uses. Says whether there is a new picture.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if now < self.next_expiry {
            return false;
        }
        let max_idle = self.config.max_idle;
        self.topics
            .retain(|_, tracked| now.since(tracked.last_used) < max_idle);
        let oldest = self.topics.values().map(|tracked| tracked.last_used).min();
        self.next_expiry = oldest.map_or(Instant::FAR_FUTURE, |oldest| oldest + max_idle);
        self.take_stock();
        if self
            .cluster
            .topics
            .keys()
            .all(|name| self.topics.contains_key(name))
        {
            return false;
        }
        let mut cluster = Cluster::clone(&self.cluster);
        cluster
            .topics
            .retain(|name, _| self.topics.contains_key(name));
        self.publish(cluster);
        true
    }

    fn pause(&mut self, fruitless: bool, now: Instant) {
        self.fruitless = if fruitless {
            self.fruitless.saturating_add(1)
        } else {
            0
        };
        let attempt = self.fruitless.saturating_sub(1);
        self.not_before = now + self.config.backoff.delay(attempt, &mut self.rng);
    }

    fn take_stock(&mut self) {
        self.has_fresh = self.topics.values().any(|tracked| tracked.fresh);
        self.has_unsettled = self
            .topics
            .iter()
            .any(|(name, t)| !t.fresh && !self.is_settled(name, t));
    }

    fn publish(&mut self, mut cluster: Cluster) {
        cluster.version = self.cluster.version + 1;
        self.cluster = Arc::new(cluster);
    }
}

// What is to be done.
impl Metadata {
    /// The question to ask now, if any. It stays under way until it is answered or fails.
    pub fn poll_request(&mut self, now: Instant) -> Option<MetadataRequest> {
        if self.asked.is_some() || self.due() > now {
            return None;
        }
        let full = self.full_due() <= now;
        let wants_create = |name: &str, tracked: &Tracked| {
            tracked.create && (full || tracked.fresh) && !self.is_settled(name, tracked)
        };
        let create = self
            .topics
            .iter()
            .any(|(name, tracked)| wants_create(name, tracked));
        // A topic that must not be created is left out of a question that would do it, and asked for next.
        let is_safe = |name: &str, t: &Tracked| !create || t.create || self.is_settled(name, t);
        let names: Vec<_> = self
            .topics
            .iter()
            .filter(|(name, tracked)| (full || tracked.fresh) && is_safe(name, tracked))
            .map(|(name, _)| name.clone())
            .collect();
        for (name, tracked) in &mut self.topics {
            tracked.fresh = match names.binary_search(name) {
                Ok(_) => false,
                Err(_) => tracked.fresh || full,
            };
        }
        let topic = |name: &Arc<str>| MetadataRequestTopic {
            name: Some(Str::from(&**name)),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: Some(names.iter().map(topic).collect()),
            allow_auto_topic_creation: create,
            ..Default::default()
        };
        // What is wanted from here on, this answer may be too old for.
        self.wanted &= !full;
        self.asked = Some(Asked { names, full });
        self.take_stock();
        Some(request)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) and [`poll_request`](Self::poll_request) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.asked.is_none().then(|| self.due());
        due.into_iter()
            .chain(Some(self.next_expiry))
            .min()
            .filter(|&at| at < Instant::FAR_FUTURE)
    }

    fn due(&self) -> Instant {
        // A topic never asked for does not wait, once there is somebody to ask.
        if self.has_fresh && self.last_success.is_some() {
            return Instant::ZERO;
        }
        self.full_due()
    }

    fn full_due(&self) -> Instant {
        match self.last_success {
            Some(last) if !self.wanted && !self.has_unsettled => {
                (last + self.config.max_age).max(self.not_before)
            }
            _ => self.not_before,
        }
    }
}

#[cfg(test)]
mod tests;
