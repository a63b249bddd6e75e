//! A partition as a producer holds it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use milena_engine::produce::{Partition, PartitionQueue};
use milena_protocol::{Str, Uuid};

use crate::ledger::{BatchNumber, Place};

/// A handle to one partition's queue.
#[derive(Clone, Debug)]
pub(crate) struct Part(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    place: Place,
    name: Str,
    id: Cell<Uuid>,
    queue: RefCell<PartitionQueue<BatchNumber>>,
    /// How often a sender looked at it.
    looks: Cell<u64>,
}

impl Part {
    pub(crate) fn new(place: Place, name: &str) -> Self {
        Self(Rc::new(Inner {
            place,
            name: Str::from(name),
            id: Cell::new(Uuid::ZERO),
            queue: RefCell::new(PartitionQueue::new(None)),
            looks: Cell::new(0),
        }))
    }

    pub(crate) fn place(&self) -> Place {
        self.0.place
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Takes over the topic's id, and says whether that is another topic's than before.
    pub(crate) fn set_id(&self, id: Uuid) -> bool {
        let before = self.0.id.replace(id);
        before != id && before != Uuid::ZERO
    }

    /// Access for callers, which is not counted.
    pub(crate) fn queue<R>(&self, f: impl FnOnce(&mut PartitionQueue<BatchNumber>) -> R) -> R {
        f(&mut self.0.queue.borrow_mut())
    }

    pub(crate) fn looks(&self) -> u64 {
        self.0.looks.get()
    }
}

impl Partition for Part {
    type Completion = BatchNumber;

    fn topic(&self) -> &Str {
        &self.0.name
    }

    fn topic_id(&self) -> Uuid {
        self.0.id.get()
    }

    fn index(&self) -> i32 {
        self.0.place.1
    }

    fn with<R>(&self, f: impl FnOnce(&mut PartitionQueue<BatchNumber>) -> R) -> R {
        self.0.looks.set(self.0.looks.get() + 1);
        self.queue(f)
    }
}
