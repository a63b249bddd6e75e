//! `milena perf`: how fast records are produced.

mod meter;
mod metrics;
mod pace;
mod stats;
mod usage;
mod values;

use std::{
    future::poll_fn,
    io,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::builder::RangedU64ValueParser;
use indicatif::ProgressBar;
use milena::{Client, NewTopic, ProduceErrorKind, Producer};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use self::{
    meter::Meter,
    pace::Pace,
    usage::Usage,
    values::{Keys, Values},
};
use crate::{
    Misuse, Outcome,
    connection::Connection,
    interrupt::Interrupt,
    producing::Producing,
    progress,
    say::{say, warn},
    topics::TOPIC_ALREADY_EXISTS,
};

/// Produce records as fast as can be, or at a rate, and say how it went, in the format of kafka-producer-perf-test.
///
/// The topic is created by the broker, if it does that, or with --partitions. The clock starts when the topic is known,
/// and stops when every record is acknowledged or has failed. Values are letters at random, 4096 different ones by turns
/// (fewer if they are larger than 16 KiB). Latencies are from sending to acknowledgement; of a million records or more,
/// every so many-eth is timed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  milena perf -b localhost:9092 -t perf --num-records 1000000 --record-size 100
  milena perf -b localhost:9092 -t perf --partitions 6 --num-records 5000000 \\
      --record-size 100 --linger-ms 5 --batch-size 65536 --json
  milena perf -b localhost:9092 -t perf --num-records 60000 --record-size 1000 \\
      --throughput 1000 --keys 50 -z zstd")]
pub(crate) struct Args {
    #[command(flatten, next_help_heading = "Connection")]
    connection: Connection,
    /// Where the records go.
    #[arg(short, long)]
    topic: String,
    /// How many records.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    num_records: u64,
    /// Bytes of each value.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    record_size: usize,
    /// Records per second; -1 for as many as can be.
    #[arg(long, value_name = "RATE", default_value = "-1", allow_hyphen_values = true, value_parser = parse_rate)]
    throughput: Rate,
    /// Distinct keys of 8 bytes, by turns; 0 for records without a key.
    #[arg(long, value_name = "N", default_value_t = 0)]
    keys: u32,
    /// Records at the start that a second result leaves out; fewer than there are.
    #[arg(long, value_name = "N", default_value_t = 0)]
    warmup_records: u64,
    /// Create the topic first, with so many partitions. It may be there already.
    #[arg(long, value_name = "N")]
    partitions: Option<i32>,
    /// Replicas of a topic that is created. Default: the brokers' default.
    #[arg(long, value_name = "N", requires = "partitions")]
    replication_factor: Option<i16>,
    /// Print one JSON object, with CPU time and memory, instead of lines.
    #[arg(long)]
    json: bool,
    /// Print in the end what the producer measured itself, by the names of the Java producer's metrics.
    #[arg(long)]
    print_metrics: bool,
    /// Time between lines.
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    reporting_interval: u64,
    /// Threads for the client's tasks beside the one that sends. 0 is one thread for everything, which costs the least CPU
    /// time per record; codecs that take long gain from more.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = RangedU64ValueParser::<usize>::new().range(0..=64))]
    threads: usize,
    #[command(flatten, next_help_heading = "Producer")]
    producing: Producing,
}

/// Records per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate(Option<f64>);

fn parse_rate(text: &str) -> Result<Rate, String> {
    match text.parse::<f64>() {
        Ok(-1.0) => Ok(Rate(None)),
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Rate(Some(rate))),
        _ => Err("expected a number above 0, or -1 for no limit".to_owned()),
    }
}

