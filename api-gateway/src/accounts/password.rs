//! Passwords: what is one, and how they are hashed and checked. Both are meant
//! to be slow, so they are done on threads of their own, a few at a time, with
//! a short queue: a flood of logins must take neither all processors from other
//! requests nor all memory.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::Error as HashError;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::{Semaphore, TryAcquireError};

use crate::openapi::types;
use crate::read::rule::Rule;
use crate::reply::error::ApiError;
use crate::request::limits::Limit;

/// Characters of a password.
const CHARS: std::ops::RangeInclusive<usize> = 8..=128;
/// KiB, passes and lanes: what OWASP recommends where memory is dear.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Who waits for each that is being worked on, at most.
const QUEUE: usize = 16;

/// What is tried first of all, as lists of leaked passwords have it; shorter ones
/// are refused for that.
const COMMONEST: [&str; 48] = [
    "00000000",
    "0123456789",
    "11111111",
    "12341234",
    "12345678",
    "123456789",
    "1234567890",
    "123123123",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "55555555",
    "66666666",
    "87654321",
    "88888888",
    "987654321",
    "99999999",
    "a1234567",
    "a12345678",
    "aa123456",
    "abc12345",
    "abcd1234",
    "abcdefgh",
    "admin123",
    "administrator",
    "asdf1234",
    "asdfghjk",
    "asdfghjkl",
    "baseball",
    "changeme",
    "computer",
    "football",
    "iloveyou",
    "letmein1",
    "michelle",
    "p@ssw0rd",
    "passw0rd",
    "password",
    "password1",
    "password123",
    "princess",
    "qwer1234",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
    "sunshine",
    "superman",
    "trustno1",
];

/// `[passwords]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordConfig {
    /// Passwords that are hashed or checked at a time; each takes 19 MiB.
    pub parallel: usize,
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// A permit for each password that is worked on or waits for a worker. Whoever finds
    /// none is refused at once.
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    params: Params,
}

/// A password that someone chooses. A text beyond the limits is told what would
/// be right.
pub fn new_password() -> Rule<'static, SecretString> {
    let schema = || {
        let mut schema = types::text("The new password");
        schema.write_only = Some(true);
        schema.min_length = Some(*CHARS.start());
        schema.max_length = Some(*CHARS.end());
        schema
    };
    Rule::text(schema, check_new)
}

/// Reads a password that someone chooses.
pub fn check_new(text: &str) -> Result<SecretString, String> {
    if !CHARS.contains(&text.chars().count()) {
        let (least, most) = (CHARS.start(), CHARS.end());
        return Err(format!("must be {least} to {most} characters"));
    }
    if COMMONEST.contains(&text.to_lowercase().as_str()) {
        return Err("is one of the commonest, which are tried first; choose another".to_owned());
    }
    Ok(text.into())
}

impl Passwords {
    /// With that many at a time.
    pub fn new(config: PasswordConfig) -> Result<Self, String> {
        if config.parallel == 0 {
            return Err("must be 1 or more".to_owned());
        }
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, None);
        Ok(Self {
            places: Arc::new(Semaphore::new(config.parallel.saturating_mul(1 + QUEUE))),
            workers: Arc::new(Semaphore::new(config.parallel)),
            params: params.map_err(|error| error.to_string())?,
        })
    }

    /// The PHC string to be kept of a password.
    pub async fn hash(&self, password: SecretString) -> Result<SecretString, ApiError> {
        let hashed = self.work(move |argon2| {
            let hash = argon2.hash_password(password.expose_secret().as_bytes())?;
            Ok::<_, HashError>(SecretString::from(hash.to_string()))
        });
        hashed.await?.map_err(failed)
    }

    /// Whether the password is the one that was hashed. Without a hash the
    /// answer is no and takes as long, so that time does not tell who exists.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<SecretString>,
    ) -> Result<bool, ApiError> {
        let verified = self.work(move |argon2| {
            let password = password.expose_secret().as_bytes();
            match &hash {
                Some(hash) => argon2.verify_password(password, hash.expose_secret()),
                None => argon2
                    .hash_password(password)
                    .and(Err(HashError::PasswordInvalid)),
            }
        });
        match verified.await? {
            Ok(()) => Ok(true),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits) => {
                return Err(Limit::Passwords.refuse(Duration::from_secs(1)));
            }
            Err(TryAcquireError::Closed) => return Err(failed("the pool is closed")),
        };
        let worker = Arc::clone(&self.workers).acquire_owned();
        let worker = worker.await.map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let work = tokio::task::spawn_blocking(move || {
            // Held by the work itself, which goes on if its request goes away.
            let _held = (place, worker);
            work(argon2)
        });
        work.await.map_err(failed)
    }
}

fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
    ApiError::Internal(cause.into())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures::FutureExt;
    use futures::future::join_all;
    use proptest::prelude::*;

    use super::*;

    fn passwords(parallel: usize) -> Passwords {
        Passwords::new(PasswordConfig { parallel }).unwrap()
    }

    #[tokio::test]
    async fn only_the_same_password_is_right() {
        let passwords = passwords(2);
        let hash = passwords.hash("päss wörd".into()).await.unwrap();
        let text = hash.expose_secret();
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        let again = passwords.hash("päss wörd".into()).await.unwrap();
        assert_ne!(again.expose_secret(), text, "each has its own salt");
        for (attempt, expected) in [("päss wörd", true), ("pass word", false), ("", false)] {
            let right = passwords.verify(attempt.into(), Some(hash.clone())).await;
            assert_eq!(right.unwrap(), expected, "{attempt}");
        }
        assert!(!passwords.verify("päss wörd".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn who_is_unknown_takes_as_long() {
        let passwords = passwords(1);
        let hash = passwords.hash("password".into()).await.unwrap();
        let mut fastest = [Duration::MAX; 2];
        let differ = |[known, unknown]: [Duration; 2]| unknown <= known / 2 || known <= unknown / 2;
        // The fastest of each are free of what else the machine does, sooner or later.
        for round in 0..100 {
            if round > 5 && !differ(fastest) {
                break;
            }
            for (hash, fastest) in [Some(hash.clone()), None].into_iter().zip(&mut fastest) {
                let begun = Instant::now();
                let right = passwords.verify("not this".into(), hash).await;
                assert!(!right.unwrap());
                *fastest = begun.elapsed().min(*fastest);
            }
        }
        assert!(!differ(fastest), "{fastest:?}");
    }

    #[tokio::test]
    async fn what_is_no_hash_is_our_fault() {
        let passwords = passwords(1);
        let verified = passwords.verify("password".into(), Some("x".into()));
        assert!(matches!(verified.await, Err(ApiError::Internal(_))));
    }

    #[tokio::test]
    async fn more_than_can_wait_are_sent_away() {
        let passwords = passwords(1);
        let verify = || passwords.verify("password".into(), None);
        let all = join_all((0..QUEUE + 3).map(|_| verify())).await;
        let busy =
            |answer: &Result<bool, _>| matches!(answer, Err(ApiError::TooManyRequests { .. }));
        assert_eq!(all.iter().filter(|answer| busy(answer)).count(), 2);
        assert!(!verify().await.unwrap(), "places come free again");
    }

    #[tokio::test]
    async fn who_goes_away_keeps_the_place_until_the_work_is_done() {
        let passwords = passwords(1);
        let gone = passwords.work(|_| std::sync::mpsc::channel::<()>().1);
        assert!(gone.now_or_never().is_none());
        assert!(!passwords.verify("password".into(), None).await.unwrap());
        assert_eq!(passwords.places.available_permits(), 1 + QUEUE);
    }

    proptest! {
        #[test]
        fn characters_are_counted_and_not_bytes(text in "\\PC{0,140}") {
            let expected = CHARS.contains(&text.chars().count());
            prop_assert_eq!(check_new(&text).is_ok(), expected);
        }
    }
}
