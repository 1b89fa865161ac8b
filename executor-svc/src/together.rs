//! What many ask at the same moment, of the database by one statement or of the cluster by
//! one list: while one is under way, others gather for the next. Nobody waits for a batch
//! to fill.

use std::sync::Arc;

use chassis::Tasks;
use store::StoreError;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// Questions of a batch; more of them wait.
const MOST: usize = 256;

/// Why there is no answer.
#[derive(Debug, Clone, Error)]
pub(crate) enum Unanswered {
    #[error("the database did not do its part")]
    Store(#[source] Arc<StoreError>),
    #[error("the process stops")]
    Stopping,
}

type Answer<A> = oneshot::Sender<Result<A, Unanswered>>;

/// Whom to ask.
#[derive(Debug)]
pub(crate) struct Together<Q, A>(mpsc::Sender<(Q, Answer<A>)>);

impl<Q: Clone + Send + 'static, A: Send + 'static> Together<Q, A> {
    /// `ask` gives an answer to each of the questions, in their order.
    pub(crate) fn new<F>(
        name: &str,
        tasks: &Tasks,
        ask: impl Fn(Vec<Q>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Vec<A>, StoreError>> + Send,
    {
        let (sender, mut asked) = mpsc::channel(MOST);
        let stopping = tasks.stopping();
        tasks.spawn(name, async move {
            let mut batch = Vec::new();
            while let Some(1..) = stopping
                .run_until_cancelled(asked.recv_many(&mut batch, MOST))
                .await
            {
                answer(&ask, batch.drain(..).unzip()).await;
            }
        });
        Self(sender)
    }

    pub(crate) async fn ask(&self, question: Q) -> Result<A, Unanswered> {
        let (answer, answered) = oneshot::channel();
        let asked = self.0.send((question, answer)).await;
        asked.map_err(|_| Unanswered::Stopping)?;
        answered.await.unwrap_or(Err(Unanswered::Stopping))
    }
}

async fn answer<Q: Clone, A, F>(
    ask: impl Fn(Vec<Q>) -> F,
    (questions, answers): (Vec<Q>, Vec<Answer<A>>),
) where
    F: Future<Output = Result<Vec<A>, StoreError>>,
{
    let all: Vec<_> = match ask(questions.clone()).await {
        Ok(all) => all.into_iter().map(Ok).collect(),
        Err(error) if questions.len() == 1 || error.is_unavailable() => {
            let error = Unanswered::Store(Arc::new(error));
            questions.iter().map(|_| Err(error.clone())).collect()
        }
        // What spoils a batch must not spoil what others asked.
        Err(_) => each(ask, questions).await,
    };
    for (answer, said) in answers.into_iter().zip(all) {
        // Who does not wait any more does not need it.
        let _ = answer.send(said);
    }
}

async fn each<Q, A, F>(ask: impl Fn(Vec<Q>) -> F, questions: Vec<Q>) -> Vec<Result<A, Unanswered>>
where
    F: Future<Output = Result<Vec<A>, StoreError>>,
{
    let mut all = Vec::new();
    for question in questions {
        all.push(match ask(vec![question]).await {
            Ok(mut one) => one.pop().ok_or(Unanswered::Stopping),
            Err(error) => Err(Unanswered::Store(Arc::new(error))),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::future::join_all;
    use tokio::sync::Semaphore;
    use tokio_util::sync::CancellationToken;

    use super::*;

    type Batches = Arc<Mutex<Vec<Vec<i32>>>>;

    /// Answers with what is asked, a batch for each permit, and keeps the batches.
    fn echo(
        fail: impl Fn(&[i32]) -> Option<StoreError> + Send + Sync + 'static,
    ) -> (Together<i32, i32>, Arc<Semaphore>, Batches) {
        let permits = Arc::new(Semaphore::new(0));
        let batches = Batches::default();
        let (fail, tasks) = (Arc::new(fail), Tasks::new(CancellationToken::new()));
        let (gate, kept) = (permits.clone(), batches.clone());
        let together = Together::new("echo", &tasks, move |batch: Vec<i32>| {
            kept.lock().unwrap().push(batch.clone());
            let (gate, fail) = (gate.clone(), fail.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                fail(&batch).map_or(Ok(batch), Err)
            }
        });
        (together, permits, batches)
    }

    fn spoiled() -> StoreError {
        StoreError::Unknown {
            what: "number",
            value: "13".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_is_asked_meanwhile_is_asked_together() {
        let (together, permits, batches) = echo(|_| None);
        let first = together.ask(1);
        let others = async {
            while batches.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            let asked = [2, 3, 2].map(|number| together.ask(number));
            let release = async {
                tokio::task::yield_now().await;
                permits.add_permits(2);
            };
            tokio::join!(join_all(asked), release).0
        };
        let (first, others) = tokio::join!(first, others);
        assert_eq!(first.unwrap(), 1);
        let others: Vec<_> = others.into_iter().map(Result::unwrap).collect();
        assert_eq!(others, [2, 3, 2]);
        assert_eq!(*batches.lock().unwrap(), [vec![1], vec![2, 3, 2]]);
    }

    #[tokio::test]
    async fn what_spoils_a_batch_spoils_itself() {
        let (together, permits, _) = echo(|batch| batch.contains(&13).then(spoiled));
        permits.add_permits(100);
        let asked = join_all([1, 13, 3].map(|number| together.ask(number))).await;
        assert_eq!(asked[0].as_ref().ok(), Some(&1));
        assert!(matches!(&asked[1], Err(Unanswered::Store(error)) if !error.is_unavailable()));
        assert_eq!(asked[2].as_ref().ok(), Some(&3));
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_asked_once() {
        let away = |_: &[i32]| Some(StoreError::Unavailable("away".into()));
        let (together, permits, batches) = echo(away);
        permits.add_permits(100);
        for answer in join_all([1, 2, 3].map(|number| together.ask(number))).await {
            assert!(matches!(answer, Err(Unanswered::Store(error)) if error.is_unavailable()));
        }
        assert_eq!(*batches.lock().unwrap(), [[1, 2, 3]]);
    }

    #[tokio::test]
    async fn who_asks_after_the_end_is_told() {
        let process = CancellationToken::new();
        let tasks = Tasks::new(process);
        let together = Together::new("ended", &tasks, async |batch: Vec<i32>| Ok(batch));
        assert!(tasks.drain(std::time::Duration::from_secs(5)).await);
        let answer: Result<i32, _> = together.ask(1).await;
        assert!(matches!(answer, Err(Unanswered::Stopping)));
    }
}
