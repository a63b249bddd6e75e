//! What the tests of all forms need.

use std::{sync::Arc, time::Duration};

use milena::{Client, Producer};
use milena_broker::{Cluster, ClusterBuilder, Fault, protocol::ApiKey};
use tokio::time::{sleep, timeout};

use crate::network;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) async fn start(builder: ClusterBuilder) -> (Arc<Cluster>, Client) {
    let cluster = network::start(builder).await;
    let client = network::client(&cluster).connect().await.unwrap();
    (cluster, client)
}

pub(crate) fn hang() -> Fault {
    Fault::hang().on(ApiKey::PRODUCE).always()
}

/// Nothing is held any more for records that are settled.
pub(crate) async fn drained(producer: &Producer) {
    let emptied = async {
        while producer.buffered() > 0 {
            sleep(ms(10)).await;
        }
    };
    timeout(seconds(60), emptied).await.expect("memory is left");
}
