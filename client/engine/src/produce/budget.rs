//! The memory for records, and the line of those who wait for it.

use std::collections::VecDeque;

use bytes::BytesMut;

/// What an append needs before it can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Bytes of a buffer to write into; 0 for none.
    pub chunk: usize,
    /// Bytes held besides: payloads that are linked in without a copy.
    pub linked: usize,
}

impl Need {
    /// Whether nothing is needed.
    pub const fn is_nothing(self) -> bool {
        self.chunk == 0 && self.linked == 0
    }
}

/// Memory that was granted.
#[derive(Debug)]
pub struct Grant {
    /// An empty buffer, unless none was needed.
    pub chunk: Option<BytesMut>,
    /// Bytes taken out of the budget, to be given back with [`Budget::release`].
    pub reserved: usize,
}

impl Grant {
    /// Whether it covers `need`.
    pub fn suffices(&self, need: Need) -> bool {
        let chunk = self.chunk.as_ref().map_or(0, BytesMut::capacity);
        chunk >= need.chunk && self.reserved >= chunk + need.linked
    }
}

/// A place in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// `buffer_memory`: every byte that a producer holds for records counts against it, until the batch is settled.
///
/// Buffers of the usual size are kept for the next batch, last in first out, since the latest is the one that is
/// still in cache. What is kept and what is reserved never add up to more than the total.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    reserved: usize,
    chunk_size: usize,
    spare: Vec<BytesMut>,
    line: VecDeque<Waiting>,
    /// How many in line have been granted their memory; they stand before all others.
    served: usize,
    tickets: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    need: Need,
    granted: Option<Grant>,
}

impl Budget {
    /// A budget of `total` bytes, in buffers of `chunk_size`.
    pub const fn new(total: usize, chunk_size: usize) -> Self {
        Self {
            total,
            reserved: 0,
            chunk_size,
            spare: Vec::new(),
            line: VecDeque::new(),
            served: 0,
            tickets: 0,
        }
    }

    /// Bytes in use.
    pub const fn reserved(&self) -> usize {
        self.reserved
    }

    /// The whole budget in bytes.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// Whether anybody waits.
    pub fn has_waiters(&self) -> bool {
        self.line.len() > self.served
    }

    /// The bytes that `need` takes out of the budget, if that is more than there will ever be.
    pub fn beyond(&self, need: Need) -> Option<usize> {
        Some(self.size_of(need)).filter(|size| *size > self.total)
    }

    /// Memory at once, if there is enough and nobody came first.
    pub fn try_take(&mut self, need: Need) -> Option<Grant> {
        if self.has_waiters() || !self.suffices(need) {
            return None;
        }
        Some(self.grant(need))
    }

