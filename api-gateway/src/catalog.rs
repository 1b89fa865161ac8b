//! What this deployment offers: regions to run in, sizes to run with, and how often.

pub mod http;
pub mod view;

use std::time::Duration;

use chassis::ConfigError;
use chrono::TimeDelta;
use shared_types::{Size, SizeTable};

use crate::openapi::types::format;
use crate::read::rule::Rule;

/// The known regions and sizes, and the shortest period. The default one offers
/// nothing; it is enough to ask for a schema.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    default_region: String,
    regions: Vec<String>,
    sizes: SizeTable,
    shortest_period: TimeDelta,
}

impl Catalog {
    /// Checks that there is a region and that each name can name a queue and a
    /// label.
    pub fn new(
        regions: Vec<String>,
        sizes: SizeTable,
        shortest_period: Duration,
    ) -> Result<Self, ConfigError> {
        let default_region = regions
            .first()
            .ok_or_else(|| ConfigError::invalid("regions", "name at least one"))?
            .clone();
        let is_word = |name: &String| {
            (1..=63).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if let Some(name) = regions.iter().find(|name| !is_word(name)) {
            let why = format!("\"{name}\" is not 1 to 63 letters, digits, \"-\" or \"_\"");
            return Err(ConfigError::invalid("regions", why));
        }
        Ok(Self {
            default_region,
            regions,
            sizes,
            shortest_period: TimeDelta::from_std(shortest_period)
                .map_err(|why| ConfigError::invalid("schedules.shortest_period", why))?,
        })
    }

    /// How close instants of a schedule may follow one another.
    pub fn shortest_period(&self) -> TimeDelta {
        self.shortest_period
    }

    /// The region of jobs that name none.
    pub fn default_region(&self) -> &str {
        &self.default_region
    }

    /// The regions, the default one first.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.regions.iter().map(String::as_str)
    }

    /// The sizes and what each grants.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, &Size)> {
        let names = self.sizes.names();
        names.filter_map(|name| Some((name, self.sizes.get(name)?)))
    }

    /// A field for the name of a region.
    pub fn region(&self) -> Rule<'_, String> {
        let description = "A region that `GET /v1/regions` lists";
        let schema = move || format("region", description, "BEIJING1");
        Rule::text(schema, |name| choose("region", name, self.regions()))
    }

    /// A field for the name of a size.
    pub fn size(&self) -> Rule<'_, String> {
        let description = "A size that `GET /v1/sizes` lists";
        let schema = move || format("resource-size", description, "XXS");
        Rule::text(schema, |name| self.find_size(name))
    }

    /// The size of that name, or what is known.
    pub fn find_size(&self, name: &str) -> Result<String, String> {
        choose("size", name, self.sizes.names())
    }
}

fn choose<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Result<String, String> {
    let known: Vec<_> = known.collect();
    if known.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "is not a known {what}; known are: {}",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(regions: &[&str]) -> Result<Catalog, ConfigError> {
        let regions = regions.iter().map(|name| (*name).to_owned()).collect();
        Catalog::new(regions, SizeTable::default(), Duration::from_secs(1))
    }

    #[test]
    fn the_unknown_is_answered_with_the_known() {
        let catalog = catalog(&["north", "south"]).unwrap();
        assert_eq!(catalog.default_region(), "north");
        let region = |name: &str| catalog.region().read(&name.into());
        assert_eq!(region("south").unwrap(), "south");
        let error = region("west").unwrap_err();
        assert_eq!(error, "is not a known region; known are: north, south");
        assert!(catalog.find_size("XXL").unwrap_err().contains("XXS"));
    }

    #[test]
    fn a_region_must_be_able_to_name_a_queue() {
        assert!(catalog(&[]).is_err());
        assert!(catalog(&["north", "so uth"]).is_err());
        assert!(catalog(&["north", ""]).is_err());
    }
}
