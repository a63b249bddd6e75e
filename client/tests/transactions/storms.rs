//! Everything at once, drawn from seeds: what was said of each transaction is what readers of committed records see.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use fastrand::Rng;
use milena::{
    ConsumerGroupMetadata, PartitionOffset, Record, Transaction, TransactionError,
    TransactionalProducer,
};
use milena_broker::{
    Cluster, CoordinatorType, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, sleep};

use crate::{
    held::{self, committed, filled, ms, open, seconds, start},
    offsets::begins,
};

const APIS: [ApiKey; 8] = [
    ApiKey::PRODUCE,
    ApiKey::PRODUCE,
    ApiKey::END_TXN,
    ApiKey::END_TXN,
    ApiKey::ADD_PARTITIONS_TO_TXN,
    ApiKey::ADD_OFFSETS_TO_TXN,
    ApiKey::TXN_OFFSET_COMMIT,
    ApiKey::FIND_COORDINATOR,
];

/// Errors that pass, and one that spoils a transaction.
const CODES: [ErrorCode; 6] = [
    ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode::NOT_COORDINATOR,
    ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ErrorCode::CONCURRENT_TRANSACTIONS,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::TRANSACTION_ABORTABLE,
];

/// Makes the cluster's life hard until it is told that it is over.
async fn disturb(cluster: Arc<Cluster>, mut rng: Rng, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        sleep(ms(rng.u64(1..300))).await;
        // What does not come about is taken back: faults that come faster than requests would be the only weather.
        if cluster.faults().pending() > 3 {
            cluster.faults().clear();
        }
        let api = APIS[rng.usize(..APIS.len())];
        let fault = match rng.u32(..11) {
            0 => Fault::lose_request(),
            1 => Fault::lose_answer(),
            2 => Fault::garbage(),
            3 => Fault::delay(ms(rng.u64(1..3000))),
            4 | 5 => {
                let code = CODES[rng.usize(..CODES.len())];
                // The end of a transaction is no time for that.
                if code == ErrorCode::TRANSACTION_ABORTABLE && api != ApiKey::PRODUCE {
                    continue;
                }
                Fault::error(code)
            }
            6 => {
                let of = if rng.bool() {
                    CoordinatorType::Transaction
                } else {
                    CoordinatorType::Group
                };
                let key = if of == CoordinatorType::Group {
                    "readers"
                } else {
                    "tx"
                };
                let _ = cluster.move_coordinator(of, key, rng.i32(1..=3));
                continue;
            }
            7 => {
                let topic = if rng.bool() { "orders" } else { "bills" };
                let _ = cluster.move_leader(topic, rng.i32(..3), rng.i32(1..=3));
                continue;
            }
            8 => {
                let node = rng.i32(1..=3);
                cluster.node_down(node).await.unwrap();
                sleep(ms(rng.u64(1..1500))).await;
                cluster.node_up(node).await.unwrap();
                continue;
            }
            9 => Fault::throttle(ms(rng.u64(1..500))),
            _ => Fault::hang_after_applying(),
        };
        cluster.faults().push(fault.on(api));
    }
}

/// Ends the transaction as wanted, however often that has to be asked for. Says whether it is committed.
async fn end(mut transaction: Transaction<'_>, commit: bool) -> bool {
    loop {
        let ended = held::end(transaction, commit).await;
        let Err(error) = ended else {
            return commit;
        };
        match error.error() {
            TransactionError::Retriable(_) => transaction = error.into_transaction(),
            TransactionError::Abortable(_) if commit => return false,
            other => panic!("{other}"),
        }
    }
}

/// What is known of a transaction when its number is over.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Committed,
    Aborted,
    /// Nobody waited for its commit: the next begin tells if it failed.
    Untold,
}

