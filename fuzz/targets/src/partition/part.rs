//! A partition as the world holds it.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use milena_engine::produce::{Partition, PartitionQueue};
use milena_protocol::{Str, Uuid};

/// Names a batch from its first record on.
pub(super) type Batch = u32;

/// A handle to one partition's queue.
#[derive(Clone)]
pub(super) struct Part(Rc<Inner>);

struct Inner {
    number: usize,
    topic: Str,
    topic_id: Uuid,
    queue: RefCell<PartitionQueue<Batch>>,
}

impl Part {
    /// Two partitions to a topic.
    pub(super) fn new(number: usize, with_id: bool) -> Self {
        let topic = number / 2;
        let id = if with_id {
            [1 + topic as u8; 16]
        } else {
            [0; 16]
        };
        Self(Rc::new(Inner {
            number,
            topic: format!("topic-{topic}").into(),
            topic_id: Uuid::from(id),
            queue: RefCell::new(PartitionQueue::new(None)),
        }))
    }

    /// Its place among all partitions.
    pub(super) fn number(&self) -> usize {
        self.0.number
    }
}

impl Partition for Part {
    type Completion = Batch;

    fn topic(&self) -> &Str {
        &self.0.topic
    }

    fn topic_id(&self) -> Uuid {
        self.0.topic_id
    }

    fn index(&self) -> i32 {
        (self.0.number % 2) as i32
    }

    fn with<R>(&self, f: impl FnOnce(&mut PartitionQueue<Batch>) -> R) -> R {
        f(&mut self.0.queue.borrow_mut())
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic(), self.index())
    }
}
