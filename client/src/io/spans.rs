//! A `tracing` span for each produce request, from its sending to its answer.

use std::collections::VecDeque;

use milena_engine::{cluster::NodeId, produce::Outbound};
use tracing::Span;

/// The spans of requests in flight, oldest first.
pub(crate) struct Spans {
    open: VecDeque<(u64, Span)>,
}

impl Spans {
    pub(crate) const fn new() -> Self {
        Self {
            open: VecDeque::new(),
        }
    }

    pub(crate) fn begin(&mut self, node: NodeId, outbound: &Outbound) {
        let partitions = outbound.request.topic_data.iter();
        let partitions = partitions.flat_map(|topic| &topic.partition_data);
        let bytes = partitions.clone().filter_map(|data| data.records.as_ref());
        let span = tracing::info_span!(
            "produce",
            broker = node.0,
            partitions = partitions.count(),
            bytes = bytes.map(milena_protocol::Records::len).sum::<usize>(),
            outcome = tracing::field::Empty,
        );
        self.open.push_back((outbound.token, span));
    }

    /// The request is answered, or written if it will not be.
    pub(crate) fn end(&mut self, token: u64, outcome: &str) {
        if let Some(at) = self.open.iter().position(|(open, _)| *open == token)
            && let Some((_, span)) = self.open.remove(at)
        {
            span.record("outcome", outcome);
        }
    }

    /// The connection is gone.
    pub(crate) fn end_all(&mut self, outcome: &str) {
        for (_, span) in self.open.drain(..) {
            span.record("outcome", outcome);
        }
    }
}
