//! Lists of a job's execs: what a client may ask for, and the answer's rows.

use shared_types::{ExecState, JobId, TriggerMode};
use store::access::Access;
use store::execs::{self, Exec, ExecFilter, ExecKey};
use store::page::Count;

use crate::gateway::Gateway;
use crate::jobs;
use crate::read::fields::FieldError;
use crate::read::instant;
use crate::read::page::{Cut, PageRequest, Sort};
use crate::read::params::{self, Params};
use crate::reply::error::ApiError;
use crate::tokens::caller::Caller;

const MODES: [TriggerMode; 2] = [TriggerMode::Manual, TriggerMode::Scheduled];

/// A page of some execs of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecList {
    filter: ExecFilter,
    page: PageRequest<ExecKey>,
}

impl ExecList {
    /// Reads a query.
    pub fn parse<'a>(
        get: impl Fn(&str) -> Option<&'a str> + 'a,
        job: JobId,
    ) -> Result<Self, Vec<FieldError>> {
        let mut params = Params::of(get);
        let states = |text: &str| params::letters(text, &ExecState::ALL, ExecState::letter);
        let modes = |text: &str| params::letters(text, &MODES, TriggerMode::letter);
        let filter = ExecFilter {
            job,
            states: params.optional("status", states).unwrap_or_default(),
            trigger_mode: params
                .optional("trigger_mode", modes)
                .and_then(|modes| modes.first().copied()),
            region: params.optional("region_name", params::text),
            created_after: params.optional("created_after", instant::parse),
            created_before: params.optional("created_before", instant::parse),
        };
        let sort = Sort::read(&mut params, &[Sort::NEWEST.field]);
        let page = PageRequest::read(&mut params, sort);
        params.finish(Self { filter, page })
    }

    /// The execs, and how many there are on all pages.
    pub async fn load(
        self,
        gateway: &Gateway,
        caller: &Caller,
    ) -> Result<(Count, Cut<Exec>), ApiError> {
        jobs::get(gateway, caller, Access::Read, self.filter.job).await?;
        let mut conn = gateway.connection(caller).await?;
        let count = execs::count(&mut conn, &self.filter).await?;
        let rows = execs::list(&mut conn, &self.filter, self.page.query()).await?;
        let key = |exec: &Exec| (exec.created_at, exec.id);
        Ok((count, self.page.cut(rows, key)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<ExecList, Vec<FieldError>> {
        let query: HashMap<_, _> = query.iter().copied().collect();
        ExecList::parse(|name| query.get(name).copied(), JobId(1))
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
            ("status", "X"),
            ("trigger_mode", "A"),
            ("region_name", "\0"),
            ("created_after", "x"),
            ("created_before", "x"),
            ("sort", "name"),
            ("page", "501"),
        ];
        let errors = parse(&bad).unwrap_err();
        let named: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, bad.map(|(name, _)| name));
    }
}
