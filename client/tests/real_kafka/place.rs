//! The clusters that were started for these tests.

use std::{
    env, fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use milena::{Client, NewTopic};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A cluster, and what is special about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One node of the current release, where topics are created by use.
    Single,
    /// Three nodes of the current release, where topics are not created by use.
    Cluster,
    /// One node of an old release, where topics are created by use.
    Old,
}

/// Held by every test on the three nodes: to read, or to write by the ones that take nodes away.
static NODES: RwLock<()> = RwLock::const_new(());

impl Place {
    /// Where it answers.
    pub(crate) fn bootstrap(self) -> String {
        let variable = match self {
            Self::Single => "MILENA_KAFKA_SINGLE",
            Self::Cluster => "MILENA_KAFKA_CLUSTER",
            Self::Old => "MILENA_KAFKA_OLD",
        };
        variable_or_hint(variable)
    }

    /// How many copies its topics have.
    pub(crate) const fn replicas(self) -> i16 {
        match self {
            Self::Cluster => 3,
            Self::Single | Self::Old => 1,
        }
    }

    /// A client of it, with defaults.
    pub(crate) async fn client(self) -> Client {
        Client::builder(self.bootstrap()).connect().await.unwrap()
    }

    /// A topic's name that no other test has, nor an earlier run.
    pub(crate) fn name(self, what: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{what}-{}-{count}", now.as_millis())
    }

    /// A topic that is there, and keeps records however old they say they are.
    pub(crate) async fn topic(self, client: &Client, what: &str, partitions: i32) -> String {
        self.topic_with(client, what, partitions, &[]).await
    }

    /// A topic with settings.
    pub(crate) async fn topic_with(
        self,
        client: &Client,
        what: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> String {
        let name = self.name(what);
        let mut topic =
            NewTopic::new(&name, partitions, self.replicas()).config("retention.ms", "-1");
        for (key, value) in settings {
            topic = topic.config(*key, *value);
        }
        client.admin().create_topic(topic).await.unwrap();
        name
    }

    /// Keeps the nodes as they are while it is held.
    pub(crate) async fn calm(self) -> Option<RwLockReadGuard<'static, ()>> {
        match self {
            Self::Cluster => Some(NODES.read().await),
            Self::Single | Self::Old => None,
        }
    }

    /// Keeps other tests away while it is held.
    pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
        NODES.write().await
    }

    /// The folder in which its nodes have theirs: `node-1` and so on.
    pub(crate) fn folder(self) -> PathBuf {
        let (clusters, bootstrap) = (variable_or_hint("MILENA_KAFKA_DIR"), self.bootstrap());
        let is_it = |folder: &PathBuf| {
            fs::read_to_string(folder.join("bootstrap")).is_ok_and(|text| text.trim() == bootstrap)
        };
        let mut folders = fs::read_dir(&clusters)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        folders
            .find(is_it)
            .unwrap_or_else(|| panic!("{bootstrap} has no folder in {clusters}"))
    }

    /// Its release, such as `4.3.1`.
    pub(crate) fn release(self) -> String {
        self.said_of("version=").unwrap()
    }

    /// Whether it takes part in the second protocol of transactions, as releases from 4.0 on do unless they are told not to.
    pub(crate) fn has_second_transactions(self) -> bool {
        match self.said_of("feature=transaction.version=") {
            Some(level) => level == "2",
            None => !self.release().starts_with("3."),
        }
    }

    /// What `cargo xtask test` asked for when it started the cluster.
    fn said_of(self, what: &str) -> Option<String> {
        let spec = fs::read_to_string(self.folder().join("cluster")).unwrap();
        let mut lines = spec.lines();
        lines.find_map(|line| line.strip_prefix(what).map(str::to_owned))
    }
}

/// The value of a variable that `cargo xtask test` sets.
pub(crate) fn variable_or_hint(name: &str) -> String {
    env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set; run: cargo xtask test --only real"))
}

/// Makes a test of each async function that takes a [`Place`], one per cluster.
macro_rules! everywhere {
    ($($scenario:ident)*) => {$(
        mod $scenario {
            use super::Place;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs real Kafka brokers: cargo xtask test"]
            async fn on_one_node() {
                super::$scenario(Place::Single).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs real Kafka brokers: cargo xtask test"]
            async fn on_three_nodes() {
                let _calm = Place::Cluster.calm().await;
                super::$scenario(Place::Cluster).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs real Kafka brokers: cargo xtask test"]
            async fn on_an_old_release() {
                super::$scenario(Place::Old).await;
            }
        }
    )*};
}
pub(crate) use everywhere;
