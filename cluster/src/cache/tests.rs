use k8s_openapi::api::batch::v1::{JobCondition, JobSpec};
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

fn watched<K: Indexed>() -> (Cache<K>, CacheWriter<K>) {
    let cache = Cache::default();
    let mut writer = CacheWriter::new(cache.clone());
    writer.watch(Shards::ALL);
    for event in [Event::Init, Event::InitDone] {
        writer.apply(event);
    }
    (cache, writer)
}

fn count(cache: &Cache<Pod>, exec: ExecId) -> Option<usize> {
    cache.of(exec).map(|pods| pods.len())
}

#[test]
fn events_change_what_is_found() {
    let (a, b) = (ExecId::new(), ExecId::new());
    let (cache, mut writer) = watched();
    assert_eq!(writer.apply(Event::Apply(pod(a, "1", "1"))), [a]);
    assert_eq!(writer.apply(Event::Apply(pod(a, "2", "2"))), [a]);
    assert_eq!(writer.apply(Event::Apply(pod(b, "3", "3"))), [b]);
    assert_eq!((count(&cache, a), cache.execs().len()), (Some(2), 2));
    assert_eq!(writer.apply(Event::Delete(pod(b, "3", "4"))), [b]);
    assert_eq!(cache.execs(), [a]);
    assert!(writer.apply(Event::Apply(Pod::default())).is_empty());
}

#[test]
fn what_nobody_reads_is_not_kept() {
    let exec = ExecId::new();
    let ((pods, mut writer), (jobs, mut job_writer)) = (watched(), watched());
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
    job_writer.apply(Event::Apply(job));
    for event in [Event::InitApply(pod.clone()), Event::InitDone] {
        writer.apply(event);
    }
    assert_eq!(jobs.of(exec).unwrap()[0].spec, None);
    let kept = pods.of(exec).unwrap().remove(0);
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
fn what_was_made_of_an_object_is_known_before_it_is_watched() {
    let exec = ExecId::new();
    let (cache, mut writer) = watched();
    let on = |node: &str, version: &str| {
        let mut pod = pod(exec, "1", version);
        pod.spec.get_or_insert_default().node_name = Some(node.to_owned());
        pod
    };
    let known = || cache.of(exec).unwrap().remove(0);
    writer.apply(Event::Apply(on("seen", "1")));
    let seen = known();
    cache.changed(&seen, on("changed", "2"));
    assert_eq!(*known(), on("changed", "2"));
    assert_eq!(
        writer.apply(Event::Apply(on("changed", "2"))),
        [],
        "no news"
    );
    assert_eq!(writer.apply(Event::Apply(on("later", "3"))), [exec]);
    cache.changed(&seen, on("changed", "2"));
    assert_eq!(*known(), on("later", "3"), "the watch knew more");
    writer.apply(Event::Delete(on("later", "3")));
    cache.changed(&on("later", "3"), on("changed", "4"));
    assert_eq!(count(&cache, exec), Some(0), "gone is gone");
}

#[test]
fn a_new_list_names_only_what_differs() {
    let (same, changed, gone, new) = (ExecId::new(), ExecId::new(), ExecId::new(), ExecId::new());
    let (cache, mut writer) = watched();
    for (exec, uid) in [(same, "1"), (changed, "2"), (gone, "3")] {
        writer.apply(Event::Apply(pod(exec, uid, "1")));
    }
    writer.apply(Event::Init);
    writer.apply(Event::InitApply(pod(same, "1", "1")));
    writer.apply(Event::InitApply(pod(changed, "2", "9")));
    writer.apply(Event::InitApply(pod(new, "4", "1")));
    assert_eq!(
        count(&cache, gone),
        Some(1),
        "a list counts when it is whole"
    );
    let mut told = writer.apply(Event::InitDone);
    told.sort();
    let mut expected = [changed, gone, new];
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!(count(&cache, gone), Some(0));
}

#[test]
fn of_shards_that_are_not_listed_nothing_is_known() {
    let a = ExecId::new();
    let b = std::iter::repeat_with(ExecId::new)
        .find(|b| b.shard() != a.shard())
        .unwrap();
    let only = |exec: ExecId| -> Shards {
        let number = i16::from(exec.shard().number());
        std::iter::once(number).collect()
    };
    let cache = Cache::default();
    let mut writer = CacheWriter::new(cache.clone());
    writer.watch(only(a));
    writer.apply(Event::InitApply(pod(a, "1", "1")));
    assert_eq!(count(&cache, a), None, "not before it is listed");
    writer.apply(Event::InitDone);
    assert_eq!((count(&cache, a), count(&cache, b)), (Some(1), None));

    assert_eq!(writer.watch(Shards::ALL), []);
    assert_eq!((count(&cache, a), count(&cache, b)), (Some(1), None));
    writer.apply(Event::InitApply(pod(a, "1", "1")));
    assert_eq!(writer.apply(Event::InitDone), []);
    assert_eq!((count(&cache, a), count(&cache, b)), (Some(1), Some(0)));

    assert_eq!(writer.watch(only(b)), [a], "forgotten at once");
    assert_eq!((count(&cache, a), count(&cache, b)), (None, Some(0)));
}

#[test]
fn a_change_of_what_nobody_reads_is_none() {
    let exec = ExecId::new();
    let (cache, mut writer) = watched();
    let with = |version: &str, active, failed: bool| {
        let mut job = Job {
            metadata: pod(exec, "1", version).metadata,
            ..Job::default()
        };
        let condition = JobCondition {
            type_: "Failed".to_owned(),
            status: "True".to_owned(),
            ..JobCondition::default()
        };
        job.status = Some(JobStatus {
            active,
            conditions: failed.then(|| vec![condition]),
            ..JobStatus::default()
        });
        Event::Apply(job)
    };
    // Whoever made it knows that it is there.
    assert_eq!(writer.apply(with("1", None, false)), []);
    assert_eq!(cache.execs(), [exec]);
    assert_eq!(writer.apply(with("2", Some(1), false)), []);
    let kept = cache.of(exec).unwrap().remove(0);
    assert_eq!(kept.resource_version().as_deref(), Some("2"), "but kept");
    assert_eq!(writer.apply(with("3", Some(1), true)), [exec]);
    for event in [Event::Init, Event::InitDone] {
        writer.apply(event);
    }
    assert_eq!(
        writer.apply(with("4", None, true)),
        [exec],
        "new, and failed"
    );
}
