//! The `cotag` program.

fn main() {}
