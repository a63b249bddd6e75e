//! How long reading and writing large messages takes, against the `kafka-protocol` crate and a cursor written by hand.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml --bin messages [ROUNDS] [CASES]
//! ```
//!
//! Many short rounds; in each, every contender in turn, the first one another each time. CPU time of the thread, so
//! that other programs disturb little; medians of the rounds, and of the ratios within a round: how often faster we
//! are. `CASES` picks those whose name has it. Dropping what was made is not counted.

use std::time::Duration;

use milena_bench::messages::{Case, Contender, cases};
use milena_bench::{Failure, median, thread_cpu};

/// How long one contender works in one round, about.
const TURN: Duration = Duration::from_millis(2);

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let rounds = args.next().map_or(Ok(301), |arg| arg.parse())?;
    let wanted = args.next().unwrap_or_default();
    // From then on the allocator keeps what is freed, and rounds do not pay for getting it from the system again.
    drop(std::hint::black_box(vec![1_u8; 31 << 20]));

    println!(
        "{:38}{:>18}{:>18}{:>18}",
        "microseconds (ours is x times as fast)", "milena", "kafka-protocol", "by hand"
    );
    for case in cases()?.iter().filter(|case| case.name.contains(&wanted)) {
        println!("{}", line(case, rounds)?);
    }
    Ok(())
}

/// One case measured, as a line of the table.
fn line(case: &Case, rounds: usize) -> Result<String, Failure> {
    let slowest = case
        .contenders
        .iter()
        .map(|one| turn(one, 1))
        .try_fold(0.0_f64, |slowest, time| time.map(|time| slowest.max(time)))?;
    let times = (TURN.as_secs_f64() / slowest).ceil() as usize;
    let mut figures = vec![Vec::new(); case.contenders.len()];
    for round in 0..rounds {
        for place in 0..case.contenders.len() {
            let next = (round + place) % case.contenders.len();
            figures[next].push(turn(&case.contenders[next], times)?);
        }
    }
    let mut line = format!("{:38}", case.name);
    for theirs in &figures {
        let mut ratios: Vec<f64> = theirs
            .iter()
            .zip(&figures[0])
            .map(|(theirs, ours)| theirs / ours)
            .collect();
        line += &format!(
            "{:10.1} ({:4.2}x)",
            1e6 * median(&mut theirs.clone()),
            median(&mut ratios)
        );
    }
    Ok(line)
}

/// Seconds of CPU for one run, as the mean of several.
fn turn(contender: &Contender, times: usize) -> Result<f64, Failure> {
    let mut taken = Ok(Duration::ZERO);
    contender.run(times, &mut |work| {
        let before = thread_cpu();
        work();
        taken = thread_cpu().and_then(|after| Ok(after - before?));
    });
    Ok(taken?.as_secs_f64() / times as f64)
}
