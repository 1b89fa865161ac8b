//! Lines of many logs: of the execs of a job or a namespace, the newest exec first.

use std::sync::Arc;

use store::execs::{self, ExecKey, Logged, Owner};
use store::logs::Filter;
use store::{events, logs};

use crate::context::Context;
use crate::logs::LogReader;
use crate::logs::completeness::Completeness;
use crate::logs::entry::LineWriter;
use crate::logs::outline::Outline;
use crate::logs::page::Room;
use crate::logs::position::Position;
use crate::logs::selection::{self, Selection};
use crate::read::fields::FieldError;
use crate::read::page::Key;
use crate::read::params::{Params, parameters};
use crate::read::query::Query;
use crate::reply::error::ApiError;

/// Lines of a page, if no number is given.
const LIMIT: u32 = 1_000;

/// Execs that are asked for at a time.
const BATCH: usize = 50;

/// Execs of which a page looks at the logs; most may have no line of those sought.
const EXECS_MAX: usize = 200;

/// How far many logs were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The exec; all newer ones were read.
    exec: ExecKey,
    /// How far its log was; `None` if to its end.
    within: Option<Position>,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        // A key has one dot, and what follows it is the position.
        let (end, _) = text.match_indices('.').nth(1).unwrap_or((text.len(), ""));
        let (exec, rest) = text.split_at(end);
        Some(Self {
            exec: Key::read(exec)?,
            within: match rest.strip_prefix('.') {
                Some(position) => Some(Position::parse(position)?),
                None => None,
            },
        })
    }

    /// As [`Place::parse`] reads it.
    pub fn cursor(&self) -> String {
        let exec = self.exec.write();
        match self.within {
            Some(position) => format!("{exec}.{position}"),
            None => exec,
        }
    }
}

/// What is sought.
#[derive(Debug)]
pub struct Search {
    filter: Arc<Filter>,
    programs_only: bool,
    limit: u32,
    from: Option<Place>,
    /// Whether lines are shown without the escape sequences of terminals.
    pub strip: bool,
}

impl Search {
    /// Reads a query.
    pub fn parse(query: &Query) -> Result<Self, Vec<FieldError>> {
        Params::read(query, Self::read)
    }

    fn read(params: &mut Params<'_>) -> Self {
        Self {
            filter: Arc::new(selection::filter(params)),
            programs_only: selection::programs_only(params),
            limit: selection::limit(params).unwrap_or(LIMIT),
            from: params.optional("cursor", selection::cursor(Place::parse)),
            strip: selection::strip(params),
        }
    }

    /// Writes a page of what is found; tells where to go on, if there may be more.
    pub async fn page(
        &self,
        context: &Context,
        owner: &Owner,
        lines: &mut LineWriter,
    ) -> Result<Option<Place>, ApiError> {
        let mut room = Room::of(self.limit);
        let mut from = self.from;
        for _ in 0..EXECS_MAX / BATCH {
            let (found, more) = self.execs(context, owner, from).await?;
            for (exec, outline) in found {
                let (_, id) = exec.key;
                let begun = from.filter(|from| from.exec == exec.key);
                let selection = Selection {
                    filter: Arc::clone(&self.filter),
                    programs_only: self.programs_only,
                    from: begun.and_then(|from| from.within),
                    ..Selection::default()
                };
                lines.of(exec.job, id);
                let mut log = LogReader::begin(context, id, outline, &selection).await?;
                let place = Place {
                    exec: exec.key,
                    within: room.fill(&mut log, lines).await?,
                };
                from = Some(place);
                if place.within.is_some() || !room.is_left() {
                    return Ok(from);
                }
            }
            if !more {
                return Ok(None);
            }
        }
        Ok(from)
    }

    /// The next execs with what there is of their logs, and whether there are more.
    async fn execs(
        &self,
        context: &Context,
        owner: &Owner,
        from: Option<Place>,
    ) -> Result<(Vec<(Logged, Outline)>, bool), ApiError> {
        let times = (self.filter.since, self.filter.until);
        let mut conn = context.connection().await?;
        let last = from.map(|from| from.exec);
        let mut found = execs::logged(&mut conn, owner, times, last, BATCH).await?;
        let more = found.len() == BATCH;
        found.retain(|exec| from.is_none_or(|from| from.exec != exec.key || from.within.is_some()));
        let ids: Vec<_> = found.iter().map(|exec| exec.key.1).collect();
        let mut timelines = events::list_all(&mut conn, &ids).await?;
        let mut streams = logs::list_all(&mut conn, &ids).await?;
        let outlined = found.into_iter().map(|exec| {
            let (_, id) = exec.key;
            let outline = Outline {
                timeline: timelines.remove(&id).unwrap_or_default(),
                streams: streams.remove(&id).unwrap_or_default(),
                // What is printed from now on is not sought.
                completeness: Completeness::Whole,
            };
            (exec, outline)
        });
        Ok((outlined.collect(), more))
    }
}

parameters!(Search, Search::read);

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use shared_types::ExecId;

    use super::*;

    #[test]
    fn a_place_reads_back() {
        let exec = (DateTime::UNIX_EPOCH, ExecId::new());
        for within in [None, Some(Position::default().before_line(2, 7))] {
            let place = Place { exec, within };
            assert_eq!(Place::parse(&place.cursor()), Some(place));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f.-]{0,60}") {
            let _ = Place::parse(&text);
        }
    }
}
