#!/usr/bin/env bash
# Follows the README in a fresh Debian: the two commands in its first code blocks, as a newcomer would.
# readme_fresh_root.sh debian12|debian13
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
case ${1:-} in
debian12) suite=bookworm ;;
debian13) suite=trixie ;;
*) echo "usage: readme_fresh_root.sh debian12|debian13"; exit 2 ;;
esac
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" -eq 0 ] || { echo "making a fresh root needs root"; exit 77; }
command -v debootstrap >/dev/null || { echo "no debootstrap here"; exit 77; }
for command in './dev run' './dev test'; do
    grep -qxF "$command" "$root/README.md" || { echo "the README does not say $command"; exit 1; }
done

fresh=$(mktemp -d "${TMPDIR:-/var/tmp}/gatehouse-$suite-XXXXXX")
server=''
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    for mount in dev/shm dev/pts proc; do umount -l "$fresh/$mount" 2>/dev/null || true; done
    rm -rf --one-file-system "$fresh"
}
trap cleanup EXIT

debootstrap --variant=minbase "$suite" "$fresh" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
# The way to the network is this machine's.
cp /etc/resolv.conf /etc/hosts "$fresh/etc/" 2>/dev/null || true
for file in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf; do
    [ ! -f "$file" ] || cp "$file" "$fresh/etc/apt/apt.conf.d/99$(basename "$file").conf"
done
[ ! -d /usr/local/share/ca-certificates ] || cp -r /usr/local/share/ca-certificates "$fresh/usr/local/share/"
[ ! -f "${HOME:-/root}/.npmrc" ] || cp "${HOME:-/root}/.npmrc" "$fresh/root/"
mount -t proc proc "$fresh/proc" || { echo "cannot mount /proc in a fresh root here"; exit 77; }
mkdir -p "$fresh/dev/shm" "$fresh/dev/pts"
mount -t tmpfs tmpfs "$fresh/dev/shm"
mount -t devpts devpts "$fresh/dev/pts" 2>/dev/null || true

# What a clone has: no build folder, no node_modules.
mkdir -p "$fresh/root/gatehouse"
tar -C "$root" --exclude=./build --exclude='./build-*' --exclude=./.git --exclude=node_modules --exclude=./tests/output -cf - . |
    tar -C "$fresh/root/gatehouse" -xf -
inside() {
    env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 CI=true \
        chroot "$fresh" /bin/bash -c "cd /root/gatehouse && $1"
}

echo "== ./dev run"
port=8080 # the README's; a machine that uses it already gets another
! (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null || port=18080
said=$fresh/run.log
options=''
[ $port = 8080 ] || options=" --listen localhost:$port"
inside "exec ./dev run$options" >"$said" 2>&1 &
server=$!
for ((i = 0; i < 900; i++)); do
    ! grep -q 'codex mcp add gatehouse' "$said" || break
    kill -0 "$server" 2>/dev/null || break
    sleep 1
done
tail -n 40 "$said"
grep -q "claude mcp add --transport http gatehouse http://localhost:$port/mcp" "$said"
grep -q '"command": "/root/gatehouse/build/gatehouse-bridge"' "$said"
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'POST /mcp HTTP/1.1\r\nHost: localhost:%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$port" >&3
timeout 10 head -n 1 <&3 | grep -q ' 401 '
exec 3>&-
kill "$(pgrep -P "$server" -x gatehouse || echo "$server")"
wait "$server" || { echo "the server did not end cleanly"; exit 1; }
server=''

echo "== ./dev test --quick"
inside './dev test --quick' </dev/null
