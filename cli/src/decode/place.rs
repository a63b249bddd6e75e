//! What is wrong, and a look at the bytes around it.

use std::fmt::Write;

use bytes::Bytes;

/// Something that is wrong with the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// In words.
    pub(super) what: String,
    /// At which byte of the input, if at one.
    pub(super) at: Option<usize>,
}

/// Bytes in a line.
const WIDTH: usize = 16;

impl Complaint {
    /// The words, and the line of the byte with a mark under it.
    pub(super) fn show(&self, input: &[u8]) -> String {
        let mut text = self.what.clone();
        let Some(at) = self.at else { return text };
        let _ = write!(text, "\n  here, at byte {at} of the input:");
        let line = at / WIDTH;
        for line in line.saturating_sub(1)..=line {
            let start = line * WIDTH;
            let bytes = input.get(start..).unwrap_or_default();
            let bytes = bytes.get(..WIDTH).unwrap_or(bytes);
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = write!(text, "\n  {start:06x}  {}", digits.join(" "));
        }
        let _ = write!(text, "\n  {:6}  {:pad$}^^", "", "", pad = 3 * (at % WIDTH));
        text
    }
}

/// Where in the input a part of it begins. A part shares the input's memory.
pub(super) fn offset_of(part: &Bytes, input: &Bytes) -> Option<usize> {
    let at = part.as_ptr().addr().checked_sub(input.as_ptr().addr())?;
    (at < input.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_the_byte() {
        let input: Vec<u8> = (0..40).collect();
        let show = |at| {
            let complaint = Complaint {
                what: "broken".to_owned(),
                at: Some(at),
            };
            complaint.show(&input)
        };
        assert_eq!(
            show(18),
            "broken\n  here, at byte 18 of the input:\n\
             \x20 000000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n\
             \x20 000010  10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f\n\
             \x20               ^^"
        );
        assert!(show(0).ends_with("0f\n          ^^"), "{}", show(0));
        assert!(
            show(40).ends_with(" 27\n                                  ^^"),
            "{}",
            show(40)
        );
        assert!(show(usize::MAX).ends_with("^^"));
        let nowhere = Complaint {
            what: "broken".to_owned(),
            at: None,
        };
        assert_eq!(nowhere.show(&input), "broken");
    }

    #[test]
    fn a_part_knows_its_place() {
        let input = Bytes::from(vec![7; 20]);
        assert_eq!(offset_of(&input.slice(3..9), &input), Some(3));
        assert_eq!(offset_of(&Bytes::from(vec![7; 200]), &input), None);
    }
}
