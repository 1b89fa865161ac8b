use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use shared_types::{Command, ExecSpec, ExecState, Reason, SecretId, TriggerMode};

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(in crate::execs) fn exec(started: Option<&str>, ended: Option<&str>) -> Exec {
    Exec {
        id: "64b2d045-2881-4293-9bcd-bdc04b953115".parse().unwrap(),
        job_id: JobId(146),
        region: "BEIJING1".to_owned(),
        trigger_mode: TriggerMode::Manual,
        slot_at: None,
        created_by: "me".to_owned(),
        created_at: at("2015-12-28T14:51:53Z"),
        spec: ExecSpec {
            command: Command::Words(vec!["a".to_owned()]),
            image_repo: "i".to_owned(),
            image_tag: "t".to_owned(),
            size: "XS".to_owned(),
            vars: BTreeMap::new(),
            entrypoint: Vec::new(),
            log_proof: false,
            secret_vars: [("PIN".to_owned(), SecretId(9))].into(),
            rules: shared_types::RunRules::default(),
        },
        overrides: None,
        rerun_of: None,
        cancel_requested_at: None,
        state: ExecState::Failed,
        reason: Some(Reason::ExitCode),
        message: None,
        exit_code: Some(3),
        attempt: 1,
        started_at: started.map(at),
        ended_at: ended.map(at),
    }
}

fn duration(started: Option<&str>, ended: Option<&str>) -> serde_json::Value {
    json!(ExecView::from(&exec(started, ended)))["duration"].clone()
}

#[test]
fn durations() {
    let start = Some("2015-12-28T14:00:00.5Z");
    assert_eq!(duration(None, start), json!(null));
    assert_eq!(duration(start, None), json!(null));
    for (end, hours, minutes, seconds) in [
        ("2015-12-28T14:00:10.5Z", 0, 0, 10),
        ("2015-12-28T14:00:10.4Z", 0, 0, 9),
        ("2015-12-30T16:03:04.5Z", 50, 3, 4),
        ("2015-12-28T13:59:59Z", 0, 0, 0),
    ] {
        let expected = json!({ "hours": hours, "minutes": minutes, "seconds": seconds });
        assert_eq!(duration(start, Some(end)), expected);
    }
}

#[test]
fn an_exec_in_words_and_letters() {
    let exec = exec(None, Some("2015-12-28T14:00:00Z"));
    let view = json!(ExecView::from(&exec));
    assert_eq!(view["status"], "F");
    assert_eq!(view["trigger_mode"], "M");
    assert_eq!(view["reason"], "exit_code");
    assert_eq!(view["command"], json!(["a"]));
    assert_eq!(view["runtime_vars"], json!({}));
    assert_eq!(view["secret_vars"], json!({ "PIN": null }));
    assert_eq!(view["id"], "64b2d045-2881-4293-9bcd-bdc04b953115");
}
