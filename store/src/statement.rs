//! Statements that diesel's language cannot say: several writes that must be
//! one, for many rows at once. Typed at both ends, and kept prepared by the
//! connection like every other query.

/// Declares a statement: its parameters in the order of the `?` in its text,
/// each with its SQL type and its Rust type, and the types of its rows.
macro_rules! statement {
    (
        $(#[$meta:meta])*
        $name:ident { $($field:ident: $value:ty as $sql:ty,)+ } -> $rows:ty = $text:expr;
    ) => {
        $(#[$meta])*
        #[derive(Debug, diesel::query_builder::QueryId)]
        struct $name { $($field: $value,)+ }

        impl diesel::query_builder::Query for $name {
            type SqlType = $rows;
        }

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut pass: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut parts = $text.split('?');
                $(
                    pass.push_sql(parts.next().unwrap_or_default());
                    pass.push_bind_param::<$sql, $value>(&self.$field)?;
                )+
                pass.push_sql(parts.next().unwrap_or_default());
                Ok(())
            }
        }
    };
}

pub(crate) use statement;

/// Whether the job of `$job` has an exec that has not ended; of the scheduled
/// ones only, unless `$counts_manual`. Literals, so that every plan can use the
/// index of open execs.
macro_rules! has_open_exec {
    ($job:literal, $counts_manual:literal) => {
        concat!(
            "EXISTS (SELECT FROM execs open WHERE open.job_id = ",
            $job,
            " AND open.state IN ('waiting', 'running') AND (open.trigger_mode = 'S' OR ",
            $counts_manual,
            "))"
        )
    };
}

pub(crate) use has_open_exec;

/// The first instant of the newest entry in the ledger of `$job`, of an edit of its
/// schedule, among the instants that were to run.
macro_rules! newest_entry {
    ($job:literal, $generation:literal) => {
        concat!(
            "SELECT max(newest.first_at) FROM slots newest WHERE newest.job_id = ",
            $job,
            " AND newest.generation = ",
            $generation,
            " AND newest.backfill_id = 0 AND (newest.reason IS NULL
                OR newest.reason NOT IN ('excluded', 'dst_gap'))"
        )
    };
}

pub(crate) use newest_entry;
