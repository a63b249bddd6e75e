//! What became of the lines that were sent.

use std::{collections::VecDeque, future::poll_fn, pin::Pin, task::Poll};

use milena::{Delivery, ProduceError, ProduceErrorKind};

use crate::say::warn;

/// Failures that are told one by one; what comes after is only counted.
const TOLD: u64 = 10;

/// Lines accepted and not yet settled, and counts of those settled.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    waiting: VecDeque<(u64, Delivery)>,
    /// Acknowledged.
    pub(crate) sent: u64,
    /// Refused, or given up.
    pub(crate) failed: u64,
    /// Accepted, and given up because the command ended.
    pub(crate) left: u64,
}

impl Ledger {
    pub(crate) fn accepted(&mut self, line: u64, delivery: Delivery) {
        self.waiting.push_back((line, delivery));
    }

    pub(crate) fn refused(&mut self, line: u64, error: &ProduceError) {
        self.failed += 1;
        if self.failed <= TOLD {
            warn(format_args!("line {line}: {error}"));
        }
        if self.failed == TOLD {
            warn("further failures are only counted");
        }
    }

    /// Counts what is settled by now.
    pub(crate) fn sweep(&mut self) {
        while let Some((_, delivery)) = self.waiting.front()
            && let Some(result) = delivery.try_get()
        {
            let line = self.waiting.pop_front().map_or(0, |(line, _)| line);
            match result {
                Ok(_) => self.sent += 1,
                Err(error) if error.kind() == ProduceErrorKind::Closed => self.left += 1,
                Err(error) => self.refused(line, &error),
            }
        }
    }

    /// Waits until the oldest is settled, and counts. Never returns when there is none.
    pub(crate) async fn settle(&mut self) {
        poll_fn(|cx| match self.waiting.front_mut() {
            Some((_, oldest)) => Pin::new(oldest).poll(cx).map(drop),
            None => Poll::Pending,
        })
        .await;
        self.sweep();
    }
}
