//! Faults as data: what goes wrong, where, and how often.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use milena_protocol::{ApiKey, ErrorCode};

use crate::view::View;

/// Something that goes wrong with the requests it is addressed to.
///
/// A fault is built from what happens ([`Fault::error`], [`Fault::lose_answer`], …) and narrowed down to where
/// ([`on`](Fault::on), [`node`](Fault::node), [`topic`](Fault::topic), [`partition`](Fault::partition)); without any
/// of these it meets every request. It happens once, unless [`times`](Fault::times) or [`always`](Fault::always) say
/// otherwise, to the first request that matches, unless [`after`](Fault::after) lets some pass. All counting is by
/// request, however many partitions of it match.
///
/// The markers that end transactions go from node to node, one to each partition, and only faults that name
/// `WRITE_TXN_MARKERS` meet them: a delay holds the end of the transaction back, and any failure has the marker sent
/// again after 100 ms. The offsets of a group are addressed as Kafka keeps them: a partition of `__consumer_offsets`.
///
/// Faults of different kinds meet in one request. Of those that exclude each other the first pushed happens, and the
/// next waits for the next request: two errors for the same place, two delays, two throttles, two of the kinds that
/// decide how the request ends.
///
/// ```
/// use milena_broker::{Fault, protocol::{ApiKey, ErrorCode}};
///
/// // The third and fourth Produce request for partition 2 of "orders" are applied, but not answered.
/// let fault = Fault::lose_answer().on(ApiKey::PRODUCE).topic("orders").partition(2).after(2).times(2);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a fault does nothing until it is pushed"]
pub struct Fault {
    effect: Effect,
    address: Address,
    after: u32,
    times: Option<u32>,
}

/// What happens.
#[derive(Debug, Clone)]
enum Effect {
    Error(ErrorCode, Moment),
    Delay(i64),
    Throttle(i32),
    StaleMetadata(Arc<View>),
    Ending(Ending),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    BeforeApplying,
    AfterApplying,
}

/// How a request ends, if not with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    LoseRequest,
    LoseAnswer,
    Hang,
    HangAfterApplying,
    Garbage,
    AnswerWith(Bytes),
    Truncate(usize),
    WrongCorrelationId,
}

impl Ending {
    pub(crate) fn is_before_applying(&self) -> bool {
        matches!(self, Self::LoseRequest | Self::Hang)
    }
}

/// Which requests, and which part of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Address {
    api: Option<ApiKey>,
    node: Option<i32>,
    topic: Option<String>,
    partition: Option<i32>,
}

impl Address {
    /// Whether the address names no topic and no partition, so that it meets requests without any as well.
    pub(crate) fn is_whole_request(&self) -> bool {
        self.topic.is_none() && self.partition.is_none()
    }

    /// Whether the address covers a topic as a whole.
    pub(crate) fn covers_topic(&self, topic: &str) -> bool {
        self.partition.is_none() && self.is_for_topic(topic)
    }

    pub(crate) fn covers(&self, topic: &str, partition: i32) -> bool {
        self.is_for_topic(topic) && self.partition.is_none_or(|wanted| wanted == partition)
    }

    /// Whether the address lies in this topic, be it one partition of it only.
    pub(crate) fn is_for_topic(&self, topic: &str) -> bool {
        self.topic.as_deref().is_none_or(|wanted| wanted == topic)
    }
}

impl Fault {
    fn new(effect: Effect) -> Self {
        Self {
            effect,
            address: Address::default(),
            after: 0,
            times: Some(1),
        }
    }

    /// Refuses with an error code; nothing is applied.
    ///
    /// In requests that name topics the error stands where the fault is addressed: at the partition, at each partition
    /// of the topic, or at all. A Metadata answer carries it at the topic, or at the partition if one is named.
    pub fn error(code: ErrorCode) -> Self {
        Self::new(Effect::Error(code, Moment::BeforeApplying))
    }

    /// Applies the request and answers with an error code all the same, as `NOT_ENOUGH_REPLICAS_AFTER_APPEND` and
    /// `REQUEST_TIMED_OUT` do. Meets Produce; elsewhere the error stands as with [`error`](Self::error).
    pub fn error_after_applying(code: ErrorCode) -> Self {
        Self::new(Effect::Error(code, Moment::AfterApplying))
    }

