//! `milena consume`: records out, lines out.

mod format;

use std::{
    future::poll_fn,
    io::{self, BufWriter, Write, stdout},
    pin::pin,
    task::Poll,
    time::Duration,
};

use anyhow::Context;
use clap::ValueEnum;
use milena::{IsolationLevel, ReadError, Reader, ReceivedRecord};

use self::format::{Field, Json, Text};
use crate::{
    Outcome,
    connection::Connection,
    escape::Escaped,
    interrupt::Interrupt,
    say::{note, warn},
};

/// Write the records of a topic to standard output, one a line.
///
/// Starts with what is written from now on, unless told otherwise, and goes on until Ctrl-C, unless told otherwise.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Text:
  The value, and before it what --print asks for, in this order: CreateTime:MS, Partition:N, Offset:N, headers as
  name:value,name:value (or NO_HEADERS), the key. Bytes are written as they are.

JSON:
  One object a line with topic, partition, offset, timestamp (ms since 1970), key, value, and headers as an array of
  [name, value]. A string is text; null is null; what is not UTF-8 is an object {\"base64\": \"…\"}.

Examples:
  milena consume -b localhost:9092 -t orders --from-beginning
  milena consume -b localhost:9092 -t orders --from-beginning --exit-at-end \\
      --format json | jq .value
  milena consume -b localhost:9092 -t orders --partition 3 --offset 1000 \\
      --max-messages 10 --print key,offset,headers")]
pub(crate) struct Args {
    #[command(flatten, next_help_heading = "Connection")]
    connection: Connection,
    /// What to read.
    #[arg(short, long)]
    topic: String,
    /// Only this partition. May be repeated.
    #[arg(short, long, value_name = "N")]
    partition: Vec<i32>,
    /// Start with the first record there is.
    #[arg(long, conflicts_with = "offset")]
    from_beginning: bool,
    /// Start with this offset in each partition read.
    #[arg(short, long, value_name = "N")]
    offset: Option<i64>,
    /// End at what is the end when the reading begins, or with status 1 when brokers do not answer for too long.
    #[arg(short, long)]
    exit_at_end: bool,
    /// Whether records are read whose transaction is open or was aborted.
    #[arg(long, value_enum, default_value_t = Isolation::ReadUncommitted, value_name = "LEVEL")]
    isolation_level: Isolation,
    /// End after so many records.
    #[arg(short = 'c', long, value_name = "N")]
    max_messages: Option<u64>,
    /// End when nothing has come for so long.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// How records are written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// What the text format writes before the value.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FIELD[,…]")]
    print: Vec<Field>,
    /// What stands between the parts of a line of text. \t, \n, \0, \\ and \xHH stand for single bytes.
    #[arg(
        long,
        default_value = "\\t",
        value_name = "TEXT",
        allow_hyphen_values = true
    )]
    separator: Escaped,
    /// What the text format writes for null.
    #[arg(long, default_value = "null", value_name = "TEXT")]
    null_literal: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Kafka's names, as its own tools take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

