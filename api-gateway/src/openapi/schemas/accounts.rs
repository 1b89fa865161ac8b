//! The documents about accounts: users, tokens, members, and the audit log.

use serde_json::json;
use utoipa::openapi::{Object, ObjectBuilder};

use super::{body, f, field};
use crate::accounts::password;
use crate::members::view::role;
use crate::tokens::view::scope;

pub(super) fn registration() -> ObjectBuilder {
    let mut realname = f::name();
    allow_empty(&mut realname);
    let mut email = f::pattern(EMAIL, 254, "Where to write to", "me@example.com");
    allow_empty(&mut email);
    let fields = [
        field(
            "username",
            f::namespace("Name of the user and the namespace"),
        ),
        field("password", new_password()),
        field("realname", f::or_null(realname)),
        field("email", f::or_null(email)),
    ];
    body(&["username", "password"], fields)
        .examples([json!({ "username": "chennanfei", "password": "a long password" })])
}

/// An `@` with something on both sides, and no white space.
const EMAIL: &str = r"^[!-?A-~]+@[!-?A-~]+$";

/// 2015 clients send an empty text for what they do not know.
fn allow_empty(schema: &mut Object) {
    schema.min_length = None;
    if let Some(pattern) = &mut schema.pattern {
        *pattern = format!("^$|{pattern}");
    }
}

pub(super) fn credentials() -> ObjectBuilder {
    let fields = [
        field("username", f::text("Name of the user")),
        field("password", f::secret()),
    ];
    body(&["username", "password"], fields)
        .examples([json!({ "username": "chennanfei", "password": "a long password" })])
}

pub(super) fn password_change() -> ObjectBuilder {
    let fields = [
        field("password", f::secret()),
        field("new_password", new_password()),
    ];
    body(&["password", "new_password"], fields)
        .examples([json!({ "password": "a long password", "new_password": "a longer password" })])
}

pub(super) fn new_organisation() -> ObjectBuilder {
    let name = f::namespace("Name of the organisation and its namespace");
    body(&["name"], [field("name", name)]).examples([json!({ "name": "acme" })])
}

pub(super) fn new_token() -> ObjectBuilder {
    let end = f::format(
        "future",
        "When it ends; `null` is never",
        "2031-12-28T14:31:07Z",
    );
    let fields = [
        field("name", f::name()),
        field("scope", f::or_null(scope())),
        field("expires_at", f::or_null(end)),
    ];
    body(&["name"], fields).examples([json!({ "name": "ci", "scope": "trigger" })])
}

pub(super) fn membership() -> ObjectBuilder {
    body(&["role"], [field("role", role())]).examples([json!({ "role": "developer" })])
}

fn new_password() -> Object {
    let mut schema = f::text("The new password");
    schema.write_only = Some(true);
    schema.min_length = Some(*password::CHARS.start());
    schema.max_length = Some(*password::CHARS.end());
    schema
}
