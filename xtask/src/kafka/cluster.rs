//! A cluster of Kafka nodes: what was asked for, where it lives, and whether it answers.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, io};

use anyhow::{Context, Result, bail, ensure};

use super::{Up, node, ports, probe, properties};
use crate::{maven, paths};

/// The cluster that is meant when none is named.
pub(crate) const DEFAULT_NAME: &str = "default";

/// Folders under `target/kafka` that are not clusters.
const RESERVED: [&str; 2] = ["jars", "java"];

/// The oldest release that does all of its work without ZooKeeper; 2.8 starts too, but serves no idempotent producer.
const OLDEST: (u32, u32) = (3, 0);

/// What a cluster was asked to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) nodes: u16,
    pub(crate) settings: Vec<(String, String)>,
    /// Finalized levels, other than the release's own.
    pub(crate) features: Vec<(String, String)>,
}

impl Spec {
    pub(crate) fn new(ask: &Up) -> Result<Self> {
        let Up {
            nodes,
            version,
            name,
            settings,
            features,
        } = ask.clone();
        check_name(&name)?;
        let (major, minor) = parse_version(&version)?;
        ensure!(
            (major, minor) >= OLDEST,
            "Apache Kafka {version} needs ZooKeeper; {}.{} is the oldest that does without",
            OLDEST.0,
            OLDEST.1
        );
        Ok(Self {
            name,
            version,
            nodes,
            settings,
            features,
        })
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.nodes == 1 { "" } else { "s" };
        write!(
            f,
            "Apache Kafka {}, {} node{plural}",
            self.version, self.nodes
        )?;
        for (key, value) in self.settings.iter().chain(&self.features) {
            write!(f, ", {key}={value}")?;
        }
        Ok(())
    }
}

/// Major and minor number of a release such as `4.3.1` or `4.4.0-rc2`.
pub(crate) fn parse_version(version: &str) -> Result<(u32, u32)> {
    let plain = version
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (plain, parts.next(), parts.next(), parts.next()) {
        (true, Some(Ok(major)), Some(Ok(minor)), Some(_)) => Ok((major, minor)),
        _ => bail!("`{version}` is not a release of Apache Kafka such as 4.3.1"),
    }
}

/// A name becomes a folder beside `jars`, `java` and `bootstrap`.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    ensure!(
        plain && name.starts_with(|first: char| first.is_ascii_lowercase()) && name != "bootstrap",
        "a cluster's name is lower-case letters, digits and dashes, and begins with a letter: not `{name}`"
    );
    ensure!(
        !RESERVED.contains(&name),
        "`{name}` is not free as a cluster's name"
    );
    Ok(())
}

/// The folder of a cluster.
pub(crate) fn dir(name: &str) -> PathBuf {
    paths::kafka().join(name)
}

/// Two commands about one cluster take turns.
pub(crate) fn lock(name: &str) -> Result<File> {
    maven::lock(&paths::kafka().join(format!("{name}.lock")))
}

/// Every cluster that has a folder, in order of name.
pub(crate) fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    let Ok(entries) = fs::read_dir(paths::kafka()) else {
        return Ok(names);
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && check_name(&name).is_ok() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The folders of the nodes that a cluster's folder holds, whatever state it is in.
pub(crate) fn node_dirs(name: &str) -> Result<Vec<PathBuf>> {
    let mut dirs = Vec::new();
    for entry in fs::read_dir(dir(name))? {
        let entry = entry?;
        if entry.path().is_dir() && entry.file_name().to_string_lossy().starts_with("node-") {
            dirs.push(entry.path());
        }
    }
    dirs.sort();
    Ok(dirs)
}

/// Removes a cluster's folder, and the bootstrap address of the default one.
pub(crate) fn forget(name: &str) -> Result<()> {
    for path in bootstrap_files(name) {
        remove_if_there(fs::remove_file(&path))
            .with_context(|| format!("removing {}", path.display()))?;
    }
    let dir = dir(name);
    remove_if_there(fs::remove_dir_all(&dir)).with_context(|| format!("removing {}", dir.display()))
}

fn remove_if_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn bootstrap_files(name: &str) -> Vec<PathBuf> {
    let mut files = vec![dir(name).join("bootstrap")];
    if name == DEFAULT_NAME {
        files.push(paths::kafka().join("bootstrap"));
    }
    files
}

/// A cluster that has a folder.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) spec: Spec,
    id: String,
    /// Of each node: where clients connect, and where controllers do.
    ports: Vec<(u16, u16)>,
}

