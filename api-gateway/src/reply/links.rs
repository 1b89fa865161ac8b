//! Absolute links to a list's neighbouring pages.

use actix_web::HttpRequest;
use actix_web::http::header;
use store::page::Count;
use url::{Url, form_urlencoded};

use crate::read::page::Cut;
use crate::reply::envelope::Envelope;

/// Where links lead: where the deployment says, otherwise to the host that the
/// request named.
#[derive(Debug, Clone, Default)]
pub struct LinkBase {
    /// What the deployment says.
    pub public_url: Option<Url>,
    /// Whether a proxy in front, and not the client, reports host and scheme.
    pub behind_proxy: bool,
}

/// Links to pages of the list that a request asked for.
#[derive(Debug, Clone)]
pub struct Links {
    /// The URL without its query.
    list: String,
    /// The request's own query without what tells the page.
    kept: String,
}

impl Links {
    /// A page with links that keep the request's own query.
    pub fn envelope<T, V>(&self, (count, cut): (Count, &Cut<T>), results: Vec<V>) -> Envelope<V> {
        let link = |cursor: &Option<String>| cursor.as_ref().map(|cursor| self.link(cursor));
        Envelope {
            count: count.rows,
            count_is_exact: count.is_exact,
            previous: link(&cut.previous),
            next: link(&cut.next),
            results,
        }
    }

    /// The value of a header `Link` that leads to the next page.
    pub fn next(&self, cursor: &str) -> String {
        format!("<{}>; rel=\"next\"", self.link(cursor))
    }

    fn link(&self, cursor: &str) -> String {
        let query = form_urlencoded::Serializer::new(self.kept.clone())
            .append_pair("cursor", cursor)
            .finish();
        format!("{}?{query}", self.list)
    }
}

impl LinkBase {
    /// What leads to other pages of the list that is asked for.
    pub fn links(&self, request: &HttpRequest) -> Links {
        let base = self.public_url.as_ref().map_or_else(
            || self.asked_host(request),
            |url| url.as_str().trim_end_matches('/').to_owned(),
        );
        let asked = form_urlencoded::parse(request.query_string().as_bytes());
        let kept = asked.filter(|(name, _)| name != "page" && name != "cursor");
        Links {
            list: format!("{base}{}", request.path()),
            kept: form_urlencoded::Serializer::new(String::new())
                .extend_pairs(kept)
                .finish(),
        }
    }

    fn asked_host(&self, request: &HttpRequest) -> String {
        if self.behind_proxy {
            let connection = request.connection_info();
            return format!("{}://{}", connection.scheme(), connection.host());
        }
        let header = request.headers().get(header::HOST);
        let host = header.and_then(|host| host.to_str().ok());
        format!("http://{}", host.unwrap_or(request.app_config().host()))
    }
}
