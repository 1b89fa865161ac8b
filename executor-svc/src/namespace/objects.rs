//! What a namespace is furnished with: labels that say whose it is, and limits on
//! what its programs reach and take.

use std::collections::BTreeMap;

use cluster::names;
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, ResourceQuotaSpec};
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Namespaces;

impl Namespaces {
    pub(super) fn metadata(&self, name: &str) -> ObjectMeta {
        let labels = [
            (names::MANAGED_BY, names::ESCAPEMENT),
            (names::INSTANCE, &self.instance),
        ];
        ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(
                labels
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            ),
            ..ObjectMeta::default()
        }
    }

    pub(super) fn namespace(&self, name: &str) -> Namespace {
        let mut metadata = self.metadata(name);
        metadata.labels.get_or_insert_default().insert(
            "pod-security.kubernetes.io/enforce".to_owned(),
            self.config.pod_security.clone(),
        );
        Namespace {
            metadata,
            ..Namespace::default()
        }
    }

    pub(super) fn deny_ingress(&self) -> NetworkPolicy {
        NetworkPolicy {
            metadata: self.metadata("escapement-deny-ingress"),
            spec: Some(NetworkPolicySpec {
                pod_selector: Some(LabelSelector::default()),
                policy_types: Some(vec!["Ingress".to_owned()]),
                ..NetworkPolicySpec::default()
            }),
        }
    }

    /// Lets programs out, but not to what the platform and its neighbours keep among
    /// themselves; names can be looked up with the cluster's own server.
    pub(super) fn egress(&self) -> NetworkPolicy {
        NetworkPolicy {
            metadata: self.metadata("escapement-egress"),
            spec: Some(NetworkPolicySpec {
                pod_selector: Some(LabelSelector::default()),
                policy_types: Some(vec!["Egress".to_owned()]),
                egress: Some(vec![beyond(&self.config.egress_except), name_server()]),
                ..NetworkPolicySpec::default()
            }),
        }
    }

    pub(super) fn quota(&self) -> ResourceQuota {
        let limits = self.config.limits();
        let hard: BTreeMap<_, _> = limits
            .map(|(name, limit)| (name.clone(), Quantity(limit.clone())))
            .collect();
        ResourceQuota {
            metadata: self.metadata("escapement"),
            spec: Some(ResourceQuotaSpec {
                hard: Some(hard),
                ..ResourceQuotaSpec::default()
            }),
            status: None,
        }
    }
}

/// Whether Kubernetes has counted what a quota limits, and so keeps to it as it is now.
pub(super) fn is_counted(quota: &ResourceQuota) -> bool {
    let limits = quota.spec.as_ref().and_then(|spec| spec.hard.as_ref());
    let kept = quota
        .status
        .as_ref()
        .and_then(|status| status.hard.as_ref());
    limits == kept
}

/// Everywhere but these networks.
fn beyond(except: &[String]) -> NetworkPolicyEgressRule {
    let all = [("0.0.0.0/0", false), ("::/0", true)].map(|(cidr, is_v6)| {
        let own = except.iter().filter(|net| net.contains(':') == is_v6);
        let own: Vec<_> = own.cloned().collect();
        NetworkPolicyPeer {
            ip_block: Some(IPBlock {
                cidr: cidr.to_owned(),
                except: (!own.is_empty()).then_some(own),
            }),
            ..NetworkPolicyPeer::default()
        }
    });
    NetworkPolicyEgressRule {
        to: Some(all.into()),
        ports: None,
    }
}

fn name_server() -> NetworkPolicyEgressRule {
    let system = [("kubernetes.io/metadata.name", "kube-system")];
    let system = system.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let dns = |protocol: &str| NetworkPolicyPort {
        port: Some(IntOrString::Int(53)),
        protocol: Some(protocol.to_owned()),
        end_port: None,
    };
    NetworkPolicyEgressRule {
        to: Some(vec![NetworkPolicyPeer {
            namespace_selector: Some(LabelSelector {
                match_labels: Some(system.into()),
                ..LabelSelector::default()
            }),
            ..NetworkPolicyPeer::default()
        }]),
        ports: Some(vec![dns("UDP"), dns("TCP")]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn programs_reach_everything_but_what_is_left_out() {
        let except = ["10.0.0.0/8", "fc00::/7", "169.254.0.0/16"].map(str::to_owned);
        let expected = json!({ "to": [
            { "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"] } },
            { "ipBlock": { "cidr": "::/0", "except": ["fc00::/7"] } },
        ] });
        assert_eq!(json!(beyond(&except)), expected);
        let names = json!({
            "to": [{ "namespaceSelector": {
                "matchLabels": { "kubernetes.io/metadata.name": "kube-system" },
            } }],
            "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }],
        });
        assert_eq!(json!(name_server()), names);
    }

    #[test]
    fn a_quota_is_counted_when_its_status_has_its_limits() {
        let quota = |status| {
            let quota = json!({ "spec": { "hard": { "pods": "10" } }, "status": status });
            serde_json::from_value::<ResourceQuota>(quota).unwrap()
        };
        let counted = json!({ "hard": { "pods": "10" }, "used": { "pods": "0" } });
        assert!(is_counted(&quota(counted)));
        let of_before = json!({ "hard": { "pods": "20" }, "used": { "pods": "15" } });
        for not_yet in [json!({}), json!(null), of_before] {
            assert!(!is_counted(&quota(not_yet.clone())), "{not_yet}");
        }
    }
}