    /// Applies the request at once and sends the answer later (whole milliseconds).
    ///
    /// Answers leave in the order of requests, so later ones wait too; requests behind it are still applied as they
    /// come, which is what a long way between client and broker looks like.
    pub fn delay(delay: Duration) -> Self {
        Self::new(Effect::Delay(
            i64::try_from(delay.as_millis()).unwrap_or(i64::MAX),
        ))
    }

    /// Answers at once with `throttle_time_ms`, which asks the client to be silent for that long. Requests that come
    /// all the same are marked in the request log.
    pub fn throttle(time: Duration) -> Self {
        Self::new(Effect::Throttle(
            i32::try_from(time.as_millis()).unwrap_or(i32::MAX),
        ))
    }

    /// Closes the connection before the request is applied.
    pub fn lose_request() -> Self {
        Self::new(Effect::Ending(Ending::LoseRequest))
    }

    /// Applies the request, then closes the connection without an answer.
    pub fn lose_answer() -> Self {
        Self::new(Effect::Ending(Ending::LoseAnswer))
    }

    /// Neither applies the request nor answers it, nor any that follow on this connection, which stays open.
    pub fn hang() -> Self {
        Self::new(Effect::Ending(Ending::Hang))
    }

    /// Applies the request and falls silent as with [`hang`](Self::hang).
    pub fn hang_after_applying() -> Self {
        Self::new(Effect::Ending(Ending::HangAfterApplying))
    }

    /// Applies the request and answers with a frame of the right length and correlation id but a senseless body.
    pub fn garbage() -> Self {
        Self::new(Effect::Ending(Ending::Garbage))
    }

    /// Applies the request and sends these bytes, length prefix and all, in place of the answer; then closes the
    /// connection. For a port that speaks HTTP or TLS, or for a length that lies.
    pub fn answer_with(bytes: impl Into<Bytes>) -> Self {
        Self::new(Effect::Ending(Ending::AnswerWith(bytes.into())))
    }

    /// Applies the request, sends the first `keep` bytes of the answer (length prefix included) and closes the
    /// connection.
    pub fn truncate(keep: usize) -> Self {
        Self::new(Effect::Ending(Ending::Truncate(keep)))
    }

    /// Applies the request and answers it under a correlation id that was never given out.
    pub fn wrong_correlation_id() -> Self {
        Self::new(Effect::Ending(Ending::WrongCorrelationId))
    }

    /// Answers Metadata with what was true when the fault was pushed.
    pub fn stale_metadata() -> Self {
        Self::new(Effect::StaleMetadata(Arc::default())).on(ApiKey::METADATA)
    }

    /// Only requests of this API.
    pub fn on(mut self, api: ApiKey) -> Self {
        self.address.api = Some(api);
        self
    }

    /// Only requests to this node.
    pub fn node(mut self, node: i32) -> Self {
        self.address.node = Some(node);
        self
    }

    /// Only requests that touch this topic.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.address.topic = Some(topic.into());
        self
    }

    /// Only requests that touch a partition of this number.
    pub fn partition(mut self, partition: i32) -> Self {
        self.address.partition = Some(partition);
        self
    }

    /// Lets this many matching requests pass first.
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    /// Happens to this many matching requests.
    pub fn times(mut self, requests: u32) -> Self {
        self.times = Some(requests);
        self
    }

    /// Happens until it is removed.
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }
}

/// Names a pushed fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(u64);

/// The faults that are yet to happen, in the order they were pushed.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    pushed: u64,
}

#[derive(Debug)]
struct Armed {
    id: FaultId,
    fault: Fault,
    passed: u32,
    happened: u32,
}

impl Armed {
    /// Counts a request that matches; `true` if the fault happens to it.
    fn meet(&mut self) -> bool {
        if self.passed < self.fault.after {
            self.passed += 1;
            return false;
        }
        self.happened = self.happened.saturating_add(1);
        true
    }

    fn is_spent(&self) -> bool {
        self.fault.times.is_some_and(|times| self.happened >= times)
    }
}

impl Faults {
    /// Adds a fault. `view` is what stale metadata will tell.
    pub(crate) fn push(&mut self, mut fault: Fault, view: impl FnOnce() -> View) -> FaultId {
        if let Effect::StaleMetadata(stale) = &mut fault.effect {
            *stale = Arc::new(view());
        }
        let id = FaultId(self.pushed);
        self.pushed += 1;
        self.armed.push(Armed {
            id,
            fault,
            passed: 0,
            happened: 0,
        });
        self.armed.retain(|armed| !armed.is_spent());
        id
    }

