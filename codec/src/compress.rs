//! The four codecs behind one trait, with reused contexts and bounded output.

#[cfg_attr(
    not(feature = "default"),
    allow(dead_code, reason = "each codec uses a part of it")
)]
mod input;
#[cfg_attr(
    not(feature = "default"),
    allow(dead_code, reason = "each codec uses a part of it")
)]
mod output;

#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(any(feature = "zstd", feature = "zstd-c"))]
mod window;
#[cfg(all(feature = "zstd", not(feature = "zstd-c")))]
mod zstd;
#[cfg(feature = "zstd-c")]
#[path = "compress/zstd_c.rs"]
mod zstd;

use std::fmt;

use bytes::Bytes;

use crate::{Compression, CompressionType};
use input::Input;
use output::Output;

/// One codec with its contexts, for both directions.
trait Codec: Send {
    /// Appends the compressed form of all of `input` to `out`.
    fn compress(&mut self, input: &mut Input<'_, '_>, out: &mut Vec<u8>) -> Result<(), Fault>;

    /// Decompresses all of `input` into `out`, which knows its limit. After a fault, what is left of
    /// `input` begins where the fault is.
    fn decompress(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault>;

    /// As [`decompress`](Self::decompress), for what was written with record format 0.
    fn decompress_format_0(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        self.decompress(input, out)
    }
}

fn codec(compression: Compression) -> Result<Box<dyn Codec>, CodecError> {
    match compression.codec() {
        #[cfg(feature = "gzip")]
        CompressionType::Gzip => Ok(Box::new(gzip::Gzip::new(compression.level()))),
        #[cfg(feature = "snappy")]
        CompressionType::Snappy => Ok(Box::new(snappy::Snappy::default())),
        #[cfg(feature = "lz4")]
        CompressionType::Lz4 => Ok(Box::new(lz4::Lz4::new(compression.level()))),
        #[cfg(any(feature = "zstd", feature = "zstd-c"))]
        CompressionType::Zstd => Ok(Box::new(zstd::Zstd::new(compression.level()))),
        codec => Err(CodecError::unavailable(codec)),
    }
}

/// Scratch memory that a context keeps between batches; what a larger batch needed is given back.
const KEPT_SCRATCH: usize = 4 << 20;

/// Compresses batches with one codec, reusing its context and scratch memory.
///
/// ```
/// use milena_codec::{BatchBuilder, Compression, CompressionType, Compressor, RecordRef};
///
/// let text = b"again and again and again and again and again and again";
/// let mut batch = BatchBuilder::new(1024);
/// let record = RecordRef { value: Some(text.into()), ..Default::default() };
/// batch.append(batch.cost(&record))?;
///
/// # #[cfg(feature = "snappy")] {
/// let mut compressor = Compressor::new(Compression::SNAPPY)?;
/// let mut sealed = batch.seal();
/// let outcome = sealed.compress(&mut compressor)?;
/// assert_eq!(outcome.codec, CompressionType::Snappy);
/// assert!(sealed.records_len() < sealed.uncompressed_len());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Compressor {
    compression: Compression,
    codec: Option<Box<dyn Codec>>,
    out: Vec<u8>,
    scratch: Vec<u8>,
}

impl Compressor {
    /// A compressor for this codec and level.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] when this build lacks the codec.
    pub fn new(compression: Compression) -> Result<Self, CodecError> {
        let codec = match compression.codec() {
            CompressionType::None => None,
            _ => Some(codec(compression)?),
        };
        Ok(Self {
            compression,
            codec,
            out: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// The codec.
    #[must_use]
    pub const fn codec(&self) -> CompressionType {
        self.compression.codec()
    }

    /// The codec with its level.
    #[must_use]
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// Appends the compressed form of the pieces of `input`, taken as one, to `out`.
    ///
    /// # Errors
    /// [`Fault::Failed`] when the codec itself fails.
    pub fn compress<'a>(
        &mut self,
        input: impl Iterator<Item = &'a [u8]> + Clone,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let Some(codec) = &mut self.codec else {
            input.for_each(|piece| out.extend_from_slice(piece));
            return Ok(());
        };
        let len = input.clone().map(<[u8]>::len).sum();
        let mut pieces = input;
        let result = codec.compress(&mut Input::new(&mut pieces, len, &mut self.scratch), out);
        self.scratch.shrink_to(KEPT_SCRATCH);
        result.map_err(|fault| CodecError {
            codec: self.compression.codec(),
            fault,
            position: None,
        })
    }

    /// Compresses into memory of the compressor's own.
    pub(crate) fn compress_within<'a>(
        &mut self,
        input: impl Iterator<Item = &'a [u8]> + Clone,
        expected: usize,
    ) -> Result<&[u8], CodecError> {
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        out.shrink_to(KEPT_SCRATCH.max(expected));
        let result = self.compress(input, &mut out);
        self.out = out;
        result.map(|()| self.out.as_slice())
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor")
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

/// What decompression may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one batch may have once decompressed; 128 MiB by default. Memory grows with what
    /// is really there, whatever sizes the input claims: to twice the limit, and for zstd by a
    /// window, of three times the limit and never more than 192 MiB. A record set may hold many
    /// batches, and a batch of a few KiB millions of records: what is kept of them all is for the
    /// caller to bound.
    pub max_decompressed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_decompressed: 128 << 20,
        }
    }
}

