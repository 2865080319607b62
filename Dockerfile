# Build: the compiler and what librdkafka and OpenSSL want (cc, make, perl).
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ make perl && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package millrace && cp target/release/millrace /millrace

# Run: nothing but libc and certificates, as a user without rights.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 millrace
COPY --from=build /millrace /usr/local/bin/millrace
COPY config/worker.properties /etc/millrace/worker.properties
USER millrace
EXPOSE 8083
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s \
    CMD curl -fs "http://localhost:${CONNECT_REST_PORT:-${REST_PORT:-8083}}/health" || exit 1
ENTRYPOINT ["millrace"]
# The environment says what a properties file would, as with the images of Confluent and Debezium. Or give it a file:
# /etc/millrace/worker.properties, or your own.
CMD ["connect-distributed"]
