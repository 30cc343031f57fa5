# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts in tools/: where things live, how a long step reports
# itself, and how a result is cached under a key of what it was made from.
# shellcheck shell=bash

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvm-sdei
logs=$cache/logs
mkdir -p "$logs"

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [WHAT TO DO NEXT]
die() {
	printf 'error: %s\n' "$1" >&2
	[ $# -lt 2 ] || printf '       %s\n' "$2" >&2
	exit 1
}

# key ARG...: a short digest of the files that are named here, and of each word
# that is not the name of a file.
key() {
	local arg
	for arg in "$@"; do
		if [ -f "$arg" ]; then
			printf '%s\n' "${arg##*/}"
			cat "$arg"
		else
			printf '%s\n' "$arg"
		fi
	done | sha256sum | cut -c1-12
}

# step TITLE LIMIT COMMAND...: runs COMMAND with its output in a log, says so
# every half minute, and ends the script with the end of that log if COMMAND
# fails or runs for more than LIMIT seconds.
step() {
	local title=$1 limit=$2 start=$SECONDS log status=0 pid told=0
	shift 2
	log=$logs/$(printf '%s' "$title" | tr -cs 'A-Za-z0-9._' '-').log
	say "==> $title"
	timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 </dev/null &
	pid=$!
	# It is in a process group of its own and would go on without us.
	trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if [ $((SECONDS - start - told)) -ge 30 ]; then
			told=$((SECONDS - start))
			say "    $title: ${told} s so far, $(wc -l <"$log") lines of log"
		fi
	done
	wait "$pid" || status=$?
	trap - INT TERM
	if [ "$status" -ne 0 ]; then
		tail -n 30 "$log" | sed 's/^/    | /' >&2
		if [ "$status" -eq 124 ]; then
			die "$title: no end after $limit s" "The whole log: $log"
		elif [ "$(df --output=avail -k "$cache" | tail -n 1)" -lt 100000 ]; then
			die "$title: the disk that holds $cache is full" "Free about 20 GB and try again."
		fi
		die "$title failed (status $status)" "The whole log: $log"
	fi
	[ $((SECONDS - start)) -lt 5 ] || say "    $title: done in $((SECONDS - start)) s"
}

# cached NAME KEY: prints the folder for NAME made from KEY. True if it is
# complete. Otherwise it is emptied, and what NAME was made from other keys is
# deleted; the caller fills the folder and calls `complete DIR`.
cached() {
	local dir=$cache/$1-$2 trash
	printf '%s\n' "$dir"
	[ -e "$dir/.complete" ] && return
	# Kernel trees take minutes to delete; nobody has to wait for that.
	trash=$(mktemp -d "$cache/trash.XXXXXX")
	# A key has twelve characters; NAME-debug-KEY belongs to another name.
	find "$cache" -maxdepth 1 -name "$1-????????????" -exec mv -t "$trash" {} +
	nice rm -rf --one-file-system "$cache"/trash.* >/dev/null 2>&1 </dev/null &
	mkdir -p "$dir"
	return 1
}

complete() { touch "$1/.complete"; }

# One run at a time may fill the cache.
lock_cache() {
	[ -z "${KVM_SDEI_LOCKED:-}" ] || return 0
	exec 9>"$cache/lock"
	flock -n 9 || {
		say "waiting for another run that fills $cache"
		flock -w 3600 9 || die "another run still holds $cache/lock after an hour"
	}
	export KVM_SDEI_LOCKED=1
}

# What has been built is only used from here on, which may take as long as a
# person likes; meanwhile others may fill the cache.
unlock_cache() { exec 9>&-; }

# mainline: the version, 7.x, of the newest linux-source-7.x that the toolchain has.
mainline() {
	"$top/tools/build/toolchain" run sh -c 'ls /usr/src' |
		sed -n 's/^linux-source-\(7\.[0-9]*\)\.tar\.xz$/\1/p' | sort -V | tail -n 1
}

# mainline_series: the folder with the newest series of patches for 7.x, which may
# be for an older kernel than that.
mainline_series() {
	find "$top/patches" -mindepth 1 -maxdepth 1 -name '7.*' | sort -V | tail -n 1
}

need_mmdebstrap() {
	command -v mmdebstrap >/dev/null || step "install mmdebstrap" 300 sh -c \
		'apt-get update && apt-get install -y --no-install-recommends mmdebstrap'
}

# unpack_arm64 WHAT DIR SUITE PACKAGES [ARCHITECTURES]: unpacks arm64 packages of Debian,
# separated by commas, and all that they depend on. They are never configured. From a
# suite of backports come those that it has, and the others from the suite itself. If
# there are other ARCHITECTURES before arm64, what a package only starts is for the
# first of them, and what is to be for arm64 has ":arm64" after its name.
unpack_arm64() {
	local what=$1 dir=$2 suite=${3%-backports} packages=$4 backports=() link
	local architectures=${5:-arm64}
	[ "$suite" = "$3" ] || backports=(
		--aptopt="APT::Default-Release \"$3\""
		--setup-hook="sed -n 's/ $suite main/ $3 main/p' \"\$1/etc/apt/sources.list\" >\"\$1/etc/apt/sources.list.d/backports.list\""
	)
	need_mmdebstrap
	step "unpack $what" 900 mmdebstrap --variant=extract \
		--architectures="$architectures" --include="$packages" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
		"${backports[@]}" "$suite" "$dir" ${KVM_SDEI_MIRROR:+"$KVM_SDEI_MIRROR"}
	# The links that base-files would make when it is configured.
	for link in bin lib sbin; do
		[ -e "$dir/$link" ] || ln -s "usr/$link" "$dir/$link"
	done
}

# in_cargo COMMAND...: runs COMMAND, a cargo that builds for this machine, in the
# toolchain. Behind a proxy, cargo needs this machine's certificates, which the
# toolchain does not have.
in_cargo() {
	local ca=/etc/ssl/certs/ca-certificates.crt
	if [ -e "$ca" ]; then
		cp "$ca" "$cache/ca-certificates.crt"
		ca=$cache/ca-certificates.crt
	fi
	"$top/tools/build/toolchain" run env CARGO_TARGET_DIR="$cache/cargo-target" \
		CARGO_TERM_COLOR=never CARGO_HTTP_CAINFO="$ca" "$@"
}

# cargo_tool NAME VERSION: prints where this program, which cargo installs, is.
cargo_tool() {
	local dir
	dir=$(cached "$1" "$(key "$2" "$top/tools/build/toolchain")") || {
		step "compile $1" 3600 bash -c '. "$1" && in_cargo cargo install --quiet --debug \
			--locked --root "$2" --version "$3" "$4"' bash "$top/tools/lib.sh" "$dir" "$2" "$1"
		complete "$dir"
	}
	echo "$dir/bin/$1"
}

# not_in FILE <LINES: prints those of LINES that FILE does not have.
not_in() {
	[ -s "$1" ] || die "there is no $1"
	awk 'NR == FNR { known[$0]; next } !($0 in known)' "$1" -
}
