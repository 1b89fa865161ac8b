//! The JSON of members.

use serde::Serialize;
use store::memberships::Member;

use crate::reply::timestamp::Timestamp;

/// A member of a namespace.
#[derive(Debug, Serialize)]
pub struct MemberView<'a> {
    username: &'a str,
    role: &'static str,
    is_accepted: bool,
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
