//! Tables in the documentation that come from tests.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// Compares the table between the lines `<!-- name -->` and `<!-- end of name -->` of a file under `docs/` with these
/// rows, the first being the heading. With `UPDATE_DOCS=1` in the environment it is written instead.
///
/// # Panics
/// When they differ, which is a failed test, and when the file or the two lines are not there.
pub fn check(file: &str, name: &str, rows: &[Vec<String>]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(file);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (before, rest) = halves(&text, &format!("<!-- {name} -->\n"));
    let (table, after) = halves(rest, &format!("<!-- end of {name} -->"));
    let fresh = markdown(rows);
    if env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        let written = fs::write(
            &path,
            format!("{before}<!-- {name} -->\n{fresh}<!-- end of {name} -->{after}"),
        );
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    } else {
        assert!(
            table == fresh,
            "docs/{file} is not what the code says; UPDATE_DOCS=1 writes it anew:\n{fresh}"
        );
    }
}

fn halves<'a>(text: &'a str, mark: &str) -> (&'a str, &'a str) {
    text.split_once(mark)
        .unwrap_or_else(|| panic!("{mark:?} is missing"))
}

fn markdown(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if index == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
        }
    }
    text
}
