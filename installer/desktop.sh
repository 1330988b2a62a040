#!/usr/bin/env bash
# Puts MedSynth Desktop into the applications menu of this user; `--remove` takes it out again.
set -eu
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
entry="${XDG_DATA_HOME:-$HOME/.local/share}/applications/medsynth-desktop.desktop"
if [ "${1:-}" = --remove ]; then
    rm -f "$entry"
    exit 0
fi
mkdir -p "$(dirname "$entry")"
# The characters that sed's replacement treats specially are escaped.
sed "s|@ROOT@|$(printf '%s' "$root" | sed 's/[\\&|]/\\&/g')|g" "$root/installer/medsynth.desktop" >"$entry"
printf 'MedSynth Desktop is in the applications menu.\n'
