//! What was done in a namespace, for its admins to read.

pub mod http;
pub mod view;

use store::access::Access;
use store::audit::{self, Filter, Record, RecordId};
use store::page::Count;

use crate::context::Context;
use crate::read::fields::FieldError;
use crate::read::page::{Cut, PageRequest, Sort};
use crate::read::params::{Params, parameters, text};
use crate::read::query::Query;
use crate::reply::error::ApiError;

/// A page of some of the records of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditList {
    filter: Filter,
    page: PageRequest<RecordId>,
}

impl AuditList {
    /// Reads a query.
    pub fn parse(query: &Query) -> Result<Self, Vec<FieldError>> {
        Params::read(query, Self::read)
    }

    fn read(params: &mut Params<'_>) -> Self {
        let (created_after, created_before) = params.created("what was done");
        let filter = Filter {
            actor: params.optional("actor", text("Only what this account did")),
            action: params.optional("action", text("Only this, such as `job.create`")),
            created_after,
            created_before,
        };
        let sort = Sort::read(params, &[Sort::NEWEST.field]);
        let page = PageRequest::read(params, sort);
        Self { filter, page }
    }

    /// The records, and how many there are on all pages.
    pub async fn load(
        self,
        context: &Context,
        namespace: &str,
    ) -> Result<(Count, Cut<Record>), ApiError> {
        context.may(Access::Admin, namespace)?;
        let mut conn = context.connection().await?;
        let count = audit::count(&mut conn, namespace, &self.filter).await?;
        let rows = audit::list(&mut conn, namespace, &self.filter, self.page.query()).await?;
        Ok((count, self.page.cut(rows, |record| record.id)))
    }
}

parameters!(AuditList, AuditList::read);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let names = ["created_after", "created_before", "actor", "action", "sort"];
        let query = names.map(|name| (name, "\0")).into_iter().collect();
        let errors = AuditList::parse(&query).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, names);
        assert_eq!(
            AuditList::parse(&Query::default()).unwrap().filter,
            Filter::default()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = AuditList::parse(&Query::of(&format!("actor={text}&sort={text}")));
        }
    }
}
