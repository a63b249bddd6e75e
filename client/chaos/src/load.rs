//! Producers of every temper, sending all the while.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use fastrand::Rng;
use milena::{Acks, Client, Compression, Delivery, Persistence, Producer, ProducerBuilder, Record};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    faults::World,
    ledger::{Account, Book, Outcome, Promise, Tally, content},
    proxy::Detour,
    weaving::{STYLES, Weaver},
};

/// Partitions of each topic.
pub(crate) const PARTITIONS: i32 = 6;

/// The topic that is deleted and created anew.
pub(crate) const RENEWED: &str = "renewed";

/// How long the rest may take after the last record was sent: longer than any delivery timeout.
const REST: Duration = Duration::from_secs(350);

/// How records find their partition.
#[derive(Clone, Copy, Debug)]
enum Addressing {
    /// It is named.
    Explicit,
    /// By one of some keys.
    Keyed,
    /// The producer chooses.
    Free,
}

/// A producer, and what it is for.
struct Temper {
    name: &'static str,
    topic: &'static str,
    promise: Promise,
    addressing: Addressing,
    /// So many records, and then a pause.
    burst: usize,
    pause: Duration,
    settings: fn(ProducerBuilder) -> ProducerBuilder,
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const TEMPERS: [Temper; 7] = [
    // Small batches, and many on their way, which are given up sooner than a hang lasts.
    Temper {
        name: "swift",
        topic: "shared",
        promise: Promise::Exact,
        addressing: Addressing::Explicit,
        burst: 10,
        pause: millis(20),
        settings: |builder| {
            builder
                .linger(millis(0))
                .batch_size(2 << 10)
                .request_timeout(millis(2_000))
                .delivery_timeout(millis(60_000))
        },
    },
    // Full batches, beside the small ones in the same partitions.
    Temper {
        name: "bulky",
        topic: "shared",
        promise: Promise::Exact,
        addressing: Addressing::Keyed,
        burst: 60,
        pause: millis(100),
        settings: |builder| {
            builder
                .linger(millis(50))
                .batch_size(64 << 10)
                .compression(Compression::ZSTD)
                .request_timeout(millis(5_000))
                .delivery_timeout(millis(60_000))
        },
    },
    // Each record by itself, and so little time that many are given up while they are on their way.
    Temper {
        name: "hasty",
        topic: "hasty",
        promise: Promise::Exact,
        addressing: Addressing::Explicit,
        burst: 3,
        pause: millis(15),
        settings: |builder| {
            builder
                .linger(millis(0))
                .batch_size(0)
                .request_timeout(millis(800))
                .delivery_timeout(millis(2_000))
        },
    },
    // One request at a time, where the producer chooses the partition; and so little memory that senders wait.
    Temper {
        name: "modest",
        topic: "modest",
        promise: Promise::Exact,
        addressing: Addressing::Free,
        burst: 20,
        pause: millis(50),
        settings: |builder| {
            builder
                .max_in_flight(1)
                .compression(Compression::LZ4)
                .buffer_memory(256 << 10)
                .max_block(millis(3_000))
                .request_timeout(millis(3_000))
                .delivery_timeout(millis(20_000))
        },
    },
    Temper {
        name: "renewed",
        topic: RENEWED,
        promise: Promise::Exact,
        addressing: Addressing::Explicit,
        burst: 5,
        pause: millis(25),
        settings: |builder| {
            builder
                .compression(Compression::SNAPPY)
                .batch_size(4 << 10)
                .request_timeout(millis(2_000))
                .delivery_timeout(millis(30_000))
        },
    },
    // Without idempotence records may be stored twice, and come in another order.
    Temper {
        name: "plain",
        topic: "plain",
        promise: Promise::Stored,
        addressing: Addressing::Keyed,
        burst: 5,
        pause: millis(25),
        settings: |builder| {
            builder
                .idempotence(false)
                .compression(Compression::GZIP)
                .batch_size(4 << 10)
                .request_timeout(millis(2_000))
                .delivery_timeout(millis(30_000))
        },
    },
    // What only the leader has is lost with it.
    Temper {
        name: "trusting",
        topic: "trusting",
        promise: Promise::Told,
        addressing: Addressing::Free,
        burst: 5,
        pause: millis(25),
        settings: |builder| {
            builder
                .acks(Acks::Leader)
                .request_timeout(millis(2_000))
                .delivery_timeout(millis(20_000))
        },
    },
];

/// The topics of all producers.
pub(crate) fn topics() -> impl Iterator<Item = &'static str> {
    TEMPERS.iter().map(|temper| temper.topic)
}

/// Producers that send.
pub(crate) struct Load {
    books: Vec<Book>,
    /// Each ends when all of its records have an outcome.
    senders: JoinSet<()>,
}

