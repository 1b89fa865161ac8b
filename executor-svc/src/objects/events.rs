//! What Kubernetes said of objects: its events, which it forgets after an hour.
//!
//! Whoever lists events has the API server read all of the namespace, whichever are asked
//! for. When a node is lost or a registry is away, many attempts end at once, and a list for
//! each would keep the API server busy for minutes. So those that ask meanwhile ask together.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chassis::Tasks;
use cluster::CallError;
use futures::future::try_join_all;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::time::{Instant, timeout_at};

use super::found::each;
use crate::together::Together;

/// An end is not to wait long for an explanation: at most for a list that is under way and
/// for its own.
const LIMIT: Duration = Duration::from_secs(5);

/// Objects of which each gets a list of its own, which brings its events only.
const FEW: usize = 4;

/// Namespaces that are listed at the same time.
const NAMESPACES: usize = 4;

/// Kubernetes counts what it says again and again, so nothing has many.
const MOST: usize = 100;

/// Objects of one namespace, by their uids.
#[derive(Debug, Clone)]
struct Question {
    namespace: String,
    uids: Vec<String>,
}

/// Events by the uid of the object that they are about.
type Said = HashMap<String, Vec<Event>>;

/// The events of one cluster.
#[derive(Debug)]
pub(crate) struct Events(Together<Question, Vec<Event>>);

impl Events {
    /// Of this cluster, until these tasks are to stop.
    pub(crate) fn new(client: Client, tasks: &Tasks) -> Self {
        Self(Together::new("events", tasks, move |questions| {
            let client = client.clone();
            async move { Ok(answers(&client, &questions).await) }
        }))
    }

    /// What was said of these, as far as Kubernetes still knows and tells in time.
    pub(crate) async fn of(&self, namespace: String, uids: Vec<String>) -> Vec<Event> {
        let question = Question { namespace, uids };
        // While the process stops an end is recorded without.
        self.0.ask(question).await.unwrap_or_default()
    }
}

async fn answers(client: &Client, questions: &[Question]) -> Vec<Vec<Event>> {
    let mut wanted: HashMap<String, HashSet<String>> = HashMap::new();
    for question in questions {
        let uids = wanted.entry(question.namespace.clone()).or_default();
        uids.extend(question.uids.iter().cloned());
    }
    let deadline = Instant::now() + LIMIT;
    let said: Said = stream::iter(wanted)
        .map(|(namespace, uids)| in_namespace(client.clone(), namespace, uids, deadline))
        .buffer_unordered(NAMESPACES)
        .flat_map(stream::iter)
        .collect()
        .await;
    let of = |question: &Question| {
        let found = question.uids.iter().filter_map(|uid| said.get(uid));
        found.flatten().cloned().collect()
    };
    questions.iter().map(of).collect()
}

/// What was said of each; nothing of any rather than late.
async fn in_namespace(
    client: Client,
    namespace: String,
    uids: HashSet<String>,
    deadline: Instant,
) -> Said {
    let api: Api<Event> = Api::namespaced(client, &namespace);
    let lists = selectors(&uids).into_iter();
    let lists = try_join_all(lists.map(|fields| list(&api, fields, &uids)));
    let error = match timeout_at(deadline, lists).await {
        Ok(Ok(said)) => return said.into_iter().flatten().collect(),
        Ok(Err(error)) => error,
        Err(_) => CallError::Deadline,
    };
    let (error, objects): (&dyn std::error::Error, _) = (&error, uids.len());
    tracing::warn!(
        namespace,
        objects,
        error,
        "Kubernetes' events cannot be read; ends are recorded without them"
    );
    Said::new()
}

/// A list for each of a few objects, or one of everything.
fn selectors(uids: &HashSet<String>) -> Vec<Option<String>> {
    if uids.len() > FEW {
        return vec![None];
    }
    let of = |uid: &String| Some(format!("involvedObject.uid={uid}"));
    uids.iter().map(of).collect()
}

/// The events of these objects.
async fn list(
    api: &Api<Event>,
    fields: Option<String>,
    uids: &HashSet<String>,
) -> Result<Said, CallError> {
    let params = ListParams {
        field_selector: fields,
        ..ListParams::default()
    };
    let mut said = Said::new();
    each(api, params, |event: Event| {
        let uid = event.involved_object.uid.as_ref();
        if let Some(uid) = uid.filter(|uid| uids.contains(*uid)) {
            let events = said.entry(uid.clone()).or_default();
            if events.len() < MOST {
                events.push(event);
            }
        }
    })
    .await?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_asked_for_and_many_are_picked_out() {
        let lists = |uids: &str| selectors(&uids.chars().map(String::from).collect());
        assert_eq!(lists("a"), [Some("involvedObject.uid=a".to_owned())]);
        assert_eq!(lists("abcd").len(), FEW);
        assert_eq!(lists("abcde"), [None]);
    }
}
