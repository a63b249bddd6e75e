//! A producer's transactions, as its callers and tasks share them.

use std::{
    future::{Future, poll_fn},
    mem::discriminant,
    pin::pin,
    task::Poll,
};

use milena_engine::{
    produce::Identity,
    transaction::{State, Transactions, Trouble},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant as Deadline, timeout_at},
};
use tracing::warn;

use super::{Core, NO_TRANSACTION};
use crate::{
    lock::Lock,
    producer::error::{ProduceError, ProduceErrorKind},
};

/// The state machine, and those who wait for it to change.
///
/// Its lock is taken before that of the producer's identity, and no other lock while it is held.
pub(crate) struct Coordination {
    transactions: Lock<Transactions>,
    changes: watch::Sender<()>,
    task: Notify,
}

/// Why somebody who waited for a transaction was not told what becomes of it.
#[derive(Debug)]
pub(crate) enum Untold {
    TimedOut,
    /// The producer has ended.
    Ended,
}

impl Coordination {
    pub(crate) fn new(transactions: Transactions) -> Self {
        Self {
            transactions: Lock::new(transactions),
            changes: watch::Sender::new(()),
            task: Notify::new(),
        }
    }

    /// There may be something to do for the task.
    pub(crate) fn wake(&self) {
        self.task.notify_one();
    }

    /// Waits for something to do.
    pub(crate) async fn woken(&self) {
        self.task.notified().await;
    }
}

impl Core {
    /// Changes something, and tells everybody. Nothing happens in a producer without transactions.
    pub(crate) fn transact<R>(
        &self,
        change: impl FnOnce(&mut Transactions, &mut Identity) -> R,
    ) -> Option<R> {
        let coordination = self.coordination.as_ref()?;
        let result = self.poll_transactions(change)?;
        coordination.changes.send_replace(());
        coordination.wake();
        Some(result)
    }

    /// A record was not accepted, and will not be tried again. If it was meant to be part of a transaction, that cannot be
    /// committed without it.
    pub(crate) fn handle_refused(&self, error: &ProduceError) {
        // Nothing more is missing from one that is aborted; and what a forked child meant to add is its parent's.
        let of_none = matches!(
            error.kind(),
            ProduceErrorKind::Aborted | ProduceErrorKind::Forked
        );
        if self.coordination.is_some() && !of_none {
            let trouble = Trouble::record(error.to_string());
            self.transact(|transactions, identity| {
                transactions.handle_record_refused(trouble, identity);
            });
        }
    }

    /// Looks at something that may change by that, and tells everybody if it does.
    pub(crate) fn poll_transactions<R>(
        &self,
        look: impl FnOnce(&mut Transactions, &mut Identity) -> R,
    ) -> Option<R> {
        let coordination = self.coordination.as_ref()?;
        let mut transactions = coordination.transactions.lock();
        let before = discriminant(transactions.state());
        let result = look(&mut transactions, &mut self.identity());
        // Whoever appends a record looks at this with the queue locked, and a queue is locked to give up its batches
        // after this: no record gets between.
        if *transactions.state() == State::InTransaction {
            self.open(NO_TRANSACTION);
        } else {
            self.shut(NO_TRANSACTION);
        }
        let changed = before != discriminant(transactions.state());
        let trouble = transactions.trouble().filter(|_| changed).cloned();
        let is_final = matches!(transactions.state(), State::FatalError(_));
        drop(transactions);
        if let Some(trouble) = trouble {
            let id = self.settings.transactional_id.as_deref();
            warn!(transactional_id = id, %trouble, is_final, "transaction failed");
        }
        if changed {
            coordination.changes.send_replace(());
            coordination.wake();
        }
        Some(result)
    }

    /// Waits until `look` has something to say, or until the deadline.
    pub(crate) async fn await_transactions<T>(
        &self,
        deadline: Deadline,
        look: impl FnMut(&mut Transactions, &mut Identity) -> Option<T>,
    ) -> Result<T, Untold> {
        // The timer, too, is made where there is a runtime.
        self.in_runtime(async { timeout_at(deadline, self.look_at_transactions(look)).await })
            .await
            .unwrap_or(Err(Untold::TimedOut))
    }

    async fn look_at_transactions<T>(
        &self,
        mut look: impl FnMut(&mut Transactions, &mut Identity) -> Option<T>,
    ) -> Result<T, Untold> {
        let coordination = self.coordination.as_ref().ok_or(Untold::Ended)?;
        let mut changes = coordination.changes.subscribe();
        let mut ended = pin!(self.end.acquire());
        loop {
            if self.has_ended() {
                return Err(Untold::Ended);
            }
            if let Some(Some(seen)) = self.poll_transactions(&mut look) {
                return Ok(seen);
            }
            let mut changed = pin!(changes.changed());
            let more = poll_fn(|cx| {
                if ended.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(false);
                }
                changed.as_mut().poll(cx).map(|outcome| outcome.is_ok())
            });
            if !more.await {
                return Err(Untold::Ended);
            }
        }
    }

    /// Waits until no transaction is under way, up to the deadline. Whether that came about, records tell.
    pub(crate) async fn finish_transaction(&self, deadline: Deadline) {
        let idle = |transactions: &mut Transactions, _: &mut Identity| {
            transactions.is_idle().then_some(())
        };
        let _ = self.await_transactions(deadline, idle).await;
    }

    /// Why no record is accepted although the producer is open.
    pub(super) fn transaction_trouble(&self) -> String {
        let trouble = self.poll_transactions(|transactions, _| match transactions.state() {
            State::AbortableError(trouble) => format!("the transaction has failed: {trouble}"),
            State::FatalError(trouble) => format!("the producer has failed: {trouble}"),
            _ => "the transaction takes no more records".to_owned(),
        });
        trouble.unwrap_or_default()
    }
}
