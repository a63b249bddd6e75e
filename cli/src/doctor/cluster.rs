//! The cluster as its brokers tell of it: one cluster, and brokers that can be reached where they say they are.

use std::{net::IpAddr, time::Duration};

use milena_protocol::metadata::{MetadataResponse, MetadataResponseBroker};

use super::{
    address::{Address, Seen, examine},
    report::{Finding, Level, Report},
};

/// What the bootstrap addresses tell, put together. Empty if none of them leads anywhere.
pub(super) fn compare(bootstrap: &[(Address, Seen)], report: &mut Report) {
    let Some((_, first)) = bootstrap.first() else {
        return;
    };
    let place = format!("cluster {}", cluster_id(&first.metadata));
    let ids = bootstrap.iter();
    let ids: Vec<_> = ids
        .map(|(address, seen)| (address, cluster_id(&seen.metadata)))
        .collect();
    if ids.iter().any(|(_, id)| *id != cluster_id(&first.metadata)) {
        let ids: Vec<_> = ids
            .iter()
            .map(|(address, id)| format!("{address} to {id}"))
            .collect();
        report.add(
            &place,
            Finding::problem(
                "clusters-differ",
                format!(
                    "the addresses lead to different clusters: {}",
                    ids.join(", ")
                ),
                "give only addresses of the cluster that is meant",
            ),
        );
    }
    let (count, controller) = (first.metadata.brokers.len(), first.metadata.controller_id);
    let brokers = match count {
        1 => "1 broker".to_owned(),
        count => format!("{count} brokers"),
    };
    report.add(
        &place,
        match (count, controller) {
            (0, _) => Finding::problem(
                "no-brokers",
                "the cluster tells of no broker",
                "the broker that was asked has not joined its cluster; look into its log",
            ),
            (_, -1) => Finding::problem(
                "no-controller",
                format!(
                    "{brokers} and no controller: leaders do not move, and no topic is created"
                ),
                "see that the controllers run, and that brokers reach them",
            )
            .mild(),
            _ => Finding::fine("cluster", format!("{brokers}, controller {controller}")),
        },
    );
}

/// What the cluster calls itself, fit to be printed.
fn cluster_id(metadata: &MetadataResponse) -> String {
    let id = metadata.cluster_id.as_deref().unwrap_or("without a name");
    id.escape_debug().to_string()
}

/// Looks at each broker where the cluster says that it is.
pub(super) async fn visit(bootstrap: &[(Address, Seen)], patience: Duration, report: &mut Report) {
    let Some((_, first)) = bootstrap.first() else {
        return;
    };
    let is_local = bootstrap
        .iter()
        .any(|(address, _)| is_this_machine(&address.host));
    for broker in &first.metadata.brokers {
        let Some(address) = advertised(broker) else {
            let place = format!("broker {}", broker.node_id);
            report.add(&place, no_address(broker));
            continue;
        };
        let place = format!("broker {} (advertised at {address})", broker.node_id);
        if bootstrap.iter().any(|(known, _)| *known == address) {
            let text = "it is one of the addresses that were given";
            report.add(&place, Finding::fine("advertised", text));
            continue;
        }
        let examined = examine(&address, &[], patience).await;
        let ways: Vec<_> = examined
            .findings
            .iter()
            .map(|finding| finding.level)
            .collect();
        for finding in examined.findings {
            report.add(&place, finding);
        }
        match examined.seen {
            Some(seen) if cluster_id(&seen.metadata) != cluster_id(&first.metadata) => {
                let other = cluster_id(&seen.metadata);
                report.add(&place, another_cluster(&other));
            }
            Some(_) => {}
            None if ways.contains(&Level::Problem) => {
                report.add(&place, unreachable(broker.node_id, &address, is_local));
            }
            None => {}
        }
    }
}

fn advertised(broker: &MetadataResponseBroker) -> Option<Address> {
    let port = u16::try_from(broker.port).ok().filter(|port| *port > 0)?;
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    let is_host = !broker.host.is_empty() && !broker.host.contains(is_odd);
    is_host.then(|| Address {
        host: broker.host.to_string(),
        port,
    })
}

fn no_address(broker: &MetadataResponseBroker) -> Finding {
    Finding::problem(
        "advertised",
        format!(
            "it advertises {:?} and port {}, which is no address",
            &*broker.host, broker.port
        ),
        "set `advertised.listeners` of this broker to where clients reach it",
    )
}

fn another_cluster(other: &str) -> Finding {
    Finding::problem(
        "another-cluster",
        format!("at this address is a broker of another cluster, {other}"),
        "what this broker advertises leads somewhere else from here: set its `advertised.listeners`, or mend the way there",
    )
}

/// Why records for its partitions will not arrive, although the cluster was found.
fn unreachable(id: i32, address: &Address, is_local: bool) -> Finding {
    let host = &address.host;
    let (why, hint) = if is_this_machine(host) && !is_local {
        (
            format!(
                "for whoever is asked to go there, {host} is the machine that it runs on, and not the broker's"
            ),
            "to a name or address of the broker's machine",
        )
    } else if host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) {
        (
            format!("{host} is where a broker listens, and nothing that one can connect to"),
            "to a name or address of the broker's machine",
        )
    } else if host.parse::<IpAddr>().is_err() && !host.contains('.') && !is_this_machine(host) {
        (
            format!("{host:?} looks like a name of containers among themselves"),
            "to an address that is known here, by a listener of its own for clients from outside",
        )
    } else {
        (
            "the broker was found, but clients are sent here for its partitions".to_owned(),
            "to where clients can reach it, or open the way there",
        )
    };
    Finding::problem(
        "advertised",
        format!("clients cannot reach broker {id}: {why}"),
        format!("set `advertised.listeners` of broker {id} {hint}"),
    )
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_advertised_is_explained() {
        for (host, is_local, why) in [
            ("localhost", false, "is the machine that it runs on"),
            ("127.0.0.1", false, "is the machine that it runs on"),
            ("localhost", true, "clients are sent here"),
            ("0.0.0.0", true, "nothing that one can connect to"),
            ("kafka-1", false, "containers among themselves"),
            ("kafka-1.example.org", false, "clients are sent here"),
            ("10.1.2.3", false, "clients are sent here"),
        ] {
            let address = Address {
                host: host.to_owned(),
                port: 9092,
            };
            let finding = unreachable(3, &address, is_local);
            assert!(finding.text.contains(why), "{host}: {}", finding.text);
            assert!(
                finding
                    .hint
                    .unwrap()
                    .contains("`advertised.listeners` of broker 3")
            );
        }
    }
}
