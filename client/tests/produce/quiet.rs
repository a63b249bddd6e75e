//! Times of which the task that sends has to be woken, and others at which it has not.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::Duration,
};

use milena::{Client, Record};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use tokio::time::{Instant, advance, sleep};

use crate::{
    network::{self, Network},
    watched::{Watch, Watched},
};

/// Takes its time at the reading that is counted down to, as a thread does that is not run for a while.
#[derive(Clone, Debug, Default)]
struct Slow {
    pause: Arc<Mutex<Option<(usize, Duration)>>>,
}

impl Watch for Slow {
    fn reads(&self) {
        let due = self.pause.lock().unwrap().take_if(|(left, _)| {
            *left -= 1;
            *left == 0
        });
        if let Some((_, time)) = due {
            let _ = pin!(advance(time)).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_ends_while_the_task_is_at_work_ends_all_the_same() {
    // At the second reading the task looks for the last time before it sleeps.
    for reading in 1..=3 {
        let cluster = network::start(Cluster::builder().topic("orders", 1)).await;
        let slow = Slow::default();
        let client = Client::builder(cluster.bootstrap())
            .connector(Watched(Network::of(&cluster), slow.clone()))
            .connect()
            .await
            .unwrap();
        let producer = client.producer().linger(Duration::ZERO).build().unwrap();
        let record = || Record::to("orders").value("v");
        producer.send(record()).await.unwrap().await.unwrap();
        cluster
            .faults()
            .push(Fault::throttle(Duration::from_secs(1)).on(ApiKey::PRODUCE));
        producer.send(record()).await.unwrap().await.unwrap();
        sleep(Duration::from_millis(900)).await;
        let started = Instant::now();
        *slow.pause.lock().unwrap() = Some((reading, Duration::from_millis(200)));
        let delivery = producer.send(record()).await.unwrap();
        delivery.await.unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "reading {reading}: {took:?}");
    }
}

/// Hangs if the task is busy: paused time stands still meanwhile.
#[tokio::test(start_paused = true)]
async fn nothing_is_busy_while_records_linger_for_ever() {
    let cluster = network::start(Cluster::builder().topic("orders", 1)).await;
    let client = network::client(&cluster)
        .connections_max_idle(Duration::from_secs(60))
        .connect()
        .await
        .unwrap();
    let producer = client.producer().linger(Duration::MAX).build().unwrap();
    let first = producer
        .send(Record::to("orders").value("v"))
        .await
        .unwrap();
    producer.flush().await;
    first.await.unwrap();
    sleep(Duration::from_secs(61)).await;
    let second = producer
        .send(Record::to("orders").value("v"))
        .await
        .unwrap();
    sleep(Duration::from_secs(1)).await;
    producer.flush().await;
    second.await.unwrap();
}
