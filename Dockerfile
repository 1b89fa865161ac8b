# One image for the four services; the command says which one runs.
ARG RUST=rust:1.95-bookworm
ARG BASE=debian:bookworm-slim

FROM ${RUST} AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked \
    --bin api-gateway --bin scheduler-svc --bin executor-svc --bin log-svc

FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/api-gateway /src/target/release/scheduler-svc \
     /src/target/release/executor-svc /src/target/release/log-svc /usr/local/bin/
USER 65532:65532
CMD ["api-gateway"]
