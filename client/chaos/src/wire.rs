//! Questions to a broker that the client does not ask, over a plain socket.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use milena_protocol::{
    Message, Request, Uuid,
    alter_partition_reassignments::{
        AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
    },
    decode_response_header,
    elect_leaders::ElectLeadersRequest,
    encode_request,
    metadata::{MetadataRequest, MetadataResponse, MetadataResponsePartition},
};

/// A broker that is well answers within this; one that is not is asked again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// More than any answer to these questions has.
const LONGEST: usize = 16 << 20;

/// Everything that a broker knows about brokers and topics.
pub(crate) fn metadata(port: u16) -> Result<MetadataResponse> {
    let everything = MetadataRequest {
        topics: None,
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    ask(port, 10, &everything)
}

/// Whether all replicas of all partitions are in sync, the preferred ones lead or not.
pub(crate) fn is_in_sync(metadata: &MetadataResponse) -> bool {
    let mut partitions = metadata.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.all(|partition| {
        let set = |nodes: &[i32]| nodes.iter().copied().collect::<BTreeSet<_>>();
        partition.leader_id >= 0 && set(&partition.isr_nodes) == set(&partition.replica_nodes)
    })
}

/// The id of a topic, once all its partitions have leaders.
pub(crate) fn topic_id(metadata: &MetadataResponse, topic: &str) -> Option<Uuid> {
    let mut topics = metadata.topics.iter();
    let found = topics.find(|found| found.name.as_deref() == Some(topic))?;
    let mut partitions = found.partitions.iter();
    let led = !found.partitions.is_empty() && partitions.all(|partition| partition.leader_id >= 0);
    (led && !found.error_code.is_err()).then_some(found.topic_id)
}

/// Has every partition of those topics prefer the replica that is `by` places further on, and lead by it.
pub(crate) fn move_leaders(port: u16, topics: &[String], by: usize) -> Result<()> {
    let known = metadata(port)?;
    let ours = known.topics.iter().filter_map(|topic| {
        let name = topic
            .name
            .as_ref()
            .filter(|name| topics.iter().any(|ours| ***name == **ours))?;
        let partition = |partition: &MetadataResponsePartition| {
            let mut replicas = partition.replica_nodes.clone();
            let places = by % replicas.len().max(1);
            replicas.rotate_left(places);
            ReassignablePartition {
                partition_index: partition.partition_index,
                replicas: Some(replicas),
                ..Default::default()
            }
        };
        Some(ReassignableTopic {
            name: name.clone(),
            partitions: topic.partitions.iter().map(partition).collect(),
            ..Default::default()
        })
    });
    let request = AlterPartitionReassignmentsRequest {
        topics: ours.collect(),
        timeout_ms: 5_000,
        ..Default::default()
    };
    let answer = ask(port, 0, &request)?;
    ensure!(
        !answer.error_code.is_err(),
        "reassigning partitions: {:?}",
        answer.error_code
    );
    let request = ElectLeadersRequest {
        election_type: 0,
        topic_partitions: None,
        timeout_ms: 5_000,
        ..Default::default()
    };
    let answer = ask(port, 2, &request)?;
    ensure!(
        !answer.error_code.is_err(),
        "electing leaders: {:?}",
        answer.error_code
    );
    Ok(())
}

/// One request and its answer.
fn ask<R: Request>(port: u16, version: i16, request: &R) -> Result<R::Response> {
    let mut stream =
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(&encode_request(1, None, version, request)?.into_bytes())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    ensure!(length <= LONGEST, "an answer of {length} bytes");
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    let (_, body) = decode_response_header(&Bytes::from(frame), R::API, version)?;
    Ok(R::Response::decode(&body, version)?)
}
