//! The parameters of paths.

use utoipa::IntoParams;
use utoipa::openapi::Object;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::SchemaFormat;

use super::types::number;
use crate::execs::view::id_schema;
use crate::jobs::fields::job_id;
use crate::jobs::image::registry_schema;
use crate::read::names::namespace_schema;
use crate::read::params::parameter;

/// Makes a type for each path, so that handlers can name it.
macro_rules! paths {
    ($($name:ident { $($parameter:literal: $schema:expr),+ })+) => {
        $(
            #[doc = concat!("The parameters `", stringify!($name), "`.")]
            #[derive(Debug)]
            pub struct $name;

            impl IntoParams for $name {
                fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                    vec![$(parameter(ParameterIn::Path, $parameter, $schema.into())),+]
                }
            }
        )+
    };
}

paths! {
    JobPath { "job": job_id() }
    ExecPath { "job": job_id(), "exec": id_schema("Id of the exec") }
    NamespacePath { "namespace": namespace() }
    RegistryPath { "namespace": namespace(), "registry": registry_schema() }
    CalendarPath {
        "namespace": namespace(), "calendar": namespace_schema("Name of the calendar")
    }
    MemberPath { "namespace": namespace(), "user": namespace_schema("Name of the user") }
    TokenPath { "token": number(1, u32::MAX, "Number of the token") }
    BackfillPath { "job": job_id(), "backfill": number(1, u32::MAX, "Number of the backfill") }
}

fn namespace() -> Object {
    let mut schema = namespace_schema("Name of the namespace");
    schema.format = Some(SchemaFormat::Custom("namespace".to_owned()));
    schema
}
