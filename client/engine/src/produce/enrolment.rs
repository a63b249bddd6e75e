//! Which partitions belong to the transaction that is open.

use std::collections::BTreeMap;

use milena_protocol::Str;

/// How partitions and groups become part of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The coordinator is told of each before anything is sent to it: `transaction.version` 0 and 1.
    Explicit,
    /// By the first batch, or the first offsets, that a broker gets: `transaction.version` 2 (KIP-890).
    Implicit,
}

impl Generation {
    /// The highest version of Produce in which partitions become part of a transaction in this way.
    pub(super) const fn max_produce_version(self) -> Option<i16> {
        match self {
            Self::Explicit => Some(11),
            Self::Implicit => None,
        }
    }
}

/// The partitions of the open transaction.
#[derive(Debug)]
pub(crate) struct Enrolment {
    generation: Generation,
    begun: bool,
    /// With [`Generation::Explicit`] only.
    partitions: BTreeMap<(Str, i32), Standing>,
    wanted: usize,
    asked: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It has something to send.
    Wanted,
    /// The coordinator was asked to add it.
    Asked,
    Added,
}

impl Enrolment {
    pub(crate) const fn new(generation: Generation) -> Self {
        Self {
            generation,
            begun: false,
            partitions: BTreeMap::new(),
            wanted: 0,
            asked: 0,
        }
    }

    pub(crate) const fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether the coordinator may know of the transaction, and so has to be told of its end.
    pub(crate) const fn has_begun(&self) -> bool {
        self.begun
    }

    pub(crate) const fn begin(&mut self) {
        self.begun = true;
    }

    /// Whether a batch may be sent to a partition. If not, the partition is wanted from now on.
    pub(super) fn admits(&mut self, topic: &Str, index: i32) -> bool {
        match self.generation {
            Generation::Implicit => {
                self.begun = true;
                true
            }
            Generation::Explicit => {
                let wanted = &mut self.wanted;
                let standing = self.partitions.entry((topic.clone(), index));
                *standing.or_insert_with(|| {
                    *wanted += 1;
                    Standing::Wanted
                }) == Standing::Added
            }
        }
    }

    /// Whether partitions wait for the coordinator to be asked.
    pub(crate) const fn wants(&self) -> bool {
        self.wanted > 0
    }

    /// Whether it is not known of some partitions whether they were added.
    pub(crate) const fn is_asking(&self) -> bool {
        self.asked > 0
    }

    /// The partitions to ask for: those that are wanted, and those whose answer never came.
    pub(crate) fn ask(&mut self) -> Vec<(Str, i32)> {
        self.asked += self.wanted;
        self.wanted = 0;
        let open = self
            .partitions
            .iter_mut()
            .filter(|(_, standing)| **standing != Standing::Added);
        open.map(|(partition, standing)| {
            *standing = Standing::Asked;
            partition.clone()
        })
        .collect()
    }

    /// The partitions that were asked for belong to the transaction.
    pub(crate) fn handle_added(&mut self) {
        self.begun = true;
        self.asked = 0;
        for standing in self.partitions.values_mut() {
            if *standing == Standing::Asked {
                *standing = Standing::Added;
            }
        }
    }

    /// The partitions that were asked for do not belong to the transaction.
    pub(crate) fn handle_refused(&mut self) {
        self.asked = 0;
        self.partitions
            .retain(|_, standing| *standing != Standing::Asked);
    }

    /// Nothing will be sent to partitions that nobody was asked for yet.
    pub(crate) fn forget_wanted(&mut self) {
        self.wanted = 0;
        self.partitions
            .retain(|_, standing| *standing != Standing::Wanted);
    }
}
