//! Requests on their way: answers come in the order of the requests, and nothing else will do.

use std::collections::VecDeque;

use milena_protocol::ApiKey;

use crate::time::Instant;

/// A request that was accepted for sending and is not answered yet.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) id: i32,
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) token: T,
    pub(crate) sent_at: Instant,
    pub(crate) deadline: Instant,
    /// Whether the broker answers it at all.
    pub(crate) answered: bool,
}

/// Requests in the order in which they are sent.
#[derive(Debug)]
pub(crate) struct InFlight<T> {
    entries: VecDeque<Entry<T>>,
    /// How many entries, from the front, have been given to the stream whole.
    transmitted: usize,
}

/// A request whose answer will not come, because its connection is gone.
#[derive(Debug, PartialEq, Eq)]
pub struct Orphan<T> {
    /// What the sender attached to it.
    pub token: T,
    /// The request.
    pub api: ApiKey,
    /// Whether all of it was given to the stream. If not, the broker cannot have acted on it.
    pub transmitted: bool,
}

impl<T> InFlight<T> {
    pub(crate) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            transmitted: 0,
        }
    }

    pub(crate) fn push(&mut self, entry: Entry<T>) {
        self.entries.push_back(entry);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The oldest request now lies in the stream whole. Gives it back when no answer will come.
    pub(crate) fn mark_transmitted(&mut self) -> Option<Entry<T>> {
        if self.entries.get(self.transmitted)?.answered {
            self.transmitted += 1;
            return None;
        }
        self.entries.remove(self.transmitted)
    }

    /// The request whose answer is due: the oldest one, provided that it was transmitted.
    pub(crate) fn expected(&self) -> Option<&Entry<T>> {
        (self.transmitted > 0).then(|| self.entries.front())?
    }

    /// Takes the request whose answer is due.
    pub(crate) fn take(&mut self) -> Option<Entry<T>> {
        self.expected()?;
        self.transmitted -= 1;
        self.entries.pop_front()
    }

    /// The request that runs out of time first, and whether it was transmitted.
    pub(crate) fn earliest(&self) -> Option<(&Entry<T>, bool)> {
        let entries = self.entries.iter().enumerate();
        let (index, entry) = entries.min_by_key(|(_, entry)| entry.deadline)?;
        Some((entry, index < self.transmitted))
    }

    /// Empties the table.
    pub(crate) fn drain(&mut self) -> Vec<Orphan<T>> {
        let transmitted = std::mem::take(&mut self.transmitted);
        let orphan = |(index, entry): (usize, Entry<T>)| Orphan {
            token: entry.token,
            api: entry.api,
            transmitted: index < transmitted,
        };
        self.entries.drain(..).enumerate().map(orphan).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i32, answered: bool) -> Entry<i32> {
        Entry {
            id,
            api: ApiKey::PRODUCE,
            version: 9,
            token: id,
            sent_at: Instant::ZERO,
            deadline: Instant::from_millis(100 - u64::from(id.unsigned_abs())),
            answered,
        }
    }

    #[test]
    fn only_a_transmitted_request_can_be_answered() {
        let mut table = InFlight::new();
        table.push(entry(1, true));
        assert!(table.expected().is_none() && table.take().is_none());
        assert!(table.mark_transmitted().is_none());
        assert_eq!(table.take().unwrap().token, 1);
    }

    #[test]
    fn a_request_without_answer_leaves_when_transmitted() {
        let mut table = InFlight::new();
        for (id, answered) in [(1, true), (2, false), (3, true)] {
            table.push(entry(id, answered));
        }
        assert!(table.mark_transmitted().is_none());
        assert_eq!(table.mark_transmitted().unwrap().token, 2);
        assert_eq!(
            table.earliest().map(|(entry, sent)| (entry.id, sent)),
            Some((3, false))
        );
        let orphans: Vec<_> = table
            .drain()
            .iter()
            .map(|o| (o.token, o.transmitted))
            .collect();
        assert_eq!(orphans, [(1, true), (3, false)]);
        assert!(table.mark_transmitted().is_none());
    }
}
