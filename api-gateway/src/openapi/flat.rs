//! Views that are flattened into others in JSON are so in the document too: one object
//! with all fields, as clients see it, and not `allOf` of its parts.

use std::mem;

use utoipa::openapi::schema::AllOf;
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};

/// Makes one object of each that is said in parts, at any depth.
pub(super) fn flatten(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    if let Schema::AllOf(parts) = schema
        && let Some(whole) = whole(parts)
    {
        *schema = whole.into();
    }
    match schema {
        Schema::Object(object) => object.properties.values_mut().for_each(flatten),
        Schema::OneOf(either) => either.items.iter_mut().for_each(flatten),
        _ => {}
    }
}

/// The object that all parts are of; `None` if one of them is something else.
fn whole(parts: &AllOf) -> Option<Object> {
    let mut whole = ObjectBuilder::new()
        .description(parts.description.clone())
        .examples(parts.examples.clone())
        .build();
    for part in &parts.items {
        let mut part = match part {
            RefOr::T(Schema::Object(object)) => object.clone(),
            RefOr::T(Schema::AllOf(parts)) => self::whole(parts)?,
            _ => return None,
        };
        whole.required.append(&mut part.required);
        whole.properties.extend(mem::take(&mut part.properties));
    }
    Some(whole)
}
