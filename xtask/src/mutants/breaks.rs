//! The deliberate breaks under `client/sim/breaks`, and how one is applied.
//!
//! A file begins with words that say what it breaks. Behind them come places to change, each under the file it is in, as
//! a difference without line numbers: the lines that begin with a space or a minus have to be there exactly once.
//!
//! ```text
//! A batch takes the numbers of the one before it.
//!
//! --- client/engine/src/produce/numbering.rs
//! -        self.next = sequence_add(self.next, count);
//!          Some(stamp)
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::paths;

/// One deliberate break.
#[derive(Debug)]
pub(super) struct Break {
    /// The name of its file.
    pub(super) name: String,
    /// What it breaks.
    pub(super) what: String,
    changes: Vec<Change>,
}

/// One place.
#[derive(Debug, Default)]
struct Change {
    file: String,
    old: String,
    new: String,
}

pub(super) fn folder() -> PathBuf {
    paths::root().join("client").join("sim").join("breaks")
}

/// All of them, by name.
pub(super) fn all() -> Result<Vec<Break>> {
    let mut breaks = Vec::new();
    let folder = folder();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "diff")
        {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let text = fs::read_to_string(&path)?;
            breaks.push(parse(&name, &text).with_context(|| path.display().to_string())?);
        }
    }
    breaks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(breaks)
}

fn parse(name: &str, text: &str) -> Result<Break> {
    let mut words = Vec::new();
    let mut changes: Vec<Change> = Vec::new();
    for line in text.lines() {
        if let Some(file) = line.strip_prefix("--- ") {
            changes.push(Change {
                file: file.to_owned(),
                ..Change::default()
            });
            continue;
        }
        let Some(change) = changes.last_mut() else {
            words.push(line.trim());
            continue;
        };
        let (old, new, line) = match (line.chars().next(), line.get(1..)) {
            (Some(' '), Some(rest)) => (true, true, rest),
            (Some('-'), Some(rest)) => (true, false, rest),
            (Some('+'), Some(rest)) => (false, true, rest),
            (None, _) => continue,
            _ => bail!("neither kept nor changed: {line}"),
        };
        for (wanted, side) in [(old, &mut change.old), (new, &mut change.new)] {
            if wanted {
                side.push_str(line);
                side.push('\n');
            }
        }
    }
    let what = words.join(" ").trim().to_owned();
    ensure!(!what.is_empty(), "it does not say what it breaks");
    ensure!(!changes.is_empty(), "it changes nothing");
    Ok(Break {
        name: name.to_owned(),
        what,
        changes,
    })
}

impl Break {
    /// The files that it changes, with what they hold then. `root` is where the sources are.
    pub(super) fn apply(&self, root: &Path) -> Result<BTreeMap<String, String>> {
        let mut files = BTreeMap::new();
        for Change { file, old, new } in &self.changes {
            let text = match files.remove(file) {
                Some(text) => text,
                None => fs::read_to_string(root.join(file)).with_context(|| file.clone())?,
            };
            let places = text.matches(old.as_str()).count();
            ensure!(
                !old.is_empty() && old != new && places == 1,
                "the break `{}` does not apply any more: {file} has {places} places like this one\n{old}",
                self.name
            );
            files.insert(file.clone(), text.replacen(old.as_str(), new, 1));
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::LIST;

    #[test]
    fn every_break_applies_and_is_in_the_list() {
        let breaks = all().unwrap();
        assert!(breaks.len() >= 25, "{} breaks", breaks.len());
        let list = fs::read_to_string(folder().join(LIST)).unwrap();
        for one in breaks {
            let files = one.apply(&paths::root()).unwrap();
            assert!(!files.is_empty());
            let row = format!("| `{}` | {} | ", one.name, one.what);
            let row = list.lines().find(|line| line.starts_with(&row));
            let row = row.unwrap_or_else(|| panic!("{} is not in the list", one.name));
            assert!(!row.ends_with("| nothing |"), "{row}");
        }
    }

    #[test]
    fn what_does_not_apply_is_an_error() {
        let file = "xtask/src/mutants/breaks.rs";
        let text = |old: &str| format!("Words.\n\n--- {file}\n-{old}\n+new\n");
        let broken = |text: &str| parse("one", text).unwrap().apply(&paths::root());
        let once = broken(&text("use anyhow::{Context, Result, bail, ensure};")).unwrap();
        assert!(once[file].contains("\nnew\n"));
        let error = broken(&text("there is no such line")).unwrap_err();
        assert!(error.to_string().contains("has 0 places"), "{error}");
        let error = broken(&text("    use super::*;").replace("super::*", "anyhow")).unwrap_err();
        assert!(error.to_string().contains("does not apply"), "{error}");
        parse("two", "--- file\n-old\n").unwrap_err();
        parse("three", "Words.\n").unwrap_err();
        parse("four", "Words.\n--- file\nold\n").unwrap_err();
    }
}
