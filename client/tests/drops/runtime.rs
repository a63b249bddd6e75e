//! The runtime goes away under a producer.

use std::{sync::Arc, time::Duration};

use milena::{Delivery, Producer};
use milena_broker::Cluster;
use tokio::time::{sleep, timeout};

use crate::{
    stored::stored,
    world::{TOPIC, World, record},
};

/// Runtimes that end one after the other, a little later each time.
const MOMENTS: u64 = 40;
const SEEDS: u64 = 5;
const HANG: Duration = Duration::from_secs(600);

/// What is left of a runtime that was dropped `after` it began.
struct Left {
    cluster: Arc<Cluster>,
    producer: Producer,
    accepted: Vec<(String, Delivery)>,
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

fn doomed(seed: u64, after: Duration) -> Left {
    fastrand::seed(seed);
    let runtime = paused();
    runtime.block_on(async {
        let world = World::new(seed, 0).await;
        let producer = world.producer();
        let mut accepted = Vec::new();
        let sending = async {
            for number in 0..40 {
                let value = format!("record {number}");
                let delivery = producer.send(record(&value)).await.unwrap();
                accepted.push((value, delivery));
                sleep(Duration::from_millis(1)).await;
            }
            std::future::pending::<()>().await;
        };
        let _ = timeout(after, sending).await;
        Left {
            cluster: world.cluster.clone(),
            producer,
            accepted,
        }
    })
}

#[test]
fn every_delivery_resolves_and_tells_what_is_true() {
    let mut cut_short = 0;
    for seed in 0..SEEDS {
        for moment in 0..MOMENTS {
            let left = doomed(seed, Duration::from_millis(2 * moment));
            paused().block_on(async {
                left.cluster.faults().clear();
                let log = stored(&left.cluster, TOPIC, 0);
                let count =
                    |value: &str| log.iter().filter(|stored| stored.text() == value).count();
                for (value, delivery) in left.accepted {
                    let outcome = timeout(HANG, delivery).await.expect("it resolves");
                    match outcome {
                        Ok(_) => assert_eq!(count(&value), 1, "{value}"),
                        Err(error) => {
                            cut_short += 1;
                            let limit = match error.persistence() {
                                milena::Persistence::No => 0,
                                _ => 1,
                            };
                            assert!(count(&value) <= limit, "{value}: {error}");
                        }
                    }
                }
                let sent = timeout(HANG, left.producer.send(record("late"))).await;
                sent.expect("it returns").unwrap_err();
                timeout(HANG, left.producer.flush())
                    .await
                    .expect("it returns");
                assert_eq!(left.producer.buffered(), 0);
            });
        }
    }
    assert!(cut_short > 0, "every record was there in time");
}
