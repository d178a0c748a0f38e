//! Layout only: what is counted elsewhere, made readable.

pub mod plot;
