//! Progress on stderr, when there is somebody to look at it.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar, or a count where the end is not known; nothing at all unless stderr is a terminal.
pub(crate) fn bar(total: Option<u64>) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = match total {
        Some(_) => "{wide_bar} {human_pos}/{human_len} records, {per_sec}, {eta} left",
        None => "{human_pos} records, {per_sec}",
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let target = ProgressDrawTarget::stderr_with_hz(5);
    ProgressBar::with_draw_target(total, target).with_style(style)
}
