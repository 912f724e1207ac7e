#!/usr/bin/env bash
# Runs the fuzz targets, one after the other, and keeps some of what they found:
#
#     deploy/dev/fuzz.sh TIME [REGEXP]
#
# TIME is how long each target runs, REGEXP chooses among those that the first
# column of its output names, such as op/FuzzToken. FUZZPARALLEL is how many
# processes work on one target: as many as there are cores unless it is set.
#
# Less is spent on making inputs shorter than Go would: a minute for each, when what a
# provider does in the background changes from one try to the next.
#
# What makes a target's code take new ways is added to its corpus,
# testdata/fuzz/<Target> beside it, which `go test` replays. There may be
# thousands of such inputs. The corpus is those with the lowest names, up to
# "most": names are hashes of the content, so this favours no kind of input, and
# another run over the same ones chooses the same. Long inputs are left out: they
# are slow to replay and hard to read, and hardly ever take a way of their own.
#
# An input that fails is named at the end, and the exit status is 1. It lies in
# the corpus, too: once the fault is mended, give it a name that says what it is,
# and it stays for good.
set -euo pipefail
export LC_ALL=C

readonly time=${1:?how long, such as 10m} chosen=${2:-.} most=40 below=4096c
cache=$(go env GOCACHE)/fuzz
module=$(go list -m)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=()

# inputs FOLDER lists its inputs that a run found, and not those with names of their own.
inputs() {
	[ ! -d "$1" ] || find "$1" -type f -size "-$below" | { grep -E '/[0-9a-f]{16}$' || true; }
}

# keep CORPUS FOUND makes the corpus anew of both folders.
keep() {
	local corpus=$1 kept name file
	kept=$({ inputs "$corpus"; inputs "$2"; } | awk -F / '!seen[$NF]++ { print $NF, $0 }' | sort | awk -v most="$most" 'NR <= most')
	[ -n "$kept" ] || return 0
	mkdir -p "$corpus"
	while read -r name file; do
		[ -e "$corpus/$name" ] || cp "$file" "$corpus/$name"
	done <<<"$kept"
	inputs "$corpus" | while read -r file; do
		grep -q "^${file##*/} " <<<"$kept" || rm "$file"
	done
}

ran=0
while read -r folder target; do
	ran=$((ran + 1))
	echo "$folder/$target"
	if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 100x ${FUZZPARALLEL:+-parallel "$FUZZPARALLEL"} "./$folder" >"$log" 2>&1; then
		sed -n 's/^fuzz: elapsed: /    /p' "$log" | tail -n 1
		keep "$folder/testdata/fuzz/$target" "$cache/$module/$folder/$target"
	else
		cat "$log"
		found=$(sed -nE "s|^ *Failing input written to (.*)|$folder/\1|p" "$log" | tail -n 1)
		failed+=("${found:-$folder/$target has not come to its end, see above}")
	fi
done < <(grep -rE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . |
	sed -E 's|^\./(.*)/[^/]+:func (Fuzz[A-Za-z0-9_]+).*|\1 \2|' | sort | awk -v chosen="$chosen" '$1 "/" $2 ~ chosen')

if [ "$ran" -eq 0 ]; then
	echo "fuzz: no target is named like $chosen" >&2
	exit 1
elif [ ${#failed[@]} -gt 0 ]; then
	printf 'fuzz: %s\n' "${failed[@]}" >&2
	exit 1
fi
