//! Producing without async: the calls wait, and a thread of the client's own does the work.
//!
//! A client that is connected by [`ClientBuilder::connect_blocking`] has a thread for its tasks, which ends when the client
//! and all that was made of it are gone. Everything else is as with the async forms, and settings are the same.
//!
//! ```
//! use std::time::Duration;
//! use milena::{Client, Record};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # let cluster = runtime.block_on(milena_broker::Cluster::builder().topic("orders", 3).start())?;
//! let client = Client::builder(cluster.bootstrap()).connect_blocking()?;
//! let producer = client.producer().linger(Duration::from_millis(20)).build_blocking()?;
//!
//! let delivery = producer.send(Record::to("orders").key("17").value("twelve apples"))?; // accepted, in order
//! let metadata = delivery.wait()?; // acknowledged
//! println!("partition {} offset {:?}", metadata.partition(), metadata.offset());
//!
//! producer.close(Duration::from_secs(30))?;
//! # Ok(())
//! # }
//! ```
//!
//! Within async code these calls work too, though each blocks the thread that it is made on, and with it other tasks.
//! In a callback they do not, whoever's thread it runs on: what they wait for may be waiting for the callback. There,
//! [`try_send`](Producer::try_send) serves, and what would have to wait is an error that says so.
//!
//! In a forked child, which does not have the client's thread, everything [ends at once](crate::Producer#when-the-process-forks);
//! dropping a producer waits for nothing there.

mod producer;
mod thread;
mod topic;
mod transaction;
mod wait;

use std::sync::Arc;

pub use self::{
    producer::{CloseError, Delivery, FlushError, Producer},
    topic::{TopicHandle, TransactionTopic},
    transaction::{EndError, Transaction, TransactionalProducer},
    wait::WouldBlock,
};
pub(crate) use self::{thread::OwnThread, wait::forbidden};
use crate::{Client, ClientBuilder, ConnectError};

impl ClientBuilder {
    /// As [`connect`](Self::connect), for programs without async: waits, and starts a thread of its own for the client's
    /// tasks. For [`blocking`](crate::blocking) producers.
    ///
    /// # Errors
    /// As those of [`connect`](Self::connect), and when there can be no thread.
    pub fn connect_blocking(self) -> Result<Client, ConnectError> {
        let thread = OwnThread::start().map_err(|error| ConnectError::Thread(Arc::new(error)))?;
        let runtime = thread.runtime().clone();
        let connecting = self.connect_with(Some(thread));
        wait::wait(Some(&runtime), connecting).unwrap_or(Err(ConnectError::WouldBlock))
    }
}
