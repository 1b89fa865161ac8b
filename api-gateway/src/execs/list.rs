//! Lists of a job's execs: what a client may ask for, and the answer's rows.

use shared_types::{ExecState, JobId, TriggerMode};
use store::access::Access;
use store::execs::{self, Exec, ExecFilter, ExecKey};
use store::page::Count;

use crate::context::Context;
use crate::jobs;
use crate::read::fields::FieldError;
use crate::read::page::{Cut, PageRequest, Sort};
use crate::read::params::{Params, parameters, some_of, text};
use crate::read::query::Query;
use crate::reply::error::ApiError;

const MODES: [TriggerMode; 2] = [TriggerMode::Manual, TriggerMode::Scheduled];

/// A page of some execs of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecList {
    filter: ExecFilter,
    page: PageRequest<ExecKey>,
}

impl ExecList {
    /// Reads a query.
    pub fn parse(query: &Query, job: JobId) -> Result<Self, Vec<FieldError>> {
        Params::read(query, |params| Self::read(params, job))
    }

    fn read(params: &mut Params<'_>, job: JobId) -> Self {
        let states = "Only those in one of these states, between commas";
        let states = some_of(&ExecState::ALL, ExecState::letter, states);
        let modes = some_of(&MODES, TriggerMode::letter, "Only those triggered so");
        let (created_after, created_before) = params.created("those made");
        let filter = ExecFilter {
            job,
            states: params.optional("status", states).unwrap_or_default(),
            trigger_mode: params
                .optional("trigger_mode", modes)
                .and_then(|modes| modes.first().copied()),
            region: params.optional("region_name", text("Only those in this region")),
            created_after,
            created_before,
        };
        let sort = Sort::read(params, &[Sort::NEWEST.field]);
        let page = PageRequest::read(params, sort);
        Self { filter, page }
    }

    /// The execs, and how many there are on all pages.
    pub async fn load(self, context: &Context) -> Result<(Count, Cut<Exec>), ApiError> {
        jobs::get(context, Access::Read, self.filter.job).await?;
        let mut conn = context.connection().await?;
        let count = execs::count(&mut conn, &self.filter).await?;
        let rows = execs::list(&mut conn, &self.filter, self.page.query()).await?;
        let key = |exec: &Exec| (exec.created_at, exec.id);
        Ok((count, self.page.cut(rows, key)))
    }
}

parameters!(ExecList, |params| ExecList::read(params, JobId(0)));

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<ExecList, Vec<FieldError>> {
        ExecList::parse(&query.iter().copied().collect(), JobId(1))
    }

    #[test]
    fn a_filter_that_all_pass_is_none() {
        let all = [("status", "W,R,S,F,C,L"), ("trigger_mode", "M,S")];
        assert_eq!(parse(&all).unwrap().filter, ExecFilter::of(JobId(1)));
        let some = parse(&[("status", "F,L"), ("trigger_mode", "S")]).unwrap();
        assert_eq!(some.filter.states, [ExecState::Failed, ExecState::Lost]);
        assert_eq!(some.filter.trigger_mode, Some(TriggerMode::Scheduled));
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let bad = [
            ("created_after", "x"),
            ("created_before", "x"),
            ("status", "X"),
            ("trigger_mode", "A"),
            ("region_name", "\0"),
            ("sort", "name"),
            ("page", "501"),
        ];
        let errors = parse(&bad).unwrap_err();
        let named: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, bad.map(|(name, _)| name));
    }
}
