//! What a producer of transactions asks of coordinators, and what it does with its records meanwhile.

use std::collections::BTreeMap;

use milena_engine::{
    cluster::NodeId,
    connection::{self, Event, Terms},
    produce::{Failure, Identity},
    time::Instant,
    transaction::{Answer, Duty, Outbound, Question, State, Transactions},
};
use milena_protocol::{
    ApiKey, add_offsets_to_txn::AddOffsetsToTxnRequest,
    add_partitions_to_txn::AddPartitionsToTxnRequest, end_txn::EndTxnRequest,
    find_coordinator::FindCoordinatorRequest, init_producer_id::InitProducerIdRequest,
    txn_offset_commit::TxnOffsetCommitRequest,
};

use super::{Around, Producer, application::Application};
use crate::{
    ledger::Violation,
    line::{Line, Loss},
    net::{LinkId, Net, Packet},
};

/// A producer's transactions.
pub(super) struct Coordination {
    pub(super) transactions: Transactions,
    pub(super) application: Application,
    /// Connections to brokers that are asked.
    lines: BTreeMap<NodeId, Line<()>>,
    /// The question that is asked, and of whom.
    asking: Option<(NodeId, Outbound)>,
    /// The same, once it is sent.
    asked: Option<NodeId>,
    /// What has been begun.
    duty: Option<Duty>,
}

impl Coordination {
    pub(super) const fn new(transactions: Transactions, application: Application) -> Self {
        Self {
            transactions,
            application,
            lines: BTreeMap::new(),
            asking: None,
            asked: None,
            duty: None,
        }
    }

    /// Whether nothing is left to be done.
    pub(super) fn is_done(&self) -> bool {
        self.application.is_over() && self.transactions.is_idle()
    }

    /// In words.
    pub(super) fn describe(&self) -> String {
        let state = self.transactions.state();
        format!("{:?} in {state:?}", self.application)
    }

    /// Whether records are accepted.
    pub(super) fn is_open(&self) -> bool {
        *self.transactions.state() == State::InTransaction
    }

    const fn is_asking(&self) -> bool {
        self.asking.is_some() || self.asked.is_some()
    }

    /// Whether batches are sent and not given up, and wait for no coordinator.
    pub(super) fn lets_send(&self, identity: &mut Identity) -> bool {
        let state = self.transactions.state();
        matches!(state, State::InTransaction | State::Committing)
            && !self.is_asking()
            && self.transactions.poll_timeout(identity).is_none()
    }

    fn timeout(&self, identity: &mut Identity, now: Instant) -> Option<Instant> {
        let waiting = self.asking.as_ref().map(|(node, _)| node);
        let lines = self.lines.iter().flat_map(|(node, line)| {
            let rested = line.rests_until().filter(|_| waiting == Some(node));
            [line.poll_timeout(), rested]
        });
        let idle = !self.is_asking();
        let due = self.transactions.poll_timeout(identity);
        let due = due.filter(|at| idle && *at > now);
        let application = self.application.poll_timeout();
        lines.chain([due, application]).flatten().min()
    }
}

