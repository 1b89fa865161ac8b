# One image for the four services; the command says which one runs. It also has `log-proof`, which
# executor-svc has copied into pods.
#   make images
# RUST may be any image with cargo, a C compiler and glibc; give it by its digest where
# builds must be repeatable. What is shipped has no shell and no package manager.
ARG RUST=rust:1.95-bookworm

FROM ${RUST} AS tools
RUN cargo install --locked cargo-chef@0.1.78 cargo-cyclonedx@0.5.9
WORKDIR /src

FROM tools AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM tools AS build
COPY --from=plan /src/recipe.json .
# A layer of its own, which stays until a dependency changes.
RUN cargo chef cook --release --locked --recipe-path recipe.json \
    -p api-gateway -p scheduler-svc -p executor-svc -p log-svc -p log-proof
COPY . .
RUN cargo build --release --locked -p api-gateway -p scheduler-svc -p executor-svc -p log-svc \
    # It runs in images of others, which may have no C library.
    && cargo rustc --release --locked -p log-proof --bin log-proof -- \
        -C target-feature=+crt-static -C strip=symbols \
    && cargo cyclonedx --format json --all
WORKDIR /image
RUN install -D -t usr/local/bin /src/target/release/api-gateway \
        /src/target/release/scheduler-svc /src/target/release/executor-svc \
        /src/target/release/log-svc /src/target/release/log-proof \
    && install -D -m 644 -t usr/share/sbom /src/api-gateway/api-gateway.cdx.json \
        /src/scheduler-svc/scheduler-svc.cdx.json /src/executor-svc/executor-svc.cdx.json \
        /src/log-svc/log-svc.cdx.json /src/log-proof/log-proof.cdx.json \
    # The C library, and whom TLS trusts.
    && ldd usr/local/bin/* | grep -o '/[^ ]*\.so[^ ]*' | sort -u | xargs cp --parents -L -t . \
    && install -D -m 644 -t etc/ssl/certs /etc/ssl/certs/ca-certificates.crt \
    && echo 'escapement:x:65532:65532::/:/sbin/nologin' > etc/passwd

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Escapement" \
      org.opencontainers.image.description="A job service for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
USER 65532:65532
CMD ["api-gateway"]
