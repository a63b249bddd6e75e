//! A producer as a sink of records.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, MutexGuard},
    task::{Context, Poll, Waker, ready},
};

use futures_sink::Sink;

use super::{Producer, owned::OwnedRecord, sending::Takes};
use crate::{BoxFuture, ProduceError, ProduceErrorKind, RecordMetadata, TrySendError, lock::Lock};

/// A producer as a [`Sink`] of records; made by [`Producer::sink`].
///
/// It is ready when the record before has been accepted, which waits while `buffer_memory` is used up. Flushing it sends
/// what it has taken without lingering, and waits until all of that is settled; closing it is the same, and leaves the
/// producer open.
///
/// The first record that fails is told by what is called next, or by flushing once all are settled. After that it goes on;
/// of records that fail before it was told, only the first is. A record that waits for memory while the sink is dropped is not
/// sent.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::{SinkExt, StreamExt, stream};
/// use milena::{Client, OwnedRecord};
///
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let client = Client::builder(cluster.bootstrap()).connect().await?;
/// let producer = client.producer().build()?;
/// let orders = stream::iter(1..=100).map(|number| {
///     Ok(OwnedRecord::to("orders").value(format!("order {number}")))
/// });
/// orders.forward(producer.sink()).await?; // all are stored
/// # assert_eq!(cluster.audit().stored(), 100);
///
/// let mut sink = producer.sink();
/// sink.feed(OwnedRecord::to("orders").value("twelve apples")).await?;
/// sink.flush().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "sinks do nothing unless they are given something"]
pub struct ProducerSink {
    producer: Producer,
    /// The record that could not be accepted at once.
    pending: Option<BoxFuture<'static, Result<(), ProduceError>>>,
    taken: Arc<Taken>,
    /// Nothing was taken since the producer was told not to linger.
    hurried: bool,
}

/// The records that were taken and are not settled.
#[derive(Debug, Default)]
struct Taken(Lock<State>);

#[derive(Debug, Default)]
struct State {
    count: usize,
    /// The first that failed and was not told.
    error: Option<ProduceError>,
    waker: Option<Waker>,
}

/// One of the records; dropped when it is settled, or was not accepted.
struct Ticket(Arc<Taken>);

impl Producer {
    /// The producer as a [`Sink`]. Several sinks of one producer share its memory, and are flushed each by itself.
    pub fn sink(&self) -> ProducerSink {
        ProducerSink {
            producer: self.clone(),
            pending: None,
            taken: Arc::default(),
            hurried: false,
        }
    }
}

impl ProducerSink {
    /// Nothing is waited for in a forked child.
    fn check_home(&self) -> Result<(), ProduceError> {
        let kind = ProduceErrorKind::Forked;
        let home = self.producer.check_home();
        home.map_err(|forked| ProduceError::new(kind, "", None, forked.to_string()))
    }

    /// Ready once every record is accepted, or refused.
    fn poll_accepted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pending) = &mut self.pending {
            let accepted = ready!(pending.as_mut().poll(cx));
            self.pending = None;
            if let Err(error) = accepted {
                self.taken.lock().error.get_or_insert(error);
            }
        }
        Poll::Ready(())
    }
}

impl Sink<OwnedRecord> for ProducerSink {
    type Error = ProduceError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ProduceError>> {
        let this = self.get_mut();
        if this.pending.is_some() {
            this.check_home()?;
        }
        ready!(this.poll_accepted(cx));
        Poll::Ready(this.taken.lock().tell())
    }

    fn start_send(self: Pin<&mut Self>, record: OwnedRecord) -> Result<(), ProduceError> {
        let this = self.get_mut();
        if this.pending.is_some() {
            let (kind, why) = (ProduceErrorKind::Invalid, "the sink was not ready for it");
            return Err(ProduceError::new(kind, record.topic(), None, why));
        }
        this.hurried = false;
        let ticket = Ticket::new(&this.taken);
        let settle = |outcome: Result<RecordMetadata, _>| ticket.settle(outcome.err());
        let settle = match this.producer.try_send_with(record.as_record(), settle) {
            Ok(()) => return Ok(()),
            Err((TrySendError::Rejected(error), _)) => return Err(error),
            Err((TrySendError::Full(_) | TrySendError::NotReady(_), settle)) => settle,
        };
        let producer = this.producer.clone();
        this.pending = Some(Box::pin(async move {
            producer.send_with(record.as_record(), settle).await
        }));
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ProduceError>> {
        let this = self.get_mut();
        this.check_home()?;
        ready!(this.poll_accepted(cx));
        if !this.hurried {
            this.producer.core().stop_lingering();
            this.hurried = true;
        }
        this.taken.poll_settled(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ProduceError>> {
        self.poll_flush(cx)
    }
}

impl fmt::Debug for ProducerSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerSink")
            .field("producer", &self.producer)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl Taken {
    fn poll_settled(&self, cx: &Context<'_>) -> Poll<Result<(), ProduceError>> {
        let mut state = self.lock();
        if state.count > 0 {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(state.tell())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl State {
    /// Tells of the first record that failed.
    fn tell(&mut self) -> Result<(), ProduceError> {
        self.error.take().map_or(Ok(()), Err)
    }
}

impl Ticket {
    fn new(taken: &Arc<Taken>) -> Self {
        taken.lock().count += 1;
        Self(taken.clone())
    }

    fn settle(self, error: Option<ProduceError>) {
        if let Some(error) = error {
            self.0.lock().error.get_or_insert(error);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.count -= 1;
        let none_left = state.count == 0;
        let waker = state.waker.take_if(|_| none_left);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
