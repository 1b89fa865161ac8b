//! HTTP by hand, for what a well-behaved client would never send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::TestApp;

/// A connection to the gateway.
pub(crate) async fn connect(app: &TestApp) -> TcpStream {
    let address = app.base.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Sends bytes and reads until the gateway closes the connection.
pub(crate) async fn exchange(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = connect(app).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The head of a request that creates a job.
pub(crate) fn post_head(token: &str, length: usize) -> String {
    format!(
        "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Token {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// A body that creates a job.
pub(crate) const JOB: &str = r#"{"name":"n","command":"c","docker_image_repo":"r.io/a/b"}"#;
