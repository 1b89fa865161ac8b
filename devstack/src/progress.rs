//! What a person sees while the stack comes up: a line per part, with its time.

use std::time::Instant;

use anyhow::{Context, Result};

/// Where progress goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Lines on standard output.
    Shown,
    /// Lines on standard error, so that another program owns standard output.
    Aside,
    /// Nowhere.
    Quiet,
}

impl Progress {
    /// Does a piece of work that tells whether there was anything to do.
    pub(crate) async fn part(
        self,
        name: &str,
        work: impl Future<Output = Result<bool>>,
    ) -> Result<bool> {
        let started = Instant::now();
        let fresh = work.await.with_context(|| format!("{name} failed"))?;
        let state = if fresh { "ready" } else { "as it was" };
        self.line(&format!(
            "  {name:<26} {state:<10} {:>6.1} s",
            started.elapsed().as_secs_f32()
        ));
        Ok(fresh)
    }

    /// Says one line.
    #[allow(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "the one place that talks to the terminal"
    )]
    pub fn line(self, text: &str) {
        match self {
            Self::Shown => println!("{text}"),
            Self::Aside => eprintln!("{text}"),
            Self::Quiet => {}
        }
    }
}
