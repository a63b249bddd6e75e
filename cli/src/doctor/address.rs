//! One address: whether its name resolves, whether anybody listens there, and what speaks.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use milena_protocol::{
    Message, Request, Str, VersionRange,
    api_versions::{ApiVersionsRequest, ApiVersionsResponse},
    end_txn::EndTxnRequest,
    fetch::FetchRequest,
    find_coordinator::FindCoordinatorRequest,
    init_producer_id::InitProducerIdRequest,
    list_offsets::ListOffsetsRequest,
    metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
    produce::ProduceRequest,
    sasl_handshake::SaslHandshakeRequest,
};
use tokio::{net::lookup_host, time::timeout};

use super::{
    report::Finding,
    wire::{Trouble, Wire, speaks_tls},
};

/// The number of an API that only controllers have.
const VOTE: i16 = 52;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    /// `host:port`, with brackets around an IPv6 address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("PLAINTEXT://").unwrap_or(text);
        let (host, port) = text.rsplit_once(':')?;
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_one = !host.is_empty() && (bare.is_some() || !host.contains(':'));
        let port = port.parse().ok().filter(|port| *port > 0)?;
        is_one.then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A broker that answers, and how it sees its cluster.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) wire: Wire,
    pub(super) versions: ApiVersionsResponse,
    pub(super) metadata: MetadataResponse,
}

impl Seen {
    /// The highest version that both sides have.
    pub(super) fn version<R: Request>(&self) -> Option<i16> {
        common::<R>(&self.versions).ok()
    }
}

/// What was found at an address.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) findings: Vec<Finding>,
    /// The first of its brokers that answers, if any does.
    pub(super) seen: Option<Seen>,
}

/// Looks at each of the addresses that the name stands for, and asks about topics on the way.
pub(super) async fn examine(address: &Address, topics: &[String], patience: Duration) -> Examined {
    let mut examined = Examined::default();
    let sockets = match resolve(address, patience).await {
        Ok(sockets) => sockets,
        Err(finding) => {
            examined.findings.push(finding);
            return examined;
        }
    };
    if address.host.parse::<IpAddr>().is_err() {
        let ips = sockets.iter().map(|socket| socket.ip().to_string());
        let ips = ips.collect::<Vec<_>>().join(", ");
        let text = format!("{} is {ips}", address.host);
        examined.findings.push(Finding::fine("resolves", text));
    }
    for socket in sockets {
        match meet(socket, topics, patience).await {
            Ok((seen, told)) => {
                examined.findings.push(told);
                examined.seen.get_or_insert(seen);
            }
            Err(finding) => examined.findings.push(finding),
        }
    }
    if examined.seen.is_some() {
        // A client tries one address after the other.
        let findings = std::mem::take(&mut examined.findings).into_iter();
        let milder = |finding: Finding| match finding.code {
            "versions" => finding,
            _ => finding.mild(),
        };
        examined.findings = findings.map(milder).collect();
    }
    examined
}

