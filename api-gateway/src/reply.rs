//! What a client is answered: bodies, errors, and the links of lists.

pub mod answer;
pub mod envelope;
pub mod error;
pub mod links;
pub mod problem;
pub mod timestamp;
