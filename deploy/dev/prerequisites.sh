#!/usr/bin/env bash
# Sees to it that this machine has what the named parts need:
#
#     deploy/dev/prerequisites.sh [compiler] [curl] [postgresql] [chromium] [nginx] [apache] [node] [java] [php] [softhsm]
#
# What is there already is left alone. On Debian and Ubuntu the rest is
# installed with apt-get, through sudo where that is needed; elsewhere one
# sentence says what to install.
set -euo pipefail

complain() {
	echo "prerequisites: $*" >&2
	exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# can_install says whether packages can be installed here at all.
can_install() {
	has apt-get && { [ "$(id -u)" -eq 0 ] || has sudo; }
}

# install_packages WHAT PACKAGE… installs Debian packages. The lists of
# packages are fetched only if apt-get cannot do it with those it has.
install_packages() {
	local what=$1
	shift
	can_install || complain "$what is missing: install it (on Debian and Ubuntu: apt-get install $*) and try again."
	echo "prerequisites: installing $*" >&2
	local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@")
	as_root "${install[@]}" </dev/null >&2 ||
		{ as_root apt-get update -qq </dev/null >&2 && as_root "${install[@]}" </dev/null >&2; } ||
		complain "$what could not be installed: apt-get install $* failed, see above."
}

need_compiler() { # for the race detector
	has gcc || has clang || install_packages "A C compiler" gcc libc6-dev
}

need_curl() { # the README's browser
	has curl || install_packages curl curl
}

# install_unstarted WHAT PACKAGE… installs packages of servers without letting
# them start any: nobody asked for a service on this machine.
install_unstarted() {
	can_install || install_packages "$@" # complains
	local policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod +x "$policy"
	fi
	install_packages "$@"
	[ -z "$(trap -p EXIT)" ] || { as_root rm -f "$policy" && trap - EXIT; }
}

need_nginx() { # the reverse proxy of deploy/nginx
	has nginx || [ -x /usr/sbin/nginx ] || install_unstarted nginx nginx-light
}

need_apache() { # a relying party, with mod_auth_openidc
	{ has apache2 || [ -x /usr/sbin/apache2 ]; } && [ -e /usr/lib/apache2/modules/mod_auth_openidc.so ] ||
		install_unstarted "Apache with mod_auth_openidc" apache2 libapache2-mod-auth-openidc
}

has_postgresql() {
	{ has postgres && has initdb; } && return
	local folder
	for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
		[ -x "$folder/postgres" ] && [ -x "$folder/initdb" ] && return
	done
	return 1
}

# The package makes and starts a cluster of its own unless it is told not to:
# idp has its own, and nobody asked for a server on this machine.
need_postgresql() {
	has_postgresql && return
	if ! can_install; then
		complain "PostgreSQL's server is missing: install it (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql) and try again."
	fi
	no_cluster=/etc/postgresql-common/createcluster.d/idp-no-cluster.conf
	trap 'as_root rm -f "$no_cluster"' EXIT
	as_root mkdir -p "${no_cluster%/*}"
	echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
	install_packages "PostgreSQL's server" postgresql
	as_root rm -f "$no_cluster"
	trap - EXIT
}

# The headless shell takes a third of the CPU of a whole Chromium, which does as
# well. Debian has it.
need_chromium() {
	local name
	for name in chromium-headless-shell chrome-headless-shell headless-shell headless_shell; do
		has "$name" && return
	done
	if grep -qs '^ID=debian' /etc/os-release && (install_packages "Chromium's headless shell" chromium-headless-shell); then
		return
	fi
	for name in chromium chromium-browser google-chrome google-chrome-stable; do
		has "$name" && return
	done
	[ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] && return
	# Ubuntu's package is an empty one that fetches a snap.
	if grep -qs '^ID=ubuntu' /etc/os-release; then
		complain "Chromium is missing: install it (snap install chromium) or Google Chrome (https://www.google.com/chrome/) and try again."
	fi
	install_packages Chromium chromium
}

need_node() {
	local version=none
	has node && version=$(node --version)
	local major=${version#v}
	major=${major%%.*}
	if ! [ "$major" -ge 20 ] 2>/dev/null || ! has npm; then
		complain "Node 20 or newer with npm is needed by the relying-party tests and node --version says $version: install it (https://nodejs.org/en/download) and try again."
	fi
}

need_php() { # an example of a brand's backend
	has php || install_packages PHP php-cli
}

need_softhsm() { # a PKCS #11 token in software
	has softhsm2-util || install_packages SoftHSM softhsm2
}

need_java() { # another one; java compiles it, which a runtime alone cannot
	local version=none
	has java && version=$(java -version 2>&1 | sed -n '1s/.*"\([^"]*\)".*/\1/p')
	if ! [ "${version%%.*}" -ge 17 ] 2>/dev/null || [[ $(java --list-modules 2>/dev/null) != *jdk.compiler@* ]]; then
		complain "A JDK of Java 17 or newer is needed by the example of a brand's backend and java -version says $version: install it (on Debian and Ubuntu: apt-get install openjdk-17-jdk-headless or newer; others: https://adoptium.net) and try again."
	fi
}

for part in "$@"; do
	case $part in
	compiler | curl | postgresql | chromium | nginx | apache | node | java | php | softhsm) "need_$part" ;;
	*) complain "unknown part $part" ;;
	esac
done
