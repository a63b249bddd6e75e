//! Every chore of this repository by name.
fn main() {}