impl Args {
    pub(crate) fn runtime(&self) -> io::Result<Runtime> {
        match self.threads {
            0 => Builder::new_current_thread().enable_all().build(),
            threads => Builder::new_multi_thread()
                .worker_threads(threads)
                .enable_all()
                .build(),
        }
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Outcome> {
    if args.warmup_records >= args.num_records {
        return Err(Misuse("--warmup-records must be less than --num-records").into());
    }
    let mut interrupt = Interrupt::install()?;
    let producer = tokio::select! {
        ready = prepare(&args) => ready?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    };
    let mut run = Run::start(&args)?;
    let mut interrupted = tokio::select! {
        biased;
        () = interrupt.wait() => true,
        sent = run.send_all(&producer) => sent.map(|()| false)?,
    };
    if !interrupted {
        tokio::select! {
            biased;
            () = interrupt.wait() => interrupted = true,
            settled = run.settle_all(&producer) => settled?,
        }
    }
    if interrupted {
        run.warn("interrupted: waiting for what was accepted; Ctrl-C again to leave at once");
        tokio::select! {
            biased;
            () = interrupt.wait() => {}
            _ = tokio::time::timeout(args.producing.flush_timeout(), run.settle_all(&producer)) => {}
        }
        let _ = producer.close(Duration::ZERO).await;
    }
    let (failed, left) = run.finish(&producer)?;
    if failed + left > 0 {
        warn(format_args!(
            "{failed} records failed, {left} were left unacknowledged"
        ));
    }
    Ok(match (interrupted, failed) {
        (true, _) => Outcome::Interrupted,
        (false, 0) => Outcome::Done,
        (false, _) => Outcome::Failed,
    })
}

/// Everything that comes before the clock starts.
async fn prepare(args: &Args) -> anyhow::Result<Producer> {
    let (client, config) = args.producing.connect(&args.connection).await?;
    if let Some(partitions) = args.partitions {
        create_topic(&client, args, partitions).await?;
    }
    let producer = config.producer(&client)?.build()?;
    producer.partitions_for(&args.topic).await?;
    Ok(producer)
}

async fn create_topic(client: &Client, args: &Args, partitions: i32) -> anyhow::Result<()> {
    let replicas = args.replication_factor.unwrap_or(-1);
    let topic = NewTopic::new(&args.topic, partitions, replicas);
    match client.admin().create_topic(topic).await {
        Err(error) if error.code() != Some(TOPIC_ALREADY_EXISTS) => {
            Err(error).with_context(|| format!("topic {} cannot be created", args.topic))
        }
        _ => Ok(()),
    }
}

/// A run under way.
struct Run<'a> {
    args: &'a Args,
    meter: Meter,
    values: Values,
    keys: Option<Keys>,
    accepted: u64,
    bar: ProgressBar,
    start: Instant,
    used: Usage,
    window_start: Instant,
    steady_start: Option<(Instant, Usage)>,
}

/// Records between two looks at whether a line is due.
const LOOK: u64 = 1024;

impl<'a> Run<'a> {
    fn start(args: &'a Args) -> anyhow::Result<Self> {
        let mut run = Self {
            args,
            meter: Meter::new(args.num_records, args.warmup_records),
            values: Values::new(args.record_size),
            keys: Keys::new(args.keys),
            accepted: 0,
            bar: progress::bar(Some(args.num_records)),
            start: Instant::now(),
            used: Usage::now(),
            window_start: Instant::now(),
            steady_start: None,
        };
        if args.warmup_records > 0 {
            run.print(&format!(
                "Warmup first {} records. Steady state results will print after the complete test summary.",
                args.warmup_records
            ))?;
        }
        run.start = Instant::now();
        run.window_start = run.start;
        run.used = Usage::now();
        Ok(run)
    }

