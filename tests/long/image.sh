#!/usr/bin/env bash
# Builds the container image on a base of our own making (no registry is asked), then asks the programs in
# it for their version and the server for its health, as the image's own user.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" -eq 0 ] || { echo "making a base image needs root"; exit 77; }
for command in buildah debootstrap; do
    command -v $command >/dev/null || { echo "no $command here"; exit 77; }
done

work=$(mktemp -d "${TMPDIR:-/var/tmp}/gatehouse-image-XXXXXX")
here() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
cleanup() {
    here rm --all >/dev/null 2>&1 || true
    here rmi --all --force >/dev/null 2>&1 || true
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT

base=localhost/debian:trixie-slim
debootstrap --variant=minbase trixie "$work/base" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
container=$(here from scratch)
here add --quiet "$container" "$work/base" /
here config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
here commit --quiet "$container" "$base"
here rm "$container" >/dev/null
rm -rf --one-file-system "$work/base"

here bud --isolation chroot --format docker --pull-never --network host --build-arg "BASE=$base" -t localhost/gatehouse:test "$root"
container=$(here from --pull-never localhost/gatehouse:test)
inside() { here run --isolation chroot --network host "$container" -- "$@"; }
inside gatehouse --version
inside gatehouse-bridge --version
[ "$(inside id -u)" -ne 0 ] || { echo "the image runs as root"; exit 1; }
# shellcheck disable=SC2016 # expanded inside
inside sh -c '
    gatehouse --auth dev --listen 127.0.0.1:18734 2>/tmp/log &
    server=$!
    for i in 1 2 3 4 5 6 7 8 9 10; do ! grep -q "listening on" /tmp/log || break; sleep 1; done
    gatehouse --listen 127.0.0.1:18734 healthcheck || { cat /tmp/log; kill $server; exit 1; }
    kill -TERM $server && wait $server || { cat /tmp/log; exit 1; }
    grep "listening on" /tmp/log'
here images --format "{{.Name}}:{{.Tag}} {{.Size}}"
