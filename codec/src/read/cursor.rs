//! Finding fields in a stretch of bytes, front to back.

use std::ops::Range;

use super::error::{BatchFault, RecordField, RecordProblem};
use crate::varint::{VarintFault, take_i32, take_i64};

/// Bytes of a field, from the start of what is read.
pub(super) type Span = Range<usize>;

/// A field that is not as it should be, and where it begins.
#[derive(Debug)]
pub(super) struct FieldFault {
    pub(super) field: RecordField,
    pub(super) at: usize,
    pub(super) problem: RecordProblem,
}

impl FieldFault {
    /// In words for the caller: which record it is of.
    #[cold]
    pub(super) fn of_record(self, index: usize, count: Option<usize>) -> BatchFault {
        BatchFault::Record {
            index,
            count,
            field: self.field,
            problem: self.problem,
            at: self.at,
        }
    }
}

/// Where reading stands, and where it has to end.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            end: bytes.len(),
        }
    }

    /// The part of it that `span` is.
    pub(super) const fn within(&self, span: Span) -> Self {
        Self {
            bytes: self.bytes,
            at: span.start,
            end: span.end,
        }
    }

    pub(super) const fn end(&self) -> usize {
        self.end
    }

    pub(super) const fn left(&self) -> usize {
        self.end - self.at
    }

    /// The bytes of a field that was found.
    pub(super) fn get(&self, span: &Span) -> &'a [u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.end).unwrap_or_default()
    }

    #[inline]
    pub(super) fn varint(&mut self, field: RecordField) -> Result<i32, FieldFault> {
        self.varint_by(field, take_i32)
    }

    #[inline]
    pub(super) fn varlong(&mut self, field: RecordField) -> Result<i64, FieldFault> {
        self.varint_by(field, take_i64)
    }

    #[inline]
    fn varint_by<T>(
        &mut self,
        field: RecordField,
        take: impl FnOnce(&mut &[u8]) -> Result<T, VarintFault>,
    ) -> Result<T, FieldFault> {
        let mut rest = self.rest();
        match take(&mut rest) {
            Ok(value) => {
                self.at = self.end - rest.len();
                Ok(value)
            }
            Err(VarintFault::Truncated) => self.fail(field, RecordProblem::Truncated),
            Err(VarintFault::Overflow) => self.fail(field, RecordProblem::Overflow),
        }
    }

    /// A number of fixed length, big end first.
    #[inline]
    pub(super) fn fixed<const N: usize>(
        &mut self,
        field: RecordField,
    ) -> Result<[u8; N], FieldFault> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => self.fail(field, RecordProblem::Truncated),
        }
    }

    #[inline]
    pub(super) fn int32(&mut self, field: RecordField) -> Result<i32, FieldFault> {
        self.fixed(field).map(i32::from_be_bytes)
    }

    /// Bytes with a varint in front that gives their length, -1 for null.
    #[inline]
    pub(super) fn nullable(&mut self, field: RecordField) -> Result<Option<Span>, FieldFault> {
        let start = self.at;
        let len = self.varint(field)?;
        self.nullable_of(len, field, start)
    }

    /// The next `len` bytes as a field that begins at `start`; -1 is null.
    #[inline]
    pub(super) fn nullable_of(
        &mut self,
        len: i32,
        field: RecordField,
        start: usize,
    ) -> Result<Option<Span>, FieldFault> {
        match len {
            -1 => Ok(None),
            len => self.take(len, field, start).map(Some),
        }
    }

    /// The next `len` bytes as a field that begins at `start`.
    #[inline]
    pub(super) fn take(
        &mut self,
        len: i32,
        field: RecordField,
        start: usize,
    ) -> Result<Span, FieldFault> {
        let left = self.left();
        match usize::try_from(len) {
            Ok(len) if len <= left => {
                let span = self.at..self.at + len;
                self.at = span.end;
                Ok(span)
            }
            _ => {
                self.at = start;
                self.fail(field, RecordProblem::Length { len, left })
            }
        }
    }

    /// Everything has to have been taken of a record that begins at `start`.
    #[inline]
    pub(super) fn finish(&mut self, start: usize) -> Result<(), FieldFault> {
        match self.left() {
            0 => Ok(()),
            left => {
                self.at = start;
                self.fail(RecordField::Length, RecordProblem::TooLong { left })
            }
        }
    }

    /// What is wrong with the field that begins here.
    #[cold]
    pub(super) fn fail<T>(
        &self,
        field: RecordField,
        problem: RecordProblem,
    ) -> Result<T, FieldFault> {
        Err(FieldFault {
            field,
            at: self.at,
            problem,
        })
    }
}
