//! Forked children, and the cluster that they share with their parent.

use std::{
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
    process, thread,
    time::{Duration, Instant},
};

use fork::Fork;
use milena::{Client, ProduceError, ProduceErrorKind, Record, TrySendError};
use milena_broker::{Cluster, ClusterBuilder};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use tokio::runtime::{Builder, Runtime};

use crate::stored::stored;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Much less than anything takes that waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a child ends itself with when all is well.
const DONE: Signal = Signal::SIGKILL;

/// Has `act` done by a forked child, and waits until that has ended.
pub(crate) fn in_child(act: impl FnOnce()) {
    match fork::fork().unwrap() {
        Fork::Child => {
            // Until then, a record may still be written into a batch that was open.
            thread::sleep(Duration::from_millis(2));
            match panic::catch_unwind(AssertUnwindSafe(act)) {
                // Not by `process::exit`, which takes a lock that a thread of the parent may have held that just began or
                // ended. For the same reason, `act` starts no thread.
                Ok(()) => signal::raise(DONE).unwrap(),
                Err(why) => {
                    let text = why.downcast_ref::<String>().map(String::as_str);
                    let text = text.or(why.downcast_ref::<&str>().copied());
                    // Not by a macro: what those print is captured, and goes with the child.
                    let _ = writeln!(io::stderr(), "in the child: {text:?}");
                }
            }
            process::abort();
        }
        Fork::Parent(child) => {
            let deadline = Instant::now() + PATIENCE;
            loop {
                if let Some(status) = fork::waitpid_nohang(child).unwrap() {
                    assert_eq!(status, DONE as i32, "the child failed");
                    return;
                }
                if Instant::now() > deadline {
                    signal::kill(Pid::from_raw(child), DONE).unwrap();
                    fork::waitpid(child).unwrap();
                    panic!("the child hangs");
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

pub(crate) fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// A runtime that has no thread of its own.
pub(crate) fn alone() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A cluster with the topic "orders", of two partitions, on a runtime of its own that has to be kept.
pub(crate) fn serve() -> (Runtime, Cluster) {
    serve_as(Cluster::builder())
}

pub(crate) fn serve_as(builder: ClusterBuilder) -> (Runtime, Cluster) {
    let serving = runtime();
    let builder = builder.topic("orders", 2);
    let cluster = serving.block_on(builder.start()).unwrap();
    (serving, cluster)
}

pub(crate) fn record(value: &str) -> Record<'_> {
    Record::to("orders").partition(0).value(value)
}

/// Sends a record with a client of this process. (The cluster cannot be asked for its address, for it has locks, too.)
pub(crate) async fn send_anew(bootstrap: &str, value: &str) {
    let client = Client::builder(bootstrap);
    let client = client.connect().await.unwrap();
    let producer = client.producer().build().unwrap();
    producer.send(record(value)).await.unwrap().await.unwrap();
    producer.close(HOUR).await.unwrap();
}

/// What the partition holds that [`record`] names.
pub(crate) fn log(cluster: &Cluster) -> Vec<String> {
    let audit = cluster.audit();
    assert_eq!((audit.lost(), audit.duplicated()), (0, 0));
    let records = stored(cluster, "orders", 0).into_iter();
    // A transaction's marker has a key.
    let records = records.filter(|record| record.key.is_none());
    records.map(|record| record.text().to_owned()).collect()
}

#[track_caller]
pub(crate) fn assert_forked<T>(outcome: Result<T, ProduceError>) -> ProduceError {
    let error = outcome.err().expect("an error");
    assert_eq!(error.kind(), ProduceErrorKind::Forked, "{error}");
    assert!(
        error
            .to_string()
            .contains("connect a new client in the child"),
        "{error}"
    );
    error
}

#[track_caller]
pub(crate) fn assert_rejected<T>(outcome: Result<T, TrySendError<'_>>) {
    match outcome.err().expect("an error") {
        TrySendError::Rejected(error) => drop(assert_forked::<()>(Err(error))),
        other => panic!("{other:?}"),
    }
}
