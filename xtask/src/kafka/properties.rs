//! The settings of a node, as `server.properties`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::cluster::Spec;

/// Reads `key=value` from the command line.
pub(crate) fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() && !text.contains(['\n', '\r']) => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// The settings of the node at that place (node 1 is at 0). `ports` are those of the whole cluster: client
/// and controller port of each node.
pub(crate) fn server(
    ports: &[(u16, u16)],
    place: usize,
    data: &Path,
    spec: &Spec,
) -> BTreeMap<String, String> {
    let (client, controller) = ports.get(place).copied().unwrap_or_default();
    let voters: Vec<String> = ports
        .iter()
        .zip(1..)
        .map(|((_, port), id)| format!("{id}@127.0.0.1:{port}"))
        .collect();
    let replicas = ports.len().min(3);
    // With three copies, two must be there: one node may fail and nothing acknowledged is lost.
    let in_sync = if replicas == 3 { 2 } else { 1 };
    let replicas = replicas.to_string();
    let in_sync = in_sync.to_string();

    let mut settings = BTreeMap::new();
    let mut set = |key: &str, value: &str| {
        settings.insert(key.to_owned(), value.to_owned());
    };
    set("process.roles", "broker,controller");
    set("node.id", &(place + 1).to_string());
    set("controller.quorum.voters", &voters.join(","));
    set(
        "listeners",
        &format!("PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}"),
    );
    // The controller's listener must not be advertised before 3.9, and need not be after.
    set(
        "advertised.listeners",
        &format!("PLAINTEXT://127.0.0.1:{client}"),
    );
    set("controller.listener.names", "CONTROLLER");
    set("inter.broker.listener.name", "PLAINTEXT");
    set(
        "listener.security.protocol.map",
        "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    );
    set("log.dirs", &data.display().to_string());

    set("auto.create.topics.enable", "true");
    set("default.replication.factor", &replicas);
    set("min.insync.replicas", &in_sync);
    for topic in [
        "offsets.topic",
        "transaction.state.log",
        "share.coordinator.state.topic",
    ] {
        set(&format!("{topic}.replication.factor"), &replicas);
        set(&format!("{topic}.num.partitions"), "2");
    }
    set("transaction.state.log.min.isr", &in_sync);
    set("share.coordinator.state.topic.min.isr", &in_sync);
    set("group.initial.rebalance.delay.ms", "0");

    // Small, for several nodes beside a test run.
    set("num.network.threads", "2");
    set("num.io.threads", "4");
    set("num.recovery.threads.per.data.dir", "1");
    set("background.threads", "2");
    set("log.cleaner.dedupe.buffer.size", "4194304");
    set("log.index.size.max.bytes", "1048576");
    set("metadata.max.idle.interval.ms", "5000");

    for (key, value) in &spec.settings {
        settings.insert(key.clone(), value.clone());
    }
    settings
}

/// As a Java properties file.
pub(crate) fn render(settings: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (key, value) in settings {
        let _ = writeln!(text, "{key}={}", value.replace('\\', "\\\\"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Spec, parse_setting, render, server};
    use crate::kafka::Up;

    const PORTS: [(u16, u16); 3] = [(20001, 20002), (20003, 20004), (20005, 20006)];

    fn settings(nodes: u16, place: usize, set: &[(&str, &str)]) -> String {
        let set: Vec<_> = set
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let ask = Up {
            nodes,
            version: "4.3.1".to_owned(),
            name: "test".to_owned(),
            settings: set,
            features: Vec::new(),
        };
        let spec = Spec::new(&ask).unwrap();
        render(&server(
            &PORTS[..usize::from(nodes)],
            place,
            Path::new("/data"),
            &spec,
        ))
    }

    #[test]
    fn one_node_votes_for_itself_and_keeps_one_copy() {
        let text = settings(1, 0, &[]);
        for line in [
            "node.id=1",
            "controller.quorum.voters=1@127.0.0.1:20002",
            "listeners=PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002",
            "advertised.listeners=PLAINTEXT://127.0.0.1:20001",
            "offsets.topic.replication.factor=1",
            "min.insync.replicas=1",
            "log.dirs=/data",
        ] {
            assert!(
                text.lines().any(|other| other == line),
                "{line} not in:\n{text}"
            );
        }
    }

    #[test]
    fn three_nodes_know_each_other_and_keep_three_copies() {
        let text = settings(3, 2, &[]);
        for line in [
            "node.id=3",
            "controller.quorum.voters=1@127.0.0.1:20002,2@127.0.0.1:20004,3@127.0.0.1:20006",
            "listeners=PLAINTEXT://127.0.0.1:20005,CONTROLLER://127.0.0.1:20006",
            "default.replication.factor=3",
            "transaction.state.log.min.isr=2",
            "min.insync.replicas=2",
        ] {
            assert!(
                text.lines().any(|other| other == line),
                "{line} not in:\n{text}"
            );
        }
    }

    #[test]
    fn what_was_set_by_hand_wins() {
        let text = settings(
            1,
            0,
            &[("auto.create.topics.enable", "false"), ("x.y", "a=b")],
        );
        assert!(text.contains("auto.create.topics.enable=false\n"), "{text}");
        assert!(text.contains("x.y=a=b\n"), "{text}");
        assert_eq!(text.matches("auto.create.topics.enable").count(), 1);
    }

    #[test]
    fn backslashes_are_escaped_as_java_reads_them() {
        let settings = [("log.dirs".to_owned(), r"C:\data".to_owned())].into();
        assert_eq!(render(&settings), "log.dirs=C:\\\\data\n");
    }

    #[test]
    fn settings_from_the_command_line() {
        assert_eq!(
            parse_setting("a.b = c=d").unwrap(),
            ("a.b".to_owned(), "c=d".to_owned())
        );
        for text in ["", "a.b", "=c", "a=b\nc=d"] {
            assert!(parse_setting(text).is_err(), "{text:?}");
        }
    }
}
