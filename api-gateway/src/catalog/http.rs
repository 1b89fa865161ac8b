//! `/v1/regions` and `/v1/sizes`: what this deployment offers.

use actix_web::{HttpResponse, web};

use crate::catalog::view::{RegionView, SizeView};
use crate::gateway::Gateway;
use crate::reply::envelope::Envelope;

type RegionList = Envelope<RegionView<'static>>;
type SizeList = Envelope<SizeView<'static>>;

/// `GET /v1/regions`
#[utoipa::path(
    get,
    path = "/v1/regions",
    tag = "catalog",
    summary = "List the regions",
    responses((status = 200, description = "All of them", body = RegionList))
)]
pub async fn regions(gateway: web::Data<Gateway>) -> HttpResponse {
    let catalog = &gateway.catalog;
    let regions = catalog.regions().map(|name| RegionView {
        name,
        is_default: name == catalog.default_region(),
    });
    HttpResponse::Ok().json(Envelope::whole(regions.collect()))
}

/// `GET /v1/sizes`
#[utoipa::path(
    get,
    path = "/v1/sizes",
    tag = "catalog",
    summary = "List the sizes",
    responses((status = 200, description = "All of them", body = SizeList))
)]
pub async fn sizes(gateway: web::Data<Gateway>) -> HttpResponse {
    let sizes = gateway.catalog.sizes().map(|(name, size)| SizeView {
        name,
        cpu: &size.cpu,
        memory: &size.memory,
        disk: size.disk.as_deref(),
    });
    HttpResponse::Ok().json(Envelope::whole(sizes.collect()))
}
