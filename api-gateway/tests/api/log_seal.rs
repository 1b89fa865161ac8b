//! What is known of a log that has come to its end.

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::DatabaseRole;
use store::logs::{LogLine, Verdict};

use crate::app::{User, exec_path, spawn_app};
use crate::log_completeness::{end, store_and_seal};
use crate::logs::{line, print};

async fn seal(user: &User<'_>, exec: &Value) -> Value {
    let (status, seal) = user.get(&format!("{}/logs/seal", exec_path(exec))).await;
    assert_eq!(status, 200, "{seal}");
    seal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_is_that_of_the_download() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let exec = user.exec(&user.job(json!({})).await).await;
    let nothing = json!({
        "attempt": 0, "lines": 0, "bytes": 0, "sha256": null, "sealed_at": null,
        "complete": false, "proven": false, "ends_mid_line": false, "gaps": [],
    });
    assert_eq!(seal(&user, &exec).await, nothing, "before it ran");

    let gap = LogLine {
        gap_before: true,
        ..line(1500, b"t\xffo")
    };
    print(&app, &exec, 1, vec![line(900, b"one"), gap]).await;
    end(&app, &exec, true).await;
    let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
    store_and_seal(&mut conn, &exec, Verdict::EndsMidLine)
        .await
        .unwrap();
    let path = format!("{}/logs?attempt=1&platform=false", exec_path(&exec));
    let request = user
        .request(Method::GET, &path)
        .header("Accept", "text/plain");
    let text = request.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(text, b"one\nt\xffo\nlast\n".as_slice());
    let mut sealed = seal(&user, &exec).await;
    assert!(sealed["sealed_at"].take().is_string());
    let sha256 = sealed["sha256"].take();
    let digits = sha256.as_str().unwrap().as_bytes().chunks(2);
    let digits = digits.map(|two| str::from_utf8(two).unwrap());
    let sha256: Vec<_> = digits
        .map(|two| u8::from_str_radix(two, 16).unwrap())
        .collect();
    assert_eq!(sha256, Sha256::digest(&text).to_vec());
    let expected = json!({
        "attempt": 1, "lines": 3, "bytes": 10, "sha256": null, "sealed_at": null,
        "complete": false, "proven": false, "ends_mid_line": true, "gaps": [{
            "before_line": 1,
            "after": "2015-12-29T01:02:24.900000+00:00",
            "until": "2015-12-29T01:02:25.500000+00:00",
            "lines": null,
            "bytes": null,
            "cause": "the node discarded lines before they were read",
        }],
    });
    assert_eq!(sealed, expected);
    let path = format!("{}/logs/seal?attempt=2", exec_path(&exec));
    assert_eq!(user.get(&path).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_off_says_why_and_after_what() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let job = user.job(json!({})).await;
    let mut conn = app.store(DatabaseRole::Logs).connection().await.unwrap();
    let proven = Verdict::Proven {
        ends_mid_line: false,
    };
    let gone = Verdict::Incomplete("the pod was gone".to_owned());
    for (verdict, complete, proven) in [
        (Verdict::Complete, true, false),
        (proven, true, true),
        (gone, false, false),
    ] {
        let exec = user.exec(&job).await;
        end(&app, &exec, true).await;
        store_and_seal(&mut conn, &exec, verdict).await.unwrap();
        let sealed = seal(&user, &exec).await;
        assert_eq!(
            (&sealed["complete"], &sealed["lines"]),
            (&json!(complete), &json!(1))
        );
        assert_eq!(sealed["proven"], proven);
        let gaps = sealed["gaps"].as_array().unwrap();
        assert_eq!(gaps.len(), usize::from(!complete));
        if let [gap] = gaps.as_slice() {
            assert_eq!(gap["cause"], "the pod was gone");
            assert_eq!(
                (&gap["before_line"], &gap["until"]),
                (&json!(null), &json!(null))
            );
            assert!(gap["after"].is_string());
        }
    }
}
