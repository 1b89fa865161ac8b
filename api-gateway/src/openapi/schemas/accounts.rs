//! The documents about accounts: users, tokens, members, and the audit log.

use serde_json::json;
use store::access::{Access, MemberRole};
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{Object, ObjectBuilder};

use super::{Field, answer, body, f, field};
use crate::accounts::password;

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

pub(super) fn profile() -> ObjectBuilder {
    answer(profile_fields())
}

fn profile_fields() -> Vec<Field> {
    vec![
        field("username", f::text("Name of the user and the namespace")),
        field("realname", f::or_null(f::text("A person's name"))),
        field("email", f::or_null(f::text("Where to write to"))),
        field("created_at", f::timestamp("When it was made")),
    ]
}

pub(super) fn account() -> ObjectBuilder {
    let roles = |what| {
        let role = answer([
            field("name", f::text("Name of the namespace")),
            field("role", role()),
        ]);
        ArrayBuilder::new().items(role).description(Some(what))
    };
    let mut fields = profile_fields();
    fields.push(field(
        "namespaces",
        roles("Where the user may do something"),
    ));
    fields.push(field(
        "invitations",
        roles("Roles that wait for the user to accept them"),
    ));
    answer(fields)
}

pub(super) fn credentials() -> ObjectBuilder {
    let fields = [
        field("username", f::text("Name of the user")),
        field("password", f::secret()),
    ];
    body(&["username", "password"], fields)
        .examples([json!({ "username": "chennanfei", "password": "a long password" })])
}

pub(super) fn login() -> ObjectBuilder {
    answer([field("token", token())])
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

pub(super) fn organisation() -> ObjectBuilder {
    answer([
        field(
            "name",
            f::text("Name of the organisation and its namespace"),
        ),
        field("created_at", f::timestamp("When it was made")),
    ])
}

pub(super) fn kept_token() -> ObjectBuilder {
    answer(token_fields())
}

/// A token as the one who made it sees it, this once.
pub(super) fn made_token() -> ObjectBuilder {
    let mut fields = token_fields();
    fields.push(field("token", token()));
    answer(fields)
}

fn token_fields() -> Vec<Field> {
    vec![
        field("id", f::number(1, u32::MAX, "Number of the token")),
        field("name", f::text("What its owner calls it")),
        field("scope", scope()),
        field(
            "by_login",
            f::boolean("Whether it was given for a password"),
        ),
        field("created_at", f::timestamp("When it was made")),
        field("expires_at", f::or_null(f::timestamp("When it ends"))),
    ]
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

pub(super) fn member() -> ObjectBuilder {
    answer([
        field("username", f::text("Name of the user")),
        field("role", role()),
        field(
            "is_accepted",
            f::boolean("Whether the user has agreed; before, the role gives no right"),
        ),
        field("created_at", f::timestamp("When the role was given")),
    ])
}

pub(super) fn membership() -> ObjectBuilder {
    body(&["role"], [field("role", role())]).examples([json!({ "role": "developer" })])
}

pub(super) fn record() -> ObjectBuilder {
    answer([
        field("id", f::number(1, u32::MAX, "Number of the record")),
        field("created_at", f::timestamp("When it was done")),
        field("actor", f::text("Name of the account that did it")),
        field(
            "token_id",
            f::or_null(f::number(1, u32::MAX, "Number of the token it used")),
        ),
        field("action", f::text("What was done, such as `job.create`")),
        field("resource", f::text("To what, such as `jobs/146`")),
        field("address", f::or_null(f::text("The client's address"))),
        field(
            "request_id",
            f::or_null(f::text("Finds the request in the service's log")),
        ),
    ])
}

fn new_password() -> Object {
    let mut schema = f::text("The new password");
    schema.write_only = Some(true);
    schema.min_length = Some(*password::CHARS.start());
    schema.max_length = Some(*password::CHARS.end());
    schema
}

fn token() -> Object {
    f::pattern(
        "^[0-9a-f]{40}$",
        40,
        "The token, shown this once",
        "0123456789abcdef0123456789abcdef01234567",
    )
}

fn scope() -> Object {
    let words = Access::ALL.map(Access::as_str);
    f::word(
        words,
        "The most the token may do; each includes those before it",
    )
}

fn role() -> Object {
    f::word(
        MemberRole::ALL.map(MemberRole::as_str),
        "Part in the namespace",
    )
}
