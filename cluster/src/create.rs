//! Creating objects.

use std::fmt::Debug;
use std::time::Duration;

use http::Request;
use http::header::CONTENT_TYPE;
use kube::{Api, Error, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{CallError, persist};

const LIMIT: Duration = Duration::from_secs(20);

/// Creates an object. The API server is spared the search for fields that it does not know, a
/// twelfth of its work for a Job: it leaves them out either way, and the types have no others
/// than those of a newer one.
pub async fn create<K>(api: &Api<K>, object: &K) -> Result<K, CallError>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    let data = serde_json::to_vec(object).map_err(Error::SerdeError);
    let data = data.map_err(|error| CallError::Failed(Box::new(error)))?;
    let (client, url) = (api.clone().into_client(), api.resource_url());
    persist(LIMIT, async || {
        client.request(request(url, data.clone())?).await
    })
    .await
}

/// By hand, as the client has no parameter for it.
fn request(url: &str, data: Vec<u8>) -> Result<Request<Vec<u8>>, Error> {
    Request::post(format!("{url}?fieldValidation=Ignore"))
        .header(CONTENT_TYPE, "application/json")
        .body(data)
        .map_err(Error::HttpError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_server_is_spared_the_search_for_unknown_fields() {
        let request = request("/apis/batch/v1/namespaces/demo/jobs", Vec::new()).unwrap();
        let uri = request.uri();
        assert_eq!(uri.path(), "/apis/batch/v1/namespaces/demo/jobs");
        assert_eq!(uri.query(), Some("fieldValidation=Ignore"));
    }
}
