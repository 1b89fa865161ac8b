//! How `log-proof` comes into a pod and before its program.

use cluster::{PodIdentity, names};
use k8s_openapi::api::core::v1::{Container, EmptyDirVolumeSource, PodSpec, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use shared_types::log_proof;

use super::{ManifestError, literal};

/// Where its image has it.
const PROGRAM: &str = "/usr/local/bin/log-proof";
/// Where the pod's containers have it.
const FOLDER: &str = "/.escapement";
const INSTALLED: &str = "/.escapement/log-proof";
const VOLUME: &str = "log-proof";
/// Several times its size.
const ROOM: &str = "16Mi";

/// Lets it start the pod's program. A container of its image copies it to a volume: what an
/// image volume holds cannot be executed, by Kubernetes' word for it.
pub(super) fn put_before(
    pod: &mut PodSpec,
    identity: &PodIdentity,
    image: Option<&str>,
) -> Result<(), ManifestError> {
    let image = image.ok_or(ManifestError::NoLogProof)?;
    let Some(main) = pod.containers.first_mut() else {
        return Ok(());
    };
    pod.init_containers = Some(vec![Container {
        name: names::LOG_PROOF_CONTAINER.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some([PROGRAM, "install", INSTALLED].map(str::to_owned).into()),
        // At another time than the program, so nothing is added to what the pod needs.
        resources: main.resources.clone(),
        security_context: main.security_context.clone(),
        volume_mounts: Some(vec![mount(false)]),
        ..Container::default()
    }]);
    let records = log_proof::records(identity.exec, identity.attempt);
    let start = [INSTALLED.to_owned(), "run".to_owned()];
    let start = start
        .into_iter()
        .chain(records.map(|record| literal(&record)));
    main.command = Some(
        start
            .chain(main.command.take().unwrap_or_default())
            .collect(),
    );
    main.volume_mounts = Some(vec![mount(true)]);
    pod.volumes = Some(vec![Volume {
        name: VOLUME.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: Some(Quantity(ROOM.to_owned())),
            medium: None,
        }),
        ..Volume::default()
    }]);
    Ok(())
}

fn mount(read_only: bool) -> VolumeMount {
    VolumeMount {
        name: VOLUME.to_owned(),
        mount_path: FOLDER.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}
