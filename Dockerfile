# Gatehouse and its bridge on Debian. `docker build -t gatehouse .`
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        cmake ninja-build gcc libc6-dev pkg-config \
        libcivetweb-dev libcjson-dev libssl-dev libcurl4-openssl-dev libsqlite3-dev libpcre2-dev libyaml-dev \
        check libjwt-dev ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=/usr \
    && cmake --build /build \
    && ctest --test-dir /build --output-on-failure --timeout 120 \
    && DESTDIR=/out cmake --install /build --strip \
    && rm -rf /out/usr/include /out/usr/share/gatehouse

FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates libcivetweb1 libcjson1 libssl3t64 libcurl4t64 libsqlite3-0 libpcre2-8-0 libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /var/lib/gatehouse --shell /usr/sbin/nologin gatehouse
COPY --from=build /out/usr /usr
USER 10001:10001
# `docker stop` waits for ten seconds.
ENV XDG_STATE_HOME=/var/lib/gatehouse GATEHOUSE_DRAIN_TIMEOUT=7s
WORKDIR /var/lib/gatehouse
VOLUME /var/lib/gatehouse
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["gatehouse", "healthcheck"]
ENTRYPOINT ["gatehouse"]
