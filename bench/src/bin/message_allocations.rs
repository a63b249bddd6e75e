//! How often reading and writing large messages allocates, and how many bytes, by the contenders of `messages`.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml --bin message_allocations
//! ```
//!
//! A program of its own, for counting takes time, which `messages` must not measure.

use milena_bench::Failure;
use milena_bench::messages::cases;

fn main() -> Result<(), Failure> {
    println!(
        "{:38}{:16}{:>12}{:>12}{:>12}",
        "", "", "allocations", "bytes", "bytes kept"
    );
    for case in cases()? {
        for contender in &case.contenders {
            let mut info = allocation_counter::AllocationInfo::default();
            contender.run(1, &mut |work| info = allocation_counter::measure(work));
            println!(
                "{:38}{:16}{:12}{:12}{:12}",
                case.name, contender.name, info.count_total, info.bytes_total, info.bytes_current
            );
        }
    }
    Ok(())
}