/// Decompresses batches of any codec, reusing contexts and scratch memory; within limits, so that a
/// small input cannot ask for endless memory.
#[derive(Default)]
pub struct Decompressor {
    limits: Limits,
    codecs: [Option<Box<dyn Codec>>; CompressionType::ALL.len()],
    out: Vec<u8>,
}

impl Decompressor {
    /// A decompressor with limits of its own.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The decompressed form of `input`, in memory of exactly its size; the input itself without a
    /// codec.
    ///
    /// # Errors
    /// A [`CodecError`] that says what is wrong with the input, that it grows beyond the limit, or
    /// that this build lacks the codec.
    pub fn decompress(
        &mut self,
        kind: CompressionType,
        input: &Bytes,
    ) -> Result<Bytes, CodecError> {
        self.decompress_by(<dyn Codec>::decompress, kind, input)
    }

    /// As [`decompress`](Self::decompress), for what was written with record format 0.
    pub(crate) fn decompress_format_0(
        &mut self,
        kind: CompressionType,
        input: &Bytes,
    ) -> Result<Bytes, CodecError> {
        self.decompress_by(<dyn Codec>::decompress_format_0, kind, input)
    }

    fn decompress_by(
        &mut self,
        decompress: fn(&mut (dyn Codec + 'static), &mut &[u8], &mut Output) -> Result<(), Fault>,
        kind: CompressionType,
        input: &Bytes,
    ) -> Result<Bytes, CodecError> {
        if kind == CompressionType::None {
            return Ok(input.clone());
        }
        let mut output = Output::new(std::mem::take(&mut self.out), self.limits.max_decompressed);
        let mut rest = &input[..];
        let result = decompress(self.context(kind)?, &mut rest, &mut output)
            .map(|()| Bytes::copy_from_slice(output.filled()))
            .map_err(|fault| CodecError {
                codec: kind,
                fault,
                position: Some(input.len() - rest.len()),
            });
        self.out = output.into_inner();
        self.out.truncate(KEPT_SCRATCH);
        self.out.shrink_to(KEPT_SCRATCH);
        result
    }

    fn context(&mut self, kind: CompressionType) -> Result<&mut (dyn Codec + 'static), CodecError> {
        let slot = self.codecs.get_mut(kind as usize);
        let slot = slot.ok_or(CodecError::unavailable(kind))?;
        if slot.is_none() {
            *slot = Some(codec(Compression::of(kind))?);
        }
        match slot {
            Some(codec) => Ok(codec.as_mut()),
            None => Err(CodecError::unavailable(kind)),
        }
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A codec that could not do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodecError {
    /// The codec.
    pub codec: CompressionType,
    /// What is wrong.
    pub fault: Fault,
    /// Where in the compressed data, in bytes, when it came up there: the block that is wrong, or as
    /// far as the codec had come.
    pub position: Option<usize>,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.codec, self.fault)?;
        match self.position {
            Some(position) => write!(f, ", at byte {position} of the compressed data"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CodecError {}

impl CodecError {
    const fn unavailable(codec: CompressionType) -> Self {
        Self {
            codec,
            fault: Fault::Unavailable,
            position: None,
        }
    }
}

/// What is wrong in a [`CodecError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Built without this codec.
    #[error("this build lacks the codec: its feature of milena-codec is switched off")]
    Unavailable,
    /// The input ends too early.
    #[error("the compressed data ends too early")]
    Truncated,
    /// More output than [`Limits`] allow.
    #[error("more than {limit} bytes when decompressed")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The input is not what the codec writes.
    #[error("{0}")]
    Corrupt(&'static str),
    /// The codec's own complaint.
    #[error("{0}")]
    Failed(Box<str>),
}

#[cfg(any(
    feature = "gzip",
    feature = "snappy",
    feature = "zstd",
    feature = "zstd-c"
))]
impl Fault {
    fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(error.to_string().into())
    }
}