    /// Sends until all records are accepted, or one cannot be and the next would not fare better.
    async fn send_all(&mut self, producer: &Producer) -> anyhow::Result<()> {
        let mut pace = Pace::new(self.args.throughput.0, self.start);
        let topic = producer.topic(&self.args.topic);
        for number in 0..self.args.num_records {
            if self.args.warmup_records > 0 && number == self.args.warmup_records {
                self.warmed_up()?;
            }
            if let Some(due) = pace.wait(number) {
                self.sleep_until(due).await;
            }
            if number % LOOK == 0 {
                self.report()?;
            }
            let timed = self.meter.clock();
            let record = topic.record().value(self.values.next());
            let record = match &mut self.keys {
                Some(keys) => record.key(keys.next()),
                None => record,
            };
            let meter = &mut self.meter;
            let mut sending = pin!(topic.send(record));
            let sent = poll_fn(|cx| {
                let sent = sending.as_mut().poll(cx);
                if sent.is_pending() {
                    // It yields every so often, and waits when memory is used up: a good moment to look around.
                    meter.sweep();
                }
                sent
            });
            match sent.await {
                Ok(delivery) => {
                    self.accepted += 1;
                    self.meter.accepted(delivery, timed);
                }
                Err(error) => {
                    self.meter.refused(&error);
                    if !matches!(
                        error.kind(),
                        ProduceErrorKind::TooLarge | ProduceErrorKind::Invalid
                    ) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Sleeps, and takes note of what is settled meanwhile.
    async fn sleep_until(&mut self, due: Instant) {
        let mut sleep = pin!(tokio::time::sleep_until(due.into()));
        poll_fn(|cx| {
            let _ = self.meter.poll_settled(cx);
            sleep.as_mut().poll(cx)
        })
        .await;
    }

    /// Sends what is accepted without lingering, and waits until all of it is settled.
    async fn settle_all(&mut self, producer: &Producer) -> anyhow::Result<()> {
        let mut flush = pin!(producer.flush());
        let mut flushed = false;
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        poll_fn(|cx| {
            flushed = flushed || flush.as_mut().poll(cx).is_ready();
            let settled = self.meter.poll_settled(cx);
            while tick.poll_tick(cx).is_ready() {
                self.report()?;
            }
            if flushed {
                settled.map(Ok)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn warmed_up(&mut self) -> anyhow::Result<()> {
        self.print("In steady state.")?;
        self.meter.warmed_up();
        self.steady_start = Some((Instant::now(), Usage::now()));
        Ok(())
    }

    /// Prints a line if it is time, and moves the bar on.
    fn report(&mut self) -> anyhow::Result<()> {
        let elapsed = self.window_start.elapsed();
        self.bar.set_position(self.meter.total.records);
        if elapsed >= Duration::from_millis(self.args.reporting_interval)
            && self.meter.window.records > 0
        {
            let window = std::mem::take(&mut self.meter.window);
            self.print(&window.window_line(elapsed, self.args.record_size))?;
            self.window_start = Instant::now();
        }
        Ok(())
    }

    /// Prints the result; gives the numbers of records that failed and that were left.
    fn finish(mut self, producer: &Producer) -> anyhow::Result<(u64, u64)> {
        let (end, used) = (Instant::now(), Usage::now());
        self.meter.sweep();
        self.bar.finish_and_clear();
        let Meter {
            total,
            steady,
            failed,
            left,
            ..
        } = self.meter;
        let size = self.args.record_size;
        let total = total.summary(end - self.start, used.since(self.used), size);
        let steady = self
            .steady_start
            .map(|(start, before)| steady.summary(end - start, used.since(before), size));
        if self.args.json {
            let mut result = total.json();
            let mut insert = |name: &str, value| result.insert(name.to_owned(), value);
            insert("failed", json!(failed));
            insert("unacknowledged", json!(left));
            insert("record_size", json!(size));
            insert("peak_rss_bytes", json!(used.peak_rss_bytes));
            if let Some(steady) = steady {
                insert("steady_state", steady.json().into());
            }
            if self.args.print_metrics {
                let metrics = metrics::by_name(&producer.metrics()).into_iter();
                let metrics = metrics.map(|(name, value)| (name.to_owned(), json!(value)));
                result.insert(
                    "metrics".to_owned(),
                    serde_json::Value::Object(metrics.collect()),
                );
            }
            say(serde_json::Value::from(result))?;
        } else {
            say(total.line(""))?;
            if let Some(steady) = steady {
                say(steady.line(" steady state"))?;
            }
            if self.args.print_metrics {
                say(metrics::table(&producer.metrics()))?;
            }
        }
        Ok((failed, left))
    }

    /// A line of text, if it is text that is wanted.
    fn print(&self, line: &str) -> anyhow::Result<()> {
        if self.args.json {
            return Ok(());
        }
        self.bar.suspend(|| say(line))
    }

    fn warn(&self, line: &str) {
        self.bar.suspend(|| warn(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_positive_or_unlimited() {
        assert_eq!(parse_rate("-1"), Ok(Rate(None)));
        assert_eq!(parse_rate("1000"), Ok(Rate(Some(1000.0))));
        assert_eq!(parse_rate("0.5"), Ok(Rate(Some(0.5))));
        for wrong in ["0", "-2", "many", "inf", "NaN"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
