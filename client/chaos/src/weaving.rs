//! Producers of transactions, of which some are committed, some aborted, and some given up.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use milena::{
    Client, Compression, Delivery, EndError, Record, Transaction, TransactionError,
    TransactionalProducer, TransactionalProducerBuilder,
};
use tokio::time::{Instant, sleep};

use crate::{
    faults::World,
    ledger::{Book, Outcome, Promise, content},
    load::{PARTITIONS, millis},
};

/// The topic of all transactions.
pub(crate) const WOVEN: &str = "woven";

/// How long the end of a transaction is waited for.
const PATIENCE: Duration = Duration::from_secs(100);

/// A producer of transactions, and what it is for.
pub(crate) struct Style {
    pub(crate) name: &'static str,
    /// Records of a transaction, at most.
    most: usize,
    settings: fn(TransactionalProducerBuilder) -> TransactionalProducerBuilder,
}

pub(crate) const STYLES: [Style; 3] = [
    Style {
        name: "patient",
        most: 200,
        settings: |builder| {
            builder
                .compression(Compression::LZ4)
                .request_timeout(millis(3_000))
                .delivery_timeout(millis(60_000))
        },
    },
    // Many small transactions, and many requests in each.
    Style {
        name: "brief",
        most: 10,
        settings: |builder| {
            builder
                .linger(millis(0))
                .batch_size(500)
                .request_timeout(millis(2_000))
                .delivery_timeout(millis(30_000))
        },
    },
    // So little time that records are given up, and their transactions with them.
    Style {
        name: "rash",
        most: 50,
        settings: |builder| {
            builder
                .linger(millis(1))
                .request_timeout(millis(800))
                .delivery_timeout(millis(2_000))
                .max_block(millis(3_000))
        },
    },
];

/// A producer's client, with the account.
pub(crate) struct Weaver {
    world: Arc<World>,
    style: &'static Style,
    client: Client,
    pub(crate) book: Book,
}

/// What is known of a transaction's end.
enum End {
    Committed,
    Aborted,
    Unknown,
}

impl Weaver {
    pub(crate) fn new(world: &Arc<World>, style: &'static Style, client: Client) -> Self {
        Self {
            world: world.clone(),
            style,
            client,
            book: Book::new(style.name, WOVEN, Promise::Exact),
        }
    }

    /// One transaction after the other, until the world's end.
    pub(crate) async fn run(self, number: u64) {
        let mut dice = Rng::with_seed(number);
        let mut producer = None;
        let mut transaction = 0;
        while Instant::now() < self.world.end {
            transaction += 1;
            let Some(mut current) = producer.take() else {
                producer = self.build().await;
                continue;
            };
            let useful = self.weave(&mut current, transaction, &mut dice).await;
            // Now and then another one takes over, whatever the former is in the middle of.
            producer = if dice.u8(..) < 5 {
                self.build().await
            } else {
                Some(current).filter(|_| useful)
            };
        }
        // Whatever was left open is aborted by a new one, and with it nothing stands in a reader's way.
        let last = Instant::now() + PATIENCE;
        while Instant::now() < last {
            if let Some(producer) = self.build().await {
                let _ = producer.close(millis(10_000)).await;
                break;
            }
        }
    }

    /// A producer, which fences the one before.
    async fn build(&self) -> Option<TransactionalProducer> {
        let builder = self.client.transactional_producer(self.style.name);
        match (self.style.settings)(builder).build().await {
            Ok(producer) => Some(producer),
            Err(error) => {
                self.world
                    .tell(format_args!("{}: no producer: {error}", self.style.name));
                sleep(millis(500)).await;
                None
            }
        }
    }

    /// One transaction. False when the producer is of no further use.
    async fn weave(
        &self,
        producer: &mut TransactionalProducer,
        number: u32,
        dice: &mut Rng,
    ) -> bool {
        let transaction = match producer.begin().await {
            Ok(transaction) => transaction,
            Err(error) => {
                sleep(millis(100)).await;
                return !self.is_fatal(&error);
            }
        };
        let mut records = Vec::new();
        for _ in 0..dice.usize(1..=self.style.most) {
            let (serial, delivery) = self.send(&transaction, number, dice).await;
            let refused = delivery.is_none();
            records.push((serial, delivery));
            if refused {
                break;
            }
            if dice.u8(..) < 10 {
                sleep(millis(dice.u64(1..50))).await;
            }
        }
        let (end, useful) = match dice.u8(0..10) {
            0 => {
                drop(transaction);
                (End::Aborted, true)
            }
            1 => self.abort(transaction.abort().await.err()).await,
            _ => self.commit(transaction).await,
        };
        for (serial, delivery) in records {
            let outcome = match (&end, delivery) {
                // It was not accepted, and so is not part of any transaction.
                (End::Aborted, _) | (_, None) => Outcome::No,
                (End::Unknown, _) => Outcome::Maybe,
                (End::Committed, Some(delivery)) => {
                    let told = delivery.try_get().and_then(Result::ok);
                    Outcome::Stored(told.and_then(|metadata| metadata.offset()))
                }
            };
            self.book.account().settle(serial, 0, outcome);
        }
        sleep(millis(dice.u64(0..100))).await;
        useful
    }

    async fn send(
        &self,
        transaction: &Transaction<'_>,
        number: u32,
        dice: &mut Rng,
    ) -> (usize, Option<Delivery>) {
        let serial = self.book.account().open(0, Some(number));
        let value = content(self.style.name, serial);
        let record = Record::to(WOVEN)
            .partition(dice.i32(0..PARTITIONS))
            .value(value.as_slice());
        let delivery = transaction.send(record).await.ok();
        if let Some(delivery) = &delivery {
            self.book.account().accept(serial, delivery.partition());
        }
        (serial, delivery)
    }

    /// Commits, and waits for it as long as it takes.
    async fn commit(&self, transaction: Transaction<'_>) -> (End, bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut outcome = transaction.commit().await;
        loop {
            let Err(end) = outcome else {
                return (End::Committed, true);
            };
            match end.error() {
                TransactionError::Retriable(_) if Instant::now() < deadline => {
                    outcome = end.into_transaction().commit().await;
                }
                TransactionError::Abortable(_) => {
                    return self.abort(end.into_transaction().abort().await.err()).await;
                }
                error => {
                    let useful = !self.is_fatal(error);
                    return (End::Unknown, useful);
                }
            }
        }
    }

    /// Waits for an abort, if it did not come about at once. None of it counts, whatever comes of that.
    async fn abort(&self, mut failed: Option<EndError<'_>>) -> (End, bool) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(end) = failed {
            let again = matches!(end.error(), TransactionError::Retriable(_));
            if !again || Instant::now() > deadline {
                let useful = !self.is_fatal(end.error());
                return (End::Aborted, useful);
            }
            failed = end.into_transaction().abort().await.err();
        }
        (End::Aborted, true)
    }

    /// Tells of an error after which the producer is of no further use.
    fn is_fatal(&self, error: &TransactionError) -> bool {
        let fatal = matches!(error, TransactionError::Fatal(_));
        if fatal {
            self.world
                .tell(format_args!("{}: {error}", self.style.name));
        }
        fatal
    }
}
