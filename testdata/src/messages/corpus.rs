//! The committed files.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

const EXTENSION: &str = "gz";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("messages")
}

/// The files of the corpus: names of APIs, and the text.
///
/// # Errors
/// When one cannot be read.
pub fn files() -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in paths()? {
        let mut text = String::new();
        let file = fs::File::open(&path)?;
        GzDecoder::new(file)
            .read_to_string(&mut text)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        let name = path.file_stem().unwrap_or_default();
        files.push((name.to_string_lossy().into_owned(), text));
    }
    Ok(files)
}

/// Replaces the corpus by these files, and says how many bytes they have. The same text makes the same files.
///
/// # Errors
/// When one cannot be written, or an old one not removed.
pub fn write(files: &[(String, String)]) -> io::Result<u64> {
    fs::create_dir_all(folder())?;
    for path in paths()? {
        fs::remove_file(path)?;
    }
    let mut total = 0;
    for (name, text) in files {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text.as_bytes())?;
        let bytes = gzip.finish()?;
        total += bytes.len() as u64;
        fs::write(folder().join(name).with_extension(EXTENSION), bytes)?;
    }
    Ok(total)
}

fn paths() -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
