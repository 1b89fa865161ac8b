//! What the services may do in the cluster: what the chart lets them, and no more. The API
//! server writes down what they ask for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::run;
use crate::credentials;
use crate::kubernetes::kubectl;
use crate::root::Root;
use crate::service::Service;

/// The chart's files.
const RULES: [(Service, &str); 2] = [
    (
        Service::Executor,
        include_str!("../../deploy/helm/escapement/rules/executor-svc.yaml"),
    ),
    (
        Service::Logs,
        include_str!("../../deploy/helm/escapement/rules/log-svc.yaml"),
    ),
];

/// Of the services only, each request when it is begun and when it is over: a watch may not
/// be over for long.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: [escapement]
  - level: None
";

/// Who a service is to the API server.
fn user(service: Service) -> String {
    format!("escapement:{}", service.program())
}

/// Lines of the API server's list of tokens.
pub(crate) fn tokens(root: &Root) -> Result<String> {
    let mut lines = String::new();
    for (service, _) in RULES {
        let (token, user) = (token(root, service)?, user(service));
        writeln!(lines, "{token},{user},{user},\"escapement\"")?;
    }
    Ok(lines)
}

fn token(root: &Root, service: Service) -> Result<String> {
    let name = format!("kubernetes-{}", service.program());
    root.state().secret(&name)
}

/// Arguments of the API server.
pub(crate) fn auditing(root: &Root) -> Result<[String; 4]> {
    let policy = root.write_private("kubernetes/audit-policy.yaml", AUDIT_POLICY)?;
    Ok([
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", audit_log(root).display()),
        "--audit-log-maxsize=100".to_owned(),
        "--audit-log-maxbackup=1".to_owned(),
    ])
}

/// What the services asked the API server for, one JSON object a line.
pub(crate) fn audit_log(root: &Root) -> PathBuf {
    root.path("kubernetes/audit.log")
}

/// Gives the services their rights, and each its own kubeconfig.
pub(crate) async fn grant(root: &Root, port: u16) -> Result<()> {
    let mut objects = String::new();
    for (service, rules) in RULES {
        let (name, user) = (service.program(), user(service));
        write!(
            objects,
            "---\n\
             apiVersion: rbac.authorization.k8s.io/v1\n\
             kind: ClusterRole\n\
             metadata: {{ name: {name} }}\n\
             rules:\n{rules}\
             ---\n\
             apiVersion: rbac.authorization.k8s.io/v1\n\
             kind: ClusterRoleBinding\n\
             metadata: {{ name: {name} }}\n\
             roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name} }}\n\
             subjects: [{{ apiGroup: rbac.authorization.k8s.io, kind: User, name: '{user}' }}]\n"
        )?;
        let file = format!("kubernetes/{name}.kubeconfig");
        let token = token(root, service)?;
        credentials::write_kubeconfig(root, port, (&file, name, &token)).await?;
    }
    let file = root.write_private("kubernetes/rights.yaml", &objects)?;
    let apply = ["apply", "--filename", &file.display().to_string()];
    run(&mut kubectl(root, &apply)?).await.map(drop)
}

/// The kubeconfig of a service; in a cluster that is not ours, the administrator's.
pub(crate) fn kubeconfig(administrator: &Path, service: Service) -> PathBuf {
    let own = administrator.with_file_name(format!("{}.kubeconfig", service.program()));
    if own.exists() {
        own
    } else {
        administrator.to_owned()
    }
}
