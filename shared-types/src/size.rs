//! Sizes of an exec: names the 2015 API knows, resources the cluster counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one size grants, in Kubernetes quantities (`250m`, `256Mi`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// CPU request and limit.
    pub cpu: String,
    /// Memory request and limit.
    pub memory: String,
}

/// The sizes of a deployment, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SizeTable(BTreeMap<String, Size>);

impl SizeTable {
    /// What the name stands for.
    pub fn get(&self, name: &str) -> Option<&Size> {
        self.0.get(name)
    }

    /// The known names, smallest CPU first as far as plain order can tell.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Default for SizeTable {
    /// The six names that 2015 clients may send. The page says nothing of
    /// what they meant; these double from step to step.
    fn default() -> Self {
        let size = |name: &str, cpu: &str, memory: &str| {
            let (cpu, memory) = (cpu.to_owned(), memory.to_owned());
            (name.to_owned(), Size { cpu, memory })
        };
        Self(BTreeMap::from([
            size("XXS", "125m", "128Mi"),
            size("XS", "250m", "256Mi"),
            size("S", "500m", "512Mi"),
            size("M", "1", "1Gi"),
            size("L", "2", "2Gi"),
            size("XL", "4", "4Gi"),
        ]))
    }
}
