//! What clients send about accounts: registrations, logins, new passwords.

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::accounts::password::new_password;
use crate::read::fields::{FieldError, Fields, text};
use crate::read::names;

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
        let mut fields = Fields::of(body);
        let username = fields.required("username", text(names::namespace));
        let password = fields.required("password", text(new_password));
        let realname = fields.optional("realname", || Ok(None), text(unless_empty(names::name)));
        let email = fields.optional("email", || Ok(None), text(unless_empty(email)));
        let read = (|| {
            Some(Self {
                username: username?,
                password: password?,
                realname: realname?,
                email: email?,
            })
        })();
        fields.finish(read)
    }
}

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
        let mut fields = Fields::of(body);
        let username = fields.required("username", text(|name| Ok(name.to_owned())));
        let password = fields.required("password", text(|password| Ok(password.into())));
        let read = username
            .zip(password)
            .map(|(username, password)| Self { username, password });
        fields.finish(read)
    }
}

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
        let mut fields = Fields::of(body);
        let password = fields.required("password", text(|password| Ok(password.into())));
        let new_password = fields.required("new_password", text(new_password));
        let read = password
            .zip(new_password)
            .map(|(password, new_password)| Self {
                password,
                new_password,
            });
        fields.finish(read)
    }
}

/// Reads the body of `POST /v1/organisations`: the name.
pub fn organisation(body: &Map<String, Value>) -> Result<String, Vec<FieldError>> {
    let mut fields = Fields::of(body);
    let name = fields.required("name", text(names::namespace));
    fields.finish(name)
}

/// Clients of 2015 send an empty text for what they do not know.
fn unless_empty(
    parse: impl FnOnce(&str) -> Result<String, String>,
) -> impl FnOnce(&str) -> Result<Option<String>, String> {
    |text| {
        if text.is_empty() {
            return Ok(None);
        }
        parse(text).map(Some)
    }
}

/// Something that can be an address; whether it is one only a mail can tell.
fn email(text: &str) -> Result<String, String> {
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
            let _ = email(&address);
        }
    }
}
