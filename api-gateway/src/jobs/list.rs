//! Lists of jobs: what a client may ask for, and the answer's rows.

use chrono::{DateTime, Utc};
use shared_types::JobId;
use store::access::Access;
use store::jobs::{self, Job, JobFilter, JobPage};
use store::page::{Count, Rows};

use crate::gateway::Gateway;
use crate::read::fields::FieldError;
use crate::read::instant;
use crate::read::page::{Cut, PageRequest, Sort};
use crate::read::params::{self, Params};
use crate::reply::error::ApiError;
use crate::tokens::caller::Caller;

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
    pub fn parse<'a>(
        get: impl Fn(&str) -> Option<&'a str> + 'a,
        own: &str,
    ) -> Result<Self, Vec<FieldError>> {
        let mut params = Params::of(get);
        let filter = JobFilter {
            namespace: params
                .optional("namespace", params::text)
                .unwrap_or_else(|| own.to_owned()),
            name: params.optional("name", params::text),
            region: params.optional("region_name", params::text),
            schedule_active: params.optional("is_schedule_active", params::boolean),
            created_after: params.optional("created_after", instant::parse),
            created_before: params.optional("created_before", instant::parse),
        };
        let sort = Sort::read(&mut params, &SORTS);
        let page = match sort.field {
            "name" => Order::Name(PageRequest::read(&mut params, sort)),
            "updated_at" => Order::Update(PageRequest::read(&mut params, sort)),
            _ => Order::Creation(PageRequest::read(&mut params, sort)),
        };
        params.finish(Self { filter, page })
    }

    /// The jobs, and how many there are on all pages.
    pub async fn load(
        self,
        gateway: &Gateway,
        caller: &Caller,
    ) -> Result<(Count, Cut<Job>), ApiError> {
        caller.may(Access::Read, &self.filter.namespace)?;
        let mut conn = gateway.connection(caller).await?;
        let count = jobs::count(&mut conn, &self.filter).await?;
        let rows = jobs::list(&mut conn, &self.filter, self.page.query()).await?;
        Ok((Count::exact(count), self.page.cut(rows)))
    }
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
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<JobList, Vec<FieldError>> {
        let query: HashMap<_, _> = query.iter().copied().collect();
        JobList::parse(|name| query.get(name).copied(), "me")
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
