use proptest::prelude::*;

use super::*;

/// A deployment, its queue and who runs, as a test says it.
#[derive(Debug)]
struct Scene {
    config: AdmissionConfig,
    queued: Vec<Queued>,
    running: Running,
    queues: HashMap<String, Queue>,
    now: DateTime<Utc>,
}

impl Scene {
    fn new(max_running: usize) -> Self {
        Self {
            config: AdmissionConfig {
                max_running,
                namespace: NamespaceShare::default(),
                namespaces: BTreeMap::new(),
            },
            queued: Vec::new(),
            running: Running::default(),
            queues: HashMap::new(),
            now: DateTime::from_timestamp(1_000_000, 0).unwrap(),
        }
    }

    fn share(mut self, namespace: &str, share: NamespaceShare) -> Self {
        self.config.namespaces.insert(namespace.to_owned(), share);
        self
    }

    fn running(mut self, namespace: &str, count: usize) -> Self {
        self.running.namespaces.insert(namespace.to_owned(), count);
        self
    }

    /// More execs of a namespace, of its own job, after those that are there.
    fn queued(self, namespace: &str, count: usize, lane: Lane) -> Self {
        self.queued_of((namespace, 1, None), count, lane)
    }

    fn queued_of(
        mut self,
        (namespace, job, max_running): (&str, i64, Option<usize>),
        count: usize,
        lane: Lane,
    ) -> Self {
        for _ in 0..count {
            self.queued.push(Queued {
                id: ExecId::new(),
                job_id: JobId(job),
                namespace: namespace.to_owned(),
                lane,
                created_at: self.now,
                max_running,
            });
        }
        self
    }

    fn admit(&self) -> Admitted {
        let mut queued = self.queued.clone();
        // As the database gives them.
        queued.sort_by(|a, b| {
            let low = |exec: &Queued| exec.lane == Lane::Low;
            (&a.namespace, low(a), a.id).cmp(&(&b.namespace, low(b), b.id))
        });
        let standing = Standing {
            config: &self.config,
            running: self.running.clone(),
            queues: self.queues.clone(),
            now: self.now,
        };
        admit(&queued, standing)
    }

    /// Whose are admitted, in their order.
    fn namespaces(&self, admitted: &Admitted) -> Vec<&str> {
        let find = |id: &ExecId| self.queued.iter().find(|exec| exec.id == *id).unwrap();
        let execs = admitted.execs.iter();
        execs.map(|id| find(id).namespace.as_str()).collect()
    }

    /// Time goes on: what was admitted runs, the rest waits.
    fn proceed(&mut self, admitted: &Admitted, pause: TimeDelta) {
        for exec in std::mem::take(&mut self.queued) {
            if admitted.execs.contains(&exec.id) {
                *self.running.namespaces.entry(exec.namespace).or_default() += 1;
            } else {
                self.queued.push(exec);
            }
        }
        self.queues.extend(admitted.changed.iter().cloned());
        self.now += pause;
    }
}

fn held(admitted: &Admitted, namespace: &str) -> Option<(HeldBy, usize)> {
    let mut changed = admitted.changed.iter();
    changed.find(|(name, _)| name == namespace)?.1.held
}

#[test]
fn the_region_is_filled_and_the_rest_waits_for_it() {
    let scene = Scene::new(5).running("a", 2).queued("a", 4, Lane::Normal);
    let admitted = scene.admit();
    let oldest: Vec<_> = scene.queued[..3].iter().map(|exec| exec.id).collect();
    assert_eq!(admitted.execs, oldest);
    assert_eq!(held(&admitted, "a"), Some((HeldBy::Region, 5)));
    let full = Scene::new(5).running("a", 7).queued("b", 1, Lane::Normal);
    assert_eq!(full.admit().execs, []);
}

#[test]
fn places_go_to_who_holds_the_fewest_for_its_weight() {
    let scene = Scene::new(6)
        .queued("big", 10, Lane::Normal)
        .queued("small", 2, Lane::Normal);
    let admitted = scene.admit();
    let expected = ["big", "small", "big", "small", "big", "big"];
    assert_eq!(scene.namespaces(&admitted), expected);

    let heavy = NamespaceShare {
        weight: 3,
        ..NamespaceShare::default()
    };
    let scene = Scene::new(8)
        .share("b", heavy)
        .queued("a", 9, Lane::Normal)
        .queued("b", 9, Lane::Normal);
    let admitted = scene.admit();
    let of_b = scene
        .namespaces(&admitted)
        .iter()
        .filter(|it| **it == "b")
        .count();
    assert_eq!((admitted.execs.len(), of_b), (8, 6));

    // Who has many running waits until others have as many.
    let scene = Scene::new(9)
        .running("a", 4)
        .queued("a", 3, Lane::Normal)
        .queued("b", 9, Lane::Normal);
    let admitted = scene.admit();
    assert_eq!(scene.namespaces(&admitted)[..4], ["b", "b", "b", "b"]);
}

#[test]
fn the_low_lane_gets_what_nobody_else_can_use() {
    let capped = NamespaceShare {
        max_running: Some(2),
        ..NamespaceShare::default()
    };
    let scene = Scene::new(5)
        .share("a", capped)
        .queued("b", 2, Lane::Low)
        .queued("a", 3, Lane::Normal);
    let admitted = scene.admit();
    assert_eq!(scene.namespaces(&admitted), ["a", "a", "b", "b"]);
    assert_eq!(held(&admitted, "a"), Some((HeldBy::Namespace, 2)));
    let scene = Scene::new(3)
        .queued("b", 3, Lane::Low)
        .queued("a", 3, Lane::Normal);
    assert_eq!(scene.namespaces(&scene.admit()), ["a", "a", "a"]);
}

