//! Trying again, until it works or the time is up.

use std::time::Duration;

use milena_engine::backoff::{Backoff, Rng};
use tokio::time::Instant;
use tracing::debug;

use crate::{
    error::{AdminError, Cause},
    io::lane::RequestError,
};

/// The attempts of one call, with one deadline over all of them.
pub(super) struct Attempts {
    started: Instant,
    limit: Duration,
    request_timeout: Duration,
    backoff: Backoff,
    rng: Rng,
    made: u32,
}

impl Attempts {
    pub(super) fn new(limit: Duration, request_timeout: Duration, backoff: Backoff) -> Self {
        let rng = Rng::new(fastrand::u64(..));
        Self {
            started: Instant::now(),
            limit,
            request_timeout,
            backoff,
            rng,
            made: 0,
        }
    }

    /// How long the next attempt may take.
    pub(super) fn timeout(&self) -> Duration {
        let left = self.limit.saturating_sub(self.started.elapsed());
        left.min(self.request_timeout).max(Duration::from_millis(1))
    }

    /// The answer, or `None` after a pause when it makes sense to try again.
    pub(super) async fn heed<T>(
        &mut self,
        outcome: Result<T, RequestError>,
    ) -> Result<Option<T>, AdminError> {
        match outcome {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_retriable() => {
                self.pause(Some(error.into())).await.map(|()| None)
            }
            Err(error) => Err(AdminError::Failed(error.into())),
        }
    }

    /// Waits before the next attempt; an error when there is no time for one.
    pub(super) async fn pause(&mut self, cause: Option<Cause>) -> Result<(), AdminError> {
        let pause = self.backoff.delay(self.made, &mut self.rng);
        let waited = self.started.elapsed();
        if waited + pause >= self.limit {
            return Err(AdminError::TimedOut { waited, cause });
        }
        debug!(
            attempt = self.made,
            cause = crate::error::because(&cause),
            "trying again"
        );
        self.made = self.made.saturating_add(1);
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
