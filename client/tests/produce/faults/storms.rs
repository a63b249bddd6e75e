//! Everything at once.

use milena_broker::{
    Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::sleep;

use super::{RETRIABLE, drained, metrics, ms, one_by_one, orders, seconds, stream};
use crate::stored::{Flow, check};

#[tokio::test(start_paused = true)]
async fn storms_of_everything() {
    for seed in 0..40 {
        storm(seed).await;
    }
}

/// A hundred mishaps drawn from `seed`, while records are sent.
async fn storm(seed: u64) {
    // The client's jitter.
    fastrand::seed(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client)
        .max_in_flight(rng.usize(1..=5))
        .batch_size([1, 1, 100, 200][rng.usize(..4)])
        .request_timeout(seconds(2))
        .delivery_timeout(seconds(rng.u64(3..30)))
        .build()
        .unwrap();
    let mut flow = Flow::default();
    let codes = [
        RETRIABLE.as_slice(),
        &[ErrorCode::INVALID_RECORD, ErrorCode::MESSAGE_TOO_LARGE],
    ]
    .concat();
    let mut down = None;
    for nth in 0..100 {
        if nth % 10 == 0 {
            metrics::check_sums(&producer, &flow);
        }
        stream(&mut flow, &producer, 6, rng.usize(0..20)).await;
        let fault = match rng.u8(..18) {
            0..3 => Fault::error(codes[rng.usize(..codes.len())]),
            3 => Fault::error_after_applying(RETRIABLE[rng.usize(..RETRIABLE.len())]),
            4 => Fault::lose_request(),
            5..7 => Fault::lose_answer(),
            7 => Fault::hang(),
            8 => Fault::hang_after_applying(),
            9 => Fault::garbage(),
            10 => Fault::truncate(rng.usize(..30)),
            11 => Fault::delay(ms(rng.u64(1..3000))),
            12 => Fault::throttle(ms(rng.u64(1..1000))),
            13..15 => {
                let node = rng.i32(1..=3);
                // The node may be down.
                let _ = cluster.move_leader("orders", rng.i32(..6), node);
                continue;
            }
            15 => {
                if let Some(node) = down.take() {
                    cluster.node_up(node).await.unwrap();
                } else {
                    let node = rng.i32(1..=3);
                    cluster.node_down(node).await.unwrap();
                    down = Some(node);
                }
                continue;
            }
            16 => {
                cluster.faults().push(Fault::stale_metadata());
                continue;
            }
            _ => {
                sleep(ms(rng.u64(..5000))).await;
                continue;
            }
        };
        let fault = fault.on(ApiKey::PRODUCE).times(rng.u32(1..5));
        cluster.faults().push(if rng.bool() {
            fault.partition(rng.i32(..6))
        } else {
            fault
        });
    }
    cluster.faults().clear();
    if let Some(node) = down {
        cluster.node_up(node).await.unwrap();
    }
    let calm = flow.sent.len();
    sleep(seconds(31)).await;
    stream(&mut flow, &producer, 6, 30).await;
    producer.flush().await;
    metrics::check_sums(&producer, &flow);
    let outcomes = flow.settle().await;
    for outcome in &outcomes[calm..] {
        assert!(outcome.result.is_ok(), "seed {seed}: {outcome:?}");
    }
    println!("seed {seed}");
    check(&cluster, "orders", &outcomes);
    drained(&producer).await;
}
