//! Absolute links to a list's neighbouring pages.

use actix_web::HttpRequest;
use url::{Url, form_urlencoded};

use crate::page::Cut;
use crate::view::Envelope;

/// Where links lead when the deployment says so; otherwise to the host that the
/// request named, with the scheme that a proxy in front reports.
#[derive(Debug, Clone, Default)]
pub struct LinkBase(pub Option<Url>);

impl LinkBase {
    /// A page with links that keep the request's own query.
    pub fn envelope<T, V>(
        &self,
        request: &HttpRequest,
        (count, cut): (i64, &Cut<T>),
        results: Vec<V>,
    ) -> Envelope<V> {
        let link =
            |cursor: &Option<String>| cursor.as_ref().map(|cursor| self.link(request, cursor));
        Envelope {
            count,
            previous: link(&cut.previous),
            next: link(&cut.next),
            results,
        }
    }

    fn link(&self, request: &HttpRequest, cursor: &str) -> String {
        let base = self.0.as_ref().map_or_else(
            || {
                let connection = request.connection_info();
                format!("{}://{}", connection.scheme(), connection.host())
            },
            |url| url.as_str().trim_end_matches('/').to_owned(),
        );
        let asked = form_urlencoded::parse(request.query_string().as_bytes());
        let kept = asked.filter(|(name, _)| name != "page" && name != "cursor");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .append_pair("cursor", cursor)
            .finish();
        format!("{base}{}?{query}", request.path())
    }
}
