//! Which route a request asks for.

use actix_web::dev::ServiceRequest;

/// The pattern of the route that a request asks for, by its path as it is before
/// the trailing slash is taken off.
pub(super) fn route(request: &ServiceRequest) -> Option<String> {
    let path = request.match_info().as_str().trim_end_matches('/');
    request.resource_map().match_pattern(path)
}
