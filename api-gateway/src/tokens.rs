//! A user's tokens: made, listed, revoked.

pub mod caller;
pub mod http;
pub mod secret;
pub mod verified;
pub mod view;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use store::access::Access;
use store::tokens::{self, NewToken, Token as KeptToken};
use store::{PgConnection, accounts};

use self::secret::Token;
use crate::context::Context;
use crate::openapi::types::{self, document};
use crate::read::fields::{FieldError, Fields};
use crate::read::instant;
use crate::read::names;
use crate::read::rule::{Rule, one_of};
use crate::reply::answer::{Answer, Reply};
use crate::reply::error::ApiError;
use crate::tokens::view::NewTokenView;
use crate::write::{Act, Written};

/// Live tokens of a user, those of logins aside.
const TOKENS_MAX: i64 = 100;

/// A token to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDraft {
    name: String,
    scope: Access,
    expires_at: Option<DateTime<Utc>>,
}

impl TokenDraft {
    /// Reads the body of `POST /v1/tokens`.
    pub fn parse(body: &Map<String, Value>, now: DateTime<Utc>) -> Result<Self, Vec<FieldError>> {
        Fields::read(body, |fields| Self::read(fields, now))
    }

    fn read(fields: &mut Fields<'_>, now: DateTime<Utc>) -> Option<Self> {
        let name = fields.required("name", names::name());
        let scope = fields.defaulting("scope", scope(), || Ok(Access::Admin));
        let end = "When it ends; `null` is never";
        let end = move || types::format("future", end, "2031-12-28T14:31:07Z");
        let end = Rule::text(end, |instant| future(instant, now));
        let expires_at = fields.optional("expires_at", end);
        Some(Self {
            name: name?,
            scope: scope?,
            expires_at: expires_at?,
        })
    }
}

document!(
    TokenDraft,
    "NewToken",
    Fields::schema(|fields| Self::read(fields, Utc::now()))
        .examples([json!({ "name": "ci", "scope": "trigger" })])
);

/// What a token may do.
pub fn scope() -> Rule<'static, Access> {
    let description = "The most the token may do; each includes those before it";
    one_of(&Access::ALL, Access::as_str, description)
}

fn future(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| {
        "must be an instant such as \"2030-01-31T12:00:00Z\", or null for never".to_owned()
    })?;
    if instant <= now {
        return Err("must be in the future".to_owned());
    }
    instant::writable(instant.to_utc())
}

/// Makes a token, which only this answer shows.
pub async fn create(context: &Context, draft: TokenDraft) -> Reply {
    // So the new one cannot be of a higher scope than the one in use.
    context.scoped(Access::Admin)?;
    if let Some(end) = context.caller.expires_at()
        && draft.expires_at.is_none_or(|at| at > end)
    {
        let rule = format!("must not be later than {end}, when the token in use ends");
        return Err(ApiError::invalid("expires_at", rule));
    }
    let (token, maker) = (Token::random(), context.caller.token_id());
    let new = NewToken {
        account_id: context.caller.account_id(),
        name: draft.name,
        scope: draft.scope,
        expires_at: draft.expires_at,
        by_login: false,
        sha256: token.sha256(),
    };
    let owner = context.caller.name().to_owned();
    context
        .write(move |conn| {
            Box::pin(async move {
                let kept = insert(conn, (&owner, maker), &new).await?;
                let answer = Answer::created(&NewTokenView::new(&kept, &token))?;
                Ok(Written::new(answer, act(&owner, "token.create", kept.id)))
            })
        })
        .await
}

async fn insert(
    conn: &mut PgConnection,
    (owner, maker): (&str, i64),
    new: &NewToken,
) -> Result<KeptToken, ApiError> {
    accounts::lock(conn, owner).await?;
    // A password change that came first has revoked it.
    if !tokens::is_live(conn, maker).await? {
        return Err(ApiError::Unauthenticated("the token was revoked"));
    }
    if tokens::count(conn, new.account_id).await? >= TOKENS_MAX {
        return Err(ApiError::Conflict {
            kind: "too-many-tokens",
            title: "Too many tokens",
            detail: format!(
                "you have {TOKENS_MAX} tokens, which is the most; revoke one of them first"
            ),
        });
    }
    Ok(tokens::insert(conn, new).await?)
}

/// The caller's live tokens, newest first.
pub async fn list(context: &Context) -> Result<Vec<KeptToken>, ApiError> {
    context.scoped(Access::Admin)?;
    let mut conn = context.connection().await?;
    Ok(tokens::list(&mut conn, context.caller.account_id()).await?)
}

/// Ends a token of the caller's. Every token may end itself.
pub async fn revoke(context: &Context, id: i64) -> Reply {
    if id != context.caller.token_id() {
        context.scoped(Access::Admin)?;
    }
    let (owner, account_id) = (
        context.caller.name().to_owned(),
        context.caller.account_id(),
    );
    let answer = context
        .write(move |conn| {
            Box::pin(async move {
                if !tokens::revoke(conn, account_id, id).await? {
                    return Err(ApiError::NotFound);
                }
                Ok(Written::new(
                    Answer::no_content(),
                    act(&owner, "token.revoke", id),
                ))
            })
        })
        .await?;
    context.gateway.tokens.forget(account_id);
    Ok(answer)
}

fn act(owner: &str, action: &'static str, id: i64) -> Act {
    Act::new(owner, action, format!("tokens/{id}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &Value) -> Result<TokenDraft, Vec<FieldError>> {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        TokenDraft::parse(body.as_object().unwrap(), now)
    }

    #[test]
    fn a_name_is_enough() {
        let draft = parse(&json!({ "name": "ci" })).unwrap();
        assert_eq!((draft.scope, draft.expires_at), (Access::Admin, None));
        let same = json!({ "name": "ci", "scope": null, "expires_at": null });
        assert_eq!(parse(&same), Ok(draft));
        let body =
            json!({ "name": "ci", "scope": "read", "expires_at": "2026-01-01T01:00:01+01:00" });
        let draft = parse(&body).unwrap();
        assert_eq!(draft.scope, Access::Read);
        assert_eq!(
            draft.expires_at,
            Some("2026-01-01T00:00:01Z".parse().unwrap())
        );
    }

    #[test]
    fn each_wrong_field_is_told() {
        for (body, field, part) in [
            (json!({}), "name", "required"),
            (
                json!({ "name": "n", "scope": "root" }),
                "scope",
                "read, trigger, write, admin",
            ),
            (
                json!({ "name": "n", "expires_at": "2026-01-01T00:00:00Z" }),
                "expires_at",
                "future",
            ),
            (
                json!({ "name": "n", "expires_at": "tomorrow" }),
                "expires_at",
                "2030",
            ),
            (
                json!({ "name": "n", "expires_at": 7 }),
                "expires_at",
                "string",
            ),
            (
                json!({ "name": "n", "expires": null }),
                "expires",
                "expires_at",
            ),
        ] {
            let errors = parse(&body).unwrap_err();
            assert_eq!(errors.len(), 1, "{body}");
            assert_eq!(errors[0].field, field);
            assert!(errors[0].message.contains(part), "{errors:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = parse(&json!({ "name": text, "scope": text, "expires_at": text }));
        }
    }
}
