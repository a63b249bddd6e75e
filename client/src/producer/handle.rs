//! A producer's handle to one topic.

use std::sync::{Arc, OnceLock};

use super::{
    Delivery, Producer, Record,
    callbacks::Tell,
    core::{Core, Refusal},
    error::{ProduceError, ProduceErrorKind},
    sending::{Takes, TakesForOne, sends},
    topic::Topic,
};

/// Sends records to one topic; made by [`Producer::topic`].
///
/// It does what the producer does, and looks the topic up only once. Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let client = milena::Client::builder(cluster.bootstrap()).connect().await?;
/// # let producer = client.producer().build()?;
/// let orders = producer.topic("orders");
/// for number in 0..1000 {
///     let value = format!("order {number}");
///     let delivery = orders.send(orders.record().value(value.as_str())).await?;
///     drop(delivery); // whether it arrives does not matter here
/// }
/// producer.flush().await;
/// # assert_eq!(cluster.audit().stored(), 1000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TopicHandle {
    producer: Producer,
    name: Arc<str>,
    topic: Arc<OnceLock<Arc<Topic>>>,
}

impl TopicHandle {
    pub(super) fn new(producer: Producer, name: &str) -> Self {
        Self {
            producer,
            name: name.into(),
            topic: Arc::default(),
        }
    }

    /// The topic's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A record for the topic, with neither key nor value.
    pub fn record(&self) -> Record<'_> {
        Record::to(&self.name)
    }

    sends!(", or is for another topic");
}

impl Takes for TopicHandle {
    fn core(&self) -> &Arc<Core> {
        &self.producer.handle.core
    }

    fn append(&self, record: &Record<'_>, tell: &mut Tell<'_>) -> Result<Delivery, Refusal> {
        // A record that the handle made is told by where its topic stands, without comparing names.
        if !std::ptr::eq(record.topic, &*self.name) && *record.topic != *self.name {
            let why = format!("it was given to a handle of topic {:?}", self.name);
            let (kind, partition) = (ProduceErrorKind::Invalid, record.partition);
            return Err(Refusal::Error(ProduceError::new(
                kind,
                record.topic,
                partition,
                why,
            )));
        }
        let core = self.core();
        let known = || core.known(&self.name);
        let topic = self.topic.get();
        let topic = topic.or_else(|| known().map(|topic| self.topic.get_or_init(|| topic)));
        match topic {
            Some(topic) => core.append_to(topic, record, &mut None, tell),
            None => core.append(record, &mut None, tell),
        }
    }
}

impl TakesForOne for TopicHandle {
    fn name(&self) -> &str {
        &self.name
    }
}
