//! The ways of sending a record, which all that takes records has.

use std::{future::Future, sync::Arc};

use tokio::time::Instant;

use super::{
    Delivery, Producer, Record, RecordMetadata,
    callbacks::{Callback, Tell},
    core::{Core, Refusal},
    error::{ProduceError, TrySendError},
    interceptor::Arena,
};

/// What takes records: a producer, or a handle to a topic, within a transaction or not.
pub(crate) trait Takes {
    fn core(&self) -> &Arc<Core>;

    /// Takes a record, if that needs no waiting.
    fn append(&self, record: &Record<'_>, tell: &mut Tell<'_>) -> Result<Delivery, Refusal>;
}

/// What takes records for one topic.
pub(crate) trait TakesForOne: Takes {
    fn name(&self) -> &str;
}

impl Takes for Producer {
    fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    fn append(&self, record: &Record<'_>, tell: &mut Tell<'_>) -> Result<Delivery, Refusal> {
        self.handle.core.append(record, &mut None, tell)
    }
}

pub(super) fn send(
    to: &impl Takes,
    record: &Record<'_>,
    tell: &mut Tell<'_>,
) -> impl Future<Output = Result<Delivery, ProduceError>> {
    send_before(to, record, None, tell)
}

/// Waits until the deadline for what is missing; `None` is for as long as the producer's callers wait.
pub(super) async fn send_before(
    to: &impl Takes,
    record: &Record<'_>,
    deadline: Option<Instant>,
    tell: &mut Tell<'_>,
) -> Result<Delivery, ProduceError> {
    // Lets the task that sends take its turn when a caller does nothing but send.
    tokio::task::coop::consume_budget().await;
    if let Some(interceptors) = to.core().interceptors() {
        // In a box, so that the future is no larger when there are none.
        return Box::pin(async {
            let arena = Arena::default();
            let record = interceptors.on_send(record, &arena);
            let outcome = match to.append(&record, tell) {
                Ok(delivery) => Ok(delivery),
                Err(refusal) => append_later(to, &record, refusal, deadline, tell).await,
            };
            outcome.inspect_err(|error| interceptors.on_acknowledgement(Err(error)))
        })
        .await;
    }
    // Nearly every record is taken here. Each future around this would be paid for by all of them.
    match to.append(record, tell) {
        Ok(delivery) => Ok(delivery),
        Err(refusal) => append_later(to, record, refusal, deadline, tell).await,
    }
}

/// Takes a record once what it lacked is there.
async fn append_later(
    to: &impl Takes,
    record: &Record<'_>,
    refusal: Refusal,
    deadline: Option<Instant>,
    tell: &mut Tell<'_>,
) -> Result<Delivery, ProduceError> {
    let core = to.core();
    let deadline = deadline.unwrap_or_else(|| core.deadline());
    let outcome = core.append_later(record, refusal, deadline, tell).await;
    outcome.inspect_err(|error| core.handle_refused(error))
}

pub(super) fn try_send<'a>(
    to: &impl Takes,
    record: Record<'a>,
    tell: &mut Tell<'_>,
) -> Result<Delivery, TrySendError<'a>> {
    let outcome = match to.core().interceptors() {
        None => try_accept(to, &record, tell),
        Some(interceptors) => {
            let arena = Arena::default();
            let outcome = try_accept(to, &interceptors.on_send(&record, &arena), tell);
            if let Err(Refusal::Error(error)) = &outcome {
                interceptors.on_acknowledgement(Err(error));
            }
            outcome
        }
    };
    outcome.map_err(|refusal| match refusal {
        Refusal::Error(error) => TrySendError::Rejected(error),
        Refusal::NoMemory { .. } => TrySendError::Full(record),
        Refusal::NoPartition { .. } => TrySendError::NotReady(record),
    })
}

