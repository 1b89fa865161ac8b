//! After the tests of the whole ring: what the services asked the API server for is what the
//! chart's rules let them, and nothing that is allowed is never asked for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is a test's report"
)]

use std::collections::BTreeSet;
use std::fs;

use devstack::Infra;
use e2e::Kubectl;
use serde_json::Value;

/// API group, resource, verb.
type Right = (String, String, String);

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What a role allows, verb by verb.
async fn allowed(role: &str) -> BTreeSet<Right> {
    let kubectl = Kubectl::new(devstack::kubectl().unwrap());
    let get = ["get", "clusterrole", role, "--output=json"];
    let role: Value = serde_json::from_str(&kubectl.run(&get, None).await.unwrap()).unwrap();
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    rights.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    rights
}

/// What a service asked for, and what of it was refused.
fn asked(log: &str, service: &str) -> (BTreeSet<Right>, BTreeSet<Right>) {
    let user = format!("escapement:{service}");
    let (mut asked, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let object = &event["objectRef"];
        if event["user"]["username"] != user.as_str() || object.is_null() {
            continue;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut resource = text(&object["resource"]);
        if let Some(part) = object["subresource"].as_str() {
            resource = format!("{resource}/{part}");
        }
        let group = text(&object["apiGroup"]);
        let verb = text(&event["verb"]);
        // Who applies what is not there creates it, and needs the right to.
        if verb == "patch" && event["responseStatus"]["code"] == 201 {
            asked.insert((group.clone(), resource.clone(), "create".to_owned()));
        }
        let right = (group, resource, verb);
        if event["annotations"]["authorization.k8s.io/decision"] == "forbid" {
            refused.insert(right.clone());
        }
        asked.insert(right);
    }
    (asked, refused)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the rights, for who runs it by hand")]
async fn the_chart_gives_the_rights_that_are_used_and_no_more() {
    let infra = Infra::from_env().expect("run this with `make e2e`");
    let log = fs::read_to_string(infra.audit_log()).unwrap();
    for service in ["executor-svc", "log-svc"] {
        let allowed = allowed(service).await;
        let (asked, refused) = asked(&log, service);
        for (group, resource, verb) in &asked {
            println!("{service} {group:20} {resource:16} {verb}");
        }
        assert_eq!(refused, BTreeSet::new(), "refused to {service}");
        let unused: Vec<_> = allowed.difference(&asked).collect();
        assert!(unused.is_empty(), "{service} never uses {unused:?}");
        assert_eq!(asked, allowed, "{service}");
    }
}
