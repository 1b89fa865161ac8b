//! The documents of the API: what requests may hold and what answers do.

mod accounts;
mod execs;
mod jobs;
mod schedules;
mod settings;

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{examples, fields as f};
use crate::audit::view::AuditView;
use crate::catalog::view::{RegionView, SizeView};
use crate::members::view::MemberView;
use crate::registries::view::RegistryView;
use crate::schedules::backfills::view::BackfillView;
use crate::schedules::calendars::view::CalendarView;
use crate::schedules::slots::SlotView;
use crate::tokens::view::TokenView;

/// Makes a type for each document, so that handlers can name it.
macro_rules! documents {
    ($($name:ident = $schema:expr;)+) => {
        $(
            #[doc = concat!("The document `", stringify!($name), "`.")]
            #[derive(Debug)]
            pub struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    $schema.into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+

        /// Every document, as components.
        pub fn all() -> impl Iterator<Item = (String, RefOr<Schema>)> {
            vec![$(component::<$name>()),+].into_iter().chain(listed())
        }
    };
}

documents! {
    Problem = problem();
    Job = jobs::job().examples([examples::job()]);
    JobList = list("Job").examples([examples::list(&examples::job())]);
    NewJob = jobs::new_job();
    JobChange = jobs::job_change();
    ChangedJob = schedules::changed_job();
    PreviewRequest = schedules::preview_request();
    SlotList = list_of::<SlotView>();
    NewBackfill = schedules::new_backfill();
    BackfillList = list_of::<BackfillView<'_>>();
    Exec = execs::exec(f::job_id()).examples([examples::exec(&146.into())]);
    ExecDetail = execs::exec(Ref::from_schema_name("Job"))
        .examples([examples::exec(&examples::job())]);
    ExecList = list("Exec").examples([examples::list(&examples::exec(&146.into()))]);
    Overrides = execs::overrides();
    RegistryList = list_of::<RegistryView>();
    NewRegistry = new_registry();
    CalendarList = list_of::<CalendarView>();
    NewCalendar = schedules::new_calendar();
    Registration = accounts::registration();
    Credentials = accounts::credentials();
    PasswordChange = accounts::password_change();
    NewOrganisation = accounts::new_organisation();
    TokenList = list_of::<TokenView>();
    NewToken = accounts::new_token();
    MemberList = list_of::<MemberView<'_>>();
    Membership = accounts::membership();
    AuditList = list_of::<AuditView<'_>>();
    Nothing = body(&[], []);
    LogLines = execs::log_lines();
    RegionList = list_of::<RegionView<'_>>();
    SizeList = list_of::<SizeView<'_>>();
}

fn component<T: ToSchema>() -> (String, RefOr<Schema>) {
    (T::name().into_owned(), T::schema())
}

/// Views that only lists refer to; handlers name the others.
fn listed() -> [(String, RefOr<Schema>); 4] {
    [
        component::<AuditView<'_>>(),
        component::<RegionView<'_>>(),
        component::<SizeView<'_>>(),
        component::<SlotView>(),
    ]
}

pub(super) type Field = (&'static str, RefOr<Schema>);

pub(super) fn field(name: &'static str, schema: impl Into<Schema>) -> Field {
    (name, RefOr::T(schema.into()))
}

/// What an answer shows: all fields are always there.
pub(super) fn answer(fields: impl IntoIterator<Item = Field>) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    fields.into_iter().fold(object, |object, (name, schema)| {
        object.property(name, schema).required(name)
    })
}

/// What a request may send: nothing but these fields.
pub(super) fn body(required: &[&str], fields: impl IntoIterator<Item = Field>) -> ObjectBuilder {
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let object = fields.into_iter().fold(object, |object, (name, schema)| {
        object.property(name, schema)
    });
    required
        .iter()
        .fold(object, |object, name| object.required(*name))
}

/// What runs: the same in jobs and execs.
fn spec() -> Vec<Field> {
    vec![
        field("command", f::command()),
        field("docker_image_repo", f::image_repo()),
        field("docker_image_tag", f::image_tag_or_none()),
        field("resource_size", f::text("Name of a size")),
        field("region_name", f::text("Name of a region")),
        field("runtime_vars", f::runtime_vars()),
        field("secret_vars", f::secret_vars(f::hidden())),
        field("timeout", f::or_null(f::timeout())),
        field("retries", f::or_null(f::retries())),
    ]
}

/// A field of an answer that may be sent back.
fn ignored(why: &str) -> ObjectBuilder {
    let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    any.description(Some(format!("Ignored: {why}")))
}

/// A page of a list of views.
fn list_of<T: ToSchema>() -> ObjectBuilder {
    list(&T::name())
}

/// A page of a list.
fn list(of: &str) -> ObjectBuilder {
    let link = |description| {
        f::or_null(f::format(
            "uri",
            description,
            "https://example.com/v1/jobs?cursor=x",
        ))
    };
    let results = ArrayBuilder::new()
        .items(Ref::from_schema_name(of))
        .max_items(Some(100));
    answer([
        field("count", f::number(0, u32::MAX, "Rows on all pages")),
        field(
            "count_is_exact",
            f::boolean("Whether there are not more of them"),
        ),
        field("previous", link("The page before")),
        field("next", link("The page after")),
        field("results", results),
    ])
}

fn problem() -> ObjectBuilder {
    let error = answer([
        field(
            "field",
            f::text("The field's name, with a dot before a part of it"),
        ),
        field("message", f::text("What is wrong and what would be right")),
    ]);
    let kind = f::pattern(
        "^urn:escapement:problem:[a-z-]+$",
        100,
        "A word for programs, which never changes",
        "urn:escapement:problem:invalid-fields",
    );
    let object = answer([
        field("type", kind),
        field("title", f::text("The same for people")),
        field("status", f::number(400, 599, "The HTTP status")),
        field("detail", f::text("What is wrong this time")),
    ]);
    object
        .description(Some("An error, by RFC 9457"))
        .property("errors", ArrayBuilder::new().items(error))
        .property(
            "request_id",
            f::text("Of a 5xx: finds its cause in the service's log"),
        )
        .examples([json!({
            "type": "urn:escapement:problem:invalid-fields",
            "title": "Invalid fields",
            "status": 400,
            "detail": "the request has invalid fields",
            "errors": [{ "field": "name", "message": "is required" }],
        })])
}

fn new_registry() -> ObjectBuilder {
    let fields = [
        field("username", f::username()),
        field("password", f::password()),
        field("registry", ignored("the path says it")),
        field("updated_at", ignored("given by the service")),
    ];
    body(&["username", "password"], fields)
        .examples([json!({ "username": "robot", "password": "secret" })])
}
