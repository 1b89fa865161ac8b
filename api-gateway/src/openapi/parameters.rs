//! The parameters of paths and queries.

use store::slots::SlotOutcome;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Object, Required};

use super::types as f;
use crate::execs::view::id_schema;
use crate::jobs::fields::job_id;
use crate::jobs::image::registry_schema;
use crate::read::names::namespace_schema;

/// Makes a type for each set of parameters, so that handlers can name it.
macro_rules! parameters {
    ($($name:ident = $place:ident { $($parameter:literal: $schema:expr),+ })+) => {
        $(
            #[doc = concat!("The parameters `", stringify!($name), "`.")]
            #[derive(Debug)]
            pub struct $name;

            impl IntoParams for $name {
                fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                    vec![$(parameter(ParameterIn::$place, $parameter, $schema)),+]
                }
            }
        )+
    };
}

parameters! {
    JobPath = Path { "job": job_id() }
    ExecPath = Path { "job": job_id(), "exec": id_schema("Id of the exec") }
    NamespacePath = Path { "namespace": namespace() }
    RegistryPath = Path { "namespace": namespace(), "registry": registry_schema() }
    CalendarPath = Path {
        "namespace": namespace(), "calendar": namespace_schema("Name of the calendar")
    }
    MemberPath = Path { "namespace": namespace(), "user": namespace_schema("Name of the user") }
    TokenPath = Path { "token": f::number(1, u32::MAX, "Number of the token") }
    AuditQuery = Query {
        "actor": f::text_without_nul("Only what this account did"),
        "action": f::text_without_nul("Only this, such as `job.create`"),
        "created_after": instant("Only what was done at this instant or later"),
        "created_before": instant("Only what was done before this instant"),
        "sort": sort(&["created_at"])
    }
    JobListQuery = Query {
        "namespace": f::or_empty(namespace_schema("Whose jobs; the caller's own if left out")),
        "name": f::text_without_nul("Only those of this name"),
        "region_name": f::text_without_nul("Only those in this region"),
        "is_schedule_active": flag("Only those that do, or do not, run on time"),
        "created_after": instant("Only those made at this instant or later"),
        "created_before": instant("Only those made before this instant"),
        "sort": sort(&["created_at", "name", "updated_at"])
    }
    ExecListQuery = Query {
        "status": letters("WRSFCL", "Only those in one of these states, between commas"),
        "trigger_mode": letters("MS", "Only those triggered so"),
        "region_name": f::text_without_nul("Only those in this region"),
        "created_after": instant("Only those made at this instant or later"),
        "created_before": instant("Only those made before this instant"),
        "sort": sort(&["created_at"])
    }
    PageQuery = Query {
        "page": f::number(1, 10_000, "Number of the page, from 1; reaches 10,000 rows"),
        "page_size": f::number(1, u32::MAX, "Rows of a page, 20 if left out, 100 at most"),
        "cursor": cursor()
    }
    DryRunQuery = Query {
        "dry_run": flag("Write nothing; answer what would come of it")
    }
    BackfillPath = Path {
        "job": job_id(), "backfill": f::number(1, u32::MAX, "Number of the backfill")
    }
    BackfillListQuery = Query { "sort": sort(&["created_at"]) }
    SlotListQuery = Query {
        "from": instant("Only instants from this one on"),
        "to": instant("Only instants before this one"),
        "outcome": words(&SlotOutcome::WORDS, "Only what became this, or one of these, between commas"),
        "sort": sort(&["slot_at"])
    }
    WaitQuery = Query {
        "wait": f::or_empty(f::pattern(
            "^([1-9]|[1-5][0-9]|60)s?$",
            3,
            "Answer when it has ended, or after so many seconds",
            "30s",
        ))
    }
    LogQuery = Query {
        "start_time": time("No line before it"),
        "end_time": time("No line after it")
    }
}

fn parameter(place: ParameterIn, name: &str, schema: Object) -> Parameter {
    let required = match place {
        ParameterIn::Path => Required::True,
        _ => Required::False,
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(schema.description.clone())
        .schema(Some(schema))
        .build()
}

/// True or false, in upper or lower case; an empty value is the same as none.
fn flag(description: &str) -> Object {
    let mut schema = f::boolean(description);
    schema.schema_type = SchemaType::Array(vec![Type::Boolean, Type::String]);
    schema.pattern = Some("^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])?$".to_owned());
    schema
}

fn namespace() -> Object {
    let mut schema = namespace_schema("Name of the namespace");
    schema.format = Some(SchemaFormat::Custom("namespace".to_owned()));
    schema
}

/// Not `date-time`, which an empty value is not.
fn instant(description: &str) -> Object {
    let description = format!("{description}; RFC 3339");
    f::format("instant", &description, "2015-12-28T14:31:07Z")
}

/// Some of these letters, between commas.
fn letters(known: &str, description: &str) -> Object {
    let mut schema = f::text(description);
    schema.pattern = Some(format!("^[{known}](,[{known}])*$"));
    f::or_empty(schema)
}

/// Some of these words, between commas.
fn words(known: &[&str], description: &str) -> Object {
    let mut schema = f::text(description);
    let known = known.join("|");
    schema.pattern = Some(format!("^({known})(,({known}))*$"));
    f::or_empty(schema)
}

/// One of these fields, with a dash for the other direction.
fn sort(fields: &[&str]) -> Object {
    let both = fields
        .iter()
        .flat_map(|field| [(*field).to_owned(), format!("-{field}")]);
    let words: Vec<_> = both.collect();
    let words = words.iter().map(String::as_str).chain([""]);
    f::word(
        words,
        "Field that orders the list, with a dash from its high end",
    )
}

fn cursor() -> Object {
    let mut schema = f::text("From the links of another page; `page` is ignored then");
    schema.format = Some(SchemaFormat::Custom("cursor".to_owned()));
    schema
}

/// See [`crate::logs::window::Window`].
fn time(description: &str) -> Object {
    let pattern = r"^[0-9]{1,12}(\.[0-9]{1,9})?$";
    let description = format!("{description}; Unix seconds");
    f::or_empty(f::pattern(pattern, 22, &description, "1451350945"))
}
