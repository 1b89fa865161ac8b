//! What a deployment offers.

use serde_json::json;

use crate::app::spawn_app;

#[tokio::test(flavor = "multi_thread")]
async fn regions_and_sizes_are_listed() {
    let app = spawn_app().await;
    let user = app.user("me").await;
    let (status, regions) = user.get("/v1/regions/").await;
    assert_eq!((status.as_u16(), &regions["count"]), (200, &json!(2)));
    let expected = json!([
        { "name": "north", "is_default": true }, { "name": "south", "is_default": false },
    ]);
    assert_eq!(regions["results"], expected);

    let (status, sizes) = user.get("/v1/sizes").await;
    assert_eq!((status.as_u16(), &sizes["count"]), (200, &json!(6)));
    let small = json!({ "name": "XXS", "cpu": "125m", "memory": "128Mi", "disk": "512Mi" });
    assert!(sizes["results"].as_array().unwrap().contains(&small));
    for size in sizes["results"].as_array().unwrap() {
        user.job(json!({ "resource_size": size["name"] })).await;
    }
}
