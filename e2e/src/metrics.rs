//! What a replica serves at `/metrics`.

use anyhow::Result;
use devstack::{Ring, Service};

/// All of it, as text.
pub async fn text(ring: &Ring, service: Service, number: u32) -> Result<String> {
    let url = ring.health_url(service, number)? + "/metrics";
    Ok(reqwest::get(url).await?.text().await?)
}

/// The sum of all values whose line begins so; nothing is 0.
pub async fn value(ring: &Ring, service: Service, number: u32, name: &str) -> Result<f64> {
    let text = text(ring, service, number).await?;
    Ok(sum(&text, |line| line.starts_with(name)))
}

/// The sum of the values of these lines.
pub fn sum(text: &str, is_wanted: impl Fn(&str) -> bool) -> f64 {
    text.lines()
        .filter(|line| is_wanted(line))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}
