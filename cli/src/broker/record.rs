//! `milena broker --record DIR`: every frame that passes, in a file of its own.
//!
//! Connections hand over frames without waiting, and a thread writes them. What it has not written yet is bounded: when
//! the disk fails, or falls behind by [`MAX_BACKLOG`], the recording ends there and says so, and the cluster goes on. So
//! a recording has no holes.

use std::{
    fmt,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use milena_broker::Frame;
use milena_broker::protocol::{ApiKey, Direction};

use crate::say;

/// The most that may wait to be written, in bytes.
const MAX_BACKLOG: usize = 64 << 20;
/// What a waiting frame takes beside its bytes, roughly.
const OVERHEAD: usize = 256;

/// A recording that goes on until it is finished.
#[derive(Debug)]
pub(crate) struct Recording {
    dir: PathBuf,
    tap: Tap,
    /// Ends with the number of frames, if all were written.
    writer: JoinHandle<Option<u64>>,
}

/// Where connections put their frames.
#[derive(Clone, Debug)]
struct Tap {
    sender: Sender<Entry>,
    backlog: Arc<Backlog>,
}

#[derive(Debug)]
enum Entry {
    Frame(Kept),
    /// The frame that came next would have been too much.
    Overflow,
    End,
}

/// What waits to be written.
#[derive(Debug)]
struct Backlog {
    bytes: AtomicUsize,
    limit: usize,
    /// Nothing more is written.
    ended: AtomicBool,
}

/// A frame that stays when its connection goes on.
#[derive(Debug)]
struct Kept {
    node: i32,
    connection: u64,
    sequence: u64,
    direction: Direction,
    api: Option<(ApiKey, i16)>,
    segments: Vec<Bytes>,
    cost: usize,
}

impl Recording {
    /// Starts a recording in a directory that is created, or that is there and empty.
    ///
    /// # Errors
    ///
    /// When it cannot be created, or holds something.
    pub(crate) fn start(dir: &Path) -> anyhow::Result<Self> {
        let shown = dir.display();
        fs::create_dir_all(dir).with_context(|| format!("{shown} cannot be created"))?;
        let mut there = fs::read_dir(dir).with_context(|| format!("{shown} cannot be read"))?;
        if there.next().is_some() {
            bail!("{shown} is not empty; a recording needs a directory of its own");
        }
        let (tap, entries) = Tap::new(MAX_BACKLOG);
        let (target, backlog) = (dir.to_owned(), Arc::clone(&tap.backlog));
        let writer = thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || write_entries(&entries, &target, &backlog))
            .context("the recording's thread cannot be started")?;
        Ok(Self {
            dir: dir.to_owned(),
            tap,
            writer,
        })
    }

    /// What the cluster has to show its frames to. It waits for nothing.
    pub(crate) fn observer(&self) -> impl Fn(&Frame<'_>) + Send + Sync + 'static {
        let tap = self.tap.clone();
        move |frame| tap.take(frame)
    }

    /// Waits until everything shown so far is written. `false` if the recording had to end early, which was said then.
    pub(crate) async fn finish(self) -> anyhow::Result<bool> {
        let _ = self.tap.sender.send(Entry::End);
        let written = tokio::task::spawn_blocking(|| self.writer.join())
            .await?
            .map_err(|_| anyhow!("the recording's thread has panicked"))?;
        if let Some(frames) = written {
            say::note(format_args!(
                "recorded {frames} frames in {}",
                self.dir.display()
            ));
        }
        Ok(written.is_some())
    }
}

impl Tap {
    fn new(limit: usize) -> (Self, Receiver<Entry>) {
        let (sender, entries) = mpsc::channel();
        let backlog = Arc::new(Backlog {
            bytes: AtomicUsize::new(0),
            limit,
            ended: AtomicBool::new(false),
        });
        (Self { sender, backlog }, entries)
    }

    /// Passes a frame on. One that nothing waits before is taken at any size.
    fn take(&self, frame: &Frame<'_>) {
        let backlog = &self.backlog;
        if backlog.ended.load(Ordering::Relaxed) {
            return;
        }
        let bytes: usize = frame.segments.iter().map(Bytes::len).sum();
        let cost = bytes.saturating_add(OVERHEAD);
        let before = backlog.bytes.fetch_add(cost, Ordering::Relaxed);
        let entry = if before > 0 && before.saturating_add(cost) > backlog.limit {
            backlog.ended.store(true, Ordering::Relaxed);
            Entry::Overflow
        } else {
            Entry::Frame(Kept {
                node: frame.node,
                connection: frame.connection,
                sequence: frame.sequence,
                direction: frame.direction,
                api: frame.api,
                segments: frame.segments.to_vec(),
                cost,
            })
        };
        // Without a receiver the writer has ended.
        let _ = self.sender.send(entry);
    }
}

/// Writes what comes until told to end, or until something goes wrong, which it tells.
fn write_entries(entries: &Receiver<Entry>, dir: &Path, backlog: &Backlog) -> Option<u64> {
    let mut written = 0;
    let trouble = loop {
        match entries.recv() {
            Ok(Entry::Frame(frame)) => {
                if let Err(error) = frame.write(dir) {
                    break error;
                }
                backlog.bytes.fetch_sub(frame.cost, Ordering::Relaxed);
                written += 1;
            }
            Ok(Entry::Overflow) => {
                break anyhow!("more than {} bytes wait to be written", backlog.limit);
            }
            Ok(Entry::End) | Err(_) => return Some(written),
        }
    };
    backlog.ended.store(true, Ordering::Relaxed);
    say::warn(format_args!(
        "the recording in {} ends after {written} frames: {trouble:#}",
        dir.display()
    ));
    None
}

impl Kept {
    fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let path = dir.join(self.to_string());
        let failed = || format!("{} cannot be written", path.display());
        let mut file = File::create_new(&path).with_context(failed)?;
        for segment in &self.segments {
            if let Err(error) = file.write_all(segment) {
                // Part of a frame is worse than none.
                let _ = fs::remove_file(&path);
                return Err(error).with_context(failed);
            }
        }
        Ok(())
    }
}