impl Producer {
    pub(super) fn coordination_timeout(&mut self, now: Instant) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let coordination = self.coordination.as_ref()?;
        coordination.timeout(&mut self.identity, now)
    }

    /// A batch failed: its transaction cannot be committed. Before anybody else hears of it.
    pub(super) fn spoil(&mut self, failure: &Failure) {
        if let Some(coordination) = &mut self.coordination {
            let transactions = &mut coordination.transactions;
            transactions.handle_batch_failed(failure, &mut self.identity);
            self.busy = true;
        }
    }

    /// Whom a link leads to, if it is one to a coordinator.
    pub(super) fn coordinator_at(&self, link: LinkId) -> Option<NodeId> {
        let mut lines = self.coordination.as_ref()?.lines.iter();
        let found = lines.find(|(_, line)| line.link() == Some(link));
        found.map(|(node, _)| *node)
    }

    /// Asks what there is to ask, and sees to the records.
    pub(super) fn coordinate(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        if self.coordination.is_none() || self.closed {
            return Ok(());
        }
        self.apply_script(around)?;
        self.do_duty(around)?;
        self.ask_coordinator(around)
    }

    /// Begins what is to be done with the records, or sees that it is done.
    fn do_duty(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let Some(coordination) = &mut self.coordination else {
            return Ok(());
        };
        let wanted = coordination.transactions.duty();
        let begun = std::mem::replace(&mut coordination.duty, wanted);
        let Some(duty) = wanted else {
            return Ok(());
        };
        if begun != wanted {
            self.busy = true;
            return match duty {
                Duty::Flush => {
                    self.seal(around);
                    Ok(())
                }
                Duty::Discard => self.discard(around),
            };
        }
        let parts = self.parts.values();
        let done = match duty {
            Duty::Flush => parts
                .into_iter()
                .all(|part| part.queue(|queue| queue.unsettled().next().is_none())),
            Duty::Discard => self.budget.reserved() == 0,
        };
        if done && let Some(coordination) = &mut self.coordination {
            self.busy = true;
            coordination.transactions.handle_drained(duty);
        }
        Ok(())
    }

    /// Gives up what is not in flight.
    fn discard(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        self.dismiss_callers();
        self.end_each(around, |queue, ended| queue.doom(now, &settings, ended))
    }

    fn ask_coordinator(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let now = around.now();
        self.look_at_lines(around);
        let nodes = self.nodes;
        let Self {
            coordination: Some(coordination),
            identity,
            rng,
            plan,
            ..
        } = self
        else {
            return Ok(());
        };
        if !coordination.is_asking()
            && let Some(outbound) = coordination.transactions.poll_question(now, identity)
        {
            let any = rng.below(u64::try_from(nodes).unwrap_or(1));
            let any = NodeId(i32::try_from(any).unwrap_or(0) + 1);
            coordination.asking = Some((outbound.to.unwrap_or(any), outbound));
            self.busy = true;
        }
        let Some((node, outbound)) = coordination.asking.take() else {
            return self.flush_lines(around);
        };
        let line = coordination
            .lines
            .entry(node)
            .or_insert_with(|| Line::new(plan.setup_timeout));
        if !line.is_ready() {
            if line.may_connect(now) {
                let up = around.brokers.state.is_up(node.0);
                let link = around.net.connect(self.index, node.0, up);
                line.begin(link, now);
            }
            coordination.asking = Some((node, outbound));
            return self.flush_lines(around);
        }
        let terms = Terms {
            now,
            deadline: now + plan.settings.request_timeout,
            answered: true,
            max_version: outbound.max_version,
        };
        let index = self.index;
        around.note(|| {
            format!(
                "producer {index}: asks node {}: {:?}",
                node.0, outbound.question
            )
        });
        match send(line, outbound.question, terms) {
            Ok(()) => coordination.asked = Some(node),
            Err(why) => coordination.transactions.handle_unsupported(&why.into()),
        }
        self.busy = true;
        self.flush_lines(around)
    }

    /// Writes what there is.
    fn flush_lines(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let mut happened = Vec::new();
        if let Some(coordination) = &mut self.coordination {
            for (node, line) in &mut coordination.lines {
                let events = line.flush(around.net);
                happened.extend(events.into_iter().map(|event| (*node, event)));
            }
        }
        for (node, event) in happened {
            self.coordinator_event(node, event, around);
        }
        Ok(())
    }

    /// Lets those connections go whose time is over.
    fn look_at_lines(&mut self, around: &mut Around<'_>) {
        let mut lost = Vec::new();
        if let Some(coordination) = &mut self.coordination {
            for (node, line) in &mut coordination.lines {
                let loss = line.handle_timeout(around.net);
                lost.extend(loss.map(|loss| (*node, loss)));
            }
        }
        for (node, loss) in lost {
            self.coordinator_lost(node, &loss, around);
        }
    }

    /// A packet arrived from a coordinator.
    pub(super) fn coordinator_arrives(
        &mut self,
        node: NodeId,
        packet: Packet,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        let line = self
            .coordination
            .as_mut()
            .and_then(|coordination| coordination.lines.get_mut(&node));
        let Some(line) = line else {
            return Ok(());
        };
        let (events, loss) = line.arrive(packet, around.net);
        for event in events {
            self.coordinator_event(node, event, around);
        }
        if let Some(loss) = loss {
            self.coordinator_lost(node, &loss, around);
        }
        self.pump(around)
    }

    fn coordinator_event(&mut self, node: NodeId, event: Event<()>, around: &mut Around<'_>) {
        self.busy = true;
        let Some(coordination) = &mut self.coordination else {
            return;
        };
        let Some(line) = coordination.lines.get_mut(&node) else {
            return;
        };
        self.features = self.features.max(line.features());
        let Event::Answer(answer) = event else {
            return;
        };
        match read(line, &answer, around.net) {
            Ok(answer) => {
                let (index, now) = (self.index, around.now());
                around.note(|| format!("producer {index}: node {} answers {answer:?}", node.0));
                coordination.asked = None;
                let transactions = &mut coordination.transactions;
                transactions.handle_answer(&answer, now, &mut self.identity);
                if let Some(identity) = self.identity.current() {
                    around.ledger.grant(index, identity, now);
                }
                if matches!(answer, Answer::AddPartitionsToTxn(_)) {
                    self.rouse_lanes();
                }
            }
            Err(loss) => self.coordinator_lost(node, &loss, around),
        }
    }

    fn coordinator_lost(&mut self, node: NodeId, loss: &Loss<()>, around: &mut Around<'_>) {
        self.busy = true;
        let (index, now) = (self.index, around.now());
        around.note(|| format!("producer {index}: lost node {}: {}", node.0, loss.cause));
        let Some(coordination) = &mut self.coordination else {
            return;
        };
        let unsent = coordination.asking.take_if(|(asked, _)| *asked == node);
        let sent = coordination.asked.take_if(|asked| *asked == node);
        if unsent.is_some() || sent.is_some() {
            coordination.transactions.handle_lost(&loss.cause, now);
        }
    }
}

