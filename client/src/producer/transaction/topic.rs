//! A transaction's handle to one topic.

use std::{marker::PhantomData, sync::Arc};

use tokio::runtime;

use crate::{
    Delivery, Record, TopicHandle,
    producer::{
        callbacks::Tell,
        core::{Core, Refusal},
        sending::{Takes, TakesForOne, sends},
    },
};

/// Sends records of a transaction to one topic; made by [`Transaction::topic`](super::Transaction::topic).
#[derive(Clone, Debug)]
pub struct TransactionTopic<'t> {
    topic: TopicHandle,
    transaction: PhantomData<&'t ()>,
}

impl TransactionTopic<'_> {
    pub(super) const fn new(topic: TopicHandle) -> Self {
        Self {
            topic,
            transaction: PhantomData,
        }
    }

    /// The topic's name.
    pub fn name(&self) -> &str {
        self.topic.name()
    }

    /// A record for the topic, with neither key nor value.
    pub fn record(&self) -> Record<'_> {
        self.topic.record()
    }

    sends!(", and the transaction can only be aborted");

    pub(crate) fn runtime(&self) -> &runtime::Handle {
        self.core().client.runtime()
    }
}

impl Takes for TransactionTopic<'_> {
    fn core(&self) -> &Arc<Core> {
        self.topic.core()
    }

    fn append(&self, record: &Record<'_>, tell: &mut Tell<'_>) -> Result<Delivery, Refusal> {
        self.topic.append(record, tell)
    }
}

impl TakesForOne for TransactionTopic<'_> {
    fn name(&self) -> &str {
        self.topic.name()
    }
}
