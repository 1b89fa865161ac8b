use chrono::DateTime;
use shared_types::{Command, ExecId, JobId, SecretId};
use store::registries::Credential;

use super::*;
use crate::config::{Config, DEFAULTS};

fn job(spec: &ExecSpec) -> Result<Job, ManifestError> {
    job_with(spec, &Confidential::default())
}

fn job_with(spec: &ExecSpec, confidential: &Confidential) -> Result<Job, ManifestError> {
    traced_job(spec, confidential, None)
}

fn traced_job(
    spec: &ExecSpec,
    confidential: &Confidential,
    trace: Option<Traceparent>,
) -> Result<Job, ManifestError> {
    job_of(&[], spec, confidential, trace)
}

fn job_of(
    settings: &[(&str, &str)],
    spec: &ExecSpec,
    confidential: &Confidential,
    trace: Option<Traceparent>,
) -> Result<Job, ManifestError> {
    let given = [
        ("ESCAPEMENT__DATABASE__URL", "postgres://h/d"),
        ("ESCAPEMENT__BROKER__URL", "amqp://h"),
        ("ESCAPEMENT__SECRETS__KEYS", "a:unread"),
    ];
    let given = given.iter().chain(settings);
    let given = given
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let config: Config = chassis::config::load_from(DEFAULTS, None, Some(given)).unwrap();
    let identity = PodIdentity {
        exec: "0191e1a0-1234-7000-8000-0000000000ff"
            .parse::<ExecId>()
            .unwrap(),
        attempt: 1,
        job: JobId(146),
        namespace: "demo".to_owned(),
    };
    let template = Template {
        cluster: &config.cluster,
        pod: &config.pod,
        limits: &config.limits,
        sizes: &config.sizes,
    };
    let program = Program {
        spec: spec.clone(),
        job_name: "nightly $(report)".to_owned(),
        slot_at: DateTime::from_timestamp(1_451_350_945, 500_000_000),
        has_registries: false,
    };
    template.job(&identity, &program, confidential, trace)
}

fn spec() -> ExecSpec {
    ExecSpec {
        command: Command::Text("sh -c 'echo hi'".to_owned()),
        image_repo: "docker.io/library/busybox".to_owned(),
        image_tag: "1.37".to_owned(),
        size: "XXS".to_owned(),
        vars: [("GREETING".to_owned(), "hi".to_owned())].into(),
        entrypoint: Vec::new(),
        log_proof: false,
        secret_vars: [].into(),
        rules: shared_types::RunRules::default(),
    }
}

#[test]
fn every_field_of_a_job() {
    insta::assert_yaml_snapshot!(job(&spec()).unwrap());
}

#[test]
fn an_entrypoint_takes_the_place_of_the_images() {
    let mut spec = spec();
    spec.entrypoint = ["sh", "-c", "$(X)"].map(str::to_owned).into();
    let container = |spec: &ExecSpec| {
        let template = job(spec).unwrap().spec.unwrap().template;
        template.spec.unwrap().containers.remove(0)
    };
    assert_eq!(container(&spec).command.unwrap(), ["sh", "-c", "$$(X)"]);
    assert_eq!(container(&spec).args.unwrap(), ["sh", "-c", "echo hi"]);
    spec.command = Command::Words(Vec::new());
    assert_eq!(container(&spec).args, None);
}

#[test]
fn every_field_of_a_job_that_proves_its_output() {
    let mut spec = spec();
    spec.entrypoint = vec!["sh".to_owned()];
    spec.log_proof = true;
    assert_eq!(job(&spec).unwrap_err(), ManifestError::NoLogProof);
    let image = ("ESCAPEMENT__POD__LOG_PROOF_IMAGE", "r.io/log-proof:1");
    let pod = |settings: &[(&str, &str)]| {
        let job = job_of(settings, &spec, &Confidential::default(), None).unwrap();
        job.spec.unwrap().template.spec.unwrap()
    };
    insta::assert_yaml_snapshot!(pod(&[image]));
    // And where the image itself is mounted.
    let mounted = pod(&[image, ("ESCAPEMENT__POD__LOG_PROOF_VOLUME", "image")]);
    assert_eq!(mounted.init_containers, None);
    let command = mounted.containers[0].command.clone().unwrap();
    assert_eq!(command[0], "/.escapement/usr/local/bin/log-proof");
    let volumes = serde_json::to_value(mounted.volumes).unwrap();
    let image =
        serde_json::json!({ "pullPolicy": "IfNotPresent", "reference": "r.io/log-proof:1" });
    assert_eq!(
        volumes,
        serde_json::json!([{ "name": "log-proof", "image": image }])
    );
}

