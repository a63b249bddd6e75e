//! What sees every record on its way out, and what becomes of it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use super::{callbacks::shielded, delivery::RecordMetadata, record::Record};
use crate::ProduceError;

/// Sees every record before it is accepted, and may change it; and sees what becomes of it. Set by
/// [`ProducerBuilder::interceptor`](crate::ProducerBuilder::interceptor).
///
/// For things that all records of a program have in common: a header that names the trace they belong to, a count of what
/// was acknowledged. If one panics, that is logged, and the record goes on as it was before.
///
/// ```
/// use milena::{Arena, Interceptor, ProduceError, Record, RecordMetadata};
///
/// /// Gives each record the context of the span that it is sent in.
/// #[derive(Debug)]
/// struct Tracing;
///
/// impl Interceptor for Tracing {
///     fn on_send<'r>(&self, record: Record<'r>, arena: &'r Arena) -> Record<'r> {
///         // A propagator would hand out any number of such pairs.
///         let context = [("traceparent", format!("00-{:032x}-{:016x}-01", 4711, 17))];
///         context.into_iter().fold(record, |record, (name, value)| {
///             record.header(arena.text(name), arena.bytes(value))
///         })
///     }
///
///     fn on_acknowledgement(&self, outcome: Result<&RecordMetadata, &ProduceError>) {
///         if let Err(error) = outcome {
///             eprintln!("{error}");
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let client = milena::Client::builder(cluster.bootstrap()).connect().await?;
/// let producer = client.producer().interceptor(Tracing).build()?;
/// producer.send(Record::to("orders").value("twelve apples")).await?.await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "ProducerInterceptor")]
pub trait Interceptor: fmt::Debug + Send + Sync + 'static {
    /// The record as it is to be sent. It is called by whoever sends it, before its size is checked and its partition
    /// chosen, and so by several threads at a time. What the record borrows beyond what it came with, `arena` keeps.
    ///
    /// A record that [`try_send`](crate::Producer::try_send) gives back comes as it was, and is seen again when it is tried
    /// again.
    fn on_send<'r>(&self, record: Record<'r>, arena: &'r Arena) -> Record<'r> {
        let _ = arena;
        record
    }

    /// What became of a record: once for each that was accepted, and before its callback; and for each that was refused,
    /// for good, by whoever wanted to send it. Not of one that nobody waits for any more before it was accepted. Called as
    /// [callbacks](crate::Producer::send_with) are, in the order of the records of a partition.
    fn on_acknowledgement(&self, outcome: Result<&RecordMetadata, &ProduceError>) {
        let _ = outcome;
    }
}

/// Keeps what an interceptor adds to a record for as long as that is being sent.
#[derive(Debug, Default)]
pub struct Arena {
    texts: List<String>,
    bytes: List<Vec<u8>>,
}

impl Arena {
    /// Keeps a text, for the name or value of a header.
    pub fn text(&self, text: impl Into<String>) -> &str {
        self.texts.push(text.into())
    }

    /// Keeps bytes, for a key or value.
    pub fn bytes(&self, bytes: impl Into<Vec<u8>>) -> &[u8] {
        self.bytes.push(bytes.into())
    }
}

/// A list that grows while its entries are borrowed.
#[derive(Debug)]
struct List<T>(OnceLock<Box<(T, Self)>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T: Default> List<T> {
    fn push(&self, entry: T) -> &T {
        let mut entry = Some(entry);
        let mut list = self;
        loop {
            let place = list.0.get_or_init(|| {
                let entry = entry.take().unwrap_or_default();
                Box::new((entry, Self::default()))
            });
            if entry.is_none() {
                return &place.0;
            }
            list = &place.1;
        }
    }
}

/// The interceptors of a producer, in the order in which they were set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interceptors(Vec<Arc<dyn Interceptor>>);

impl Interceptors {
    pub(crate) fn push(&mut self, interceptor: impl Interceptor) {
        self.0.push(Arc::new(interceptor));
    }

    /// These, if there are any.
    pub(crate) fn any(&self) -> Option<&Self> {
        (!self.0.is_empty()).then_some(self)
    }

    pub(super) fn on_send<'r>(&self, record: &Record<'r>, arena: &'r Arena) -> Record<'r> {
        self.0.iter().fold(record.clone(), |record, interceptor| {
            let before = record.clone();
            shielded("an interceptor", || interceptor.on_send(record, arena)).unwrap_or(before)
        })
    }

    pub(super) fn on_acknowledgement(&self, outcome: Result<&RecordMetadata, &ProduceError>) {
        for interceptor in &self.0 {
            shielded("an interceptor", || interceptor.on_acknowledgement(outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_arena_keeps_stays_where_it_is() {
        let arena = Arena::default();
        let texts: Vec<_> = (0..100).map(|n| arena.text(n.to_string())).collect();
        let bytes: Vec<_> = (0..100).map(|n| arena.bytes(vec![n; 3])).collect();
        for (nth, (text, bytes)) in (0..).zip(texts.into_iter().zip(bytes)) {
            assert_eq!((text, bytes), (&*nth.to_string(), &[nth; 3][..]));
        }
    }
}
