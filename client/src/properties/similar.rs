//! The name that was probably meant.

/// Longer than any name there is; what is longer was no slip of the finger.
const LONGEST: usize = 100;

/// The name that takes the fewest changes, if these are few.
pub(super) fn similar(to: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let meant = to.trim().to_ascii_lowercase().replace(['_', '-'], ".");
    if meant.len() > LONGEST {
        return None;
    }
    let meant: Vec<char> = meant.chars().collect();
    let few = (meant.len() / 4).clamp(1, 4);
    let distances = names.map(|name| (distance(&meant, name), name));
    let (distance, name) = distances.min()?;
    (distance <= few).then_some(name)
}

/// Characters to insert, delete or replace to make one of the other (Levenshtein's distance).
fn distance(a: &[char], b: &str) -> usize {
    // Distances of the empty text, and then of one more character of `a` at a time, to each beginning of `b`.
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (nth, x) in a.iter().enumerate() {
        let mut left = nth + 1;
        let mut diagonal = nth;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let above = *cell;
            let replaced = diagonal + usize::from(*x != y);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = nth + 1;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_the_fewest_changes() {
        for (a, b, changes) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("linger.ms", "linger.ms", 0),
            ("lingr.ms", "linger.ms", 1),
        ] {
            let a: Vec<char> = a.chars().collect();
            assert_eq!(distance(&a, b), changes, "{a:?} {b}");
        }
    }

    #[test]
    fn what_is_far_from_every_name_is_similar_to_none() {
        let names = || ["linger.ms", "batch.size", "acks"].into_iter();
        for (to, name) in [
            ("LINGER_MS", Some("linger.ms")),
            ("linger", None),
            ("batchsize", Some("batch.size")),
            ("ack", Some("acks")),
            ("group.id", None),
            ("", None),
        ] {
            assert_eq!(similar(to, names()), name, "{to}");
        }
        assert_eq!(similar(&"linger.ms".repeat(20_000), names()), None);
    }
}
