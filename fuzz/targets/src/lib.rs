//! What the fuzz targets do, as plain functions of bytes.
//!
//! A target takes any input, and panics when something does not hold. The shells in `fuzz/` hand them to libFuzzer
//! (`cargo xtask fuzz`); the test of this crate replays the committed [`corpus`], without it.
//!
//! The corpus is kept for years, so an input's bytes keep their meaning: APIs stand in them by Kafka's key and not by
//! their place in a list, and new operations get numbers that were not used before.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a target reports what it finds by panicking"
)]

mod batch;
mod builder;
mod compress;
pub mod corpus;
mod decoders;
mod decompress;
#[cfg(feature = "difference")]
mod difference;
mod frame;
mod input;
mod memory;
mod message;
mod partition;

pub use batch::batch;
pub use builder::builder;
pub use compress::compress;
pub use decoders::decoders;
pub use decompress::decompress;
#[cfg(feature = "difference")]
pub use difference::difference;
pub use frame::frame;
pub use memory::Bound;
pub use message::message;
pub use partition::partition;

/// Something to be given arbitrary bytes.
pub type Target = fn(&[u8]);

/// Every target by name, which is also the name of its shell and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("message", message),
    ("frame", frame),
    ("batch", batch),
    ("decompress", decompress),
    ("decoders", decoders),
    ("compress", compress),
    #[cfg(feature = "difference")]
    ("difference", difference),
    ("builder", builder),
    ("partition", partition),
];