/// The name of its file.
impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Connections are numbered within their node in the lower half.
        let connection = self.connection & u64::from(u32::MAX);
        let direction = match self.direction {
            Direction::Request => "request",
            Direction::Response => "response",
        };
        let (node, sequence) = (self.node, self.sequence);
        write!(f, "n{node}-c{connection:04}-{sequence:06}-{direction}-")?;
        match self.api {
            Some((api, version)) => match api.name() {
                Some(name) => write!(f, "{name}-v{version}.bin"),
                None => write!(f, "api{}-v{version}.bin", api.0),
            },
            None => f.write_str("unreadable.bin"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use milena_broker::{
        Cluster,
        protocol::{encode_request, metadata::MetadataRequest},
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// An empty directory that goes when it is dropped.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let dir = env::temp_dir().join(format!("milena-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }

        fn files(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Asks a cluster that shows its frames to `tap` for metadata, so many times, and ends the recording.
    async fn ask(tap: &Tap, times: usize) {
        let observer = tap.clone();
        let cluster = Cluster::builder()
            .in_memory()
            .observe(move |frame| observer.take(frame));
        let cluster = cluster.start().await.unwrap();
        let mut stream = cluster.connect(1).unwrap();
        for _ in 0..times {
            for segment in encode_request(1, None, 12, &MetadataRequest::default()).unwrap() {
                stream.write_all(&segment).await.unwrap();
            }
            let length = stream.read_i32().await.unwrap();
            let mut answer = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut answer).await.unwrap();
        }
        tap.sender.send(Entry::End).unwrap();
    }

    #[tokio::test]
    async fn a_recording_that_falls_behind_ends_without_a_hole() {
        let dir = Dir::new("overflow");
        // Room for two frames, and nobody writes them.
        let (tap, entries) = Tap::new(2 * (OVERHEAD + 100));
        ask(&tap, 3).await;
        assert_eq!(write_entries(&entries, &dir.0, &tap.backlog), None);
        let name = |direction| format!("n1-c0001-000001-{direction}-Metadata-v12.bin");
        assert_eq!(dir.files(), [name("request"), name("response")]);
        assert_eq!(entries.try_iter().count(), 1, "nothing but the end");
    }

    #[tokio::test]
    async fn what_is_written_waits_no_more() {
        let dir = Dir::new("written");
        let (tap, entries) = Tap::new(MAX_BACKLOG);
        ask(&tap, 3).await;
        assert!(tap.backlog.bytes.load(Ordering::Relaxed) > 6 * OVERHEAD);
        assert_eq!(write_entries(&entries, &dir.0, &tap.backlog), Some(6));
        assert_eq!(tap.backlog.bytes.load(Ordering::Relaxed), 0);
        assert_eq!(dir.files().len(), 6);
    }

    #[tokio::test]
    async fn a_file_that_is_there_is_not_overwritten() {
        let dir = Dir::new("taken");
        let taken = dir.0.join("n1-c0001-000002-request-Metadata-v12.bin");
        fs::write(&taken, "kept").unwrap();
        let (tap, entries) = Tap::new(MAX_BACKLOG);
        ask(&tap, 3).await;
        assert_eq!(write_entries(&entries, &dir.0, &tap.backlog), None);
        assert_eq!(fs::read(&taken).unwrap(), b"kept");
        assert_eq!(dir.files().len(), 3);
        let waiting = entries.try_iter().count();
        assert_eq!(waiting, 4, "the frames after it, and the end");
        ask(&tap, 1).await;
        assert_eq!(entries.try_iter().count(), 1, "nothing but the end");
    }

    #[test]
    fn a_directory_that_is_in_use_is_left_alone() {
        let dir = Dir::new("in-use");
        fs::write(dir.0.join("kept"), "").unwrap();
        let error = Recording::start(&dir.0).unwrap_err().to_string();
        assert!(error.ends_with("is not empty; a recording needs a directory of its own"));
        assert!(Recording::start(&dir.0.join("kept")).is_err());
        assert_eq!(dir.files(), ["kept"]);
    }

    #[test]
    fn names_say_what_it_is() {
        for (api, name) in [
            (Some((ApiKey::PRODUCE, 13)), "Produce-v13"),
            (Some((ApiKey(999), -1)), "api999-v-1"),
            (None, "unreadable"),
        ] {
            let kept = Kept {
                node: 2,
                connection: (2 << 32) | 17,
                sequence: 300,
                direction: Direction::Response,
                api,
                segments: Vec::new(),
                cost: 0,
            };
            assert_eq!(
                kept.to_string(),
                format!("n2-c0017-000300-response-{name}.bin")
            );
        }
    }
}