    pub(crate) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.armed.len();
        self.armed.retain(|armed| armed.id != id);
        self.armed.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn pending(&self) -> usize {
        self.armed.len()
    }

    /// What happens to a marker on its way from a transaction's coordinator to the leader of a partition.
    pub(crate) fn meet_marker(&mut self, node: i32, topic: &str, partition: i32) -> Delivery {
        let api = ApiKey::WRITE_TXN_MARKERS;
        let happening = self.meet_if(|address| {
            address.api == Some(api)
                && address.node.is_none_or(|wanted| wanted == node)
                && address.covers(topic, partition)
        });
        let is_applied = match &happening.ending {
            Some(ending) => !ending.is_before_applying(),
            None if happening.error_at(topic, partition).is_some() => false,
            None => match happening.error_after_applying_at(topic, partition) {
                Some(_) => true,
                None => return Delivery::After(happening.delay()),
            },
        };
        Delivery::Fails { is_applied }
    }

    /// What happens to one request; `touches` says whether the request has a part at an address.
    pub(crate) fn meet(
        &mut self,
        api: ApiKey,
        node: i32,
        touches: impl Fn(&Address) -> bool,
    ) -> Happening {
        self.meet_if(|address| {
            address.api.is_none_or(|wanted| wanted == api)
                && address.node.is_none_or(|wanted| wanted == node)
                && touches(address)
        })
    }

    fn meet_if(&mut self, matches: impl Fn(&Address) -> bool) -> Happening {
        let mut happening = Happening::default();
        if self.armed.is_empty() {
            return happening;
        }
        for armed in &mut self.armed {
            let matches = matches(&armed.fault.address);
            if matches && happening.has_room_for(&armed.fault) && armed.meet() {
                happening.add(&armed.fault);
            }
        }
        self.armed.retain(|armed| !armed.is_spent());
        happening
    }
}

/// What becomes of a request between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It arrives and is answered after so many ms.
    After(i64),
    /// Its sender hears of a failure, or of nothing; it may have been applied all the same.
    Fails { is_applied: bool },
}

/// The faults that meet one request.
#[derive(Debug, Default)]
pub(crate) struct Happening {
    errors: Vec<(Address, ErrorCode, Moment)>,
    delay: Option<i64>,
    throttle: Option<i32>,
    stale: Option<Arc<View>>,
    ending: Option<Ending>,
}

impl Happening {
    fn has_room_for(&self, fault: &Fault) -> bool {
        match &fault.effect {
            Effect::Error(..) => !self
                .errors
                .iter()
                .any(|(address, ..)| *address == fault.address),
            Effect::Delay(_) => self.delay.is_none(),
            Effect::Throttle(_) => self.throttle.is_none(),
            Effect::StaleMetadata(_) => self.stale.is_none(),
            Effect::Ending(_) => self.ending.is_none(),
        }
    }

    fn add(&mut self, fault: &Fault) {
        match &fault.effect {
            Effect::Error(code, moment) => {
                self.errors.push((fault.address.clone(), *code, *moment))
            }
            Effect::Delay(ms) => self.delay = Some(*ms),
            Effect::Throttle(ms) => self.throttle = Some(*ms),
            Effect::StaleMetadata(view) => self.stale = Some(Arc::clone(view)),
            Effect::Ending(ending) => self.ending = Some(ending.clone()),
        }
    }

    /// The error that stands in place of applying the request to a partition.
    pub(crate) fn error_at(&self, topic: &str, partition: i32) -> Option<ErrorCode> {
        self.find(|address, moment| {
            moment == Moment::BeforeApplying && address.covers(topic, partition)
        })
    }

    /// The error that is answered although the request was applied to a partition.
    pub(crate) fn error_after_applying_at(&self, topic: &str, partition: i32) -> Option<ErrorCode> {
        self.find(|address, moment| {
            moment == Moment::AfterApplying && address.covers(topic, partition)
        })
    }

