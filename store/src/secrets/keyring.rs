//! The keys that seal what the database may not show: values are readable by
//! the services that hold the key, and by nobody who has only the database.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use thiserror::Error;

const NONCE: usize = 24;
const KEY: usize = 32;

/// `[secrets]`: the keys of what is stored sealed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsConfig {
    /// `id:base64` of 32 random bytes, several separated by commas. The first
    /// seals; all of them open.
    pub keys: SecretString,
}

/// Why the configured keys cannot be used; names no key's content.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// There is none.
    #[error("names no key; make one with: echo \"first:$(openssl rand -base64 32)\"")]
    Empty,
    /// An entry, counted from 1, is not of two parts or its id is wrong.
    #[error("entry {0} is not id:base64 with an id of 1 to 32 characters of a-z, 0-9 and \"-\"")]
    Entry(usize),
    /// A key is not base64 or not of 32 bytes.
    #[error("key {0} is not the base64 of 32 bytes; make one with: openssl rand -base64 32")]
    Key(String),
    /// Two keys have the same id.
    #[error("names key {0} twice; each key needs an id of its own")]
    Twice(String),
}

/// Why a sealed value stays closed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// Its key is not among the configured ones.
    #[error("it is sealed with key {0}, which is not in secrets.keys")]
    UnknownKey(String),
    /// It was changed, or sealed for another purpose or owner.
    #[error("it was changed, or is not in the place it was sealed for")]
    Refused,
    /// Larger than the cipher can seal.
    #[error("it is too large to be sealed")]
    TooLarge,
}

/// What a value is sealed for; it opens for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A secret of a namespace.
    Secret,
    /// The kept answer to a caller's request.
    Answer,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Answer => "answer",
        }
    }
}

/// A value as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key that opens it.
    pub key_id: String,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// The keys of a process. `Debug` shows their ids only. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    first: Arc<Key>,
    others: Arc<[Key]>,
}

struct Key {
    id: String,
    seal: SecretBox<[u8; KEY]>,
    digest: SecretBox<[u8; KEY]>,
}

impl Keyring {
    /// Reads the configured keys.
    pub fn new(config: &SecretsConfig) -> Result<Self, KeyringError> {
        let entries = config.keys.expose_secret().split(',').map(str::trim);
        let entries = entries.filter(|entry| !entry.is_empty());
        let keys: Vec<Key> = entries
            .enumerate()
            .map(|(place, entry)| Key::parse(place + 1, entry))
            .collect::<Result<_, _>>()?;
        let mut ids = HashSet::new();
        if let Some(twice) = keys.iter().find(|key| !ids.insert(&key.id)) {
            return Err(KeyringError::Twice(twice.id.clone()));
        }
        let mut keys = keys.into_iter();
        Ok(Self {
            first: keys.next().ok_or(KeyringError::Empty)?.into(),
            others: keys.collect(),
        })
    }

    /// The key that seals.
    pub fn first_id(&self) -> &str {
        &self.first.id
    }

    /// All keys, the one that seals first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let keys = std::iter::once(&*self.first).chain(&*self.others);
        keys.map(|key| key.id.as_str())
    }

    /// Seals a value for an owner: a namespace, or a caller.
    pub fn seal(&self, purpose: Purpose, owner: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        // 192 random bits never repeat in practice, so no counter is kept.
        let nonce: [u8; NONCE] = rand::random();
        let aad = place(purpose, owner);
        let payload = Payload {
            msg: plain,
            aad: &aad,
        };
        let sealed = self.first.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| SealError::TooLarge)?;
        Ok(Sealed {
            key_id: self.first.id.clone(),
            bytes: [nonce.as_slice(), &sealed].concat(),
        })
    }

    /// Opens what was sealed for the same purpose and owner.
    pub fn open(
        &self,
        purpose: Purpose,
        owner: &str,
        sealed: &Sealed,
    ) -> Result<SecretSlice<u8>, SealError> {
        let key = self.key(&sealed.key_id)?;
        let (nonce, rest) = sealed
            .bytes
            .split_first_chunk::<NONCE>()
            .ok_or(SealError::Refused)?;
        let aad = place(purpose, owner);
        let payload = Payload {
            msg: rest,
            aad: &aad,
        };
        let plain = key.cipher().decrypt(&XNonce::from(*nonce), payload);
        Ok(plain.map_err(|_| SealError::Refused)?.into())
    }

    /// A digest that only holders of the key can compute or check, and that
    /// key's id: the key named (to compare with a stored digest), else the first.
    pub fn digest(
        &self,
        key_id: Option<&str>,
        bytes: &[u8],
    ) -> Result<(&str, [u8; 32]), SealError> {
        let key = key_id.map_or(Ok(&*self.first), |id| self.key(id))?;
        Ok((&key.id, hmac(key.digest.expose_secret(), bytes)))
    }

    fn key(&self, id: &str) -> Result<&Key, SealError> {
        let mut keys = std::iter::once(&*self.first).chain(&*self.others);
        keys.find(|key| key.id == id)
            .ok_or_else(|| SealError::UnknownKey(id.to_owned()))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = std::iter::once(&*self.first).chain(&*self.others);
        f.debug_list().entries(keys.map(|key| &key.id)).finish()
    }
}

impl Key {
    fn parse(place: usize, entry: &str) -> Result<Self, KeyringError> {
        let (id, text) = entry.split_once(':').ok_or(KeyringError::Entry(place))?;
        let is_id_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&id.len()) || !id.bytes().all(is_id_byte) {
            return Err(KeyringError::Entry(place));
        }
        let bytes = STANDARD.decode(text).map(SecretSlice::from).ok();
        let given = bytes
            .as_ref()
            .and_then(|bytes| <&[u8; KEY]>::try_from(bytes.expose_secret()).ok())
            .ok_or_else(|| KeyringError::Key(id.to_owned()))?;
        // No key serves two algorithms: each use gets one derived for it.
        let derive = |purpose: &[u8]| SecretBox::new(Box::new(hmac(given, purpose)));
        Ok(Self {
            id: id.to_owned(),
            seal: derive(b"escapement seal 1"),
            digest: derive(b"escapement digest 1"),
        })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.seal.expose_secret().into())
    }
}

/// Authenticated with the value, so that a row moved elsewhere does not open.
fn place(purpose: Purpose, owner: &str) -> Vec<u8> {
    format!("{}\0{owner}", purpose.as_str()).into_bytes()
}

fn hmac(key: &[u8; KEY], bytes: &[u8]) -> [u8; 32] {
    // A short key is padded to the block with zeros (RFC 2104 §2); padded here
    // there is no length that could be refused.
    let mut block = [0; 64];
    block[..KEY].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
