//! How often one client may ask. Each replica counts for itself: the limits
//! keep one client from taking the service away from the others, which needs
//! no exact count over all replicas.

mod buckets;

use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use chassis::ConfigError;
use moka::sync::Cache;
use serde::Deserialize;

use self::buckets::Buckets;
use super::address::ClientAddress;
use crate::reply::error::ApiError;

/// `burst` uses at once, and one more after each `every`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Uses at once; 0 switches the limit off.
    pub burst: u32,
    /// The time in which one use comes back.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
}

/// A user may be tried from this many networks as fast as each may try: one
/// guesser alone does not lock the user out.
const LOGIN_NETWORKS: u32 = 10;

/// Addresses that users have logged in from are remembered for so long, and so many
/// of them.
const HOME_TIME: Duration = Duration::from_hours(30 * 24);
const HOMES: u64 = 100_000;

impl Rate {
    /// The rate multiplied: so many times the burst, refilled so many times as fast.
    fn times(self, factor: u32) -> Self {
        Self {
            burst: self.burst.saturating_mul(factor),
            every: self.every / factor,
        }
    }

    fn is_off(self) -> bool {
        self.burst == 0
    }
}

/// `[limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests with one token.
    pub token: Rate,
    /// Requests from one address.
    pub address: Rate,
    /// Requests from one address with a token that is none.
    pub failed_authentication: Rate,
    /// Attempts to log in, from one address and for one user.
    pub login: Rate,
}

/// What is counted; the word is in the answer and in the metric
/// `escapement_limited_requests_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Requests with one token.
    Token,
    /// Requests from one address.
    Address,
    /// Wrong tokens from one address.
    FailedAuthentication,
    /// Attempts to log in from one address.
    LoginAddress,
    /// Attempts to log in as one user.
    LoginUser,
    /// Passwords that are checked or wait for it, of all clients.
    Passwords,
    /// Requests that wait for an exec, of all clients.
    Waiting,
    /// Requests of one account that wait for an exec.
    WaitingAccount,
    /// Requests that follow logs, of all clients.
    Following,
    /// Requests of one account that follow logs.
    FollowingAccount,
}

impl Limit {
    /// The label of the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Address => "address",
            Self::FailedAuthentication => "failed_authentication",
            Self::LoginAddress => "login_address",
            Self::LoginUser => "login_user",
            Self::Passwords => "passwords",
            Self::Waiting => "waiting",
            Self::WaitingAccount => "waiting_account",
            Self::Following => "following",
            Self::FollowingAccount => "following_account",
        }
    }

    /// The limit in words, for the error that refuses a request.
    pub fn what(self) -> &'static str {
        match self {
            Self::Token => "requests with this token",
            Self::Address => "requests from this address",
            Self::FailedAuthentication => "requests without a valid token from this address",
            Self::LoginAddress => "attempts to log in from this address",
            Self::LoginUser => "attempts to log in as this user",
            Self::Passwords => "passwords that are checked at a time",
            Self::Waiting => "this replica has no room for more requests that wait",
            Self::WaitingAccount => "requests of this account that wait at a time",
            Self::Following => "this replica has no room for more requests that follow logs",
            Self::FollowingAccount => "requests of this account that follow logs at a time",
        }
    }

    /// The answer to who has reached it, which operators can see too.
    pub fn refuse(self, retry_after: Duration) -> ApiError {
        let limit = self.as_str();
        metrics::counter!("escapement_limited_requests_total", "limit" => limit).increment(1);
        tracing::warn!(limit, "a request was refused");
        ApiError::TooManyRequests {
            limit: self.what(),
            retry_after,
        }
    }
}

/// Every limit of this replica.
#[derive(Debug)]
pub struct Limits {
    started: Instant,
    token: Buckets,
    address: Buckets,
    failed_authentication: Buckets,
    login_address: Buckets,
    login_user: Buckets,
    password_change: Buckets,
    /// For users at addresses that they have logged in from.
    login_at_home: Buckets,
    at_home: Cache<(IpAddr, String), ()>,
}

impl Limits {
    /// All of them unused.
    pub fn new(config: &LimitsConfig) -> Result<Self, ConfigError> {
        let buckets = |name, rate: Rate| {
            if !rate.is_off() && rate.every.is_zero() {
                let key = format!("limits.{name}.every");
                let why = "must be longer than 0s; to switch the limit off, set its burst to 0";
                return Err(ConfigError::invalid(&key, why));
            }
            Ok(Buckets::new(rate))
        };
        Ok(Self {
            started: Instant::now(),
            token: buckets("token", config.token)?,
            address: buckets("address", config.address)?,
            failed_authentication: buckets("failed_authentication", config.failed_authentication)?,
            login_address: buckets("login", config.login)?,
            login_user: buckets("login", config.login.times(LOGIN_NETWORKS))?,
            password_change: buckets("login", config.login)?,
            login_at_home: buckets("login", config.login)?,
            at_home: Cache::builder()
                .max_capacity(HOMES)
                .time_to_live(HOME_TIME)
                .build(),
        })
    }

    /// Counts a request from this address.
    pub fn address(&self, client: ClientAddress) -> Result<(), ApiError> {
        self.take(Limit::Address, &self.address, client.network())
    }

    /// Counts a request with this (valid) token.
    pub fn token(&self, token: impl Hash) -> Result<(), ApiError> {
        self.take(Limit::Token, &self.token, token)
    }

    /// Whether a token nobody has verified yet is worth asking the database:
    /// not from an address that guesses.
    pub fn may_authenticate(&self, client: ClientAddress) -> Result<(), ApiError> {
        let outcome = self
            .failed_authentication
            .look(client.network(), self.started.elapsed());
        outcome.map_err(|wait| Limit::FailedAuthentication.refuse(wait))
    }

    /// Counts a token that turned out to be none.
    pub fn authentication_failed(&self, client: ClientAddress) {
        // Requests that were under way at once may be more than were left;
        // each has had its own answer.
        let _ = self
            .failed_authentication
            .take(client.network(), self.started.elapsed());
    }

    /// Counts whatever brings a password, a login or a registration, before anything
    /// of it is looked at: guessing is slowed down, and so is filling the queue of
    /// the hashing pool.
    pub fn password(&self, client: ClientAddress) -> Result<(), ApiError> {
        self.take(Limit::LoginAddress, &self.login_address, client.network())
    }

    /// Counts a password for this user, right or wrong, before it is looked at. Where
    /// the user has logged in from lately, what others try elsewhere does not count.
    pub fn login(&self, client: ClientAddress, user: &str) -> Result<(), ApiError> {
        let key = (client.network(), user.to_owned());
        if self.at_home.contains_key(&key) {
            return self.take(Limit::LoginUser, &self.login_at_home, key);
        }
        self.take(Limit::LoginUser, &self.login_user, user)
    }

    /// Remembers from where this user has just logged in.
    pub fn logged_in(&self, client: ClientAddress, user: &str) {
        self.at_home.insert((client.network(), user.to_owned()), ());
    }

    /// Counts an attempt to change one's password. Apart from logins, which
    /// strangers can use up.
    pub fn change_password(&self, account_id: i64) -> Result<(), ApiError> {
        self.take(Limit::LoginUser, &self.password_change, account_id)
    }

    fn take(&self, limit: Limit, buckets: &Buckets, key: impl Hash) -> Result<(), ApiError> {
        let outcome = buckets.take(key, self.started.elapsed());
        outcome.map_err(|wait| limit.refuse(wait))
    }
}
