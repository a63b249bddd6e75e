//! One topic: whether it is there, and whether each of its partitions takes records.

use milena_protocol::{
    ErrorCode, Str,
    describe_configs::{DescribeConfigsRequest, DescribeConfigsResource},
    metadata::{MetadataResponsePartition, MetadataResponseTopic},
};

use super::{
    address::Seen,
    report::{Finding, Report},
};

/// The number of topics among the kinds of things that have settings.
const TOPIC: i8 = 2;
const MIN_INSYNC: &str = "min.insync.replicas";

pub(super) async fn look(name: &str, seen: &mut Seen, report: &mut Report) {
    let place = format!("topic {name}");
    let mut topics = seen.metadata.topics.iter();
    let Some(topic) = topics
        .find(|topic| topic.name.as_deref() == Some(name))
        .cloned()
    else {
        let text = "the broker leaves it out of its answer";
        return report.add(
            &place,
            Finding::problem("topic", text, "look into the broker's log"),
        );
    };
    if topic.error_code.is_err() {
        return report.add(&place, missing(topic.error_code));
    }
    let min_insync = match min_insync(name, seen).await {
        Ok(min) => min,
        Err(why) => {
            let text = format!("{MIN_INSYNC} is not known: {why}");
            report.add(&place, Finding::fine("min-insync", text));
            None
        }
    };
    let mut all_well = true;
    for partition in &topic.partitions {
        if let Some(finding) = partition_trouble(partition, min_insync) {
            all_well = false;
            report.add(&place, finding);
        }
    }
    if all_well {
        report.add(&place, well(&topic, min_insync));
    }
}

fn well(topic: &MetadataResponseTopic, min_insync: Option<usize>) -> Finding {
    let count = topic.partitions.len();
    let replicas = topic
        .partitions
        .first()
        .map_or(0, |it| it.replica_nodes.len());
    let least = min_insync.map_or(String::new(), |min| {
        format!(", of which {min} must be in sync")
    });
    let text =
        format!("{count} partitions with a leader each, and {replicas} replicas in sync{least}");
    Finding::fine("topic", text)
}

fn missing(code: ErrorCode) -> Finding {
    match code {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => Finding::problem(
            "topic-unknown",
            "there is no such topic",
            "create it (milena topics create), or check its name; without the right to see it, the answer is the same",
        ),
        ErrorCode::TOPIC_AUTHORIZATION_FAILED => Finding::problem(
            "topic-unauthorized",
            "this client may not see it",
            "allow its principal to describe and write the topic (kafka-acls)",
        ),
        ErrorCode::INVALID_TOPIC_EXCEPTION => Finding::problem(
            "topic-invalid",
            "no topic can have this name",
            "names have letters, digits, `.`, `_` and `-`, and at most 249 of them",
        ),
        code => Finding::problem(
            "topic",
            format!("the broker does not tell of it: {code}"),
            "look into the broker's log",
        ),
    }
}

fn partition_trouble(
    partition: &MetadataResponsePartition,
    min_insync: Option<usize>,
) -> Option<Finding> {
    let index = partition.partition_index;
    let (replicas, isr) = (partition.replica_nodes.len(), partition.isr_nodes.len());
    if partition.leader_id < 0 {
        let text = format!(
            "partition {index} has no leader ({}): it takes no records",
            partition.error_code
        );
        let hint = format!(
            "start one of its brokers: {:?}, in sync were {:?}",
            partition.replica_nodes, partition.isr_nodes
        );
        return Some(Finding::problem("no-leader", text, hint));
    }
    let lacking = format!(
        "{isr} of its {replicas} replicas are in sync: {:?} of {:?}",
        partition.isr_nodes, partition.replica_nodes
    );
    let hint = "see whether the other brokers run, and reach the leader";
    if let Some(min) = min_insync.filter(|min| isr < *min) {
        let text = format!(
            "partition {index} takes no records with acks=all, for {MIN_INSYNC} is {min} and {lacking}"
        );
        return Some(Finding::problem("under-min-insync", text, hint));
    }
    (isr < replicas).then(|| {
        let text = format!("partition {index}: {lacking}");
        Finding::problem("under-replicated", text, hint).mild()
    })
}

/// How many replicas have to be in sync, if the broker tells.
async fn min_insync(name: &str, seen: &mut Seen) -> Result<Option<usize>, String> {
    let version = seen.version::<DescribeConfigsRequest>();
    let version = version.ok_or("the broker does not tell settings")?;
    let request = DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: TOPIC,
            resource_name: Str::from(name),
            configuration_keys: Some(vec![Str::from_static(MIN_INSYNC)]),
            ..DescribeConfigsResource::default()
        }],
        ..DescribeConfigsRequest::default()
    };
    let answer = seen.wire.ask(&request, version).await;
    let answer = answer.map_err(|_| "the broker gives no answer")?;
    let result = answer
        .results
        .first()
        .ok_or("the broker's answer is empty")?;
    if result.error_code.is_err() {
        return Err(result.error_code.to_string());
    }
    let setting = result
        .configs
        .iter()
        .find(|setting| *setting.name == *MIN_INSYNC);
    Ok(setting.and_then(|setting| setting.value.as_deref()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_that_lag_are_weighed_against_what_must_be_in_sync() {
        let trouble = |leader_id, isr: &[i32], min| {
            let partition = MetadataResponsePartition {
                leader_id,
                replica_nodes: vec![1, 2, 3],
                isr_nodes: isr.to_vec(),
                ..MetadataResponsePartition::default()
            };
            partition_trouble(&partition, min).map(|finding| finding.code)
        };
        assert_eq!(trouble(1, &[1, 2, 3], Some(2)), None);
        assert_eq!(trouble(1, &[1, 2], Some(2)), Some("under-replicated"));
        assert_eq!(trouble(1, &[1], Some(2)), Some("under-min-insync"));
        assert_eq!(trouble(1, &[1], None), Some("under-replicated"));
        assert_eq!(trouble(-1, &[1], Some(2)), Some("no-leader"));
    }
}
