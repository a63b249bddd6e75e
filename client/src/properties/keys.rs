//! Every key that Kafka's producer has, and what becomes of it here.

use std::{sync::Arc, time::Duration};

use milena_codec::{Compression, CompressionType};
use milena_engine::produce::Acks;

use super::{
    draft::Draft,
    error::Refusal,
    value::{boolean, bytes, invalid, millis, number, short_millis, unavailable},
};
use crate::{config::Bootstrap, producer::RoundRobin};

/// What becomes of a key.
pub(super) enum Class {
    /// It is a setting here too.
    Applied(fn(&mut Draft, &str) -> Result<(), Refusal>),
    /// It says something about Java, or about what this client does not do in any case, and nothing is lost without it.
    Ignored(&'static str),
    /// Without it nothing would be as it is meant.
    Unavailable(&'static str),
}

use Class::{Applied, Ignored, Unavailable};

const SERIALIZER: &str =
    "is ignored: keys and values are bytes here, and serialized by the program";
const METRICS: &str = "is ignored: it is about how the Java client measures itself";
const TLS: &str = "TLS is not available, and without it the connection would be in plain text";
const SASL: &str =
    "SASL is not available, and without it the connection would be of somebody unknown";

/// Keys that begin so are alike.
pub(super) static PREFIXES: [(&str, Class); 3] = [
    ("ssl.", Unavailable(TLS)),
    ("sasl.", Unavailable(SASL)),
    (
        "config.providers.",
        Unavailable("values cannot come from elsewhere here"),
    ),
];

/// Reads a value into a field.
macro_rules! set {
    ($($field:ident).+ = |$text:ident| $value:expr) => {
        |draft, $text| {
            draft.$($field).+ = $value;
            Ok(())
        }
    };
}

/// Key, the setting that errors of the whole name instead, and what becomes of it.
pub(super) static KEYS: [(&str, &str, Class); 51] = [
    ("acks", "acks", Applied(acks)),
    (
        "batch.size",
        "batch_size",
        Applied(set!(producer.batch_size = |text| bytes(text)?)),
    ),
    (
        "bootstrap.servers",
        "bootstrap",
        Applied(set!(client.bootstrap = |text| text.addresses())),
    ),
    (
        "buffer.memory",
        "buffer_memory",
        Applied(|draft, text| {
            let bytes = number(text, 0_i64)?;
            draft.producer.buffer_memory = usize::try_from(bytes).unwrap_or(usize::MAX);
            Ok(())
        }),
    ),
    ("client.dns.lookup", "", Applied(dns_lookup)),
    (
        "client.id",
        "client_id",
        Applied(set!(
            client.client_id = |text| (!text.is_empty()).then(|| text.to_owned())
        )),
    ),
    (
        "client.rack",
        "",
        Applied(set!(rack = |text| (!text.is_empty()).then(|| text.into()))),
    ),
    (
        "compression.gzip.level",
        "",
        Applied(set!(gzip = |text| level(Compression::GZIP, text)?)),
    ),
    (
        "compression.lz4.level",
        "",
        Applied(set!(lz4 = |text| level(Compression::LZ4, text)?)),
    ),
    (
        "compression.type",
        "compression",
        Applied(|draft, text| {
            let codec = CompressionType::ALL
                .into_iter()
                .find(|it| it.name() == text);
            draft.codec =
                codec.ok_or_else(|| invalid("must be none, gzip, snappy, lz4 or zstd"))?;
            Ok(())
        }),
    ),
    (
        "compression.zstd.level",
        "",
        Applied(set!(zstd = |text| level(Compression::ZSTD, text)?)),
    ),
    (
        "config.providers",
        "",
        Applied(|_, text| no_unless_empty(text, "values cannot come from elsewhere here")),
    ),
    (
        "connections.max.idle.ms",
        "connections_max_idle",
        Applied(|draft, text| {
            // Java never closes what is idle if this is negative.
            draft.client.connections_max_idle = match number(text, i64::MIN)? {
                ..0 => Duration::MAX,
                idle => Duration::from_millis(idle.unsigned_abs()),
            };
            Ok(())
        }),
    ),
    (
        "delivery.timeout.ms",
        "delivery_timeout",
        Applied(set!(
            producer.delivery_timeout = |text| Some(short_millis(text, 0)?)
        )),
    ),
    (
        "enable.idempotence",
        "idempotence",
        Applied(set!(producer.idempotence = |text| Some(boolean(text)?))),
    ),
    (
        "enable.metrics.push",
        "",
        Ignored("is ignored: metrics are pushed to no broker"),
    ),
    (
        "interceptor.classes",
        "",
        Ignored("is ignored: interceptors are set with ProducerBuilder::interceptor here"),
    ),
    ("key.serializer", "", Ignored(SERIALIZER)),
    (
        "linger.ms",
        "linger",
        Applied(set!(producer.linger = |text| millis(text, 0)?)),
    ),
    (
        "max.block.ms",
        "max_block",
        Applied(set!(producer.max_block = |text| millis(text, 0)?)),
    ),
    (
        "max.in.flight.requests.per.connection",
        "max_in_flight",
        Applied(set!(
            producer.max_in_flight = |text| number(text, 1_i32)?.unsigned_abs() as usize
        )),
    ),
    (
        "max.request.size",
        "max_request_size",
        Applied(set!(producer.max_request_size = |text| bytes(text)?)),
    ),
    (
        "metadata.max.age.ms",
        "metadata_max_age",
        Applied(set!(client.metadata_max_age = |text| millis(text, 0)?)),
    ),
    (
        "metadata.max.idle.ms",
        "metadata_max_idle",
        Applied(set!(client.metadata_max_idle = |text| millis(text, 5000)?)),
    ),
    (
        "metadata.recovery.rebootstrap.trigger.ms",
        "",
        Applied(set!(client.rebootstrap_trigger = |text| millis(text, 0)?)),
    ),
    ("metadata.recovery.strategy", "", Applied(recovery)),
    ("metric.reporters", "", Ignored(METRICS)),
    ("metrics.num.samples", "", Ignored(METRICS)),
    ("metrics.recording.level", "", Ignored(METRICS)),
    ("metrics.sample.window.ms", "", Ignored(METRICS)),
    (
        "partitioner.adaptive.partitioning.enable",
        "",
        Applied(set!(producer.choosing.is_adaptive = |text| boolean(text)?)),
    ),
    (
        "partitioner.availability.timeout.ms",
        "",
        Applied(set!(
            producer.choosing.availability_timeout = |text| millis(text, 0)?
        )),
    ),
    ("partitioner.class", "", Applied(partitioner)),
    (
        "partitioner.ignore.keys",
        "",
        Applied(set!(producer.choosing.ignores_keys = |text| boolean(text)?)),
    ),
    (
        "partitioner.rack.aware",
        "rack",
        Applied(set!(is_rack_aware = |text| boolean(text)?)),
    ),
    (
        "receive.buffer.bytes",
        "",
        Applied(set!(receive_buffer = |text| buffer(text)?)),
    ),
    (
        "reconnect.backoff.max.ms",
        "reconnect_backoff_max",
        Applied(set!(reconnect.max = |text| Some(millis(text, 0)?))),
    ),
    (
        "reconnect.backoff.ms",
        "reconnect_backoff",
        Applied(|draft, text| {
            draft.reconnect.base = millis(text, 0)?;
            // As in Java: whoever gives the first wait alone wants all to be like it.
            draft.reconnect.max.get_or_insert(draft.reconnect.base);
            Ok(())
        }),
    ),
    (
        "request.timeout.ms",
        "request_timeout",
        Applied(set!(client.request_timeout = |text| short_millis(text, 0)?)),
    ),
    (
        "retries",
        "retries",
        Applied(set!(
            producer.retries = |text| number(text, 0_i32)?.unsigned_abs()
        )),
    ),
    (
        "retry.backoff.max.ms",
        "retry_backoff_max",
        Applied(set!(retry.max = |text| Some(millis(text, 0)?))),
    ),
    (
        "retry.backoff.ms",
        "retry_backoff",
        Applied(set!(retry.base = |text| millis(text, 0)?)),
    ),
    ("security.protocol", "", Applied(protocol)),
    (
        "security.providers",
        "",
        Ignored("is ignored: it names Java classes"),
    ),
    (
        "send.buffer.bytes",
        "",
        Applied(set!(send_buffer = |text| buffer(text)?)),
    ),
    (
        "socket.connection.setup.timeout.max.ms",
        "connection_setup_timeout_max",
        Applied(set!(setup.max = |text| Some(millis(text, 0)?))),
    ),
    (
        "socket.connection.setup.timeout.ms",
        "connection_setup_timeout",
        Applied(set!(setup.base = |text| millis(text, 0)?)),
    ),
    (
        "transaction.timeout.ms",
        "transaction_timeout",
        Applied(set!(transaction_timeout = |text| short_millis(text, 1)?)),
    ),
    (
        "transaction.two.phase.commit.enable",
        "",
        Applied(|_, text| match boolean(text)? {
            true => Err(unavailable("transactions in two phases are not available")),
            false => Ok(()),
        }),
    ),
    (
        "transactional.id",
        "transactional_id",
        Applied(|draft, text| {
            if text.is_empty() {
                return Err(invalid("must not be empty"));
            }
            draft.transactional_id = Some(text.to_owned());
            Ok(())
        }),
    ),
    ("value.serializer", "", Ignored(SERIALIZER)),
];

fn acks(draft: &mut Draft, text: &str) -> Result<(), Refusal> {
    draft.producer.acks = match text {
        "all" | "-1" => Acks::All,
        "1" => Acks::Leader,
        "0" => Acks::None,
        _ => return Err(invalid("must be all, -1, 1 or 0")),
    };
    Ok(())
}

fn level(codec: Compression, text: &str) -> Result<Compression, Refusal> {
    let level = number(text, i32::MIN)?;
    codec
        .with_level(level)
        .map_err(|error| invalid(error.to_string()))
}

fn dns_lookup(_: &mut Draft, text: &str) -> Result<(), Refusal> {
    match text {
        "use_all_dns_ips" => Ok(()),
        "resolve_canonical_bootstrap_servers_only" => {
            Err(unavailable("names are not made canonical here"))
        }
        _ => Err(invalid("must be use_all_dns_ips")),
    }
}

fn recovery(_: &mut Draft, text: &str) -> Result<(), Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "rebootstrap" => Ok(()),
        "none" => Err(unavailable("the bootstrap addresses are always used again")),
        _ => Err(invalid("must be rebootstrap")),
    }
}

fn partitioner(draft: &mut Draft, text: &str) -> Result<(), Refusal> {
    if text != "org.apache.kafka.clients.producer.RoundRobinPartitioner" {
        return Err(unavailable(
            "partitions cannot be chosen by a Java class; a choice of your own is set with ProducerBuilder::partitioner",
        ));
    }
    draft.producer.choosing.partitioner = Some(Arc::new(RoundRobin::new()));
    Ok(())
}

fn protocol(_: &mut Draft, text: &str) -> Result<(), Refusal> {
    match text.to_ascii_uppercase().as_str() {
        "PLAINTEXT" => Ok(()),
        "SSL" => Err(unavailable(TLS)),
        "SASL_PLAINTEXT" | "SASL_SSL" => Err(unavailable(SASL)),
        _ => Err(invalid("must be PLAINTEXT")),
    }
}

/// Size of a socket's buffer; none for what the system likes best.
fn buffer(text: &str) -> Result<Option<u32>, Refusal> {
    Ok(u32::try_from(number(text, -1_i32)?).ok())
}

fn no_unless_empty(text: &str, why: &str) -> Result<(), Refusal> {
    match text {
        "" => Ok(()),
        _ => Err(unavailable(why)),
    }
}
