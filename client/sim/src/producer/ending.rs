//! Batches that are given up, and those that are sent without delay.

use milena_engine::produce::{Ended, PartitionQueue, Reason};

use super::{Around, Producer};
use crate::{
    ledger::{BatchNumber, Violation},
    part::Part,
};

impl Producer {
    pub(super) fn expire(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        while let Some(part) = self.reaper.poll(now) {
            self.busy = true;
            let again = self.end(&part, around, |queue, ended| {
                queue.expire(now, &settings, ended)
            })?;
            if let Some(again) = again {
                self.reaper.watch(part.clone(), again);
            }
            // What was given up may have been all that held others back.
            if let Some(wake) = part.queue(|queue| queue.reschedule(now, &settings)) {
                self.tell(part, wake);
            }
        }
        Ok(())
    }

    /// Gives up everything.
    pub(crate) fn close(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        self.closed = true;
        self.dismiss_callers();
        let parts: Vec<_> = self.parts.values().cloned().collect();
        for part in parts {
            self.end(&part, around, |queue, ended| {
                queue.end_all(&Reason::Closed, now, &settings, ended);
            })?;
        }
        self.pump(around)
    }

    /// Gives up everything accepted so far.
    pub(crate) fn purge(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        self.end_each(around, |queue, ended| {
            queue.end_all(&Reason::Purged, now, &settings, ended);
        })?;
        self.pump(around)
    }

    /// Runs `give_up` on every queue that holds anything.
    pub(super) fn end_each(
        &mut self,
        around: &mut Around<'_>,
        mut give_up: impl FnMut(&mut PartitionQueue<BatchNumber>, &mut Ended<BatchNumber>),
    ) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        let parts: Vec<_> = self.parts.values().cloned().collect();
        for part in parts {
            self.end(&part, around, &mut give_up)?;
            if let Some(wake) = part.queue(|queue| queue.reschedule(now, &settings)) {
                self.tell(part, wake);
            }
        }
        Ok(())
    }

    /// Closes every open batch, as a flush does.
    pub(crate) fn flush(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        self.seal(around);
        self.pump(around)
    }

    pub(super) fn seal(&mut self, around: &Around<'_>) {
        let (now, settings) = (around.now(), self.settings());
        let parts: Vec<_> = self.parts.values().cloned().collect();
        for part in parts {
            let wake = part.queue(|queue| {
                if queue.is_empty() {
                    return None;
                }
                queue.seal_open();
                queue.reschedule(now, &settings)
            });
            if let Some(wake) = wake {
                self.tell(part, wake);
            }
        }
    }

    /// Runs `give_up` on a queue, and tells of what ended by it.
    fn end<R>(
        &mut self,
        part: &Part,
        around: &mut Around<'_>,
        give_up: impl FnOnce(&mut PartitionQueue<BatchNumber>, &mut Ended<BatchNumber>) -> R,
    ) -> Result<R, Violation> {
        let mut ended = Ended::default();
        let result = part.queue(|queue| give_up(queue, &mut ended));
        for (_, failure) in &ended.failed {
            self.spoil(failure);
        }
        for content in ended.freed {
            self.free(content);
        }
        for (share, failure) in ended.failed {
            self.finish(&share, Err(failure), around)?;
        }
        Ok(result)
    }
}
