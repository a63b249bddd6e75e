//! Why a transaction, or a producer of transactions, can do no more.

use std::{fmt, sync::Arc};

use milena_protocol::{ApiKey, ErrorCode};

use super::consequence::{is_fenced, is_unauthorized};
use crate::produce::Cause;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What was asked for; `None` where a record could not be delivered or accepted.
    pub api: Option<ApiKey>,
    /// What was answered.
    pub cause: Cause,
}

/// What kind of trouble ends a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fatality {
    /// Another producer with the same transactional id took over, or the transaction took so long that the coordinator
    /// ended it.
    Fenced,
    /// The coordinator has no such transaction open any more: it took so long that the coordinator ended it.
    Ended,
    /// It is not allowed.
    Unauthorized,
    /// The brokers do not have what it takes.
    Unsupported,
    /// Something that should not happen.
    Other,
}

impl Trouble {
    pub(super) const fn answer(api: ApiKey, code: ErrorCode) -> Self {
        Self {
            api: Some(api),
            cause: Cause::Answer {
                code,
                message: None,
            },
        }
    }

    /// A record could not be delivered or accepted.
    pub fn record(why: impl Into<Arc<str>>) -> Self {
        Self {
            api: None,
            cause: Cause::Connection(why.into()),
        }
    }

    /// Kafka's code, if it was answered.
    pub const fn code(&self) -> Option<ErrorCode> {
        match &self.cause {
            Cause::Answer { code, .. } => Some(*code),
            Cause::Connection(_) => None,
        }
    }

    /// What kind of trouble it is, for a producer that it ends.
    pub fn fatality(&self) -> Fatality {
        match self.code() {
            Some(code) if is_fenced(code) => Fatality::Fenced,
            Some(code) if is_unauthorized(code) => Fatality::Unauthorized,
            Some(ErrorCode::INVALID_TXN_STATE) => Fatality::Ended,
            Some(ErrorCode::UNSUPPORTED_VERSION) => Fatality::Unsupported,
            _ => Fatality::Other,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(api) = self.api {
            write!(f, "{api:?}: ")?;
        }
        self.cause.fmt(f)
    }
}
