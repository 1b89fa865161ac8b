//! What was done in a namespace, for its admins to read.

pub mod http;
pub mod view;

use store::access::Access;
use store::audit::{self, Filter, Record, RecordId};
use store::page::Count;

use crate::gateway::Gateway;
use crate::read::fields::FieldError;
use crate::read::instant;
use crate::read::page::{Cut, PageRequest, Sort};
use crate::read::params::{self, Params};
use crate::reply::error::ApiError;
use crate::tokens::caller::Caller;

/// A page of some of the records of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditList {
    filter: Filter,
    page: PageRequest<RecordId>,
}

impl AuditList {
    /// Reads a query.
    pub fn parse<'a>(get: impl Fn(&str) -> Option<&'a str> + 'a) -> Result<Self, Vec<FieldError>> {
        let mut params = Params::of(get);
        let filter = Filter {
            actor: params.optional("actor", params::text),
            action: params.optional("action", params::text),
            created_after: params.optional("created_after", instant::parse),
            created_before: params.optional("created_before", instant::parse),
        };
        let sort = Sort::read(&mut params, &[Sort::NEWEST.field]);
        let page = PageRequest::read(&mut params, sort);
        params.finish(Self { filter, page })
    }

    /// The records, and how many there are on all pages.
    pub async fn load(
        self,
        gateway: &Gateway,
        caller: &Caller,
        namespace: &str,
    ) -> Result<(Count, Cut<Record>), ApiError> {
        caller.may(Access::Admin, namespace)?;
        let mut conn = gateway.connection(caller).await?;
        let count = audit::count(&mut conn, namespace, &self.filter).await?;
        let rows = audit::list(&mut conn, namespace, &self.filter, self.page.query()).await?;
        Ok((count, self.page.cut(rows, |record| record.id)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let errors = AuditList::parse(|_| Some("\0")).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        let filters = ["actor", "action", "created_after", "created_before", "sort"];
        assert_eq!(fields[..5], filters);
        assert_eq!(
            AuditList::parse(|_| None).unwrap().filter,
            Filter::default()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = AuditList::parse(|_| Some(&text));
        }
    }
}
