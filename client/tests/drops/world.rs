//! What each run happens in, and what has to hold at its end.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use fastrand::Rng;
use milena::{Client, Delivery, Producer, ProducerBuilder, ProducerMetrics, Record};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::timeout;

use crate::{network, stored::stored};

/// Longer in virtual time than anything takes that comes to an end.
const HANG: Duration = Duration::from_secs(600);
/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// Runs of each future: without faults, with slow answers, and with faults of each further seed.
const SEEDS: u64 = 5;
/// More polls than any future here takes.
const POLLS: usize = 300;

/// Partitions of the topic.
pub(crate) const PARTITIONS: i32 = 2;
pub(crate) const TOPIC: &str = "orders";

/// A cluster and a client in a run of their own.
pub(crate) struct World {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) client: Client,
    seed: u64,
    /// The future in question is dropped when it was polled so often.
    polls: usize,
}

/// Runs `scenario` for each number of polls until the future in question completes, with the faults of several seeds. The
/// scenario says whether it did.
pub(crate) fn sweep<S>(mut scenario: impl FnMut(World) -> S)
where
    S: Future<Output = bool>,
{
    for seed in 0..SEEDS {
        let mut polls = 0;
        while !run(
            seed,
            async || scenario(World::new(seed, polls).await).await,
            polls,
        ) {
            polls += 1;
            assert!(polls < POLLS, "seed {seed}: it never completes");
        }
        assert!(polls > 0, "seed {seed}: it was never dropped");
    }
}

/// One run, in a runtime of its own whose time is virtual.
pub(crate) fn run<T>(seed: u64, scenario: impl AsyncFnOnce() -> T, polls: usize) -> T {
    // The client's jitter.
    fastrand::seed(seed);
    let _told = Told { seed, polls };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let outcome = runtime.block_on(async { timeout(HANG, scenario()).await });
    outcome.expect("it hangs")
}

/// Says which run it was that panicked.
struct Told {
    seed: u64,
    polls: usize,
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, polls } = self;
            eprintln!("with the faults of seed {seed}, dropped after {polls} polls");
        }
    }
}

impl World {
    pub(crate) async fn new(seed: u64, polls: usize) -> Self {
        let builder = Cluster::builder().nodes(2).topic(TOPIC, PARTITIONS);
        let cluster = network::start(builder).await;
        let client = network::client(&cluster)
            .request_timeout(PATIENCE)
            .connect()
            .await
            .unwrap();
        let world = Self {
            cluster,
            client,
            seed,
            polls,
        };
        world.disturb();
        world
    }

    fn disturb(&self) {
        let faults = self.cluster.faults();
        let ms = Duration::from_millis;
        if self.seed == 1 {
            faults.push(Fault::delay(ms(20)).always());
        }
        if self.seed < 2 {
            return;
        }
        let mut rng = Rng::with_seed(self.seed);
        for _ in 0..6 {
            let apis = [
                ApiKey::PRODUCE,
                ApiKey::PRODUCE,
                ApiKey::METADATA,
                ApiKey::INIT_PRODUCER_ID,
                ApiKey::ADD_OFFSETS_TO_TXN,
                ApiKey::END_TXN,
                ApiKey::FETCH,
                ApiKey::CREATE_TOPICS,
            ];
            let api = apis[rng.usize(..apis.len())];
            let fault = match rng.u32(..6) {
                0 => Fault::lose_request(),
                1 => Fault::lose_answer(),
                2 => Fault::hang_after_applying(),
                3 if api == ApiKey::PRODUCE => Fault::error(ErrorCode::NOT_LEADER_OR_FOLLOWER),
                3 => Fault::garbage(),
                _ => Fault::delay(ms(rng.u64(1..300))),
            };
            faults.push(fault.on(api).after(rng.u32(..3)).times(rng.u32(1..3)));
        }
    }

    /// Polls the future as often as it is this run's turn, and then drops it, unless it is done before.
    pub(crate) async fn drop_it<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut left = self.polls;
        let mut future = pin!(future);
        poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            match future.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Whether the future in question is polled at all.
    pub(crate) const fn polls_it(&self) -> bool {
        self.polls > 0
    }

    pub(crate) fn builder(&self) -> ProducerBuilder {
        self.client.producer().request_timeout(PATIENCE)
    }

    pub(crate) fn producer(&self) -> Producer {
        self.builder().build().unwrap()
    }

    /// The values in the log of each partition, in order. No fault happens any more.
    pub(crate) fn log(&self) -> BTreeMap<i32, Vec<String>> {
        self.cluster.faults().clear();
        let values = |partition| {
            let records = stored(&self.cluster, TOPIC, partition);
            records
                .iter()
                .map(|record| record.text().to_owned())
                .collect()
        };
        (0..PARTITIONS)
            .map(|partition| (partition, values(partition)))
            .collect()
    }

    /// How often a value is in the logs.
    pub(crate) fn count(&self, value: &str) -> usize {
        let log = self.log();
        log.values()
            .flatten()
            .filter(|stored| *stored == value)
            .count()
    }

    /// The producer goes on, everything that was accepted comes to its end, and nothing is held any more. `accepted` are the
    /// values and deliveries of what was accepted; `refused` are values that were not.
    pub(crate) async fn settle(
        &self,
        producer: Producer,
        mut accepted: Vec<(String, Delivery)>,
        refused: &[&str],
    ) {
        accepted.push(send(&producer, "afterwards").await);
        producer.flush().await;
        self.check(accepted, refused).await;
        is_idle(&producer.metrics());
        producer.close(HANG).await.unwrap();
        assert_eq!(producer.buffered(), 0);
    }

    /// Whether everything that was accepted is stored, once, and nothing else is. No fault here lasts so long that a record
    /// could fail.
    pub(crate) async fn check(&self, accepted: Vec<(String, Delivery)>, refused: &[&str]) {
        for (value, delivery) in accepted {
            let outcome = delivery.await;
            assert!(outcome.is_ok(), "{value}: {outcome:?}");
            assert_eq!(self.count(&value), 1, "{value} was acknowledged");
        }
        for value in refused {
            assert_eq!(self.count(value), 0, "{value} was not accepted");
        }
        for value in self.log().values().flatten() {
            assert_eq!(self.count(value), 1, "{value}");
        }
    }
}

/// Nothing is queued, in flight, or waited for.
pub(crate) fn is_idle(metrics: &ProducerMetrics) {
    let left = (
        metrics.waiting_records,
        metrics.in_flight_records,
        metrics.requests_in_flight,
        metrics.buffer_used,
        metrics.buffer_waiters,
    );
    assert_eq!(left, (0, 0, 0, 0, 0));
    assert_eq!(
        metrics.accepted_records,
        metrics.acknowledged_records + metrics.failed_records
    );
}

/// Sends a record to the first partition.
pub(crate) async fn send(producer: &Producer, value: &str) -> (String, Delivery) {
    let delivery = producer.send(record(value)).await.unwrap();
    (value.to_owned(), delivery)
}

pub(crate) fn record(value: &str) -> Record<'_> {
    Record::to(TOPIC).partition(0).value(value)
}
