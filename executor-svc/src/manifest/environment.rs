//! A program's environment: the variables of its job, and what it is told of itself.

use chrono::SecondsFormat;
use cluster::PodIdentity;
use k8s_openapi::api::core::v1::EnvVar;
use shared_types::spec::RESERVED_VARIABLES;
use shared_types::trace::Traceparent;
use store::lifecycle::Program;

use super::literal;
use crate::confidential;

/// The variable by which programs are told where they are in a trace.
const TRACEPARENT: &str = "TRACEPARENT";

/// All variables of the program; `secret` is the name of the Secret with the values of
/// those that are secret.
pub(super) fn variables(
    identity: &PodIdentity,
    program: &Program,
    secret: &str,
    trace: Option<Traceparent>,
) -> Vec<EnvVar> {
    let spec = &program.spec;
    let open = spec.vars.iter().map(|(name, value)| plain(name, value));
    let sealed = spec.secret_vars.keys();
    let sealed = sealed.map(|name| confidential::variable(secret, name));
    let mut vars: Vec<_> = open
        .chain(sealed)
        // Jobs of before these names were reserved may have some.
        .filter(|var| !var.name.starts_with(RESERVED_VARIABLES))
        .collect();
    // A user may give the program another place in a trace.
    if let Some(trace) = trace.filter(|_| vars.iter().all(|var| var.name != TRACEPARENT)) {
        vars.push(plain(TRACEPARENT, &trace.to_string()));
    }
    vars.extend(own(identity, program));
    vars
}

/// What the program is told of the run that it is.
fn own(identity: &PodIdentity, program: &Program) -> impl Iterator<Item = EnvVar> {
    let PodIdentity { exec, attempt, .. } = identity;
    // Texts that grow with each attempt, and with each later exec: ids do.
    let fence = format!("{exec}-{attempt:04}");
    let slot_at = program
        .slot_at
        .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let told = [
        ("ATTEMPT", Some(attempt.to_string())),
        ("EXEC_ID", Some(exec.to_string())),
        ("FENCE", Some(fence)),
        ("JOB_ID", Some(identity.job.to_string())),
        ("JOB_NAME", Some(program.job_name.clone())),
        ("NAMESPACE", Some(identity.namespace.clone())),
        ("SLOT_AT", slot_at),
    ];
    told.into_iter().filter_map(|(name, value)| {
        let name = format!("{RESERVED_VARIABLES}{name}");
        value.map(|value| plain(&name, &value))
    })
}

fn plain(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(literal(value)),
        value_from: None,
    }
}