impl From<Isolation> for IsolationLevel {
    fn from(isolation: Isolation) -> Self {
        match isolation {
            Isolation::ReadUncommitted => Self::ReadUncommitted,
            Isolation::ReadCommitted => Self::ReadCommitted,
        }
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut interrupt = Interrupt::install()?;
    let mut reader = tokio::select! {
        reader = open(&args) => reader?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    };
    let patience = Patience {
        timeout: args.timeout_ms.map(Duration::from_millis),
        exit_at_end: args.exit_at_end,
    };
    let format: Box<dyn format::Format> = match args.format {
        Format::Json => Box::new(Json),
        Format::Text => Box::new(Text::new(&args.print, args.separator.0, args.null_literal)),
    };
    let mut out = BufWriter::with_capacity(64 << 10, stdout());
    let mut tally = Tally {
        left: args.max_messages.unwrap_or(u64::MAX),
        written: 0,
        failed: false,
    };
    let copied = tokio::select! {
        biased;
        () = interrupt.wait() => Ok(Outcome::Interrupted),
        copied = copy(&mut reader, &*format, &mut out, patience, &mut tally) => copied.map(|()| Outcome::Done),
    };
    let outcome = match copied.and_then(|outcome| out.flush().map(|()| outcome)) {
        // Whoever reads this has enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Outcome::Done),
        outcome => outcome.context("standard output cannot be written")?,
    };
    note(format_args!(
        "Processed a total of {} messages",
        tally.written
    ));
    Ok(if outcome == Outcome::Done && tally.failed {
        Outcome::Failed
    } else {
        outcome
    })
}

async fn open(args: &Args) -> anyhow::Result<Reader> {
    let client = args.connection.connect().await?;
    let mut builder = client
        .reader(&args.topic)
        .isolation_level(args.isolation_level.into());
    for partition in &args.partition {
        builder = builder.partition(*partition);
    }
    if args.from_beginning {
        builder = builder.from_beginning();
    }
    if let Some(offset) = args.offset {
        builder = builder.from_offset(offset);
    }
    if args.exit_at_end {
        builder = builder.to_end();
    }
    builder
        .build()
        .await
        .with_context(|| format!("topic {} cannot be read", args.topic))
}

/// How far it has come.
struct Tally {
    left: u64,
    written: u64,
    failed: bool,
}

/// What is waited for, and how long.
#[derive(Clone, Copy)]
struct Patience {
    /// For the next record.
    timeout: Option<Duration>,
    /// Whether somebody waits for the end, who must not wait for brokers that may never answer.
    exit_at_end: bool,
}

impl Patience {
    fn ends_with(self, error: &ReadError) -> bool {
        // After the others there is always an end: their partition is left out, or goes on behind them.
        self.exit_at_end && matches!(error, ReadError::TimedOut { .. })
    }
}

/// Copies until there is nothing more to copy, or patience is at its end.
async fn copy(
    reader: &mut Reader,
    format: &dyn format::Format,
    out: &mut impl Write,
    patience: Patience,
    tally: &mut Tally,
) -> io::Result<()> {
    while tally.left > 0 {
        // Lets Ctrl-C have its say where records never run out.
        tokio::task::coop::consume_budget().await;
        match next(reader, out, patience.timeout).await? {
            None => break,
            Some(Ok(record)) => {
                format.write(&record, out)?;
                tally.written += 1;
                tally.left -= 1;
            }
            Some(Err(error)) => {
                warn(&error);
                tally.failed = true;
                if patience.ends_with(&error) {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The next record. What was written is let go before there is a wait for it.
async fn next(
    reader: &mut Reader,
    out: &mut impl Write,
    timeout: Option<Duration>,
) -> io::Result<Option<Result<ReceivedRecord, ReadError>>> {
    let mut next = pin!(reader.next());
    let at_once = poll_fn(|cx| match next.as_mut().poll(cx) {
        Poll::Ready(item) => Poll::Ready(Some(item)),
        Poll::Pending => Poll::Ready(None),
    });
    if let Some(item) = at_once.await {
        return Ok(item);
    }
    out.flush()?;
    match timeout {
        None => Ok(next.await),
        Some(timeout) => Ok(tokio::time::timeout(timeout, next)
            .await
            .unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_end_does_not_wait_for_brokers_that_are_gone() {
        let topic = || "t".to_owned();
        let timed_out = ReadError::TimedOut {
            topic: topic(),
            partition: 0,
            waited: Duration::from_secs(60),
            cause: None,
        };
        let corrupt = ReadError::Corrupt {
            topic: topic(),
            partition: 0,
            offset: 7,
            reason: "checksum".to_owned(),
        };
        let patience = |exit_at_end| Patience {
            timeout: None,
            exit_at_end,
        };
        assert!(patience(true).ends_with(&timed_out));
        assert!(!patience(true).ends_with(&corrupt));
        assert!(!patience(false).ends_with(&timed_out));
    }
}
