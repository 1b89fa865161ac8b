//! The JSON of members.

use serde::Serialize;
use store::memberships::Member;
use utoipa::ToSchema;
use utoipa::openapi::Schema;

use crate::reply::timestamp::Timestamp;

/// A member of a namespace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberView<'a> {
    /// Name of the user.
    username: &'a str,
    #[schema(schema_with = role)]
    role: &'static str,
    /// Whether the user has agreed; before, the role gives no right.
    is_accepted: bool,
    /// When the role was given.
    created_at: Timestamp,
}

impl<'a> From<&'a Member> for MemberView<'a> {
    fn from(member: &'a Member) -> Self {
        Self {
            username: &member.name,
            role: member.role.as_str(),
            is_accepted: member.is_accepted,
            created_at: Timestamp(member.created_at),
        }
    }
}

/// A role.
pub fn role() -> Schema {
    super::role().schema()
}