#[test]
fn a_job_holds_back_its_own_execs_and_no_others() {
    let mut scene = Scene::new(9)
        .queued_of(("a", 1, Some(2)), 3, Lane::Normal)
        .queued_of(("a", 2, None), 2, Lane::Normal);
    scene.running.jobs.insert(JobId(1), (1, 2));
    let admitted = scene.admit();
    let expected = [0, 3, 4].map(|place: usize| scene.queued[place].id);
    assert_eq!(admitted.execs, expected);
    // What waits is held by its job, which is not the queue's matter.
    assert_eq!(admitted.changed, []);
}

#[test]
fn a_start_rate_lets_ten_seconds_worth_begin_and_then_one_by_one() {
    let paced = NamespaceShare {
        starts_per_minute: Some(30),
        ..NamespaceShare::default()
    };
    let mut scene = Scene::new(99)
        .share("a", paced)
        .queued("a", 20, Lane::Normal);
    let first = scene.admit();
    assert_eq!(first.execs.len(), 5);
    assert_eq!(held(&first, "a"), Some((HeldBy::StartRate, 30)));
    assert_eq!(first.again_at, Some(scene.now + TimeDelta::seconds(2)));
    scene.proceed(&first, TimeDelta::milliseconds(1999));
    assert_eq!(scene.admit().execs, []);
    scene.proceed(&Admitted::default(), TimeDelta::milliseconds(1));
    let next = scene.admit();
    assert_eq!(next.execs.len(), 1);
    scene.proceed(&next, TimeDelta::minutes(5));
    // What was not used is not saved up beyond a burst.
    assert_eq!(scene.admit().execs.len(), 5);
}

#[test]
fn a_queue_that_moves_again_is_no_longer_held() {
    let mut scene = Scene::new(1).running("a", 1).queued("a", 1, Lane::Normal);
    let admitted = scene.admit();
    scene.proceed(&admitted, TimeDelta::zero());
    assert_eq!(scene.admit().changed, [], "as it was left");
    scene.running.namespaces.clear();
    let admitted = scene.admit();
    assert_eq!((admitted.execs.len(), held(&admitted, "a")), (1, None));
    assert_eq!(admitted.changed.len(), 1);
}

fn share() -> impl Strategy<Value = NamespaceShare> {
    let limit = proptest::option::of(0_usize..6);
    let rate = proptest::option::of(1_u32..60);
    (limit, rate, 1_u32..4).prop_map(|(max_running, starts_per_minute, weight)| NamespaceShare {
        max_running,
        starts_per_minute,
        weight,
    })
}

fn scene() -> impl Strategy<Value = Scene> {
    let tenant = (
        share(),
        0_usize..8,
        0_usize..8,
        0_usize..5,
        proptest::option::of(0_usize..4),
    );
    (0_usize..20, proptest::collection::vec(tenant, 1..4)).prop_map(|(limit, tenants)| {
        let mut scene = Scene::new(limit);
        for (number, (share, normal, low, running, job_limit)) in (0..).zip(tenants) {
            let name = format!("n{number}");
            let job = (name.as_str(), number, job_limit);
            scene = scene
                .share(&name, share)
                .running(&name, running)
                .queued_of(job, normal, Lane::Normal)
                .queued(&name, low, Lane::Low);
        }
        scene
    })
}

proptest! {
    #[test]
    fn no_bound_is_passed_and_no_place_stays_empty_in_vain(scene in scene()) {
        let admitted = scene.admit();
        let count = |namespace: &str| {
            scene.namespaces(&admitted).iter().filter(|it| **it == namespace).count()
        };
        let total = scene.running.total() + admitted.execs.len();
        prop_assert!(admitted.execs.is_empty() || total <= scene.config.max_running);
        for (name, share) in &scene.config.namespaces {
            let running = scene.running.namespaces[name];
            let now = running + count(name);
            let limit = share.max_running.unwrap_or(usize::MAX);
            prop_assert!(count(name) == 0 || now <= limit);
            let burst = share.starts_per_minute.map_or(usize::MAX, |rate| (rate as usize / 6).max(1));
            prop_assert!(count(name) <= burst);
            // Its lane that no job limits tells whether it could have had one more.
            let waits = scene.queued.iter().any(|exec| {
                exec.namespace == *name && exec.max_running.is_none()
                    && !admitted.execs.contains(&exec.id)
            });
            let could = now < limit && count(name) < burst && total < scene.config.max_running;
            prop_assert!(!(waits && could), "{name} waits beside a free place");
        }
        for job in scene.queued.iter().filter(|exec| exec.max_running.is_some()) {
            let begun = scene.queued.iter().filter(|exec| {
                exec.job_id == job.job_id && exec.max_running.is_some()
                    && admitted.execs.contains(&exec.id)
            });
            prop_assert!(begun.count() <= job.max_running.unwrap());
        }
        let unique: std::collections::HashSet<_> = admitted.execs.iter().collect();
        prop_assert_eq!(unique.len(), admitted.execs.len());
    }
}