#[test]
fn a_program_is_told_its_trace_unless_its_user_tells_another() {
    let trace = Traceparent::of_exec(ExecId::new());
    let told = |spec: &ExecSpec| {
        let job = traced_job(spec, &Confidential::default(), Some(trace)).unwrap();
        let template = job.spec.unwrap().template;
        let annotations = template.metadata.unwrap().annotations.unwrap();
        assert_eq!(annotations[names::TRACEPARENT], trace.to_string());
        let vars = template.spec.unwrap().containers[0].env.clone().unwrap();
        let told = vars.into_iter().filter(|var| var.name == "TRACEPARENT");
        told.filter_map(|var| var.value).collect::<Vec<_>>()
    };
    assert_eq!(told(&spec()), [trace.to_string()]);
    let mut own = spec();
    own.vars.insert("TRACEPARENT".to_owned(), "own".to_owned());
    assert_eq!(told(&own), ["own"]);
}

#[test]
fn nobody_else_says_what_a_program_is() {
    let mut spec = secret_spec();
    let (name, theirs) = ("ESCAPEMENT_FENCE".to_owned(), "theirs".to_owned());
    spec.vars.insert(name.clone(), theirs);
    let pod = job(&spec).unwrap().spec.unwrap().template.spec.unwrap();
    let vars = pod.containers[0].env.as_ref().unwrap().iter();
    let fences = vars.filter(|var| var.name == name);
    let fences: Vec<_> = fences.map(|var| var.value.as_deref()).collect();
    assert_eq!(fences, [Some("0191e1a0-1234-7000-8000-0000000000ff-0001")]);
}

#[test]
fn nothing_in_what_is_given_is_expanded() {
    let spec = ExecSpec {
        command: Command::Text("sh -c 'echo $$ $(GREETING)'".to_owned()),
        vars: [("PRICE".to_owned(), "$5 $(HOME)".to_owned())].into(),
        ..spec()
    };
    let pod = job(&spec).unwrap().spec.unwrap().template.spec.unwrap();
    let main = &pod.containers[0];
    let args = main.args.as_ref().unwrap();
    assert_eq!(args[2], "echo $$$$ $$(GREETING)");
    let value = main.env.as_ref().unwrap()[0].value.as_deref();
    assert_eq!(value, Some("$$5 $$(HOME)"));
}

#[test]
fn an_unknown_size_names_the_known() {
    let spec = ExecSpec {
        size: "HUGE".to_owned(),
        ..spec()
    };
    let error = job(&spec).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no size HUGE; sizes are L, M, S, XL, XS, XXS"
    );
}

#[test]
fn nothing_given_leaves_the_images_own() {
    let spec = ExecSpec {
        command: Command::Text(String::new()),
        vars: BTreeMap::new(),
        ..spec()
    };
    let pod = job(&spec).unwrap().spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.containers[0].args, None);
    let vars = pod.containers[0].env.as_ref().unwrap();
    assert!(vars.iter().all(|var| var.name.starts_with("ESCAPEMENT_")));
}

fn secret_spec() -> ExecSpec {
    ExecSpec {
        image_repo: "R.example.com:5000/team/image".to_owned(),
        secret_vars: [("API_KEY".to_owned(), SecretId(7))].into(),
        ..spec()
    }
}

fn confidential(registry: &str) -> Confidential {
    Confidential {
        values: [(SecretId(7), "$(HOME) and more".into())].into(),
        credential: Some(Credential {
            registry: registry.to_owned(),
            username: "robot".to_owned(),
            password: "a \"quoted\" word".into(),
        }),
    }
}

#[test]
fn what_is_secret_is_in_the_secret_only() {
    let (spec, confidential) = (secret_spec(), confidential("r.example.com:5000"));
    let job = job_with(&spec, &confidential).unwrap();
    insta::assert_yaml_snapshot!(job.spec.as_ref().unwrap().template.spec);
    insta::assert_yaml_snapshot!(confidential.secret(&spec, &job, "job-uid"));
    let shown = format!("{confidential:?}");
    assert!(
        !shown.contains("quoted") && !shown.contains("HOME"),
        "{shown}"
    );
}

#[test]
fn a_secret_without_a_credential_is_opaque() {
    let (spec, mut confidential) = (secret_spec(), confidential("r.example.com:5000"));
    confidential.credential = None;
    let job = job_with(&spec, &confidential).unwrap();
    let secret = confidential.secret(&spec, &job, "job-uid");
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));
    assert!(secret.data.unwrap().keys().eq(["var.API_KEY"]));
    let pod = job.spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.image_pull_secrets, None);
}

#[test]
fn docker_hub_goes_by_its_old_name() {
    let spec = ExecSpec {
        image_repo: "team/image".to_owned(),
        ..secret_spec()
    };
    let confidential = confidential(&spec.registry());
    let job = job_with(&spec, &confidential).unwrap();
    let secret = confidential.secret(&spec, &job, "job-uid");
    let config = &secret.data.unwrap()[".dockerconfigjson"].0;
    let config: serde_json::Value = serde_json::from_slice(config).unwrap();
    let login = &config["auths"]["https://index.docker.io/v1/"];
    assert_eq!(login["password"], "a \"quoted\" word");
}
