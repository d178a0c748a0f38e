//! Values that must never be shown.

use std::fmt;

/// A key, secret or token: no way of printing it shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a value, white space around it dropped.
    pub fn new(value: &str) -> Self {
        Self(value.trim().into())
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text without the value, wherever it stands in it.
    pub fn blank(&self, text: &str) -> String {
        // A value of a few letters would blank half of every sentence.
        if self.0.len() < 6 {
            return text.to_owned();
        }
        text.replace(&*self.0, "…")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let secret = Secret::new(" clt.2.f00dCafe\n");
        assert_eq!(secret.expose(), "clt.2.f00dCafe");
        assert_eq!(format!("{secret} {secret:?}"), "… Secret(…)");
        assert_eq!(
            secret.blank("token clt.2.f00dCafe refused"),
            "token … refused"
        );
    }
}
