//! Replays the committed corpus: every input through its target.

#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use milena_fuzz_targets::{TARGETS, corpus};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn names(dir: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(dir).unwrap_or_else(|error| panic!("reading {}: {error}", dir.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn replay(name: &str) {
    let (_, target) = TARGETS
        .iter()
        .find(|(target, _)| *target == name)
        .unwrap_or_else(|| panic!("there is no target `{name}`"));
    let corpus = corpus::read(name).unwrap();
    assert!(
        !corpus.is_empty(),
        "{} is empty",
        corpus::file(name).display()
    );
    let failed: Vec<_> = corpus
        .iter()
        .enumerate()
        .filter(|(_, entry)| panic::catch_unwind(|| target(&entry.bytes)).is_err())
        .map(|(n, _)| n + 1)
        .collect();
    assert!(
        failed.is_empty(),
        "of {} inputs in fuzz/corpus/{name}.hex these lines failed: {failed:?}",
        corpus.len()
    );
}

macro_rules! replayed {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        #[test]
        fn every_target_has_a_shell_and_a_corpus_and_is_replayed() {
            let mut targets: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
            targets.sort();
            let mut replayed = vec![$(stringify!($target)),*];
            replayed.sort_unstable();
            assert_eq!(targets, replayed);
            if !cfg!(feature = "difference") {
                targets.push("difference".to_owned());
                targets.sort();
            }
            let corpora: Vec<_> = targets.iter().map(|name| format!("{name}.hex")).collect();
            assert_eq!(corpora, names(&fuzz().join("corpus")));
            let shells: Vec<_> = targets.iter().map(|name| format!("{name}.rs")).collect();
            assert_eq!(shells, names(&fuzz().join("fuzz_targets")));
            let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
            for name in &targets {
                assert!(manifest.contains(&format!("\nname = \"{name}\"\n")), "{name} is no [[bin]]");
            }
        }
    };
}

#[cfg(not(feature = "difference"))]
replayed! { message frame batch decompress decoders compress builder partition }
#[cfg(feature = "difference")]
replayed! { message frame batch decompress decoders compress builder partition difference }
