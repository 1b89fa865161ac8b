//! What a list is answered in, with the field names of 2015.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::openapi::types::{self, answer, or_null};
use crate::read::page::SIZE_MAX;

/// A list's page.
#[derive(Debug, Serialize)]
pub struct Envelope<T> {
    /// Rows of the whole list, or as many of them as were counted.
    pub count: i64,
    /// Whether all were counted.
    pub count_is_exact: bool,
    /// Absolute URL of the page before.
    pub previous: Option<String>,
    /// Absolute URL of the page after.
    pub next: Option<String>,
    /// The page.
    pub results: Vec<T>,
}

impl<T> Envelope<T> {
    /// A list that is one page.
    pub fn whole(results: Vec<T>) -> Self {
        Self {
            count: i64::try_from(results.len()).unwrap_or(i64::MAX),
            count_is_exact: true,
            previous: None,
            next: None,
            results,
        }
    }
}

impl<T: ToSchema> PartialSchema for Envelope<T> {
    fn schema() -> RefOr<Schema> {
        let link = |description| {
            let example = "https://example.com/v1/jobs?cursor=x";
            or_null(types::format("uri", description, example)).into()
        };
        let results = ArrayBuilder::new()
            .items(Ref::from_schema_name(T::name()))
            .max_items(usize::try_from(SIZE_MAX).ok());
        let count = types::number(0, u32::MAX, "Rows on all pages");
        let is_exact = types::boolean("Whether there are not more of them");
        answer([
            ("count", count.into()),
            ("count_is_exact", is_exact.into()),
            ("previous", link("The page before")),
            ("next", link("The page after")),
            ("results", results.into()),
        ])
        .examples(examples(T::schema()).into_iter().map(|row| {
            json!({
                "count": 1, "count_is_exact": true, "previous": null, "next": null,
                "results": [row],
            })
        }))
        .into()
    }
}

impl<T: ToSchema> ToSchema for Envelope<T> {
    fn name() -> Cow<'static, str> {
        format!("{}List", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

fn examples(row: RefOr<Schema>) -> Vec<Value> {
    match row {
        RefOr::T(Schema::Object(object)) => object.examples,
        RefOr::T(Schema::AllOf(parts)) => parts.examples,
        _ => Vec::new(),
    }
}
