//! Ctrl-C: the work at hand is brought to an end and saved; a second one ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Exit;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on an interrupt is a wish that [`asked`] tells.
pub(super) fn listen() {
    // Fails only where a handler is set already, which then is this one.
    let _ = ctrlc::try_set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            #[expect(clippy::exit, reason = "the person insists")]
            std::process::exit(Exit::Interrupted as i32);
        }
    });
}

/// Whether the person wants the command to end.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
