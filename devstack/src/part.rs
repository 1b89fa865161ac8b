//! What can be asked for.

use clap::ValueEnum;

/// A part of the infrastructure that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// One Postgres server.
    Postgres,
    /// One RabbitMQ node.
    #[value(name = "rabbitmq")]
    RabbitMq,
    /// Registry, containerd, control plane, one node.
    Kubernetes,
    /// Addresses and names of Kubernetes' Services; in a network namespace of one's own.
    Services,
    /// Python that can make virtual environments.
    Python,
}

impl Part {
    /// What the ring stands on.
    pub const ALL: [Self; 3] = [Self::Postgres, Self::RabbitMq, Self::Kubernetes];
}
