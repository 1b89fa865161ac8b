use k8s_openapi::api::batch::v1::JobSpec;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use shared_types::JobId;

use super::*;

fn pod(exec: ExecId, uid: &str, version: &str) -> Pod {
    let identity = PodIdentity {
        exec,
        attempt: 1,
        job: JobId(1),
        namespace: "demo".to_owned(),
    };
    let mut pod = Pod::default();
    for (name, value) in identity.labels() {
        pod.labels_mut().insert(name.to_owned(), value);
    }
    pod.metadata.uid = Some(uid.to_owned());
    pod.metadata.resource_version = Some(version.to_owned());
    pod
}

#[test]
fn events_change_what_is_found() {
    let (a, b) = (ExecId::new(), ExecId::new());
    let cache = Cache::default();
    let mut writer = CacheWriter::new(cache.clone());
    assert_eq!(writer.apply(Event::Apply(pod(a, "1", "1"))), [a]);
    assert_eq!(writer.apply(Event::Apply(pod(a, "2", "2"))), [a]);
    assert_eq!(writer.apply(Event::Apply(pod(b, "3", "3"))), [b]);
    assert_eq!((cache.of(a).len(), cache.execs().len()), (2, 2));
    assert_eq!(writer.apply(Event::Delete(pod(b, "3", "4"))), [b]);
    assert_eq!(cache.execs(), [a]);
    assert!(writer.apply(Event::Apply(Pod::default())).is_empty());
}

#[test]
fn what_nobody_reads_is_not_kept() {
    let exec = ExecId::new();
    let (pods, jobs) = (Cache::default(), Cache::default());
    let mut pod = pod(exec, "1", "1");
    pod.metadata.managed_fields = Some(Vec::new());
    let container = Container {
        args: Some(vec!["long".to_owned()]),
        env: Some(Vec::new()),
        image: Some("i:t".to_owned()),
        ..Container::default()
    };
    pod.spec = Some(PodSpec {
        node_name: Some("n".to_owned()),
        containers: vec![container],
        ..PodSpec::default()
    });
    let job = Job {
        metadata: pod.metadata.clone(),
        spec: Some(JobSpec::default()),
        status: None,
    };
    CacheWriter::new(jobs.clone()).apply(Event::Apply(job));
    let mut writer = CacheWriter::new(pods.clone());
    for event in [Event::InitApply(pod.clone()), Event::InitDone] {
        writer.apply(event);
    }
    assert_eq!(jobs.of(exec)[0].spec, None);
    let kept = pods.of(exec).remove(0);
    assert_eq!(kept.metadata.managed_fields, None);
    let spec = kept.spec.as_ref().unwrap();
    let main = &spec.containers[0];
    assert_eq!((&main.args, &main.env), (&None, &None));
    assert_eq!(
        (spec.node_name.as_deref(), main.image.as_deref()),
        (Some("n"), Some("i:t"))
    );
}

#[test]
fn a_new_list_names_only_what_differs() {
    let (same, changed, gone, new) = (ExecId::new(), ExecId::new(), ExecId::new(), ExecId::new());
    let cache = Cache::default();
    let mut writer = CacheWriter::new(cache.clone());
    for (exec, uid) in [(same, "1"), (changed, "2"), (gone, "3")] {
        writer.apply(Event::Apply(pod(exec, uid, "1")));
    }
    writer.apply(Event::Init);
    writer.apply(Event::InitApply(pod(same, "1", "1")));
    writer.apply(Event::InitApply(pod(changed, "2", "9")));
    writer.apply(Event::InitApply(pod(new, "4", "1")));
    assert_eq!(cache.of(gone).len(), 1, "a list counts when it is whole");
    let mut told = writer.apply(Event::InitDone);
    told.sort();
    let mut expected = [changed, gone, new];
    expected.sort();
    assert_eq!(told, expected);
    assert!(cache.of(gone).is_empty());
}