impl Load {
    /// Begins to send, until the world's end; in transactions too, if they are wanted.
    pub(crate) async fn begin(
        world: &Arc<World>,
        detour: &Detour,
        transactions: bool,
    ) -> Result<Self> {
        let (mut books, mut senders) = (Vec::new(), JoinSet::new());
        for (number, temper) in (0..).zip(&TEMPERS) {
            let client = connect(world, detour, temper.name).await?;
            let sender = Sender {
                world: world.clone(),
                temper,
                producer: (temper.settings)(client.producer()).build()?,
                book: Book::new(temper.name, temper.topic, temper.promise),
            };
            books.push(sender.book.clone());
            senders.spawn(sender.run(number));
        }
        for (number, style) in (100..).zip(&STYLES).filter(|_| transactions) {
            let client = connect(world, detour, style.name).await?;
            let weaver = Weaver::new(world, style, client);
            books.push(weaver.book.clone());
            senders.spawn(weaver.run(number));
        }
        Ok(Self { books, senders })
    }

    /// What was said so far.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let books = self.books.iter();
        books.for_each(|book| tally.add(&book.account().tally()));
        tally
    }

    /// Waits until every record has its outcome, or does not get one; nothing is sent any more.
    pub(crate) async fn end(mut self) -> Result<Vec<Account>> {
        let all = async {
            while let Some(ended) = self.senders.join_next().await {
                ended.context("a sender")?;
            }
            anyhow::Ok(())
        };
        // What has no outcome then is counted by the ledger.
        if let Ok(ended) = timeout(REST, all).await {
            ended?;
        }
        let books = self.books.iter();
        Ok(books.map(|book| book.account().clone()).collect())
    }
}

/// A client for one producer, whose connections lead through the proxies.
async fn connect(world: &World, detour: &Detour, name: &str) -> Result<Client> {
    let client = Client::builder(world.nodes.bootstrap())
        .client_id(name)
        .connector(detour.clone())
        .reconnect_backoff_max(millis(500))
        .metadata_max_age(Duration::from_secs(30))
        .connect()
        .await;
    client.with_context(|| format!("connecting {name}"))
}

/// A producer with its account.
#[derive(Clone)]
struct Sender {
    world: Arc<World>,
    temper: &'static Temper,
    producer: Producer,
    book: Book,
}

impl Sender {
    async fn run(self, number: u64) {
        let mut dice = Rng::with_seed(number);
        // Deliveries are awaited in order, beside the sending: the last is known soon after the one before it.
        let (accepted, settling) = mpsc::unbounded_channel();
        let sending = async {
            while Instant::now() < self.world.end {
                for _ in 0..self.temper.burst {
                    self.send(&mut dice, &accepted).await;
                }
                sleep(self.temper.pause).await;
            }
            drop(accepted);
        };
        tokio::join!(sending, self.settle(settling));
        let _ = self.producer.close(millis(5_000)).await;
    }

    async fn send(&self, dice: &mut Rng, accepted: &mpsc::UnboundedSender<(usize, Delivery)>) {
        let Temper {
            name,
            topic,
            addressing,
            ..
        } = self.temper;
        let serial = self.book.account().open(self.world.era(topic), None);
        let value = content(name, serial);
        let key = dice.u16(..500).to_string();
        let record = Record::to(topic).value(value.as_slice());
        let record = match addressing {
            Addressing::Explicit => record.partition(dice.i32(0..PARTITIONS)),
            Addressing::Keyed => record.key(key.as_str()),
            Addressing::Free => record,
        };
        match self.producer.send(record).await {
            Ok(delivery) => {
                self.book.account().accept(serial, delivery.partition());
                let _ = accepted.send((serial, delivery));
            }
            Err(error) => self.settled(serial, outcome(error.persistence())),
        }
    }

    async fn settle(&self, mut settling: mpsc::UnboundedReceiver<(usize, Delivery)>) {
        while let Some((serial, delivery)) = settling.recv().await {
            let outcome = match delivery.await {
                Ok(metadata) => Outcome::Stored(metadata.offset()),
                Err(error) => outcome(error.persistence()),
            };
            self.settled(serial, outcome);
        }
    }

    fn settled(&self, serial: usize, outcome: Outcome) {
        let era = self.world.era(self.temper.topic);
        self.book.account().settle(serial, era, outcome);
    }
}

/// Of a record that failed.
const fn outcome(persistence: Persistence) -> Outcome {
    match persistence {
        Persistence::No => Outcome::No,
        Persistence::Maybe => Outcome::Maybe,
        Persistence::Yes => Outcome::Stored(None),
    }
}
