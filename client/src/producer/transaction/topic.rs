//! A transaction's handle to one topic.

use std::marker::PhantomData;

use super::guard::spoil;
use crate::{Delivery, ProduceError, Record, TopicHandle, TrySendError};

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

    /// As [`Transaction::send`](super::Transaction::send).
    ///
    /// # Errors
    /// The record was not accepted, and the transaction can only be aborted.
    pub async fn send(&self, record: Record<'_>) -> Result<Delivery, ProduceError> {
        let outcome = self.topic.send(record).await;
        outcome.inspect_err(|error| spoil(self.topic.core(), error))
    }

    /// As [`Transaction::try_send`](super::Transaction::try_send).
    ///
    /// # Errors
    /// After [`TrySendError::Rejected`], the transaction can only be aborted.
    pub fn try_send<'a>(&self, record: Record<'a>) -> Result<Delivery, TrySendError<'a>> {
        let outcome = self.topic.try_send(record);
        outcome.inspect_err(|error| {
            if let TrySendError::Rejected(error) = error {
                spoil(self.topic.core(), error);
            }
        })
    }
}
