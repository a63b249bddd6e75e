//! Connections by broker and purpose.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use milena_engine::{
    backoff::Rng,
    cluster::{Cluster, NodeId},
    route::{Candidate, least_loaded},
    throttle::Throttled,
};
use milena_protocol::Request;

use super::lane::{Lane, LaneSettings, RequestError};
use crate::{error::Peer, lock::Lock, process::Home};

/// What a connection is for. Requests that keep a broker busy for long do not stand in the way of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    General,
    /// For one reader, by its number: a fetch that waits for records would hold up another reader's.
    Fetch(u32),
}

/// Which broker to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Any, preferably one with little to do.
    Any,
    /// The one that takes administrative requests, or any if it is not known: brokers pass such requests on.
    Controller,
    Node(NodeId),
}

/// The connections of a client.
pub(crate) struct Pool {
    home: Home,
    settings: LaneSettings,
    runtime: tokio::runtime::Handle,
    cluster: Arc<ArcSwap<Cluster>>,
    lanes: Lock<BTreeMap<(Purpose, NodeId), Lane>>,
    rng: Lock<Rng>,
    on_lost: Arc<dyn Fn() + Send + Sync>,
}

impl Pool {
    pub(crate) fn new(
        settings: LaneSettings,
        runtime: tokio::runtime::Handle,
        cluster: Arc<ArcSwap<Cluster>>,
        on_lost: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            home: Home::here(),
            settings,
            runtime,
            cluster,
            lanes: Lock::default(),
            rng: Lock::new(Rng::new(fastrand::u64(..))),
            on_lost: Arc::new(on_lost),
        }
    }

    pub(crate) fn settings(&self) -> &LaneSettings {
        &self.settings
    }

    /// Sends a request, made for the version in which it goes out, and waits for its answer, `timeout` at most. It goes
    /// out in `max_version` at most. One attempt, nothing retried.
    pub(crate) async fn request_with<R>(
        &self,
        target: Target,
        purpose: Purpose,
        make: impl FnOnce(i16) -> R + Send + 'static,
        max_version: Option<i16>,
        timeout: Duration,
    ) -> Result<R::Response, RequestError>
    where
        R: Request<Response: Throttled>,
    {
        self.home.check()?;
        let node = self.resolve(target).ok_or(RequestError::NoBroker)?;
        let lane = self
            .lane(purpose, node)
            .ok_or(RequestError::UnknownBroker(node.0))?;
        let deadline = self.settings.dialer.clock.after(timeout);
        lane.request(make, max_version, deadline).await
    }

    /// Ends the connections of that purpose, once what is under way is answered.
    pub(crate) fn forget(&self, purpose: Purpose) {
        let mut lanes = self.lanes.lock();
        lanes.retain(|(of, _), _| *of != purpose);
    }

    /// The broker to ask, if there is one worth asking.
    pub(crate) fn resolve(&self, target: Target) -> Option<NodeId> {
        match target {
            Target::Node(node) => Some(node),
            Target::Controller => self
                .cluster
                .load()
                .controller
                .or_else(|| self.least_loaded()),
            Target::Any => self.least_loaded(),
        }
    }

    fn least_loaded(&self) -> Option<NodeId> {
        let now = self.settings.dialer.clock.now();
        let cluster = self.cluster.load();
        let lanes = self.lanes.lock();
        let candidate = |&node: &NodeId| {
            let lane = lanes.get(&(Purpose::General, node));
            let untried = milena_engine::route::Reach::Idle { last_attempt: None };
            Candidate {
                node,
                reach: lane.map_or(untried, |lane| lane.reach(now)),
            }
        };
        let candidates: Vec<_> = cluster.brokers.keys().map(candidate).collect();
        let mut rng = self.rng.lock();
        least_loaded(&candidates, &mut rng)
    }

    /// The connection to a broker at the address that it has now.
    fn lane(&self, purpose: Purpose, node: NodeId) -> Option<Lane> {
        let cluster = self.cluster.load();
        let broker = cluster.broker(node)?;
        let mut lanes = self.lanes.lock();
        // Brokers that left are forgotten, as are addresses at which a broker no longer is.
        lanes.retain(|(_, node), lane| {
            let broker = cluster.broker(*node);
            broker.is_some_and(|b| b.host == lane.peer.host && b.port == lane.peer.port)
        });
        let lane = lanes.entry((purpose, node)).or_insert_with(|| {
            let peer = Peer {
                node: Some(node.0),
                host: broker.host.clone(),
                port: broker.port,
            };
            let on_lost = self.on_lost.clone();
            let on_lost = move || on_lost();
            Lane::spawn(
                &self.runtime,
                self.settings.clone(),
                Arc::new(peer),
                on_lost,
            )
        });
        Some(lane.clone())
    }
}