    /// The error for either moment at a partition alone, where a whole topic has a place of its own for errors.
    pub(crate) fn error_only_at(&self, topic: &str, partition: i32) -> Option<ErrorCode> {
        self.find(|address, _| address.partition.is_some() && address.covers(topic, partition))
    }

    /// The error for a topic as a whole.
    pub(crate) fn error_for_topic(&self, topic: &str) -> Option<ErrorCode> {
        self.find(|address, _| address.covers_topic(topic))
    }

    /// The error for a request that names no topics.
    pub(crate) fn error_for_request(&self) -> Option<ErrorCode> {
        self.find(|address, _| address.is_whole_request())
    }

    fn find(&self, wanted: impl Fn(&Address, Moment) -> bool) -> Option<ErrorCode> {
        self.errors
            .iter()
            .find(|(address, _, moment)| wanted(address, *moment))
            .map(|(_, code, _)| *code)
    }

    pub(crate) fn delay(&self) -> i64 {
        self.delay.unwrap_or(0)
    }

    pub(crate) fn throttle(&self) -> i32 {
        self.throttle.unwrap_or(0)
    }

    pub(crate) fn stale(&self) -> Option<&Arc<View>> {
        self.stale.as_ref()
    }

    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(list: impl IntoIterator<Item = Fault>) -> Faults {
        let mut faults = Faults::default();
        for fault in list {
            faults.push(fault, View::default);
        }
        faults
    }

    fn meet(faults: &mut Faults, api: ApiKey) -> Happening {
        faults.meet(api, 1, |address| address.covers("orders", 0))
    }

    #[test]
    fn a_fault_happens_once_after_those_it_lets_pass() {
        let mut faults = faults([Fault::lose_answer().on(ApiKey::PRODUCE).after(1)]);
        assert_eq!(meet(&mut faults, ApiKey::PRODUCE).ending(), None);
        assert_eq!(meet(&mut faults, ApiKey::METADATA).ending(), None);
        assert_eq!(
            meet(&mut faults, ApiKey::PRODUCE).ending(),
            Some(&Ending::LoseAnswer)
        );
        assert_eq!(meet(&mut faults, ApiKey::PRODUCE).ending(), None);
        assert_eq!(faults.pending(), 0);
    }

    #[test]
    fn errors_for_one_place_queue_and_for_two_places_meet() {
        let error = |code| Fault::error(ErrorCode(code)).topic("orders").partition(0);
        let mut faults = faults([error(6), error(7), Fault::error(ErrorCode(8))]);
        let first = meet(&mut faults, ApiKey::PRODUCE);
        assert_eq!(first.error_at("orders", 0), Some(ErrorCode(6)));
        assert_eq!(first.error_at("other", 0), Some(ErrorCode(8)));
        assert_eq!(first.error_for_request(), Some(ErrorCode(8)));
        let second = meet(&mut faults, ApiKey::PRODUCE);
        assert_eq!(second.error_at("orders", 0), Some(ErrorCode(7)));
        assert_eq!(second.error_at("other", 0), None);
    }

    #[test]
    fn addresses_narrow_a_fault_down() {
        for elsewhere in [
            Fault::hang().node(2),
            Fault::hang().topic("other"),
            Fault::hang().partition(1),
            Fault::hang().on(ApiKey::FETCH),
        ] {
            assert_eq!(
                meet(&mut faults([elsewhere]), ApiKey::PRODUCE).ending(),
                None
            );
        }
    }

    #[test]
    fn different_kinds_meet_in_one_request() {
        let mut faults = faults([
            Fault::delay(Duration::from_millis(5)),
            Fault::throttle(Duration::from_millis(7)),
            Fault::garbage(),
            Fault::hang(),
        ]);
        let met = meet(&mut faults, ApiKey::PRODUCE);
        assert_eq!(
            (met.delay(), met.throttle(), met.ending()),
            (5, 7, Some(&Ending::Garbage))
        );
        assert_eq!(faults.pending(), 1);
    }

    #[test]
    fn always_lasts_until_removed() {
        let mut faults = Faults::default();
        let id = faults.push(Fault::hang().always(), View::default);
        for _ in 0..10 {
            assert!(meet(&mut faults, ApiKey::PRODUCE).ending().is_some());
        }
        assert!(faults.remove(id));
        assert!(meet(&mut faults, ApiKey::PRODUCE).ending().is_none());
        assert!(!faults.remove(id));
    }
}
