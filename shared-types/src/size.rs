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
    /// Request and limit of the node's disk, for what the program writes outside of
    /// volumes; without, nothing but the node's own size limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
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

    /// The known names, in the order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Default for SizeTable {
    /// The six names that 2015 clients may send. The page says nothing of
    /// what they meant; these double from step to step.
    fn default() -> Self {
        let size = |name: &str, cpu: &str, memory: &str, disk: &str| {
            let size = Size {
                cpu: cpu.to_owned(),
                memory: memory.to_owned(),
                disk: Some(disk.to_owned()),
            };
            (name.to_owned(), size)
        };
        Self(BTreeMap::from([
            size("XXS", "125m", "128Mi", "512Mi"),
            size("XS", "250m", "256Mi", "1Gi"),
            size("S", "500m", "512Mi", "2Gi"),
            size("M", "1", "1Gi", "4Gi"),
            size("L", "2", "2Gi", "8Gi"),
            size("XL", "4", "4Gi", "16Gi"),
        ]))
    }
}
