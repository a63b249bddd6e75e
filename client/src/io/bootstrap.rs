//! The first words with a cluster: through one of the addresses that the client was given.

use std::{future::poll_fn, sync::Arc, time::Duration};

use milena_engine::{connection::Event, time::Instant};
use milena_protocol::metadata::{MetadataRequest, MetadataResponse};
use tokio::{task::JoinSet, time::timeout};
use tracing::{debug, warn};

use super::link::{Dialer, Link};
use crate::{
    error::{BrokerError, BrokerErrorKind, Peer},
    process::at_home,
};

/// How long an address may keep silent before the next one is tried beside it.
const STAGGER: Duration = Duration::from_secs(1);

/// Asks the addresses in turn, from `first` on, until one has answered; the next one is tried when one fails or is slow.
/// The connection is closed afterwards: which broker it leads to is not known.
///
/// The error holds what happened with each address.
pub(crate) async fn ask(
    dialer: &Dialer,
    addresses: &[Arc<Peer>],
    first: usize,
    request: &MetadataRequest,
    deadline: Instant,
) -> Result<(Arc<Peer>, MetadataResponse), Vec<BrokerError>> {
    let count = addresses.len();
    let turn = |index: usize| addresses.get((first + index) % count.max(1));
    let mut tried = 0;
    // Dropping the set ends what is still running in it.
    let mut running = JoinSet::new();
    let mut failures = Vec::new();
    loop {
        if tried < count
            && let Some(peer) = turn(tried)
        {
            tried += 1;
            running.spawn(at_home(attempt(
                dialer.clone(),
                peer.clone(),
                request.clone(),
                deadline,
            )));
        }
        let finished = if tried < count {
            match timeout(STAGGER, running.join_next()).await {
                Ok(finished) => finished,
                Err(_) => continue,
            }
        } else {
            running.join_next().await
        };
        match finished {
            Some(Ok(Ok(answer))) => return Ok(answer),
            Some(Ok(Err(error))) => {
                warn!(%error, "bootstrap address failed");
                failures.push(error);
            }
            // The runtime is shutting down; nothing else ends an attempt without a result.
            Some(Err(_)) => {}
            None => return Err(failures),
        }
    }
}

async fn attempt(
    dialer: Dialer,
    peer: Arc<Peer>,
    request: MetadataRequest,
    deadline: Instant,
) -> Result<(Arc<Peer>, MetadataResponse), BrokerError> {
    let mut link = Link::open(&dialer, peer.clone(), deadline).await?;
    let version = link.version_of::<MetadataRequest>(None);
    let sent = version.map(|version| {
        let request = for_version(request, version);
        link.send(&request, (), deadline, true, None)
            .map_err(|refused| refused.error)
    });
    if let Err(error) = sent.and_then(|sent| sent) {
        return Err(BrokerError::new(
            &peer,
            BrokerErrorKind::Incompatible,
            error.to_string(),
        ));
    }
    loop {
        if let Event::Answer(answer) = poll_fn(|cx| link.poll(cx)).await? {
            let response = link.decode::<MetadataRequest, _>(&answer)?;
            debug!(%peer, brokers = response.brokers.len(), "bootstrap address answered");
            return Ok((peer, response));
        }
    }
}

/// Fits a request to what its version can say: before version 4 a broker creates missing topics unasked.
pub(crate) fn for_version(mut request: MetadataRequest, version: i16) -> MetadataRequest {
    request.allow_auto_topic_creation |= version < 4;
    request
}
