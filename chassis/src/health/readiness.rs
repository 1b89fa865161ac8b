//! Readiness as a set of names, so that a 503 says what is missing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Ready when every latch is released and every check holds.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<Conditions>>);

#[derive(Debug, Default)]
struct Conditions {
    latches: Vec<(String, Weak<()>)>,
    checks: Vec<(String, Weak<Mutex<Option<String>>>)>,
}

impl Readiness {
    /// Something that must happen once before the process is ready.
    pub fn latch(&self, name: impl Into<String>) -> Latch {
        let held = Arc::new(());
        self.lock()
            .latches
            .push((name.into(), Arc::downgrade(&held)));
        Latch { _held: held }
    }

    /// Something that can come and go; it holds until [`Check::fail`].
    pub fn check(&self, name: impl Into<String>) -> Check {
        let failing = Arc::new(Mutex::new(None));
        self.lock()
            .checks
            .push((name.into(), Arc::downgrade(&failing)));
        Check(failing)
    }

    /// Whether the process can do its work.
    pub fn is_ready(&self) -> bool {
        self.waiting().is_empty()
    }

    /// What is missing, as `name` or `name: reason`; empty when ready.
    pub fn waiting(&self) -> Vec<String> {
        let mut conditions = self.lock();
        conditions
            .latches
            .retain(|(_, held)| held.strong_count() > 0);
        conditions
            .checks
            .retain(|(_, failing)| failing.strong_count() > 0);
        let latches = conditions.latches.iter().map(|(name, _)| name.clone());
        let checks = conditions.checks.iter().filter_map(|(name, failing)| {
            let reason = lock(&*failing.upgrade()?).clone()?;
            Some(format!("{name}: {reason}"))
        });
        latches.chain(checks).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Conditions> {
        lock(&self.0)
    }
}

/// Holds readiness back until it and all its clones are dropped.
#[derive(Debug, Clone)]
pub struct Latch {
    _held: Arc<()>,
}

impl Latch {
    /// Says at the call what dropping does.
    pub fn release(self) {}
}

/// A condition its component flips; clones speak of the same condition, which
/// is forgotten when the last of them is dropped.
#[derive(Debug, Clone)]
pub struct Check(Arc<Mutex<Option<String>>>);

impl Check {
    /// The component works (again).
    pub fn pass(&self) {
        *lock(&self.0) = None;
    }

    /// The component cannot work; `reason` is shown by `/readyz`.
    pub fn fail(&self, reason: impl Into<String>) {
        *lock(&self.0) = Some(reason.into());
    }
}

/// These values are whole after every assignment, so a panic elsewhere is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
