//! Many records at once, with one outcome each.

use super::{
    Delivery, ProduceError, ProduceErrorKind, Record, RecordMetadata,
    sending::{Takes, send_before},
};

pub(super) async fn send_all<'r>(
    to: &impl Takes,
    records: impl IntoIterator<Item = Record<'r>>,
) -> Vec<Result<RecordMetadata, ProduceError>> {
    let mut vain = Vain::default();
    let mut sent = Vec::new();
    for record in records {
        let deadline = vain.covers(&record).then(|| to.core().now());
        let accepted = send_before(to, &record, deadline, &mut || None).await;
        if let Err(error) = &accepted {
            vain.note(error, &record);
        }
        sent.push(accepted);
    }
    let mut outcomes = Vec::with_capacity(sent.len());
    for accepted in sent {
        outcomes.push(settled(accepted).await);
    }
    outcomes
}

async fn settled(accepted: Result<Delivery, ProduceError>) -> Result<RecordMetadata, ProduceError> {
    accepted?.await
}

/// What was waited for in vain, and so is not waited for again: else each record would take `max_block`.
#[derive(Default)]
struct Vain<'r> {
    memory: bool,
    topics: Vec<&'r str>,
}

impl<'r> Vain<'r> {
    fn note(&mut self, error: &ProduceError, record: &Record<'r>) {
        match error.kind() {
            ProduceErrorKind::BufferFull => self.memory = true,
            ProduceErrorKind::UnknownTopic if !self.topics.contains(&record.topic) => {
                self.topics.push(record.topic);
            }
            _ => {}
        }
    }

    fn covers(&self, record: &Record<'_>) -> bool {
        self.memory || self.topics.contains(&record.topic)
    }
}
