#!/usr/bin/env bash
# Builds the container image on a base of our own making (no registry is asked), measures it, then runs it as
# `docker run --read-only` would: as the image's own user, as process 1, with nothing but its volume writable.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" -eq 0 ] || { echo "making a base image needs root"; exit 77; }
for command in buildah debootstrap unshare; do
    command -v $command >/dev/null || { echo "no $command here"; exit 77; }
done
limit_mb=120
stop_s=10
unshared=

work=$(mktemp -d "${TMPDIR:-/var/tmp}/gatehouse-image-XXXXXX")
here() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
cleanup() {
    [ -z "$unshared" ] || kill -KILL "$unshared" 2>/dev/null || true
    here rm --all >/dev/null 2>&1 || true
    here rmi --all --force >/dev/null 2>&1 || true
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT
fail() {
    echo "FAILED: $*"
    [ ! -s "$work/log" ] || cat "$work/log"
    exit 1
}

# --- the base: debian:trixie-slim is a minbase without what is listed here ----------------------------
# What Debian's slim images leave out, and keep out of later installs by the same lines for dpkg.
slim_rules() {
    printf 'path-exclude /usr/share/%s/*\n' doc groff info linda lintian/overrides locale man
    printf 'path-include /usr/share/%s\n' 'doc/*/copyright' 'doc/kde/HTML/C/*' 'gnome/help/*/C/*' \
        locale/all_languages 'locale/currency/*' 'locale/l10n/*' locale/languages locale/locale.alias 'omf/*/*-C.emf'
}

slim() {
    local base=$1 rule path keep=()
    slim_rules >"$base/etc/dpkg/dpkg.cfg.d/docker"
    while read -r rule path; do
        [ "$rule" = path-exclude ] || keep+=(! -path ".$path")
    done <"$base/etc/dpkg/dpkg.cfg.d/docker"
    while read -r rule path; do
        if [ "$rule" != path-exclude ] || [ ! -d "$base${path%/\*}" ]; then continue; fi
        (cd "$base" && find ".${path%/\*}" -mindepth 1 ! -type d "${keep[@]}" -delete &&
            find ".${path%/\*}" -mindepth 1 -type d -empty -delete)
    done <"$base/etc/dpkg/dpkg.cfg.d/docker"
    # shellcheck disable=SC2016 # for apt
    printf '%s { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n' \
        DPkg::Post-Invoke APT::Update::Post-Invoke >"$base/etc/apt/apt.conf.d/docker-clean"
    printf 'Dir::Cache::%s "";\n' pkgcache srcpkgcache >>"$base/etc/apt/apt.conf.d/docker-clean"
    echo 'Acquire::GzipIndexes "true";' >"$base/etc/apt/apt.conf.d/docker-gzip-indexes"
    echo 'Acquire::Languages "none";' >"$base/etc/apt/apt.conf.d/docker-no-languages"
    echo force-unsafe-io >"$base/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
    find "$base/var/cache/apt" "$base/var/lib/apt/lists" -type f -delete
    rm -f "$base"/var/log/apt/*.log "$base/var/log/bootstrap.log"
}

base=localhost/debian:trixie-slim
debootstrap --variant=minbase trixie "$work/base" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
slim "$work/base"
container=$(here from scratch)
here add --quiet "$container" "$work/base" /
here config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
here commit --quiet "$container" "$base"
here rm "$container" >/dev/null
rm -rf --one-file-system "$work/base"

image=localhost/gatehouse:test
here bud --isolation chroot --format docker --pull-never --network host --build-arg "BASE=$base" -t "$image" "$root"

# --- size: the sum of the unpacked layers, in units of 1,000,000 bytes ---------------------------------
size_of() { here images --format '{{.Size}}' "$1" | awk '$2 == "KB" { print $1 / 1000 } $2 == "MB" { print $1 } $2 == "GB" { print $1 * 1000 }'; }
base_mb=$(size_of "$base")
total_mb=$(size_of "$image")
awk -v base="$base_mb" -v total="$total_mb" 'BEGIN { printf "size: base %.1f MB, added %.1f MB, image %.1f MB\n", base, total - base, total }'
awk -v total="$total_mb" -v limit=$limit_mb 'BEGIN { exit !(total > 0 && total < limit) }' ||
    fail "the image is not below $limit_mb MB"

# --- running it --------------------------------------------------------------------------------------
container=$(here from --pull-never "$image")
config() { here inspect --type image --format "{{range .Docker.Config.$1}}{{.}}{{\"\\n\"}}{{end}}" "$image"; }
user=$(here inspect --type image --format '{{.Docker.Config.User}}' "$image")
[[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "the image's user is '$user', not a number other than root's"
mapfile -t environment < <(config Env)
[ "$(config Entrypoint)" = gatehouse ] || fail "the image does not start the server"

here run --isolation chroot "$container" -- gatehouse --version
here run --isolation chroot "$container" -- gatehouse-bridge --version

# $0 is the root file system, the rest the command.
# shellcheck disable=SC2016 # expanded inside
contained='
    set -e
    mount --bind "$0" "$0" && cd "$0"
    mount -t tmpfs -o "uid=${USER_IDS%:*},gid=${USER_IDS#*:},mode=700" none var/lib/gatehouse
    mount -t proc none proc
    mount --rbind /dev dev
    mount -o remount,ro,bind "$0"
    exec env -i $IMAGE_ENV chroot --userspec="$USER_IDS" . "$@"'
rootfs=$(here mount "$container")
contain() { exec env USER_IDS="$user" IMAGE_ENV="${environment[*]}" unshare --mount --pid --fork --kill-child sh -c "$contained" "$rootfs" "$@"; }

# shellcheck disable=SC2016 # expanded inside
(contain sh -c 'for place in /etc /usr/bin /var /tmp; do ! touch $place/x 2>/dev/null || exit 1; done
    touch /var/lib/gatehouse/x') || fail "not just the volume is writable"

contain gatehouse --auth dev --listen 127.0.0.1:0 >"$work/log" 2>&1 &
unshared=$!
server=
for _ in $(seq 100); do
    ! grep -q "listening on" "$work/log" || break
    kill -0 $unshared 2>/dev/null || fail "the server ended at once"
    sleep 0.1
done
server=$(pgrep -P $unshared -x gatehouse) || fail "the server does not run as process 1"
[ "$(awk '/^Uid:/ { print $3 }' "/proc/$server/status")" = "${user%:*}" ] || fail "the server runs as another user"
port=$(sed -n 's|.*listening on http://localhost:\([0-9]*\) .*|\1|p' "$work/log")
[ -n "$port" ] || fail "the server is not ready after 10 s"

mapfile -t health < <(config Healthcheck.Test)
[ "${health[*]}" = "CMD gatehouse healthcheck" ] || fail "the image's health check is '${health[*]}'"
nsenter --setuid "${user%:*}" --setgid "${user#*:}" --mount="/proc/$server/ns/mnt" --root="/proc/$server/root" env -i "${environment[@]}" \
    GATEHOUSE_LISTEN=127.0.0.1:"$port" "${health[@]:1}" || fail "the health check does not answer"

# A client that never finishes its request must not hold the server up.
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'POST /register HTTP/1.1\r\nHost: localhost:%s\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{' "$port" >&3
sleep 0.5
before=$(date +%s%N)
kill -TERM "$server"
status=0
wait $unshared || status=$?
unshared=
took_ms=$((($(date +%s%N) - before) / 1000000))
exec 3>&-
echo "stopped after $took_ms ms with status $status"
[ $status -eq 0 ] || fail "the server does not stop cleanly"
[ $took_ms -lt $((stop_s * 1000)) ] || fail "the server needs more than $stop_s s to stop"
