//! Private registries of a namespace: whom its images are pulled as.

pub mod http;
pub mod view;

use serde_json::{Map, Value, json};
use store::access::Access;
use store::registries::{self, Credential, MAX};

use self::view::RegistryView;
use crate::context::Context;
use crate::jobs::image;
use crate::openapi::types::{self, document};
use crate::read::fields::{FieldError, Fields};
use crate::read::rule::Rule;
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::write::{Act, Written};

/// Characters of a user name at most.
const USERNAME_MAX: usize = 255;
/// Bytes of a password at most: room for the tokens that cloud registries give out as passwords.
const PASSWORD_MAX: usize = 16 * 1024;

/// Keeps or replaces a credential.
pub async fn put(context: &Context, namespace: String, credential: Credential) -> Reply {
    context.may(Access::Admin, &namespace)?;
    let keyring = context.gateway.keyring.clone();
    context
        .write(move |conn| {
            Box::pin(async move {
                let kept = registries::put(conn, &keyring, &namespace, &credential).await?;
                let kept = kept.ok_or_else(full)?;
                let act = act(&namespace, "registry.put", &kept.registry);
                Ok(Written::new(Answer::ok(&RegistryView::from(kept))?, act))
            })
        })
        .await
}

/// All registries of a namespace; they fit on one page.
pub async fn list(context: &Context, namespace: &str) -> Result<Vec<RegistryView>, ApiError> {
    context.may(Access::Admin, namespace)?;
    let mut conn = context.connection().await?;
    let rows = registries::list(&mut conn, namespace).await?;
    Ok(rows.into_iter().map(RegistryView::from).collect())
}

/// Forgets a credential; execs that have been given it keep it.
pub async fn delete(context: &Context, namespace: String, registry: &str) -> Reply {
    context.may(Access::Admin, &namespace)?;
    let registry = image::parse_registry(registry).map_err(|_| ApiError::NotFound)?;
    context
        .write(move |conn| {
            Box::pin(async move {
                if !registries::delete(conn, &namespace, &registry).await? {
                    return Err(ApiError::NotFound);
                }
                let act = act(&namespace, "registry.delete", &registry);
                Ok(Written::new(Answer::no_content(), act))
            })
        })
        .await
}

fn act(namespace: &str, action: &'static str, registry: &str) -> Act {
    Act::new(namespace, action, format!("registries/{registry}"))
}

fn full() -> ApiError {
    ApiError::Conflict {
        kind: "too-many-registries",
        title: "Too many registries",
        detail: format!("a namespace has at most {MAX} registries; delete one first"),
    }
}

/// Reads the body of a PUT.
pub fn parse(registry: &str, body: &Map<String, Value>) -> Result<Credential, Vec<FieldError>> {
    Fields::read(body, |fields| read(fields, registry))
}

fn read(fields: &mut Fields<'_>, registry: &str) -> Option<Credential> {
    fields.ignored("registry", "the path says it");
    fields.ignored("updated_at", "given by the service");
    let registry = image::parse_registry(registry).map_err(|why| fields.refuse("registry", why));
    let username = fields.required("username", username());
    let password = fields.required("password", password());
    Some(Credential {
        registry: registry.ok()?,
        username: username?,
        password: password?.into(),
    })
}

/// The body of a PUT.
#[derive(Debug)]
pub struct NewRegistry;

document!(
    NewRegistry,
    "NewRegistry",
    Fields::schema(|fields| read(fields, ""))
        .examples([json!({ "username": "robot", "password": "secret" })])
);

/// Whom to pull as.
pub(crate) fn username() -> Rule<'static, String> {
    let schema = || {
        let text = r"^[^:\u0000-\u001f\u007f-\u009f]+$";
        types::pattern(text, USERNAME_MAX, "Whom to pull as", "robot")
    };
    Rule::text(schema, |text| {
        let fits = (1..=USERNAME_MAX).contains(&text.chars().count());
        if fits && !text.contains(|c: char| c == ':' || c.is_control()) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "must be 1 to {USERNAME_MAX} characters without \":\" and control characters"
        ))
    })
}

fn password() -> Rule<'static, String> {
    let schema = || {
        let mut schema = types::secret("Value");
        schema.min_length = Some(1);
        schema.max_length = Some(PASSWORD_MAX);
        schema
    };
    Rule::text(schema, |text| {
        let fits = (1..=PASSWORD_MAX).contains(&text.len());
        if fits && !text.contains('\0') {
            return Ok(text.to_owned());
        }
        Err(format!("must be 1 to {PASSWORD_MAX} bytes without NUL"))
    })
}
