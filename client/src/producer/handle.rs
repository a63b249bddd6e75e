//! A producer's handle to one topic.

use std::sync::{Arc, OnceLock};

use super::{
    Delivery, Handle, Producer, Record,
    core::{Core, Refusal},
    error::{ProduceError, ProduceErrorKind, TrySendError},
    topic::Topic,
};

/// Sends records to one topic; made by [`Producer::topic`].
///
/// It does what the producer does, and looks the topic up only once. Cheap to clone.
///
/// ```no_run
/// # async fn example(producer: milena::Producer) -> Result<(), Box<dyn std::error::Error>> {
/// let orders = producer.topic("orders");
/// for number in 0..1000 {
///     let value = format!("order {number}");
///     let delivery = orders.send(orders.record().value(value.as_str())).await?;
///     drop(delivery); // whether it arrives does not matter here
/// }
/// producer.flush().await;
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

    /// As [`Producer::send`].
    ///
    /// # Errors
    /// The record was not accepted, or is for another topic.
    pub async fn send(&self, record: Record<'_>) -> Result<Delivery, ProduceError> {
        tokio::task::coop::consume_budget().await;
        match self.append(&record) {
            Ok(delivery) => Ok(delivery),
            Err(refusal) => self.handle().core.append_later(&record, refusal).await,
        }
    }

    /// As [`Producer::try_send`].
    ///
    /// # Errors
    /// [`TrySendError::Full`] and [`TrySendError::NotReady`] hold the record, to be tried again later.
    pub fn try_send<'a>(&self, record: Record<'a>) -> Result<Delivery, TrySendError<'a>> {
        let appended = self.append(&record);
        self.handle().try_outcome(appended, record)
    }

    fn append(&self, record: &Record<'_>) -> Result<Delivery, Refusal> {
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
        let core = &self.handle().core;
        match self.topic.get() {
            Some(topic) => core.append_to(topic, record, &mut None),
            None => match core.known(&self.name) {
                Some(topic) => core.append_to(self.topic.get_or_init(|| topic), record, &mut None),
                None => core.append(record, &mut None),
            },
        }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.handle().core
    }

    fn handle(&self) -> &Handle {
        &self.producer.handle
    }
}
