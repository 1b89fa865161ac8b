# As much of the official image as docker-compose.yml and the chart use.
FROM escapement-local/debian
RUN groupadd --gid 999 rabbitmq && useradd --uid 999 --gid 999 --home-dir /var/lib/rabbitmq rabbitmq \
    && apt-get update && apt-get install -y --no-install-recommends rabbitmq-server \
    && rm -rf /var/lib/rabbitmq/* /var/lib/rabbitmq/.erlang.cookie /var/lib/apt/lists/* \
    && install -d -o rabbitmq -g rabbitmq /var/lib/rabbitmq /var/log/rabbitmq /etc/rabbitmq
COPY rabbitmq.sh /usr/local/bin/
EXPOSE 5672
ENTRYPOINT ["rabbitmq.sh"]
