//! What processes use, as the kernel counts it.

use std::fs;

use anyhow::{Context, Result};

/// Clock ticks of a second, which Linux has fixed for programs.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used.
pub fn cpu(pid: i32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("a process has a name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
    Ok((ticks(11).context("user time")? + ticks(12).context("system time")?) / TICKS)
}

/// The same of all processes of a name that live now.
pub fn cpu_of_all(name: &str) -> Result<f64> {
    let mut all = 0.0;
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse() else {
            continue;
        };
        // One that ends meanwhile is none of them.
        let found = fs::read_to_string(format!("/proc/{pid}/comm"));
        if found.is_ok_and(|found| found.trim_end() == name) {
            all += cpu(pid).unwrap_or_default();
        }
    }
    Ok(all)
}

/// Forgets how much memory a process has held at most.
pub fn reset_peak(pid: i32) -> Result<()> {
    // proc(5): 5 resets the peak of the resident set.
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// MiB of memory that a process holds now, and held at most since [`reset_peak`].
pub fn memory(pid: i32) -> Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mib = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = value.and_then(|value| value.split_whitespace().next());
        let kib: u64 = kib.context("a process has memory")?.parse()?;
        anyhow::Ok(kib / 1024)
    };
    Ok((mib("VmRSS:")?, mib("VmHWM:")?))
}
