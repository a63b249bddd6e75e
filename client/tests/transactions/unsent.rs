//! Records that never left.

use std::{
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use milena::{Client, Record};
use tokio::time::{Instant, sleep};

use crate::{
    held::{VERSIONS, committed, fill, filled, ms, producer, seconds, start},
    network::Network,
    watched::{Watch, Watched},
};

/// Whatever is to carry this breaks.
const LAST: &[u8] = b"the last words";

/// Breaks a connection, once, before anything of a request has left.
#[derive(Clone, Debug, Default)]
struct Brittle {
    breaks: Arc<AtomicBool>,
}

impl Watch for Brittle {
    fn writes(&self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let last = |slice: &IoSlice<'_>| slice.windows(LAST.len()).any(|bytes| bytes == LAST);
        if slices.iter().any(last) && self.breaks.swap(false, Ordering::SeqCst) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_given_up_with_records_that_never_left_holds_up_nothing() {
    for version in VERSIONS {
        let (cluster, _) = start(version).await;
        let brittle = Brittle::default();
        let client = Client::builder(cluster.bootstrap())
            .connector(Watched(Network::of(&cluster), brittle.clone()))
            .connect()
            .await
            .unwrap();
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        brittle.breaks.store(true, Ordering::SeqCst);
        let record = Record::to("orders").partition(0).value(LAST);
        drop(transaction.send(record).await.unwrap());
        sleep(ms(15)).await;
        assert!(
            !brittle.breaks.load(Ordering::SeqCst),
            "it was to be written"
        );
        transaction.abort().await.unwrap();
        let transaction = producer.begin().await.unwrap();
        let started = Instant::now();
        fill(&transaction, "second").await;
        let outcome = transaction
            .commit()
            .await
            .map_err(|e| e.error().to_string());
        let took = started.elapsed();
        assert_eq!(outcome, Ok(()), "version {version}");
        assert!(took < seconds(1), "version {version}: {took:?}");
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["second"]));
    }
}