/// Takes a record as it is now, or sees to it that it can be taken later.
fn try_accept(
    to: &impl Takes,
    record: &Record<'_>,
    tell: &mut Tell<'_>,
) -> Result<Delivery, Refusal> {
    to.append(record, tell)
        .map_err(|refusal| to.core().unless_forked(record, refusal))
        .inspect_err(|refusal| match refusal {
            Refusal::Error(error) => to.core().handle_refused(error),
            Refusal::NoMemory { .. } => to.core().press(),
            Refusal::NoPartition { .. } => to.core().look_up(record.topic),
        })
}

pub(super) async fn send_with(
    to: &impl Takes,
    record: &Record<'_>,
    callback: impl FnOnce(Result<RecordMetadata, ProduceError>) + Send + 'static,
) -> Result<(), ProduceError> {
    let mut callback = Some(callback);
    let mut tell = || Some(Box::new(callback.take()?) as Callback);
    send(to, record, &mut tell).await.map(drop)
}

pub(super) fn try_send_with<'a, F>(
    to: &impl Takes,
    record: Record<'a>,
    callback: F,
) -> Result<(), (TrySendError<'a>, F)>
where
    F: FnOnce(Result<RecordMetadata, ProduceError>) + Send + 'static,
{
    let mut callback = Some(callback);
    let mut tell = || Some(Box::new(callback.take()?) as Callback);
    match (try_send(to, record, &mut tell), callback) {
        (Err(error), Some(callback)) => Err((error, callback)),
        // It was taken, and not without the record.
        _ => Ok(()),
    }
}

/// The methods of what takes records as the producer does, with what a refused record means there.
macro_rules! sends {
    ($refused:literal) => {
        /// As [`Producer::send`](crate::Producer::send).
        ///
        /// # Errors
        #[doc = concat!("The record was not accepted", $refused, ".")]
        pub async fn send(
            &self,
            record: crate::Record<'_>,
        ) -> Result<crate::Delivery, crate::ProduceError> {
            crate::producer::sending::send(self, &record, &mut || None).await
        }

        /// As [`Producer::try_send`](crate::Producer::try_send).
        ///
        /// # Errors
        /// [`Full`](crate::TrySendError::Full) and [`NotReady`](crate::TrySendError::NotReady) hold the record, to be tried
        /// again later.
        #[doc = concat!("[`Rejected`](crate::TrySendError::Rejected): the record was not accepted", $refused, ".")]
        pub fn try_send<'a>(
            &self,
            record: crate::Record<'a>,
        ) -> Result<crate::Delivery, crate::TrySendError<'a>> {
            crate::producer::sending::try_send(self, record, &mut || None)
        }

        /// As [`Producer::send_with`](crate::Producer::send_with).
        ///
        /// # Errors
        #[doc = concat!("The record was not accepted", $refused, "; `callback` is dropped without being called.")]
        pub async fn send_with(
            &self,
            record: crate::Record<'_>,
            callback: impl FnOnce(Result<crate::RecordMetadata, crate::ProduceError>) + Send + 'static,
        ) -> Result<(), crate::ProduceError> {
            crate::producer::sending::send_with(self, &record, callback).await
        }

        /// As [`Producer::try_send_with`](crate::Producer::try_send_with).
        ///
        /// # Errors
        /// As of [`try_send`](Self::try_send); `callback` comes back.
        pub fn try_send_with<'a, F>(
            &self,
            record: crate::Record<'a>,
            callback: F,
        ) -> Result<(), (crate::TrySendError<'a>, F)>
        where
            F: FnOnce(Result<crate::RecordMetadata, crate::ProduceError>) + Send + 'static,
        {
            crate::producer::sending::try_send_with(self, record, callback)
        }

        /// As [`Producer::send_all`](crate::Producer::send_all).
        #[doc = concat!("Of a record that was not accepted", $refused, ", the outcome is an error.")]
        pub async fn send_all<'r>(
            &self,
            records: impl IntoIterator<Item = crate::Record<'r>>,
        ) -> Vec<Result<crate::RecordMetadata, crate::ProduceError>> {
            crate::producer::send_all::send_all(self, records).await
        }
    };
}

pub(super) use sends;
