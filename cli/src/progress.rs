//! What moves on the screen while something takes time: on stderr, if that is a terminal. It shows what is done and how
//! many are done, never of which record.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(80);

/// Something that goes on, until it is dropped.
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    pub(crate) fn new(what: &str) -> Self {
        let spinner = ProgressBar::new_spinner();
        spinner.set_message(format!("{what} …"));
        spinner.enable_steady_tick(TICK);
        Self(spinner)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A bar that fills with what is counted. What comes after that cannot be counted: then it turns as a spinner does.
pub(crate) struct Counter {
    bar: ProgressBar,
    what: String,
    color: bool,
}

impl Counter {
    pub(crate) fn new(what: &str, len: usize, color: bool) -> Self {
        let counter = Self { bar: ProgressBar::new(len as u64), what: format!("{what} …"), color };
        counter.begin();
        counter.bar.enable_steady_tick(TICK);
        counter
    }

    /// A counter that is not shown.
    pub(crate) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), what: String::new(), color: false }
    }

    /// Counts from zero, once more if it has to.
    pub(crate) fn begin(&self) {
        let template =
            if self.color { "{msg} {bar:30.green} {pos} of {len}" } else { "{msg} {bar:30} {pos} of {len}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        self.bar.set_message(self.what.clone());
    }

    pub(crate) fn count(&self) {
        self.bar.inc(1);
    }

    /// All are counted, and this goes on.
    pub(crate) fn then(&self, what: &str) {
        self.bar.force_draw(); // the full bar is seen, however quick it was
        self.bar.set_style(ProgressStyle::default_spinner());
        self.bar.set_message(format!("{what} …"));
        self.bar.force_draw();
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
