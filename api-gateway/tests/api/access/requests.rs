//! Who asks, and what for: a caller of each role and scope, and a request for each route.

use super::*;

/// A caller: the scope of the token, and the role in namespace `acme`.
pub(super) struct Caller<'a> {
    pub(super) user: User<'a>,
    /// The same account with a token that may do everything.
    pub(super) owner: User<'a>,
    pub(super) scope: Access,
    pub(super) role: Option<MemberRole>,
}

impl Caller<'_> {
    /// What the ladder says; `None` is an answer beyond authorisation.
    pub(super) fn expected(&self, need: Need) -> Option<StatusCode> {
        match need {
            Public => None,
            Token(need) => (self.scope < need).then_some(StatusCode::FORBIDDEN),
            Namespace(need) => match self.role {
                None => Some(StatusCode::NOT_FOUND),
                Some(role) => {
                    let allowed = role.access().min(self.scope);
                    (allowed < need).then_some(StatusCode::FORBIDDEN)
                }
            },
        }
    }
}

pub(super) async fn acme(app: &TestApp) -> User<'_> {
    let admin = app.user("ann").await;
    let body = json!({ "name": "acme" });
    let (status, made) = admin.post("/v1/organisations", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    admin
}

pub(super) async fn callers<'a>(app: &'a TestApp, admin: &User<'a>) -> Vec<Caller<'a>> {
    let mut callers = Vec::new();
    for role in MemberRole::ALL {
        let name = format!("{}-of-acme", role.as_str());
        let user = app.user(&name).await;
        let path = format!("/v1/namespaces/acme/members/{name}");
        let body = json!({ "role": role.as_str() });
        let response = admin.send(Method::PUT, &path, Some(&body)).await;
        assert_eq!(response.status(), 200);
        let accepted = user.post(&format!("{path}/accept"), None).await;
        assert_eq!(accepted.0, 200, "{}", accepted.1);
        for scope in Access::ALL {
            let token = json!({ "name": "t", "scope": scope.as_str() });
            let (_, token) = user.new_token(token).await;
            callers.push(Caller {
                user: user.with_token(token),
                owner: user.clone(),
                scope,
                role: Some(role),
            });
        }
    }
    let stranger = app.user("stranger").await;
    callers.push(Caller {
        owner: stranger.clone(),
        user: stranger,
        scope: Admin,
        role: None,
    });
    callers
}

/// A path of the route with fresh things in it, so that one caller's delete is
/// not another's 404.
pub(super) async fn path(app: &TestApp, admin: &User<'_>, owner: &User<'_>, route: &str) -> String {
    if route.ends_with("/accept") {
        return invitation(admin, owner, route).await;
    }
    let mut path = route.replace("{namespace}", "acme");
    path = path
        .replace("{registry}", "registry.example.com:5000")
        .replace("{calendar}", "holidays")
        .replace("{file}", "swagger-ui.css");
    if route.contains("{registry}") || route.contains("{calendar}") {
        let body = body("put", route).unwrap();
        let put = admin.send(Method::PUT, &path, Some(&body)).await;
        assert_eq!(put.status(), 200);
    }
    if route.contains("{user}") {
        let name = format!("u{}", uuid::Uuid::new_v4().simple());
        app.user(&name).await;
        path = path.replace("{user}", &name);
        let body = json!({ "role": "viewer" });
        let put = admin.send(Method::PUT, &path, Some(&body)).await;
        assert_eq!(put.status(), 200);
    }
    if route.contains("{token}") {
        let (id, _) = owner.new_token(json!({ "name": "spare" })).await;
        path = path.replace("{token}", &id.to_string());
    }
    if route.contains("{job}") {
        let fields = json!({ "namespace": "acme", "schedule_mode": "@daily" });
        let job = admin.job(fields).await;
        path = path.replace("{job}", &job["id"].to_string());
        if route.contains("{exec}") {
            let exec = admin.exec(&job).await;
            let id = exec_path(&exec);
            path = path.replace("{exec}", id.rsplit('/').next().unwrap());
        }
        if route.contains("{backfill}") {
            let list = format!("/v1/jobs/{}/backfills", job["id"]);
            let (status, made) = admin.post(&list, Some(&backfill_body())).await;
            assert_eq!(status, 201, "{made}");
            path = path.replace("{backfill}", &made["id"].to_string());
        }
    }
    path
}

/// To a namespace that the caller has nothing to do with yet.
pub(super) async fn invitation(admin: &User<'_>, owner: &User<'_>, route: &str) -> String {
    let team = format!("o{}", uuid::Uuid::new_v4().simple());
    let (status, _) = admin
        .post("/v1/organisations", Some(&json!({ "name": team })))
        .await;
    assert_eq!(status, 201);
    let (_, account) = owner.get("/v1/account").await;
    let name = account["username"].as_str().unwrap();
    let path = route.replace("{namespace}", &team).replace("{user}", name);
    let body = json!({ "role": "viewer" });
    let member = path.trim_end_matches("/accept");
    let put = admin.send(Method::PUT, member, Some(&body)).await;
    // The admin, who founded it, is a member already.
    let founder = admin.token == owner.token;
    assert_eq!(put.status(), if founder { 409 } else { 200 });
    path
}

/// A day of the schedule that the jobs of this test have.
pub(super) fn backfill_body() -> Value {
    json!({ "from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z" })
}

/// A valid body, as far as the route takes one.
pub(super) fn body(method: &str, route: &str) -> Option<Value> {
    let last = route.rsplit('/').next().unwrap_or_default();
    Some(match (method, last) {
        ("post", "jobs") => json!({
            "name": "n", "namespace": "acme", "command": "c", "docker_image_repo": "r.io/a"
        }),
        ("put" | "patch", "{job}") => json!({ "name": "changed" }),
        ("put", "{user}") => json!({ "role": "developer" }),
        ("put", "{registry}") => json!({ "username": "u", "password": "p" }),
        ("put", "{calendar}") => json!({ "dates": ["--12-25"] }),
        ("put", "password") => json!({ "password": "not this one", "new_password": "long enough" }),
        ("post", "preview") => json!({ "schedule_mode": "@daily" }),
        ("post", "backfills") => backfill_body(),
        ("post", "tokens") => json!({ "name": "ci", "scope": "read" }),
        ("post", "organisations") => {
            json!({ "name": format!("o{}", uuid::Uuid::new_v4().simple()) })
        }
        ("post", "register" | "generate-api-token") => {
            json!({ "username": "nobody", "password": "no password" })
        }
        _ => return None,
    })
}

pub(super) fn method(word: &str) -> Method {
    word.to_ascii_uppercase().parse().unwrap()
}