/// Hands a question to a connection.
fn send(line: &mut Line<()>, question: Question, terms: Terms) -> Result<(), String> {
    let why = |refused: Option<connection::Refused<()>>| {
        refused.map_or_else(String::new, |refused| refused.error.to_string())
    };
    match question {
        Question::FindCoordinator { key, key_type } => {
            let version = line
                .version_of::<FindCoordinatorRequest>(terms.max_version)
                .ok_or("the broker cannot be asked")?;
            let request = Question::find_coordinator(key, key_type, version);
            line.send(&request, (), terms).map_err(why)
        }
        Question::InitProducerId(request) => line.send(&request, (), terms).map_err(why),
        Question::AddPartitionsToTxn(request) => line.send(&request, (), terms).map_err(why),
        Question::AddOffsetsToTxn(request) => line.send(&request, (), terms).map_err(why),
        Question::TxnOffsetCommit(request) => line.send(&request, (), terms).map_err(why),
        Question::EndTxn(request) => line.send(&request, (), terms).map_err(why),
    }
}

/// Reads the answer to one.
fn read(
    line: &mut Line<()>,
    answer: &connection::Answer<()>,
    net: &mut Net,
) -> Result<Answer, Loss<()>> {
    Ok(match answer.api {
        ApiKey::FIND_COORDINATOR => {
            Answer::FindCoordinator(line.decode::<FindCoordinatorRequest, _>(answer, net)?)
        }
        ApiKey::INIT_PRODUCER_ID => {
            Answer::InitProducerId(line.decode::<InitProducerIdRequest, _>(answer, net)?)
        }
        ApiKey::ADD_PARTITIONS_TO_TXN => {
            Answer::AddPartitionsToTxn(line.decode::<AddPartitionsToTxnRequest, _>(answer, net)?)
        }
        ApiKey::ADD_OFFSETS_TO_TXN => {
            Answer::AddOffsetsToTxn(line.decode::<AddOffsetsToTxnRequest, _>(answer, net)?)
        }
        ApiKey::TXN_OFFSET_COMMIT => {
            Answer::TxnOffsetCommit(line.decode::<TxnOffsetCommitRequest, _>(answer, net)?)
        }
        _ => Answer::EndTxn(line.decode::<EndTxnRequest, _>(answer, net)?),
    })
}
