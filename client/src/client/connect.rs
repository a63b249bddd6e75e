//! Settings of a client, and its first contact with the cluster.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use milena_engine::{backoff::Rng, connection::Identity, metadata::Metadata};
use milena_protocol::Str;
use tokio::runtime::Handle;
use tracing::{info, warn};

use super::{Client, Shared};
use crate::{
    blocking::OwnThread,
    config::{Config, Settings},
    error::{BrokerError, BrokerErrorKind, ConnectError},
    io::{
        bootstrap,
        clock::Clock,
        connector::Connector,
        control::{Control, ControlTask},
        lane::LaneSettings,
        link::Dialer,
        pool::Pool,
        tcp::TcpConnector,
    },
    process::{Home, at_home},
    setters::setters,
};

/// Settings of a [`Client`]; made by [`Client::builder`]. The defaults are Kafka's.
///
/// ```no_run
/// # async fn example() -> Result<(), milena::ConnectError> {
/// use std::time::Duration;
///
/// let client = milena::Client::builder(["kafka-1:9092", "kafka-2:9092"])
///     .client_id("billing")
///     .request_timeout(Duration::from_secs(10))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `connect`"]
pub struct ClientBuilder {
    settings: Settings,
    connector: Arc<dyn Connector>,
}

impl ClientBuilder {
    pub(super) fn new(bootstrap: Vec<String>) -> Self {
        Self::with(Settings::new(bootstrap), TcpConnector::default())
    }

    pub(crate) fn with(settings: Settings, tcp: TcpConnector) -> Self {
        Self {
            settings,
            connector: Arc::new(tcp),
        }
    }

    setters! {
        /// The name by which brokers' logs and quotas know the client. Default: `milena`.
        #[doc(alias = "client.id")]
        client_id(id: impl Into<String>) => settings.client_id = Some(id.into());

        /// How long a broker may take for one answer. After it, the connection counts as broken. Default: 30 s.
        #[doc(alias = "request.timeout.ms")]
        request_timeout(timeout: Duration) => settings.request_timeout = timeout;

        /// How long [`connect`](Self::connect) tries before it gives up. Default: 30 s.
        bootstrap_timeout(timeout: Duration) => settings.bootstrap_timeout = timeout;

        /// How long a call to [`Admin`](crate::Admin) may take, attempts and pauses included. Default: 60 s.
        #[doc(alias = "default.api.timeout.ms")]
        api_timeout(timeout: Duration) => settings.api_timeout = timeout;

        /// Age at which metadata is renewed although nothing happened. Default: 5 minutes.
        #[doc(alias = "metadata.max.age.ms")]
        metadata_max_age(age: Duration) => settings.metadata_max_age = age;

        /// How long a topic is remembered that nobody uses; at least 5 s. Default: 5 minutes.
        #[doc(alias = "metadata.max.idle.ms")]
        metadata_max_idle(idle: Duration) => settings.metadata_max_idle = idle;

        /// How long no metadata may come before the bootstrap addresses are used again (KIP-899). Default: 5 minutes.
        #[doc(alias = "metadata.recovery.rebootstrap.trigger.ms")]
        rebootstrap_trigger(after: Duration) => settings.rebootstrap_trigger = after;

        /// Wait before the first retry; doubled each time up to [`retry_backoff_max`](Self::retry_backoff_max), jittered
        /// by 20 % (KIP-580). Set alone, it does not grow. Default: 100 ms.
        #[doc(alias = "retry.backoff.ms")]
        retry_backoff(backoff: Duration) => settings.retry_backoff = backoff;

        /// The longest wait between retries. Default: 1 s.
        #[doc(alias = "retry.backoff.max.ms")]
        retry_backoff_max(max: Duration) => settings.retry_backoff_max = Some(max);

        /// Wait before a lost connection is made anew; grows as [`retry_backoff`](Self::retry_backoff) does. Default: 50 ms.
        #[doc(alias = "reconnect.backoff.ms")]
        reconnect_backoff(backoff: Duration) => settings.reconnect_backoff = backoff;

        /// The longest wait before a connection is made anew. Default: 1 s.
        #[doc(alias = "reconnect.backoff.max.ms")]
        reconnect_backoff_max(max: Duration) => settings.reconnect_backoff_max = Some(max);

        /// How long connecting to one address may take; doubled with each failure. Default: 10 s.
        #[doc(alias = "socket.connection.setup.timeout.ms")]
        connection_setup_timeout(timeout: Duration) => settings.setup_timeout = timeout;

        /// The longest that connecting to one address may take. Default: 30 s.
        #[doc(alias = "socket.connection.setup.timeout.max.ms")]
        connection_setup_timeout_max(max: Duration) => settings.setup_timeout_max = Some(max);

        /// After this time without use a connection is closed. Default: 9 minutes.
        #[doc(alias = "connections.max.idle.ms")]
        connections_max_idle(idle: Duration) => settings.connections_max_idle = idle;

        /// The largest answer accepted from a broker, in bytes. Default: 128 MiB.
        max_response_size(bytes: usize) => settings.max_response_size = bytes;

        /// Makes streams in another way than by TCP.
        connector(connector: impl Connector) => connector = Arc::new(connector);
    }

