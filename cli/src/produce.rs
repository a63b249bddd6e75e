//! `milena produce`: lines in, records out.

mod layout;
mod ledger;
mod lines;

use std::{io::stdin, time::Duration};

use milena::{HeaderRef, ProduceErrorKind, Producer, Record};

use self::{
    layout::{Layout, Parts},
    ledger::Ledger,
};
use crate::{
    Outcome,
    connection::Connection,
    escape::Escaped,
    interrupt::Interrupt,
    producing::Producing,
    progress,
    say::{note, warn},
};

/// Produce each line of standard input as a record.
///
/// Lines are bytes, not necessarily text, and are sent as they come. An empty line is an empty value. Ends at the end of the
/// input, when every record is acknowledged or has failed; the exit status is 1 if any failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  echo 'twelve apples' | milena produce -b localhost:9092 -t orders
  milena produce -b localhost:9092 -t orders --key-separator : <orders.txt
  milena produce -t orders --command-config producer.properties <orders.txt
  tail -f log | milena produce -b localhost:9092 -t logs \\
      -H host=web-1 -H trace -z zstd:6

A tombstone:
  printf '17\\tNULL\\n' | milena produce -b localhost:9092 -t orders \\
      -K '\\t' --null-marker NULL")]
pub(crate) struct Args {
    #[command(flatten, next_help_heading = "Connection")]
    connection: Connection,
    /// Where the records go.
    #[arg(short, long)]
    topic: String,
    /// A partition for all records, instead of one by key or by turns.
    #[arg(short, long, value_name = "N")]
    partition: Option<i32>,
    /// Each line is a key, this, and a value. \t, \n, \0, \\ and \xHH stand for single bytes.
    #[arg(short = 'K', long, value_name = "TEXT", allow_hyphen_values = true)]
    key_separator: Option<Escaped>,
    /// A key or value that is exactly this is null: not the same as empty.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    null_marker: Option<Escaped>,
    /// A header for all records; without = its value is null. May be repeated, and so may a name.
    #[arg(short = 'H', long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    #[command(flatten, next_help_heading = "Producer")]
    producing: Producing,
}

/// What all records have in common.
#[derive(Clone, Copy, Debug)]
struct Target<'a> {
    topic: &'a str,
    partition: Option<i32>,
    headers: &'a [HeaderRef<'a>],
}

impl<'a> Target<'a> {
    fn record(self, parts: Parts<'a>) -> Record<'a> {
        let mut record = Record::to(self.topic).headers(self.headers);
        if let Some(partition) = self.partition {
            record = record.partition(partition);
        }
        if let Some(key) = parts.key {
            record = record.key(key);
        }
        if let Some(value) = parts.value {
            record = record.value(value);
        }
        record
    }
}

/// How the sending ended.
enum End {
    /// Of the input.
    Input,
    Interrupted,
    /// This line was refused, and what comes after it would be too.
    Hopeless(u64),
    /// From this line on the input makes no sense, or cannot be read.
    Error(u64, anyhow::Error),
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let layout = Layout {
        key_separator: args.key_separator,
        null_marker: args.null_marker,
    };
    layout.check()?;
    let mut interrupt = Interrupt::install()?;
    let (client, config) = tokio::select! {
        connected = args.producing.connect(&args.connection) => connected?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    };
    let producer = config.producer(&client)?.build()?;
    let headers = args
        .header
        .iter()
        .map(|text| header(text))
        .collect::<Vec<_>>();
    let target = Target {
        topic: &args.topic,
        partition: args.partition,
        headers: &headers,
    };

    let mut ledger = Ledger::default();
    let mut end = tokio::select! {
        biased;
        () = interrupt.wait() => End::Interrupted,
        end = send_lines(&producer, target, &layout, &mut ledger) => end,
    };
    // Whatever was accepted has its time, unless the user has none.
    if !matches!(end, End::Interrupted) {
        tokio::select! {
            biased;
            () = interrupt.wait() => end = End::Interrupted,
            _ = producer.close(Duration::MAX) => {}
        }
    }
    if let End::Interrupted = end {
        wind_up(&producer, args.producing.flush_timeout(), &mut interrupt).await;
    }
    ledger.sweep();
    summary(end, &ledger)
}

/// `name=value`, or a name alone for null.
fn header(text: &str) -> HeaderRef<'_> {
    match text.split_once('=') {
        Some((name, value)) => HeaderRef {
            key: name,
            value: Some(value.into()),
        },
        None => HeaderRef {
            key: text,
            value: None,
        },
    }
}

async fn send_lines(
    producer: &Producer,
    target: Target<'_>,
    layout: &Layout,
    ledger: &mut Ledger,
) -> End {
    let mut blocks = lines::read(stdin());
    let mut number = 0;
    let bar = progress::bar(None);
    loop {
        let block = tokio::select! {
            biased;
            block = blocks.recv() => block,
            () = ledger.settle() => continue,
        };
        let block = match block {
            None => return End::Input,
            Some(Err(error)) => return End::Error(number + 1, error),
            Some(Ok(block)) => block,
        };
        for line in lines::split(&block) {
            number += 1;
            let parts = match layout.parse(number, line) {
                Ok(parts) => parts,
                Err(error) => return End::Error(number, error),
            };
            match producer.send(target.record(parts)).await {
                Ok(delivery) => ledger.accepted(number, delivery),
                Err(error) => {
                    ledger.refused(number, &error);
                    // Only these are about the record itself.
                    if !matches!(
                        error.kind(),
                        ProduceErrorKind::TooLarge | ProduceErrorKind::Invalid
                    ) {
                        return End::Hopeless(number);
                    }
                }
            }
        }
        ledger.sweep();
        bar.set_position(number);
    }
}

/// Gives what was accepted a little more time; a second Ctrl-C takes it away.
async fn wind_up(producer: &Producer, patience: Duration, interrupt: &mut Interrupt) {
    tokio::select! {
        biased;
        () = interrupt.wait() => {
            let _ = producer.close(Duration::ZERO).await;
        }
        _ = producer.close(patience) => {}
    }
}

fn summary(end: End, ledger: &Ledger) -> anyhow::Result<Outcome> {
    let Ledger {
        sent, failed, left, ..
    } = ledger;
    match left {
        0 => note(format_args!("sent {sent}, failed {failed}")),
        _ => note(format_args!(
            "sent {sent}, failed {failed}, {left} left unacknowledged (they may be stored or not)"
        )),
    }
    if let End::Hopeless(line) | End::Error(line, _) = end {
        warn(format_args!(
            "stopped at line {line}: neither it nor what follows was sent"
        ));
    }
    match end {
        End::Error(_, error) => Err(error),
        End::Interrupted => Ok(Outcome::Interrupted),
        End::Hopeless(_) => Ok(Outcome::Failed),
        End::Input if failed + left > 0 => Ok(Outcome::Failed),
        End::Input => Ok(Outcome::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn a_header_without_equals_sign_is_null() {
        let parsed = |text| {
            let header = header(text);
            (
                header.key.to_owned(),
                header.value.map(|value| value.as_slice().to_vec()),
            )
        };
        assert_eq!(parsed("a=b=c"), ("a".to_owned(), Some(b"b=c".to_vec())));
        assert_eq!(parsed("a="), ("a".to_owned(), Some(vec![])));
        assert_eq!(parsed("a"), ("a".to_owned(), None));
    }
}
