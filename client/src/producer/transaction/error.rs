//! Why a transaction did not go on, and what to do then.

use std::{fmt, time::Duration};

use milena_engine::transaction::{Fatality, Outcome, Spoiled, Trouble};

use super::Transaction;
use crate::{ConfigError, Forked, producer::core::Untold};

/// Something about a transaction went wrong. Each kind is mended in its own way.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransactionError {
    /// A setting or an argument cannot be. Nothing has changed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The transaction cannot be committed: abort it, and try again with a new one.
    #[error(transparent)]
    Abortable(AbortableError),
    /// The producer is of no further use: make another. What it left open is aborted by that.
    #[error(transparent)]
    Fatal(FatalError),
    /// It takes longer than the deadline, and goes on: wait for it again.
    #[error(transparent)]
    Retriable(RetriableError),
    /// A transaction that is being committed cannot be aborted any more, nor the other way round.
    #[error("{0}")]
    InvalidState(&'static str),
}

/// Why a transaction cannot be committed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the transaction cannot be committed: {trouble}")]
pub struct AbortableError {
    trouble: Trouble,
}

/// Why a producer is of no further use.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the producer is of no further use: {kind}{}", .trouble.as_ref().map(|t| format!(" ({t})")).unwrap_or_default())]
pub struct FatalError {
    kind: FatalErrorKind,
    trouble: Option<Trouble>,
}

/// The kinds of [`FatalError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FatalErrorKind {
    /// A newer producer with the same transactional id took over, or a transaction took longer than
    /// `transaction_timeout`.
    Fenced,
    /// The coordinator has ended the transaction by itself: it took longer than `transaction_timeout`. Older coordinators
    /// say [`Fenced`](Self::Fenced).
    TransactionEnded,
    /// The brokers do not allow it.
    Unauthorized,
    /// The brokers do not have what it takes.
    Unsupported,
    /// The producer was closed, or its runtime went away.
    Closed,
    /// The process was [`Forked`], and the producer belongs to the parent, where it and its transaction go on. A new one
    /// needs a transactional id of its own: with the parent's, it would fence the parent's.
    Forked,
    /// Something that should not happen.
    Other,
}

/// What takes longer than the deadline.
#[derive(Clone, Debug)]
pub struct RetriableError {
    what: &'static str,
    waited: Duration,
    last: Option<Trouble>,
}

impl TransactionError {
    pub(super) fn untold(
        what: &'static str,
        waited: Duration,
        untold: &Untold,
        last: Option<Trouble>,
    ) -> Self {
        match untold {
            Untold::TimedOut => Self::Retriable(RetriableError { what, waited, last }),
            Untold::Ended => Self::closed(),
        }
    }

    pub(super) const fn closed() -> Self {
        Self::Fatal(FatalError {
            kind: FatalErrorKind::Closed,
            trouble: None,
        })
    }

    pub(super) const fn decided(wanted: Outcome) -> Self {
        Self::InvalidState(match wanted {
            Outcome::Committed => {
                "the transaction is being aborted, or was, and cannot be committed"
            }
            Outcome::Aborted => "the transaction is being committed, or was, and cannot be aborted",
        })
    }

    /// Kafka's error code, if a broker's answer is behind it.
    pub fn code(&self) -> Option<i16> {
        let trouble = match self {
            Self::Abortable(error) => Some(&error.trouble),
            Self::Fatal(error) => error.trouble.as_ref(),
            Self::Retriable(error) => error.last.as_ref(),
            Self::Config(_) | Self::InvalidState(_) => None,
        };
        trouble?.code().map(|code| code.0)
    }
}

impl From<Forked> for TransactionError {
    fn from(_: Forked) -> Self {
        Self::Fatal(FatalError {
            kind: FatalErrorKind::Forked,
            trouble: None,
        })
    }
}

impl From<Spoiled> for TransactionError {
    fn from(spoiled: Spoiled) -> Self {
        match spoiled {
            Spoiled::Abortable(trouble) => Self::Abortable(AbortableError { trouble }),
            Spoiled::Fatal(trouble) => Self::Fatal(FatalError {
                kind: match trouble.fatality() {
                    Fatality::Fenced => FatalErrorKind::Fenced,
                    Fatality::Ended => FatalErrorKind::TransactionEnded,
                    Fatality::Unauthorized => FatalErrorKind::Unauthorized,
                    Fatality::Unsupported => FatalErrorKind::Unsupported,
                    Fatality::Other => FatalErrorKind::Other,
                },
                trouble: Some(trouble),
            }),
        }
    }
}

impl FatalError {
    /// What kind of error it is.
    pub const fn kind(&self) -> FatalErrorKind {
        self.kind
    }
}

impl fmt::Display for FatalErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forked => return Forked.fmt(f),
            Self::Fenced => {
                "another producer with its transactional id took over, or its transaction took too long"
            }
            Self::TransactionEnded => "its coordinator has ended the transaction, which took too long",
            Self::Unauthorized => "it is not allowed",
            Self::Unsupported => "the brokers do not support it",
            Self::Closed => "it is closed",
            Self::Other => "an error that cannot be mended",
        })
    }
}

impl fmt::Display for RetriableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} takes longer than {:?}, and goes on",
            self.what, self.waited
        )?;
        match &self.last {
            Some(last) => write!(f, " (last: {last})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RetriableError {}

/// A transaction that was not committed, or not aborted, and why. Here it is back.
///
/// Dropping it drops the transaction, which is then aborted in the background, unless it is being committed.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct EndError<'p> {
    error: TransactionError,
    transaction: Transaction<'p>,
}

impl<'p> EndError<'p> {
    pub(super) const fn new(transaction: Transaction<'p>, error: TransactionError) -> Self {
        Self { error, transaction }
    }

    /// Why.
    pub const fn error(&self) -> &TransactionError {
        &self.error
    }

    /// The transaction, to be committed or aborted again.
    pub fn into_transaction(self) -> Transaction<'p> {
        self.transaction
    }
}

impl From<EndError<'_>> for TransactionError {
    fn from(error: EndError<'_>) -> Self {
        error.error
    }
}