async fn one(
    producer: &mut TransactionalProducer,
    number: i64,
    rng: &mut Rng,
) -> Result<Fate, TransactionError> {
    let mut transaction = producer.begin().await?;
    let mut whole = true;
    for topic in ["orders", "bills"] {
        for partition in 0..3 {
            let value = format!("{number} {topic} {partition}");
            let record = Record::to(topic).partition(partition).value(value.as_str());
            whole &= transaction.send(record).await.is_ok();
            if rng.u32(..4) == 0 {
                sleep(ms(rng.u64(1..50))).await;
            }
        }
    }
    let group = ConsumerGroupMetadata::new("readers");
    let offset = PartitionOffset::new("input", 0, number);
    whole &= match transaction.send_offsets([offset], &group).await {
        Ok(()) | Err(TransactionError::Retriable(_)) => true,
        Err(TransactionError::Abortable(_)) => false,
        Err(other) => panic!("{other}"),
    };
    let committed = match rng.u32(..10) {
        0 | 1 => end(transaction, false).await,
        2 => {
            drop(transaction);
            false
        }
        3 | 4 => {
            let until = Instant::now() + ms(rng.u64(..200));
            let mut commit = pin!(transaction.commit());
            let mut over = pin!(tokio::time::sleep_until(until));
            let ended = std::future::poll_fn(|cx| {
                if let Poll::Ready(ended) = commit.as_mut().poll(cx) {
                    return Poll::Ready(Some(ended));
                }
                over.as_mut().poll(cx).map(|()| None)
            });
            match ended.await {
                None => return Ok(Fate::Untold),
                Some(Ok(())) => true,
                Some(Err(error)) => match error.error() {
                    TransactionError::Abortable(_) => false,
                    TransactionError::Retriable(_) => return Ok(Fate::Untold),
                    other => panic!("{other}"),
                },
            }
        }
        _ => end(transaction, true).await,
    };
    assert!(
        whole || !committed,
        "{number} was committed without a record"
    );
    Ok(if committed {
        Fate::Committed
    } else {
        Fate::Aborted
    })
}

async fn storm(seed: u64) {
    // The client's jitter.
    fastrand::seed(seed);
    let (cluster, client) = start(i16::try_from(seed % 3).unwrap()).await;
    cluster.create_topic("input", 1).unwrap();
    let builder = client
        .transactional_producer("tx")
        .transaction_timeout(seconds(800))
        .request_timeout(seconds(5))
        .max_block(seconds(20));
    let mut producer = builder.build().await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let storm = tokio::spawn(disturb(cluster.clone(), Rng::with_seed(seed), over.clone()));
    let mut rng = Rng::with_seed(!seed);
    let mut texts: Vec<i64> = Vec::new();
    let mut untold = None;
    for number in 0..40 {
        let fate = loop {
            match one(&mut producer, number, &mut rng).await {
                Ok(fate) => break fate,
                Err(TransactionError::Retriable(_)) => {}
                Err(TransactionError::Abortable(_)) if untold.take().is_some() => {}
                Err(other) => panic!("seed {seed}: {other}"),
            }
        };
        // The transaction began, so the one before was committed if nothing else was told.
        texts.extend(untold.take());
        match fate {
            Fate::Committed => texts.push(number),
            Fate::Aborted => {}
            Fate::Untold => untold = Some(number),
        }
    }
    over.store(true, Ordering::Relaxed);
    storm.await.unwrap();
    cluster.faults().clear();
    // What still hangs from the storm may outlast `max_block` more than once.
    loop {
        match producer.begin().await {
            Ok(last) => {
                texts.extend(untold.take());
                last.abort().await.unwrap();
                break;
            }
            Err(TransactionError::Abortable(_)) => break,
            Err(TransactionError::Retriable(_)) => {}
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    producer.close(seconds(60)).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let names: Vec<String> = texts.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(names.len() > 5, "seed {seed}: {names:?}");
    assert_eq!(committed(&cluster), filled(&names), "seed {seed}");
    assert_eq!(
        begins(&cluster, 0),
        texts.last().copied().unwrap(),
        "seed {seed}"
    );
    let audit = cluster.audit();
    assert_eq!(
        (open(&cluster), audit.lost(), audit.duplicated()),
        (0, 0, 0),
        "seed {seed}"
    );
}

/// `TXN_SEEDS=n` plays more seeds, `TXN_SEED=n` plays one.
#[tokio::test(start_paused = true)]
async fn every_seed_keeps_what_was_said_of_its_transactions() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok())
    };
    if let Some(seed) = number("TXN_SEED") {
        return storm(seed).await;
    }
    for seed in 0..number("TXN_SEEDS").unwrap_or(20) {
        storm(seed).await;
    }
}
