//! What a producer asks of any broker: who leads what, and for an id.

use std::time::Duration;

use milena_engine::{
    connection::{Answer, Event, Terms},
    metadata::LeaderHint,
    produce,
    produce::ProducerIdentity,
    time::Instant,
};
use milena_protocol::{ApiKey, init_producer_id::InitProducerIdRequest, metadata::MetadataRequest};

use super::{Around, Producer};
use crate::{
    ledger::Violation,
    line::{Line, Loss},
    net::Packet,
    part::Part,
};

/// A connection to any broker, with what is asked over it.
pub(crate) struct Questions {
    pub(super) line: Line<Question>,
    /// An id was asked for.
    asked_for_id: bool,
    /// When an id may be asked for again.
    id_not_before: Instant,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Metadata,
    Identity,
}

/// Pause before an id is asked for again.
const REST: Duration = Duration::from_millis(30);

impl Questions {
    pub(super) const fn new(setup_timeout: Duration) -> Self {
        Self {
            line: Line::new(setup_timeout),
            asked_for_id: false,
            id_not_before: Instant::ZERO,
        }
    }
}

impl Producer {
    /// When an id has to be asked for.
    fn id_due(&self) -> Option<Instant> {
        let wanted =
            self.plan.settings.idempotent && self.coordination.is_none() && self.identity.wanted();
        (wanted && !self.questions.asked_for_id).then_some(self.questions.id_not_before)
    }

    fn question_due(&self) -> Option<Instant> {
        let due = [self.metadata.poll_timeout(), self.id_due()];
        due.into_iter().flatten().min()
    }

    /// Asks what there is to ask.
    pub(super) fn ask(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let now = around.now();
        if let Some(loss) = self.questions.line.handle_timeout(around.net) {
            self.questions_lost(&loss, around);
        }
        let due = self.question_due().is_some_and(|at| at <= now);
        if due && self.questions.line.may_connect(now) {
            let node = self.rng.below(u64::try_from(self.nodes).unwrap_or(1));
            let node = i32::try_from(node).unwrap_or(0) + 1;
            let link = around
                .net
                .connect(self.index, node, around.brokers.state.is_up(node));
            self.questions.line.begin(link, now);
        }
        if self.questions.line.is_ready() {
            self.send_questions(now);
        }
        let events = self.questions.line.flush(around.net);
        for event in events {
            self.question_event(event, around)?;
        }
        Ok(())
    }

    fn send_questions(&mut self, now: Instant) {
        let terms = Terms {
            now,
            deadline: now + self.plan.settings.request_timeout,
            answered: true,
            max_version: None,
        };
        if let Some(request) = self.metadata.poll_request(now) {
            let sent = self
                .questions
                .line
                .send(&request, Question::Metadata, terms);
            if sent.is_err() {
                self.metadata.handle_failure(now);
            }
        }
        if self.id_due().is_some_and(|at| at <= now) {
            let request = InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: i32::MAX,
                ..InitProducerIdRequest::default()
            };
            let sent = self
                .questions
                .line
                .send(&request, Question::Identity, terms);
            self.questions.asked_for_id = sent.is_ok();
            self.questions.id_not_before = now + REST;
        }
    }

    /// A packet arrived.
    pub(super) fn question_arrives(
        &mut self,
        packet: Packet,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        let (events, loss) = self.questions.line.arrive(packet, around.net);
        for event in events {
            self.question_event(event, around)?;
        }
        if let Some(loss) = loss {
            self.questions_lost(&loss, around);
        }
        self.pump(around)
    }

    fn question_event(
        &mut self,
        event: Event<Question>,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        self.busy = true;
        self.features = self.features.max(self.questions.line.features());
        if let Event::Answer(answer) = event {
            if answer.api == ApiKey::METADATA {
                self.metadata_answered(&answer, around);
            } else {
                self.identity_answered(&answer, around);
            }
        }
        Ok(())
    }

    fn metadata_answered(&mut self, answer: &Answer<Question>, around: &mut Around<'_>) {
        let decoded = self
            .questions
            .line
            .decode::<MetadataRequest, _>(answer, around.net);
        let response = match decoded {
            Ok(response) => response,
            Err(loss) => {
                self.metadata.handle_failure(around.now());
                return self.questions_lost(&loss, around);
            }
        };
        let changed = self.metadata.handle_response(&response, around.now());
        let index = self.index;
        around.note(|| format!("producer {index}: metadata, news: {changed:?}"));
        if changed == Ok(true) {
            self.adopt(around);
        }
    }

    fn identity_answered(&mut self, answer: &Answer<Question>, around: &mut Around<'_>) {
        self.questions.asked_for_id = false;
        let decoded = self
            .questions
            .line
            .decode::<InitProducerIdRequest, _>(answer, around.net);
        let response = match decoded {
            Ok(response) => response,
            Err(loss) => return self.questions_lost(&loss, around),
        };
        let index = self.index;
        around.note(|| {
            format!(
                "producer {index}: {} id {} epoch {}",
                response.error_code, response.producer_id, response.producer_epoch
            )
        });
        if response.error_code.is_err() {
            return;
        }
        self.grants += 1;
        if self.grants > 1 {
            around.ledger.renew(index);
        }
        self.identity.handle_granted(ProducerIdentity {
            producer_id: response.producer_id,
            epoch: response.producer_epoch,
        });
        self.rouse_lanes();
    }

    fn questions_lost(&mut self, loss: &Loss<Question>, around: &mut Around<'_>) {
        self.busy = true;
        for orphan in &loss.orphans {
            match orphan.token {
                Question::Metadata => self.metadata.handle_failure(around.now()),
                Question::Identity => self.questions.asked_for_id = false,
            }
        }
        let index = self.index;
        around.note(|| format!("producer {index}: lost whom it asks: {}", loss.cause));
    }

    /// A broker said who leads a partition now.
    pub(super) fn take_hint(&mut self, hint: &produce::LeaderHint<Part>, around: &mut Around<'_>) {
        let changed = self.metadata.handle_leader_hint(&LeaderHint {
            topic: hint.partition.name().into(),
            partition: hint.partition.place().1,
            leader: hint.leader,
            endpoint: hint.endpoint.clone(),
        });
        if changed {
            self.adopt(around);
        }
    }

    pub(super) fn questions_timeout(&self, now: Instant) -> Option<Instant> {
        let line = &self.questions.line;
        let due = self.question_due();
        let work = match line.rests_until() {
            Some(rested) => due.map(|at| at.max(rested)),
            None if line.is_ready() => due.filter(|at| *at > now),
            None => None,
        };
        [line.poll_timeout(), work].into_iter().flatten().min()
    }
}
