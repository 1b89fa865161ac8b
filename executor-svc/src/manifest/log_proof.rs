//! How `log-proof` comes into a pod and before its program.

use cluster::{PodIdentity, names};
use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, ImageVolumeSource, Pod, PodSpec, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use shared_types::log_proof;

use super::{ManifestError, literal};
use crate::config::{LogProofVolume, PodConfig};

/// Where its image has it.
const PROGRAM: &str = "/usr/local/bin/log-proof";
/// Where the pod's containers have the volume with it.
const FOLDER: &str = "/.escapement";
const VOLUME: &str = "log-proof";
/// It may have changed only where the image's name has.
const PULL_POLICY: &str = "IfNotPresent";
/// Several times its size.
const ROOM: &str = "16Mi";

/// Lets it start the pod's program.
pub(super) fn put_before(
    pod: &mut PodSpec,
    identity: &PodIdentity,
    config: &PodConfig,
) -> Result<(), ManifestError> {
    let image = config.log_proof_image.clone();
    let image = image.ok_or(ManifestError::NoLogProof)?;
    let Some(main) = pod.containers.first_mut() else {
        return Ok(());
    };
    let mut volume = Volume {
        name: VOLUME.to_owned(),
        ..Volume::default()
    };
    let program = match config.log_proof_volume {
        LogProofVolume::EmptyDir => {
            let installed = format!("{FOLDER}/log-proof");
            pod.init_containers = Some(vec![installer(main, image, &installed)]);
            volume.empty_dir = Some(EmptyDirVolumeSource {
                size_limit: Some(Quantity(ROOM.to_owned())),
                medium: None,
            });
            installed
        }
        LogProofVolume::Image => {
            volume.image = Some(ImageVolumeSource {
                reference: Some(image),
                pull_policy: Some(PULL_POLICY.to_owned()),
            });
            format!("{FOLDER}{PROGRAM}")
        }
    };
    let records = log_proof::records(identity.exec, identity.attempt);
    let start = [program, "run".to_owned()].into_iter();
    let start = start.chain(records.map(|record| literal(&record)));
    let own = main.command.take().unwrap_or_default();
    main.command = Some(start.chain(own).collect());
    main.volume_mounts = Some(vec![mount(true)]);
    pod.volumes = Some(vec![volume]);
    Ok(())
}

/// Whether it starts the program of a pod.
pub(crate) fn is_before(pod: &Pod) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut commands = containers.filter_map(|container| container.command.as_ref()?.first());
    commands.any(|program| program.starts_with(FOLDER))
}

/// Copies it, at another time than the program runs: it adds nothing to what the pod needs.
fn installer(main: &Container, image: String, to: &str) -> Container {
    Container {
        name: names::LOG_PROOF_CONTAINER.to_owned(),
        image: Some(image),
        image_pull_policy: Some(PULL_POLICY.to_owned()),
        command: Some([PROGRAM, "install", to].map(str::to_owned).into()),
        resources: main.resources.clone(),
        security_context: main.security_context.clone(),
        volume_mounts: Some(vec![mount(false)]),
        ..Container::default()
    }
}

fn mount(read_only: bool) -> VolumeMount {
    VolumeMount {
        name: VOLUME.to_owned(),
        mount_path: FOLDER.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}
