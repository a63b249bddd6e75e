//! A handle to one topic whose calls wait.

use std::future::Future;

use super::{Producer, WouldBlock, producer::sends};
use crate::Record;

/// Sends records to one topic, as [`milena::TopicHandle`](crate::TopicHandle) does, with calls that wait; made by
/// [`Producer::topic`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # let cluster = runtime.block_on(milena_broker::Cluster::builder().topic("orders", 3).start())?;
/// let producer = milena::blocking::Producer::connect(&cluster.bootstrap())?;
/// let orders = producer.topic("orders");
/// let outcomes = orders.send_all(["twelve apples", "six pears"].map(|order| orders.record().value(order)))?;
/// for outcome in outcomes {
///     println!("{}", outcome?.partition());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TopicHandle {
    producer: Producer,
    topic: crate::TopicHandle,
}

impl TopicHandle {
    pub(super) fn new(producer: Producer, topic: crate::TopicHandle) -> Self {
        Self { producer, topic }
    }

    /// The topic's name.
    pub fn name(&self) -> &str {
        self.topic.name()
    }

    /// A record for the topic, with neither key nor value.
    pub fn record(&self) -> Record<'_> {
        self.topic.record()
    }

    sends!(", or is for another topic");

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, WouldBlock> {
        self.producer.wait(future)
    }

    fn inner(&self) -> &crate::TopicHandle {
        &self.topic
    }
}
