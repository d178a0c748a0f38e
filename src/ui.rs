//! The terminal: the only room that writes to stdout and stderr.

use std::cell::{Cell, RefCell};
use std::io::{self, BufWriter, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::UnicodeWidthChar as _;

use crate::error::Error;

/// Where a command says things: data to stdout, everything else to stderr.
#[derive(Debug)]
pub(crate) struct Ui {
    quiet: bool,
    bar: RefCell<Option<ProgressBar>>,
    warned: Cell<bool>,
}

impl Ui {
    /// `quiet` keeps notes and progress to itself; warnings and errors are always shown.
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            bar: RefCell::new(None),
            warned: Cell::new(false),
        }
    }

    /// Writes data to stdout.
    ///
    /// # Errors
    /// The reader went away, or the disk behind it is full.
    pub(crate) fn data(&self, bytes: &[u8]) -> Result<(), Error> {
        self.data_with(|out| out.write_all(bytes))
    }

    /// Writes data to stdout while it is made.
    ///
    /// # Errors
    /// As [`Ui::data`].
    #[expect(
        clippy::unused_self,
        reason = "saying things is the terminal's business, whatever its state"
    )]
    pub(crate) fn data_with(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        write(&mut out)?;
        out.flush()?;
        Ok(())
    }

    /// How wide the terminal is in characters; 80 where there is none.
    #[expect(clippy::unused_self, reason = "as above")]
    pub(crate) fn columns(&self) -> usize {
        terminal_size::terminal_size_of(io::stdout()).map_or(80, |(width, _)| usize::from(width.0))
    }

    /// Says something about the work.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Says that something is not as it should be.
    pub(crate) fn warn(&self, text: &str) {
        self.warned.set(true);
        self.say(&format!("warning: {text}"));
    }

    /// Says why a command failed, and what to try.
    pub(crate) fn error(&self, error: &Error) {
        self.say(&format!("error: {error}"));
        if let Some(hint) = error.hint() {
            self.say(&format!("hint: {hint}"));
        }
    }

    fn say(&self, text: &str) {
        let text = crate::output::printable_lines(text);
        let write = || {
            // Nothing is left to be told if stderr itself is gone.
            let _ = writeln!(io::stderr().lock(), "{text}");
        };
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Shows a bar over `length` bytes (0 if unknown) until [`Ui::finish`], on a terminal only.
    pub(crate) fn start(&self, what: &str, length: u64) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(
            (length > 0).then_some(length),
            ProgressDrawTarget::stderr(),
        );
        let template = if length > 0 {
            "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {msg} {eta}"
        } else {
            "{prefix} {spinner} {bytes} {bytes_per_sec} {msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(crate::output::printable(what).into_owned());
        *self.bar.borrow_mut() = Some(bar);
    }

    /// Shows a bar over so many steps until [`Ui::finish`], on a terminal only.
    pub(crate) fn start_steps(&self, what: &str, steps: u64) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        // The message is cut at the terminal's edge: a line that wraps cannot be drawn over.
        let columns = terminal_size::terminal_size_of(io::stderr())
            .map_or(80, |(width, _)| usize::from(width.0));
        let width = (columns / 6).clamp(4, 30);
        let template = format!(
            "{{prefix}} {{bar:{width}}} {{pos}}/{{len}} days, {{eta}} to go · {{wide_msg}}"
        );
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_prefix(cut(&crate::output::printable(what), columns / 3));
        *self.bar.borrow_mut() = Some(bar);
    }

    /// Moves the bar of [`Ui::start_steps`].
    pub(crate) fn step(&self, done: u64, message: impl FnOnce() -> String) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.set_position(done);
            bar.set_message(message());
        }
    }

    /// Moves the bar.
    pub(crate) fn progress(&self, bytes: u64, posts: u64) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.set_position(bytes);
            bar.set_message(format!("{posts} posts"));
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}

/// The start of a text that takes so many columns at most.
fn cut(text: &str, columns: usize) -> String {
    let mut width = 0;
    text.chars()
        .take_while(|&c| {
            width += c.width().unwrap_or(0);
            width <= columns
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_leave_room_for_the_bar() {
        assert_eq!(cut("#london", 13), "#london");
        assert_eq!(cut("#東京東京", 6), "#東京");
        assert_eq!(cut("#e\u{301}e", 2), "#e\u{301}");
    }
}
