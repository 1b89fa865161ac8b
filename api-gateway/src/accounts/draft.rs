//! What clients send about accounts: registrations, logins, new passwords.

use secrecy::SecretString;
use serde_json::{Map, Value, json};
use utoipa::openapi::Object;

use crate::accounts::password::new_password;
use crate::openapi::types::{self, document};
use crate::read::fields::{FieldError, Fields};
use crate::read::names;
use crate::read::rule::Rule;

/// Characters of an address at most.
const EMAIL_MAX: usize = 254;

/// A user to be.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Name of the user and of the user's namespace.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// A person's name.
    pub realname: Option<String>,
    /// Where to write to.
    pub email: Option<String>,
}

impl Registration {
    /// Reads the body of `POST /v1/auth/register`.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, Self::read)
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = names::namespace("Name of the user and the namespace");
        let username = fields.required("username", username);
        let password = fields.required("password", new_password());
        let realname = or_empty(names::name_schema, names::parse_name);
        let realname = fields.optional("realname", realname);
        let email = fields.optional("email", or_empty(email_schema, parse_email));
        Some(Self {
            username: username?,
            password: password?,
            realname: realname?.flatten(),
            email: email?.flatten(),
        })
    }
}

document!(
    Registration,
    "Registration",
    Fields::schema(Self::read)
        .examples([json!({ "username": "chennanfei", "password": "a long password" })])
);

/// A user's name and password.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name as it was sent; may be one that nobody can have.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

impl Login {
    /// Reads the body of `POST /v1/generate-api-token`. What could be no name
    /// or password is not refused here but wrong like any other.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, Self::read)
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = Rule::text(
            || types::text("Name of the user"),
            |text| Ok(text.to_owned()),
        );
        let username = fields.required("username", username);
        let password = fields.required("password", any_password());
        Some(Self {
            username: username?,
            password: password?,
        })
    }
}

document!(
    Login,
    "Credentials",
    Fields::schema(Self::read)
        .examples([json!({ "username": "chennanfei", "password": "a long password" })])
);

/// A password to be replaced.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// The one that holds now.
    pub password: SecretString,
    /// The one that is to hold.
    pub new_password: SecretString,
}

impl PasswordChange {
    /// Reads the body of `PUT /v1/account/password`.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, Self::read)
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let password = fields.required("password", any_password());
        let new_password = fields.required("new_password", new_password());
        Some(Self {
            password: password?,
            new_password: new_password?,
        })
    }
}

document!(
    PasswordChange,
    "PasswordChange",
    Fields::schema(Self::read)
        .examples([json!({ "password": "a long password", "new_password": "a longer password" })])
);

/// An organisation to be.
#[derive(Debug, Clone)]
pub struct NewOrganisation {
    /// Its name.
    pub name: String,
}

impl NewOrganisation {
    /// Reads the body of `POST /v1/organisations`.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, Self::read)
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = names::namespace("Name of the organisation and its namespace");
        Some(Self {
            name: fields.required("name", name)?,
        })
    }
}

document!(
    NewOrganisation,
    "NewOrganisation",
    Fields::schema(Self::read).examples([json!({ "name": "acme" })])
);

/// A password as it was sent, which is right or wrong.
fn any_password() -> Rule<'static, SecretString> {
    Rule::text(|| types::secret("Value"), |text| Ok(text.into()))
}

/// Clients of 2015 send an empty text for what they do not know.
fn or_empty(
    schema: fn() -> Object,
    parse: fn(&str) -> Result<String, String>,
) -> Rule<'static, Option<String>> {
    let schema = move || {
        let mut schema = types::or_empty(schema());
        schema.min_length = None;
        schema
    };
    Rule::text(schema, move |text| match text {
        "" => Ok(None),
        text => parse(text).map(Some),
    })
}

/// An `@` with something on both sides, and no white space.
fn email_schema() -> Object {
    let address = r"^[!-?A-~]+@[!-?A-~]+$";
    types::pattern(address, EMAIL_MAX, "Where to write to", "me@example.com")
}

/// Something that can be an address; whether it is one only a mail can tell.
fn parse_email(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let parts = text.rsplit_once('@');
    let valid = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if valid && text.chars().count() <= EMAIL_MAX && !text.contains(odd) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "must be an address such as \"me@example.com\" of at most {EMAIL_MAX} characters"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn complaints(body: &Value) -> Vec<String> {
        let errors = Registration::parse(body.as_object().unwrap()).err();
        let fields = errors
            .unwrap_or_default()
            .into_iter()
            .map(|error| error.field);
        fields.collect()
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let good = json!({ "username": "me", "password": "long enough" });
        assert!(complaints(&good).is_empty());
        let of_2015 = json!({ "username": "me", "password": "long enough",
            "realname": "", "email": "" });
        assert!(complaints(&of_2015).is_empty());
        let bad = json!({ "username": "Me", "password": "short", "realname": "\u{7}",
            "email": "nowhere", "admin": true });
        assert_eq!(
            complaints(&bad),
            ["username", "password", "realname", "email", "admin"]
        );
        assert_eq!(complaints(&json!({})), ["username", "password"]);
    }

    #[test]
    fn passwords_are_not_shown_by_accident() {
        let body = json!({ "username": "me", "password": "long enough" });
        let body = body.as_object().unwrap();
        let registration = Registration::parse(body).unwrap();
        let login = Login::parse(body).unwrap();
        assert!(!format!("{registration:?} {login:?}").contains("long enough"));
    }

    proptest! {
        #[test]
        fn any_address_is_read_or_refused(address in "\\PC{0,300}") {
            let _ = parse_email(&address);
        }
    }
}