    /// A place at the end of the line.
    pub fn wait(&mut self, need: Need) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.line.push_back(Waiting {
            ticket,
            need,
            granted: None,
        });
        self.serve();
        ticket
    }

    /// What was granted to `ticket`, if its turn has come; the place in line is given up with it.
    pub fn poll_granted(&mut self, ticket: Ticket) -> Option<Grant> {
        let place = self
            .line
            .iter()
            .position(|waiting| waiting.ticket == ticket)?;
        let grant = self.line.get_mut(place)?.granted.take()?;
        self.line.remove(place);
        self.served -= 1;
        Some(grant)
    }

    /// Leaves the line. What may have been granted already goes to the next.
    pub fn cancel(&mut self, ticket: Ticket) {
        let Some(place) = self
            .line
            .iter()
            .position(|waiting| waiting.ticket == ticket)
        else {
            return;
        };
        if let Some(grant) = self.line.remove(place).and_then(|waiting| waiting.granted) {
            self.served -= 1;
            self.reserved = self.reserved.saturating_sub(grant.reserved);
            self.put_back(grant.chunk);
        }
        self.serve();
    }

    /// Gives back reserved bytes, and buffers to keep for later.
    pub fn release(&mut self, reserved: usize, chunks: impl IntoIterator<Item = BytesMut>) {
        self.reserved = self.reserved.saturating_sub(reserved);
        for chunk in chunks {
            self.put_back(Some(chunk));
        }
        self.serve();
    }

    /// Tickets whose turn has come and who have not fetched their memory yet.
    pub fn granted(&self) -> impl Iterator<Item = Ticket> + '_ {
        self.line
            .iter()
            .take(self.served)
            .map(|waiting| waiting.ticket)
    }

    const fn suffices(&self, need: Need) -> bool {
        self.size_of(need) <= self.total.saturating_sub(self.reserved)
    }

    const fn size_of(&self, need: Need) -> usize {
        let chunk = if need.chunk == 0 {
            0
        } else if need.chunk < self.chunk_size {
            self.chunk_size
        } else {
            need.chunk
        };
        chunk + need.linked
    }

    fn grant(&mut self, need: Need) -> Grant {
        let reserved = self.size_of(need);
        self.reserved += reserved;
        let chunk = match need.chunk {
            0 => None,
            bytes if bytes <= self.chunk_size => Some(
                self.spare
                    .pop()
                    .unwrap_or_else(|| BytesMut::with_capacity(self.chunk_size)),
            ),
            bytes => Some(BytesMut::with_capacity(bytes)),
        };
        while !self.spare.is_empty() && self.kept() + self.reserved > self.total {
            self.spare.pop();
        }
        Grant { chunk, reserved }
    }

    fn put_back(&mut self, chunk: Option<BytesMut>) {
        if let Some(mut chunk) = chunk {
            chunk.clear();
            // A buffer of another size, or one whose front was split off, is not worth keeping.
            if chunk.capacity() == self.chunk_size
                && self.kept() + self.chunk_size + self.reserved <= self.total
            {
                self.spare.push(chunk);
            }
        }
    }

    fn kept(&self) -> usize {
        self.spare.len() * self.chunk_size
    }

    /// First come, first served: a large need at the front is not overtaken by small ones behind it.
    fn serve(&mut self) {
        while let Some(need) = self.line.get(self.served).map(|waiting| waiting.need) {
            if !self.suffices(need) {
                return;
            }
            let grant = self.grant(need);
            if let Some(waiting) = self.line.get_mut(self.served) {
                waiting.granted = Some(grant);
            }
            self.served += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Need = Need {
        chunk: 100,
        linked: 0,
    };

    #[test]
    fn memory_is_granted_until_it_is_used_up() {
        let mut budget = Budget::new(3000, 1000);
        let grants: Vec<_> = std::iter::from_fn(|| budget.try_take(SMALL)).collect();
        assert_eq!(grants.len(), 3);
        assert_eq!(budget.reserved(), 3000);
    }

    #[test]
    fn those_who_wait_are_served_in_order_and_not_overtaken() {
        let mut budget = Budget::new(2000, 1000);
        let held = [
            budget.try_take(SMALL).unwrap(),
            budget.try_take(SMALL).unwrap(),
        ];
        let large = budget.wait(Need {
            chunk: 2000,
            linked: 0,
        });
        let small = budget.wait(SMALL);
        let [first, second] = held;
        budget.release(first.reserved, first.chunk);
        assert!(budget.poll_granted(large).is_none());
        assert!(
            budget.poll_granted(small).is_none(),
            "the small one must not overtake"
        );
        assert!(budget.try_take(SMALL).is_none(), "nor a newcomer");
        budget.release(second.reserved, second.chunk);
        let grant = budget.poll_granted(large).unwrap();
        assert!(budget.poll_granted(small).is_none());
        budget.release(grant.reserved, grant.chunk);
        assert!(budget.poll_granted(small).is_some());
    }

    #[test]
    fn one_who_leaves_the_line_lets_the_next_in_and_loses_nothing() {
        let mut budget = Budget::new(1000, 1000);
        let held = budget.try_take(SMALL).unwrap();
        let first = budget.wait(SMALL);
        let second = budget.wait(SMALL);
        budget.release(held.reserved, held.chunk);
        budget.cancel(first);
        let grant = budget.poll_granted(second).unwrap();
        budget.release(grant.reserved, grant.chunk);
        assert_eq!(budget.reserved(), 0);
        assert!(!budget.has_waiters());
    }

    #[test]
    fn buffers_are_used_again_and_never_exceed_the_total() {
        let mut budget = Budget::new(4000, 1000);
        let grant = budget.try_take(SMALL).unwrap();
        let mut chunk = grant.chunk.unwrap();
        chunk.extend_from_slice(b"x");
        let place = chunk.as_ptr();
        budget.release(grant.reserved, [chunk]);
        let again = budget.try_take(SMALL).unwrap();
        let chunk = again.chunk.unwrap();
        assert_eq!((chunk.as_ptr(), chunk.len()), (place, 0));
        budget.release(again.reserved, [chunk]);
        // A large need takes the place of the buffers that are kept.
        let large = budget
            .try_take(Need {
                chunk: 4000,
                linked: 0,
            })
            .unwrap();
        assert_eq!(budget.kept(), 0);
        budget.release(large.reserved, large.chunk);
        assert_eq!(budget.kept(), 0, "a buffer of another size is not kept");
    }
}
