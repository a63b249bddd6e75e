//! The tagged section at the end of every struct of a flexible version.

use bytes::Bytes;

use crate::error::{DecodeError, DecodeReason, EncodeError, EncodeReason, Step, StepOut};
use crate::field::{check_count, room_for};
use crate::sink::{Encoded, Later, Sink, too_long};
use crate::version::Ver;
use crate::wire::{Frame, Parsed, Wire, span, uvarint};

/// Tagged fields that this crate does not know, by ascending tag. They are written back as they came.
///
/// ```
/// use milena_protocol::UnknownTags;
/// let mut tags = UnknownTags::default();
/// tags.insert(9, vec![1].into());
/// tags.insert(7, vec![2].into());
/// assert_eq!(tags.iter().map(|(tag, _)| tag).collect::<Vec<_>>(), [7, 9]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownTags(Option<Box<Tags>>);

/// Behind a box, for nearly every struct has none and should pay one word for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tags {
    ascending: Vec<(u32, Bytes)>,
}

impl UnknownTags {
    /// Sets a tag, and gives back what it held.
    pub fn insert(&mut self, tag: u32, value: Bytes) -> Option<Bytes> {
        let tags = &mut self.0.get_or_insert_default().ascending;
        match tags.binary_search_by_key(&tag, |(known, _)| *known) {
            Ok(at) => tags
                .get_mut(at)
                .map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                tags.insert(at, (tag, value));
                None
            }
        }
    }

    /// What a tag holds.
    #[must_use]
    pub fn get(&self, tag: u32) -> Option<&Bytes> {
        self.iter()
            .find_map(|(known, value)| (known == tag).then_some(value))
    }

    /// Tags and values, ascending by tag.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Bytes)> {
        self.ascending().iter().map(|(tag, value)| (*tag, value))
    }

    /// How many tags there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ascending().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ascending().is_empty()
    }

    fn ascending(&self) -> &[(u32, Bytes)] {
        self.0.as_ref().map_or(&[], |tags| &tags.ascending)
    }
}

/// What a struct has to do with a tag.
pub(crate) enum Tag {
    /// It has taken the value.
    Taken,
    /// It has the tag, but not in this version, and Kafka's reader fails there too.
    OtherVersion,
    Unknown,
}

/// The fewest bytes of a tagged field: its tag, and its size.
const LEAST: usize = 2;

/// Reads a tagged section: `known` takes the fields of the struct, and what it does not know is kept.
#[inline(always)]
pub(crate) fn read_tags<'a>(
    i: Wire<'a>,
    frame: &Frame<'a>,
    known: &mut dyn FnMut(u32, Wire<'a>) -> Result<Tag, nom::Err<DecodeError>>,
) -> Parsed<'a, UnknownTags> {
    if !frame.ver.flexible {
        return Ok((i, UnknownTags::default()));
    }
    let (rest, count) = uvarint(i).map_err(in_tags)?;
    if count == 0 {
        return Ok((rest, UnknownTags::default()));
    }
    check_count(i, rest, count as usize, LEAST).map_err(in_tags)?;
    // Taken apart and put together again, so that the way without tags goes through registers.
    let (rest, unknown) = read_some_tags(rest, frame, count, known)?;
    Ok((rest, unknown))
}

/// An error in the section itself and not in one of its fields, under the name that Kafka's documentation has for it.
#[cold]
fn in_tags(error: nom::Err<DecodeError>) -> nom::Err<DecodeError> {
    error.step_out(Step::Field("_tagged_fields"))
}

fn read_some_tags<'a>(
    mut i: Wire<'a>,
    frame: &Frame<'a>,
    count: u32,
    known: &mut dyn FnMut(u32, Wire<'a>) -> Result<Tag, nom::Err<DecodeError>>,
) -> Parsed<'a, UnknownTags> {
    let mut unknown = UnknownTags::default();
    let mut last = None;
    for index in 0..count {
        let (rest, tag) = uvarint(i).map_err(in_tags)?;
        if last.is_some_and(|last| tag <= last) {
            return Err(i.fail(DecodeReason::TagOrder(tag)));
        }
        last = Some(tag);
        let (rest, size) = uvarint(rest).map_err(in_tags)?;
        let (rest, value) = span(rest, size as usize).map_err(in_tags)?;
        match known(tag, value)? {
            Tag::Taken => {}
            Tag::OtherVersion => return Err(i.fail(DecodeReason::TagVersion(tag))),
            Tag::Unknown => {
                let to_come = (count - index) as usize;
                let tags = unknown.0.get_or_insert_with(|| {
                    let ascending = room_for(to_come, rest.len());
                    Box::new(Tags { ascending })
                });
                tags.ascending.push((tag, frame.share(value)));
            }
        }
        i = rest;
    }
    Ok((i, unknown))
}

/// Writes a tagged section in ascending order, known and unknown fields merged.
#[derive(Debug)]
pub(crate) struct TagWriter<'s, 'u> {
    out: &'s mut Sink,
    /// Where the number of fields goes; `None` in a version without tags.
    count: Option<Later>,
    written: u32,
    unknown: &'u [(u32, Bytes)],
}

impl<'s, 'u> TagWriter<'s, 'u> {
    #[inline]
    pub(crate) fn begin(
        out: &'s mut Sink,
        ver: Ver,
        unknown: &'u UnknownTags,
    ) -> Result<Self, EncodeError> {
        let unknown = unknown.ascending();
        if !ver.flexible && !unknown.is_empty() {
            return Err(EncodeError::new(EncodeReason::NoTags));
        }
        let count = ver.flexible.then(|| out.uvarint_later());
        Ok(Self {
            out,
            count,
            written: 0,
            unknown,
        })
    }

    /// Writes a known field, after the unknown ones below it.
    pub(crate) fn field(
        &mut self,
        tag: u32,
        row: &'static str,
        write: &dyn Fn(&mut Sink) -> Encoded,
    ) -> Encoded {
        if !self.unknown.is_empty() {
            let below = self.unknown.partition_point(|(unknown, _)| *unknown < tag);
            let (now, later) = self
                .unknown
                .split_at_checked(below)
                .unwrap_or((self.unknown, &[]));
            if later.first().is_some_and(|(unknown, _)| *unknown == tag) {
                return Err(EncodeError::new(EncodeReason::KnownTag(tag)));
            }
            self.written += write_unknown(self.out, now)?;
            self.unknown = later;
        }
        self.written += 1;
        self.out.uvarint(tag);
        let length = self.out.uvarint_later();
        let written = write(self.out).and_then(|()| self.out.set_length(&length));
        written.map_err(|error| error.in_row(row))
    }

    #[inline]
    pub(crate) fn finish(mut self) -> Encoded {
        if !self.unknown.is_empty() {
            self.written += write_unknown(self.out, self.unknown)?;
        }
        match &self.count {
            Some(count) if self.written > 0 => self.out.set_uvarint(count, self.written),
            _ => {}
        }
        Ok(())
    }
}

/// Writes fields as they came, and says how many. By itself, so that the writer of a message without any, as nearly all
/// are, stays in registers.
#[cold]
fn write_unknown(out: &mut Sink, fields: &[(u32, Bytes)]) -> Result<u32, EncodeError> {
    for (tag, value) in fields {
        // Readers on the other side hold lengths in an i32.
        let size = i32::try_from(value.len()).map_err(|_| too_long(value.len()))?;
        out.uvarint(*tag);
        out.uvarint(size.cast_unsigned());
        out.put(value);
    }
    Ok(fields.len() as u32)
}
