//! What was sent, and what was said about it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fastrand::Rng;

/// Lives of a topic: even while it is there, odd while it is deleted and created anew.
pub(crate) type Era = u32;

/// What a producer's settings promise of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Acknowledged, it is stored exactly once, at the offset told, and in order.
    Exact,
    /// Acknowledged, it is stored, at the offset told; perhaps more than once, and elsewhere too.
    Stored,
    /// Only that what is reported as not stored is not.
    Told,
}

/// What was said about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing so far.
    Open,
    /// It is stored; at that offset, if the broker told.
    Stored(Option<i64>),
    /// It failed, and may be stored.
    Maybe,
    /// It failed or was not accepted, and is not stored.
    No,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// `None` until it is accepted.
    pub(crate) partition: Option<i32>,
    /// When it was sent, and when its outcome was known.
    pub(crate) sent: Era,
    pub(crate) settled: Era,
    pub(crate) outcome: Outcome,
    /// Which of its producer's transactions it belongs to.
    pub(crate) transaction: Option<u32>,
}

/// An account that is written while it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Book(Arc<Mutex<Account>>);

impl Book {
    pub(crate) fn new(producer: &str, topic: &str, promise: Promise) -> Self {
        Self(Arc::new(Mutex::new(Account::new(producer, topic, promise))))
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that one producer sent to its topic, by serial number.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) producer: String,
    pub(crate) topic: String,
    pub(crate) promise: Promise,
    pub(crate) entries: Vec<Entry>,
}

impl Account {
    pub(crate) fn new(producer: &str, topic: &str, promise: Promise) -> Self {
        Self {
            producer: producer.to_owned(),
            topic: topic.to_owned(),
            promise,
            entries: Vec::new(),
        }
    }

    /// The serial number of a record that is about to be sent.
    pub(crate) fn open(&mut self, era: Era, transaction: Option<u32>) -> usize {
        self.entries.push(Entry {
            partition: None,
            sent: era,
            settled: era,
            outcome: Outcome::Open,
            transaction,
        });
        self.entries.len() - 1
    }

    /// It was accepted, for that partition.
    pub(crate) fn accept(&mut self, serial: usize, partition: i32) {
        if let Some(entry) = self.entries.get_mut(serial) {
            entry.partition = Some(partition);
        }
    }

    /// It has an outcome.
    pub(crate) fn settle(&mut self, serial: usize, era: Era, outcome: Outcome) {
        if let Some(entry) = self.entries.get_mut(serial) {
            (entry.settled, entry.outcome) = (era, outcome);
        }
    }

    /// What was said so far.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for entry in &self.entries {
            tally.produced += 1;
            *match entry.outcome {
                Outcome::Open => &mut tally.unresolved,
                Outcome::Stored(_) => &mut tally.acknowledged,
                Outcome::Maybe => &mut tally.maybe,
                Outcome::No => &mut tally.not_stored,
            } += 1;
        }
        tally
    }
}

/// The value of a record: who sent it, its serial number, and bytes that follow from both.
pub(crate) fn content(producer: &str, serial: usize) -> Vec<u8> {
    let mut dice = Rng::with_seed(serial as u64);
    let mut value = format!("{producer} {serial} ").into_bytes();
    let length = if dice.u8(..) == 0 {
        dice.usize(..8_000)
    } else {
        dice.usize(..400)
    };
    // Runs of letters: they compress, but not to nothing.
    while value.len() < length {
        let letter = u8::try_from(dice.lowercase()).unwrap_or(b'-');
        value.extend(std::iter::repeat_n(letter, dice.usize(1..8)));
    }
    value
}

/// Who sent that value, and its serial number.
pub(crate) fn read(value: &[u8]) -> Option<(&str, usize)> {
    let mut words = value.splitn(3, |byte| *byte == b' ');
    let (producer, serial) = (words.next()?, words.next()?);
    let (producer, serial) = (str::from_utf8(producer).ok()?, str::from_utf8(serial).ok()?);
    let serial = serial.parse().ok()?;
    (content(producer, serial) == value).then_some((producer, serial))
}

/// How a run went, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Records handed to a producer.
    pub(crate) produced: u64,
    pub(crate) acknowledged: u64,
    /// Failed, and may be stored.
    pub(crate) maybe: u64,
    /// Failed or refused, and not stored.
    pub(crate) not_stored: u64,
    /// Acknowledged, and not there.
    pub(crate) lost: u64,
    /// There more than once, or against what was said, or sent by nobody.
    pub(crate) duplicated: u64,
    /// There before an earlier one, or elsewhere than was said.
    pub(crate) reordered: u64,
    /// Without an outcome.
    pub(crate) unresolved: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.produced += other.produced;
        self.acknowledged += other.acknowledged;
        self.maybe += other.maybe;
        self.not_stored += other.not_stored;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.unresolved += other.unresolved;
    }

    /// Whether every promise was kept.
    pub(crate) const fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.reordered == 0 && self.unresolved == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            produced,
            acknowledged,
            maybe,
            lost,
            duplicated,
            reordered,
            unresolved,
            ..
        } = self;
        write!(
            f,
            "{produced} produced, {acknowledged} acknowledged, {maybe} maybe, lost {lost}, duplicated {duplicated}, \
             reordered {reordered}, unresolved {unresolved}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{content, read};

    #[test]
    fn a_value_says_who_sent_it_and_a_damaged_one_does_not() {
        let mut value = content("swift", 4711);
        assert_eq!(read(&value), Some(("swift", 4711)));
        value.push(b'x');
        assert_eq!(read(&value), None);
        assert_eq!(read(b""), None);
        assert_ne!(content("swift", 1).get(8..), content("swift", 2).get(8..));
    }
}