async fn resolve(address: &Address, patience: Duration) -> Result<Vec<SocketAddr>, Finding> {
    let looking = lookup_host((address.host.as_str(), address.port));
    let why = match timeout(patience, looking).await {
        Ok(Ok(found)) => {
            let mut sockets: Vec<SocketAddr> = Vec::new();
            for socket in found {
                if !sockets.contains(&socket) {
                    sockets.push(socket);
                }
            }
            if !sockets.is_empty() {
                return Ok(sockets);
            }
            "it has no address".to_owned()
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the resolver says nothing for {patience:?}"),
    };
    Err(Finding::problem(
        "does-not-resolve",
        format!("the name {:?} does not resolve: {why}", address.host),
        match address.host.contains('.') {
            true => "check the name, and the DNS of this machine",
            false => {
                "a name without dots is often known in one place only, such as a Docker network or a Kubernetes namespace"
            }
        },
    ))
}

/// Connects, and asks for versions and for the cluster.
async fn meet(
    socket: SocketAddr,
    topics: &[String],
    patience: Duration,
) -> Result<(Seen, Finding), Finding> {
    let connected = Wire::connect(socket, patience).await;
    let mut wire = connected.map_err(|error| no_connection(socket, &error, patience))?;
    // Every broker knows version 0, and so there is nothing to be agreed on first.
    let versions = match wire.ask(&ApiVersionsRequest::default(), 0).await {
        Ok(versions) if !versions.error_code.is_err() => versions,
        Ok(versions) => {
            let text = format!(
                "{socket} refuses to tell its versions: {}",
                versions.error_code
            );
            return Err(Finding::problem(
                "refuses",
                text,
                "look into the broker's log",
            ));
        }
        Err(trouble) => return Err(no_broker(socket, trouble, patience).await),
    };
    let told = versions_told(socket, &versions);
    let Ok(version) = common::<MetadataRequest>(&versions) else {
        return Err(told);
    };
    let named = |name: &String| MetadataRequestTopic {
        name: Some(Str::from(name.as_str())),
        ..MetadataRequestTopic::default()
    };
    let request = MetadataRequest {
        topics: Some(topics.iter().map(named).collect()),
        // Looking must not create anything; old brokers cannot be told so.
        allow_auto_topic_creation: version < 4,
        ..MetadataRequest::default()
    };
    let metadata = match wire.ask(&request, version).await {
        Ok(metadata) => metadata,
        Err(Trouble::Closed) => return Err(no_metadata(socket, patience).await),
        Err(trouble) => return Err(no_broker(socket, trouble, patience).await),
    };
    let seen = Seen {
        wire,
        versions,
        metadata,
    };
    Ok((seen, told))
}

fn no_connection(socket: SocketAddr, error: &io::Error, patience: Duration) -> Finding {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    match error.kind() {
        ConnectionRefused => Finding::problem(
            "refused",
            format!("{socket} refuses the connection: nothing listens there"),
            "see that the broker runs, and that this is the port of one of its `listeners`",
        ),
        TimedOut => Finding::problem(
            "no-connection",
            format!("{socket} does not answer to connecting within {patience:?}"),
            "the address is wrong, the machine is down, or a firewall drops what is sent there",
        ),
        HostUnreachable | NetworkUnreachable => Finding::problem(
            "unreachable",
            format!("{socket} cannot be reached: {error}"),
            "there is no route from here: check the network, the VPN, and whether the address is a private one of another network",
        ),
        _ => Finding::problem(
            "no-connection",
            format!("{socket} cannot be connected to: {error}"),
            "check the address and the network",
        ),
    }
}

/// Somebody listens, and does not answer as a broker does.
async fn no_broker(socket: SocketAddr, trouble: Trouble, patience: Duration) -> Finding {
    let trouble = match trouble {
        // Some hang up on what is not TLS, without a word, and others wait for more.
        Trouble::Closed | Trouble::Silent if speaks_tls(socket, patience).await => Trouble::Tls,
        trouble => trouble,
    };
    match trouble {
        Trouble::Tls => Finding::problem(
            "tls",
            format!("{socket} speaks TLS, and was spoken to in plain text"),
            "this is an SSL listener; use the port of a PLAINTEXT listener, for TLS is not available here",
        ),
        Trouble::Http => Finding::problem(
            "http",
            format!("{socket} speaks HTTP, and not Kafka"),
            "it may be the port of a proxy, a console, or Kafka Connect; a broker's is most often 9092",
        ),
        Trouble::NotKafka(what) => Finding::problem(
            "not-kafka",
            format!("{socket} does not answer as a Kafka broker does: {what}"),
            "see what listens there; a broker's port is most often 9092, a controller's 9093",
        ),
        Trouble::Closed => Finding::problem(
            "closed",
            format!("{socket} takes the connection, and closes it without an answer"),
            "it may be a proxy or a load balancer with no broker behind it, or a broker from before 0.10",
        ),
        Trouble::Silent => Finding::problem(
            "silent",
            format!("{socket} takes the connection, and says nothing for {patience:?}"),
            "the broker hangs, or something else listens there; look into the broker's log",
        ),
    }
}

/// A broker that tells its versions and nothing more: it may want to know first who is asking.
async fn no_metadata(socket: SocketAddr, patience: Duration) -> Finding {
    if let Ok(mut wire) = Wire::connect(socket, patience).await
        && let Ok(answer) = wire.ask(&SaslHandshakeRequest::default(), 1).await
        && !answer.mechanisms.is_empty()
    {
        let mechanisms = answer.mechanisms.iter();
        let mechanisms: Vec<_> = mechanisms.map(|it| it.escape_debug().to_string()).collect();
        return Finding::problem(
            "sasl",
            format!(
                "{socket} wants clients to authenticate with SASL ({})",
                mechanisms.join(", ")
            ),
            "this is a SASL listener; use the port of a PLAINTEXT listener, for SASL is not available here",
        );
    }
    Finding::problem(
        "closed",
        format!(
            "{socket} tells its versions, and closes the connection when asked for its cluster"
        ),
        "the broker may want clients to authenticate; look into its log",
    )
}

fn versions_told(socket: SocketAddr, versions: &ApiVersionsResponse) -> Finding {
    let offers = |key| versions.api_keys.iter().any(|api| api.api_key == key);
    if offers(VOTE) && !offers(MetadataRequest::API.0) {
        return Finding::problem(
            "controller",
            format!("{socket} is a controller, which knows no clients"),
            "use the port of a broker's listener; it is most often 9092",
        );
    }
    let mut wanting = Vec::new();
    wanting.extend(lack::<MetadataRequest>(
        "Metadata, to find the cluster",
        versions,
    ));
    wanting.extend(lack::<ProduceRequest>("Produce, to send records", versions));
    wanting.extend(lack::<InitProducerIdRequest>(
        "InitProducerId, for idempotence",
        versions,
    ));
    let needed = wanting.len();
    wanting.extend(lack::<FindCoordinatorRequest>(
        "FindCoordinator, for transactions",
        versions,
    ));
    wanting.extend(lack::<EndTxnRequest>("EndTxn, for transactions", versions));
    wanting.extend(lack::<FetchRequest>("Fetch, to read", versions));
    wanting.extend(lack::<ListOffsetsRequest>("ListOffsets, to read", versions));
    if wanting.is_empty() {
        let produce = common::<ProduceRequest>(versions).unwrap_or_default();
        let metadata = common::<MetadataRequest>(versions).unwrap_or_default();
        let text =
            format!("{socket} speaks Kafka: Produce in version {produce}, Metadata in {metadata}");
        return Finding::fine("speaks-kafka", text);
    }
    let finding = Finding::problem(
        "versions",
        format!(
            "{socket} and this client have no common version of {}",
            wanting.join("; ")
        ),
        "the broker is too old or too new for this client, or something between filters its requests",
    );
    match needed {
        0 => finding.mild(),
        _ => finding,
    }
}

fn lack<R: Request>(what: &str, versions: &ApiVersionsResponse) -> Option<String> {
    let ours = VersionRange {
        max: R::LATEST_STABLE,
        ..R::VERSIONS
    };
    let (low, high) = (ours.min, ours.max);
    match common::<R>(versions).err()? {
        None => Some(format!("{what} (not offered)")),
        Some((min, max)) => Some(format!("{what} ({min} to {max}, here {low} to {high})")),
    }
}

/// The highest version that both sides have, or the range of the other side.
fn common<R: Request>(versions: &ApiVersionsResponse) -> Result<i16, Option<(i16, i16)>> {
    let offered = versions.api_keys.iter().find(|it| it.api_key == R::API.0);
    let offered = offered.ok_or(None)?;
    let version = offered.max_version.min(R::LATEST_STABLE);
    if version < R::VERSIONS.min || version < offered.min_version {
        return Err(Some((offered.min_version, offered.max_version)));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let parsed = |text: &str| Address::parse(text).map(|it| it.to_string());
        for good in ["kafka:9092", "10.0.0.1:1", "[::1]:9092"] {
            assert_eq!(parsed(good).as_deref(), Some(good));
        }
        assert_eq!(parsed("PLAINTEXT://a:1").as_deref(), Some("a:1"));
        for bad in [
            "kafka",
            ":9092",
            "kafka:",
            "kafka:0",
            "kafka:70000",
            "::1:9092",
            "SSL://a:1",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