    /// Checks the settings, and asks the bootstrap addresses until one answers for its cluster.
    ///
    /// # Errors
    ///
    /// At once when a setting cannot be, when there is no Tokio runtime, or when every address leads to something other
    /// than Kafka; otherwise after the [bootstrap timeout](Self::bootstrap_timeout), with what happened at each address.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        self.connect_with(None).await
    }

    /// As [`connect`](Self::connect). The client keeps the thread that its tasks are on, if that is its own.
    pub(crate) async fn connect_with(
        self,
        thread: Option<OwnThread>,
    ) -> Result<Client, ConnectError> {
        let config = self.settings.check()?;
        let runtime = Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let clock = Clock::start();
        let dialer = Dialer {
            connector: self.connector,
            identity: Arc::new(Identity {
                client_id: Some(Str::from(config.client_id.as_str())),
                software_name: Str::from_static("milena"),
                software_version: Str::from_static(env!("CARGO_PKG_VERSION")),
            }),
            clock,
            max_frame: config.max_response_size,
            setup_timeout: config.setup.base,
            features: Arc::default(),
        };
        let mut metadata = Metadata::new(config.metadata.clone(), Rng::new(fastrand::u64(..)));
        first_contact(&config, &dialer, &mut metadata).await?;
        info!(
            brokers = metadata.cluster().brokers.len(),
            "connected to the cluster"
        );

        let cluster = Arc::new(ArcSwap::new(metadata.cluster().clone()));
        let (control, inbox) = Control::channel(cluster.clone());
        let lanes = LaneSettings {
            dialer,
            request_timeout: config.request_timeout,
            reconnect: config.reconnect,
            setup: config.setup,
            max_idle: config.connections_max_idle,
        };
        let pool = Pool::new(lanes, runtime.clone(), cluster.clone(), control.refresher());
        let pool = Arc::new(pool);
        let addresses = config.bootstrap.clone();
        let task = ControlTask::new(metadata, pool.clone(), addresses, cluster, inbox);
        runtime.spawn(at_home(task.run()));
        Ok(Client {
            shared: Arc::new(Shared {
                home: Home::here(),
                config,
                clock,
                runtime,
                control,
                pool,
                thread,
            }),
        })
    }
}

/// Goes round the addresses until one tells of the cluster.
async fn first_contact(
    config: &Config,
    dialer: &Dialer,
    metadata: &mut Metadata,
) -> Result<(), ConnectError> {
    let clock = dialer.clock;
    let deadline = clock.now() + config.bootstrap_timeout;
    let mut rng = Rng::new(fastrand::u64(..));
    let mut last: Vec<BrokerError> = Vec::new();
    for round in 0.. {
        let now = clock.now();
        let Some(request) = metadata.poll_request(now) else {
            let due = metadata.poll_timeout().unwrap_or(now);
            tokio::time::sleep_until(clock.at(due.min(deadline))).await;
            if clock.now() >= deadline {
                break;
            }
            continue;
        };
        let until = deadline.min(now + config.request_timeout);
        let first = usize::try_from(rng.below(config.bootstrap.len() as u64)).unwrap_or(0);
        let failures = match bootstrap::ask(dialer, &config.bootstrap, first, &request, until).await
        {
            Ok((peer, response)) => match metadata.handle_response(&response, clock.now()) {
                Ok(_) => return Ok(()),
                Err(error) => {
                    let kind = BrokerErrorKind::NotServing;
                    vec![BrokerError::new(&peer, kind, error.to_string())]
                }
            },
            Err(failures) => {
                metadata.handle_failure(clock.now());
                failures
            }
        };
        let hopeless = !failures.is_empty() && failures.iter().all(|e| !e.is_retriable());
        keep_latest(&mut last, failures);
        if hopeless || clock.now() >= deadline {
            break;
        }
        warn!(
            round,
            error = crate::error::list(&last),
            "no broker answers, retrying"
        );
    }
    let waited = clock.now().since(deadline - config.bootstrap_timeout);
    Err(ConnectError::Unreachable {
        waited,
        attempts: last,
    })
}

/// Keeps the last error of each address, in the order in which the addresses first failed.
fn keep_latest(known: &mut Vec<BrokerError>, new: Vec<BrokerError>) {
    for error in new {
        let same = |e: &&mut BrokerError| e.host() == error.host() && e.port() == error.port();
        match known.iter_mut().find(same) {
            Some(slot) => *slot = error,
            None => known.push(error),
        }
    }
}
