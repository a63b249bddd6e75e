//! Errors of configuring and connecting a client.

use std::{io, sync::Arc, time::Duration};

use super::{BrokerError, list};

/// A setting that cannot be.
///
/// ```
/// use milena::Client;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let error = runtime.block_on(Client::builder("kafka-1").connect()).unwrap_err();
/// assert_eq!(error.to_string(), "bootstrap: \"kafka-1\" is not host:port");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ConfigError {
    field: &'static str,
    reason: String,
}

impl ConfigError {
    pub(crate) fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self {
            field,
            reason: reason.into(),
        }
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// The setting, by the name of the method that sets it.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

/// Why there is no client.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The call was made outside of a Tokio runtime, on which the client's tasks would run.
    #[error("there is no Tokio runtime here to run the client's tasks on")]
    NoRuntime,
    /// There can be no thread to run the client's tasks on.
    #[error("there can be no thread to run the client's tasks on: {0}")]
    Thread(Arc<io::Error>),
    /// The call was made from a callback of a blocking producer, which may not wait.
    #[error("a client cannot be waited for in a callback")]
    WouldBlock,
    /// None of the addresses led to a cluster. For each address: what happened last.
    #[error("no broker answered within {waited:?}: {}", list(.attempts))]
    Unreachable {
        /// Time spent.
        waited: Duration,
        /// What happened last at each address.
        attempts: Vec<BrokerError>,
    },
}
