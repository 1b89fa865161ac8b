//! `/v1/regions` and `/v1/sizes`: what this deployment offers.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::catalog::view::{RegionView, SizeView};
use crate::gateway::Gateway;
use crate::reply::envelope::Envelope;

type RegionList = Envelope<RegionView<'static>>;
type SizeList = Envelope<SizeView<'static>>;

/// List the regions
#[utoipa::path(
    get,
    path = "/v1/regions",
    tag = "catalog",
    responses((status = 200, description = "All of them", body = RegionList))
)]
pub async fn regions(gateway: Data<Gateway>) -> HttpResponse {
    let catalog = &gateway.catalog;
    let regions = catalog.regions().map(|name| RegionView {
        name,
        is_default: name == catalog.default_region(),
    });
    HttpResponse::Ok().json(Envelope::whole(regions.collect()))
}

/// List the sizes
#[utoipa::path(
    get,
    path = "/v1/sizes",
    tag = "catalog",
    responses((status = 200, description = "All of them", body = SizeList))
)]
pub async fn sizes(gateway: Data<Gateway>) -> HttpResponse {
    let sizes = gateway.catalog.sizes().map(|(name, size)| SizeView {
        name,
        cpu: &size.cpu,
        memory: &size.memory,
        disk: size.disk.as_deref(),
    });
    HttpResponse::Ok().json(Envelope::whole(sizes.collect()))
}
