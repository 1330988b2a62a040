#!/usr/bin/env bash
# Installs what is missing and opens the demo workspace in a window.
#   bash installer/run.sh                        the window; without a display the headless run below
#   bash installer/run.sh --headless --out DIR   the whole main job, its results and screenshots in DIR
# Any other argument goes to `medsynth demo`.
set -u
# shellcheck source=install.sh
. "$(dirname "${BASH_SOURCE[0]}")/install.sh"

usage() { sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

headless=""
out=""
rest=()
while [ $# -gt 0 ]; do
    case "$1" in
    --headless) headless=yes ;;
    --out)
        [ $# -ge 2 ] || { say "--out needs a folder."; exit 2; }
        out="$2"
        shift
        ;;
    --out=*) out="${1#--out=}" ;;
    -h | --help) usage; exit 0 ;;
    *) rest+=("$1") ;;
    esac
    shift
done

if [ -z "$headless" ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    say "there is no display here: running the main job without one."
    headless=yes
fi
[ -n "$headless" ] && out="${out:-$ROOT/out}"

if [ -n "$headless" ]; then ensure_packages screen; else ensure_packages window; fi
ensure_environment run

[ -n "$out" ] && rest+=(--out "$out")
if [ -z "$headless" ]; then
    exec "$VENV/bin/medsynth" demo "${rest[@]}"
fi

trap close_screen EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
open_screen
say "the main job runs; results go to $out"
"$VENV/bin/medsynth" demo --headless "${rest[@]}"
