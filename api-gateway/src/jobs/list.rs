//! Lists of jobs: what a client may ask for, and the answer's rows.

use chrono::{DateTime, Utc};
use shared_types::JobId;
use store::access::Access;
use store::jobs::{self, Job, JobFilter, JobPage};
use store::page::{Count, Rows};

use crate::context::Context;
use crate::openapi::types::or_empty;
use crate::read::fields::FieldError;
use crate::read::names::namespace_schema;
use crate::read::page::{Cut, PageRequest, Sort};
use crate::read::params::{Params, flag, parameters, text};
use crate::read::query::Query;
use crate::read::rule::Rule;
use crate::reply::error::ApiError;

const SORTS: [&str; 3] = [Sort::NEWEST.field, "name", "updated_at"];

/// A page of some jobs of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobList {
    filter: JobFilter,
    page: Order,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Order {
    Creation(PageRequest<JobId>),
    Name(PageRequest<(String, JobId)>),
    Update(PageRequest<(DateTime<Utc>, JobId)>),
}

impl JobList {
    /// Reads a query; `own` is the namespace of one that names none.
    pub fn parse(query: &Query, own: &str) -> Result<Self, Vec<FieldError>> {
        Params::read(query, |params| Self::read(params, own))
    }

    fn read(params: &mut Params<'_>, own: &str) -> Self {
        let (created_after, created_before) = params.created("those made");
        let filter = JobFilter {
            namespace: params
                .optional("namespace", namespace())
                .unwrap_or_else(|| own.to_owned()),
            name: params.optional("name", text("Only those of this name")),
            region: params.optional("region_name", text("Only those in this region")),
            schedule_active: params.optional(
                "is_schedule_active",
                flag("Only those that do, or do not, run on time"),
            ),
            created_after,
            created_before,
        };
        let sort = Sort::read(params, &SORTS);
        let page = match sort.field {
            "name" => Order::Name(PageRequest::read(params, sort)),
            "updated_at" => Order::Update(PageRequest::read(params, sort)),
            _ => Order::Creation(PageRequest::read(params, sort)),
        };
        Self { filter, page }
    }

    /// The jobs, and how many there are on all pages.
    pub async fn load(self, context: &Context) -> Result<(Count, Cut<Job>), ApiError> {
        context.may(Access::Read, &self.filter.namespace)?;
        let mut conn = context.connection().await?;
        let count = jobs::count(&mut conn, &self.filter).await?;
        let rows = jobs::list(&mut conn, &self.filter, self.page.query()).await?;
        Ok((Count::exact(count), self.page.cut(rows)))
    }
}

parameters!(JobList, |params| JobList::read(params, ""));

/// Whoever names one that cannot be is told that there is none.
fn namespace() -> Rule<'static, String> {
    let description = "Whose jobs; the caller's own if left out";
    let schema = move || or_empty(namespace_schema(description));
    Rule::text(schema, |name| text("").read(&name.into()))
}

impl Order {
    fn query(&self) -> JobPage {
        match self {
            Self::Creation(page) => JobPage::ByCreation(page.query()),
            Self::Name(page) => JobPage::ByName(page.query()),
            Self::Update(page) => JobPage::ByUpdate(page.query()),
        }
    }

    fn cut(&self, rows: Rows<Job>) -> Cut<Job> {
        match self {
            Self::Creation(page) => page.cut(rows, |job| job.id),
            Self::Name(page) => page.cut(rows, |job| (job.definition.name.clone(), job.id)),
            Self::Update(page) => page.cut(rows, |job| (job.updated_at, job.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<JobList, Vec<FieldError>> {
        JobList::parse(&query.iter().copied().collect(), "me")
    }

    #[test]
    fn nothing_asked_is_ones_own_newest_first() {
        let list = parse(&[("format", "json")]).unwrap();
        assert_eq!(list.filter, JobFilter::of("me"));
        let JobPage::ByCreation(page) = list.page.query() else {
            panic!("{list:?}")
        };
        assert_eq!(page, store::page::Page::newest(20));
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let bad = [
            ("name", "\0"),
            ("is_schedule_active", "maybe"),
            ("created_after", "yesterday"),
            ("created_before", "1"),
            ("sort", "size"),
            ("page", "0"),
            ("page_size", "-1"),
            ("cursor", "x"),
        ];
        let errors = parse(&bad).unwrap_err();
        let mut named: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        let mut expected = bad.map(|(name, _)| name);
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected);
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused(
            sort in "-?(name|created_at|updated_at|x)",
            cursor in "(after|before|x)\\.-?(name|created_at|updated_at)\\..{0,20}",
        ) {
            let _ = parse(&[("sort", &sort), ("cursor", &cursor)]);
        }
    }
}