impl Cluster {
    /// Chooses ports and an id, and writes the nodes' settings.
    pub(crate) fn create(spec: Spec) -> Result<Self> {
        let free = ports::choose(usize::from(spec.nodes) * 2)?;
        let ports: Vec<(u16, u16)> = free
            .chunks_exact(2)
            .filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)))
            .collect();
        let cluster = Self {
            spec,
            id: ports::random_cluster_id(),
            ports,
        };
        for (place, node) in cluster.node_dirs().iter().enumerate() {
            fs::create_dir_all(node).with_context(|| format!("creating {}", node.display()))?;
            let settings =
                properties::server(&cluster.ports, place, &node.join("data"), &cluster.spec);
            fs::write(
                node.join("server.properties"),
                properties::render(&settings),
            )?;
        }
        Ok(cluster)
    }

    /// From here on the folder is a cluster that was up once, whose nodes can be started again.
    pub(crate) fn save(&self) -> Result<()> {
        let path = dir(&self.spec.name).join("cluster");
        fs::write(&path, self.to_text()).with_context(|| format!("writing {}", path.display()))
    }

    /// The cluster of that name; `None` when it has no folder, or one that was never finished.
    pub(crate) fn load(name: &str) -> Result<Option<Self>> {
        let path = dir(name).join("cluster");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let cluster = Self::from_text(name, &text);
                Ok(Some(cluster.with_context(|| {
                    format!("{} is damaged; remove its folder", path.display())
                })?))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!("version={}\nid={}\n", self.spec.version, self.id);
        for (client, controller) in &self.ports {
            text.push_str(&format!("node={client},{controller}\n"));
        }
        for (key, value) in &self.spec.settings {
            text.push_str(&format!("set={key}={value}\n"));
        }
        for (name, level) in &self.spec.features {
            text.push_str(&format!("feature={name}={level}\n"));
        }
        text
    }

    fn from_text(name: &str, text: &str) -> Option<Self> {
        let (mut version, mut id, mut ports) = (None, None, Vec::new());
        let (mut settings, mut features) = (Vec::new(), Vec::new());
        let pair = |value: &str| {
            let (key, value) = value.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        };
        for line in text.lines() {
            match line.split_once('=')? {
                ("version", value) => version = Some(value.to_owned()),
                ("id", value) => id = Some(value.to_owned()),
                ("node", value) => {
                    let (client, controller) = value.split_once(',')?;
                    ports.push((client.parse().ok()?, controller.parse().ok()?));
                }
                ("set", value) => settings.push(pair(value)?),
                ("feature", value) => features.push(pair(value)?),
                _ => return None,
            }
        }
        let nodes = u16::try_from(ports.len()).ok().filter(|nodes| *nodes > 0)?;
        Some(Self {
            spec: Spec {
                name: name.to_owned(),
                version: version?,
                nodes,
                settings,
                features,
            },
            id: id?,
            ports,
        })
    }

    /// One folder per node, node 1 first.
    pub(crate) fn node_dirs(&self) -> Vec<PathBuf> {
        (1..=self.spec.nodes)
            .map(|id| dir(&self.spec.name).join(format!("node-{id}")))
            .collect()
    }

    /// Folder, client port and controller port of each node, node 1 first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (PathBuf, u16, u16)> {
        self.node_dirs()
            .into_iter()
            .zip(&self.ports)
            .map(|(dir, (client, controller))| (dir, *client, *controller))
    }

    /// `host:port` of every node, with commas between.
    pub(crate) fn bootstrap(&self) -> String {
        let addresses: Vec<String> = self
            .ports
            .iter()
            .map(|(client, _)| format!("127.0.0.1:{client}"))
            .collect();
        addresses.join(",")
    }

    pub(crate) fn write_bootstrap(&self) -> Result<()> {
        for path in bootstrap_files(&self.spec.name) {
            fs::write(&path, format!("{}\n", self.bootstrap()))
                .with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    pub(crate) fn any_running(&self) -> bool {
        self.node_dirs().iter().any(|dir| node::pid(dir).is_some())
    }

    /// Formats the storage of all nodes at once; each takes a JVM of its own.
    pub(crate) fn format(&self) -> Result<()> {
        let dirs = self.node_dirs();
        thread::scope(|scope| {
            let handles: Vec<_> = dirs
                .iter()
                .map(|dir| scope.spawn(move || node::format(dir, &self.spec, &self.id)))
                .collect();
            for handle in handles {
                match handle.join() {
                    Ok(outcome) => outcome?,
                    Err(_) => bail!("formatting ended in a panic"),
                }
            }
            Ok(())
        })
    }

    /// Waits until every node answers and knows every other node.
    pub(crate) fn wait_until_ready(&self, deadline: Duration) -> Result<()> {
        let started = Instant::now();
        for (dir, port, _) in self.nodes() {
            loop {
                if node::pid(&dir).is_none() {
                    bail!(
                        "{} ended while starting:\n{}",
                        dir.display(),
                        node::log_tail(&dir)
                    );
                }
                let seen = match probe::brokers(port) {
                    Ok(count) if count == usize::from(self.spec.nodes) => break,
                    Ok(count) => format!("it knows {count} of {} nodes", self.spec.nodes),
                    Err(error) => format!("{error:#}"),
                };
                if started.elapsed() > deadline {
                    let seconds = deadline.as_secs();
                    bail!(
                        "no answer on 127.0.0.1:{port} in {seconds} s ({seen}):\n{}",
                        node::log_tail(&dir)
                    );
                }
                thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(())
    }

    /// Whether a node failed because somebody else listens on its port.
    pub(crate) fn lost_a_port(&self) -> bool {
        self.node_dirs().iter().any(|dir| {
            let log = node::log_tail(dir);
            log.contains("Address already in use") || log.contains("BindException")
        })
    }

    /// A node that comes back needs the port it had.
    pub(crate) fn check_ports_free(&self, dirs: &[PathBuf]) -> Result<()> {
        for (dir, client, controller) in self.nodes().filter(|(dir, _, _)| dirs.contains(dir)) {
            for port in [client, controller] {
                TcpListener::bind(("127.0.0.1", port)).with_context(|| {
                    format!(
                        "port {port} of {} is taken; start afresh: cargo xtask kafka down --name {}",
                        dir.file_name().map(Path::new).unwrap_or(&dir).display(),
                        self.spec.name
                    )
                })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cluster, Spec, Up, check_name};

    fn ask(version: &str) -> Up {
        let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        Up {
            nodes: 3,
            version: version.to_owned(),
            name: "three".to_owned(),
            settings: pair("auto.create.topics.enable", "false"),
            features: pair("transaction.version", "0"),
        }
    }

    fn spec(version: &str) -> Spec {
        Spec::new(&ask(version)).unwrap()
    }

    #[test]
    fn a_cluster_survives_its_file() {
        let ports = vec![(20001, 20002), (20003, 20004), (20005, 20006)];
        let cluster = Cluster {
            spec: spec("4.3.1"),
            id: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            ports,
        };
        let read = Cluster::from_text("three", &cluster.to_text()).unwrap();
        assert_eq!(read.spec, cluster.spec);
        assert_eq!(read.id, cluster.id);
        assert_eq!(read.ports, cluster.ports);
        assert_eq!(
            read.bootstrap(),
            "127.0.0.1:20001,127.0.0.1:20003,127.0.0.1:20005"
        );
    }

    #[test]
    fn a_damaged_file_is_no_cluster() {
        for text in [
            "",
            "version=4.3.1\nid=x\n",
            "node=1\nversion=4.3.1\nid=x\n",
            "nonsense",
        ] {
            assert!(Cluster::from_text("three", text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn only_releases_without_zookeeper() {
        assert_eq!(spec("3.0.2").version, "3.0.2");
        for version in ["2.8.2", "4", "4.x.1", "../../4.3.1", "latest", ""] {
            assert!(Spec::new(&ask(version)).is_err(), "{version:?}");
        }
    }

    #[test]
    fn names_stay_inside_their_folder() {
        for name in ["default", "real-3", "x"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
        for name in [
            "",
            "jars",
            "java",
            "bootstrap",
            "4.3.1",
            "a/b",
            "..",
            "A",
            "-a",
            "9",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
