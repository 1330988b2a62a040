# Shared by run.sh and test.sh (sourced, never run): finds Python, names or installs the system
# packages, keeps the environment in .venv of the checkout, and opens a private virtual display.
# Everything it says goes to stderr; stdout belongs to the program.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"
PYTHON="$VENV/bin/python"

# shared library : Debian package that has it (what Qt 5, Qt 6, Mesa, VTK and vispy load at run time)
LIBRARIES="
libEGL.so.1:libegl1 libGL.so.1:libgl1 libX11-xcb.so.1:libx11-xcb1 libdbus-1.so.3:libdbus-1-3
libfontconfig.so.1:libfontconfig1 libfreetype.so.6:libfreetype6 libgthread-2.0.so.0:libglib2.0-0
libxcb-cursor.so.0:libxcb-cursor0 libxcb-icccm.so.4:libxcb-icccm4 libxcb-image.so.0:libxcb-image0
libxcb-keysyms.so.1:libxcb-keysyms1 libxcb-randr.so.0:libxcb-randr0 libxcb-render.so.0:libxcb-render0
libxcb-render-util.so.0:libxcb-render-util0 libxcb-shape.so.0:libxcb-shape0 libxcb-shm.so.0:libxcb-shm0
libxcb-sync.so.1:libxcb-sync1 libxcb-xfixes.so.0:libxcb-xfixes0 libxcb-xinerama.so.0:libxcb-xinerama0
libxcb-xkb.so.1:libxcb-xkb1 libxkbcommon.so.0:libxkbcommon0 libxkbcommon-x11.so.0:libxkbcommon-x11-0
"

say() { printf 'medsynth: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# -- Python ------------------------------------------------------------------------------------------

# Prints the first Python >=3.11 that really starts (a pyenv shim may not), 3.11 first: it is what we test on.
find_python() {
    local name path
    for name in python3.11 python3.12 python3.13 python3 python3.14; do
        while read -r path; do
            if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
                printf '%s\n' "$path"
                return 0
            fi
        done < <(type -aP "$name")
    done
    return 1
}

# -- System packages ---------------------------------------------------------------------------------

# Prints the Debian packages that are missing for $1 = window, screen (also a virtual display and its font) or
# test (also git, which the tests ask what is in the repository).
missing_packages() {
    local known pair python
    known="$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)"
    for pair in $LIBRARIES; do
        [[ "$known" == *"${pair%%:*} "* ]] || printf '%s\n' "${pair#*:}"
    done
    [ "${1:-}" != test ] || type -P git >/dev/null || printf 'git\n'
    if [ "${1:-}" != window ]; then
        type -P Xvfb >/dev/null || printf 'xvfb\n'
        compgen -G '/usr/lib*/dri/swrast_dri.so' >/dev/null || compgen -G '/usr/lib/*/dri/swrast_dri.so' >/dev/null ||
            compgen -G '/usr/lib/*/libgallium-*.so' >/dev/null || printf 'libgl1-mesa-dri\n'
        [ -d /usr/share/fonts/truetype ] || [ -d /usr/share/fonts/dejavu ] || printf 'fonts-dejavu-core\n'
    fi
    [ -x "$PYTHON" ] && return 0
    python="$(find_python)" || { printf 'python3\npython3-venv\n'; return 0; }
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
}

ensure_packages() {
    local missing admin=""
    missing="$(missing_packages "$1" | xargs)"
    [ -z "$missing" ] && return 0
    [ "$(id -u)" = 0 ] || admin="sudo -n"
    if type -P apt-get >/dev/null && { [ -z "$admin" ] || sudo -n true 2>/dev/null; }; then
        say "installing system packages: $missing"
        $admin apt-get update -qq >&2 || true
        # shellcheck disable=SC2086  # a list of package names
        $admin env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2 || true
        missing="$(missing_packages "$1" | xargs)"
    fi
    [ -z "$missing" ] ||
        fail "these system packages are missing and could not be installed: $missing; install them (apt-get install $missing) and start again."
}

# -- The environment ---------------------------------------------------------------------------------

# One hash of all that decides what is installed, and where: a moved checkout is a new environment.
wanted_stamp() {
    (cd "$ROOT" && printf '%s\n' "$ROOT" && sha256sum pyproject.toml plugins/*/pyproject.toml installer/constraints.txt installer/install.sh) |
        sha256sum | cut -d' ' -f1
}

# Installs for $1 = run or test, unless the stamp says that it is there already. Test contains run.
ensure_environment() {
    local level="$1" stamp plugin python packages=()
    exec 9<"$ROOT/installer"
    flock 9 2>/dev/null || true # two starts at once: the second waits, then finds the stamp
    stamp="$(wanted_stamp)"
    if [ "$(cat "$VENV/.installed-$level" 2>/dev/null)" != "$stamp" ] || ! "$PYTHON" -c '' 2>/dev/null; then
        # Scripts of a moved environment still name the old place: such a one is made anew.
        if ! "$PYTHON" -c 'import pip' 2>/dev/null || ! grep -qF "$VENV/bin/" "$VENV/bin/pip" 2>/dev/null; then
            python="$(find_python)" || fail "Python 3.11 or newer is missing: install python3 and python3-venv, then start again."
            say "making the environment .venv with $("$python" -V)"
            "$python" -m venv --clear "$VENV" || fail "the environment .venv could not be made; is the disk full or read-only?"
        fi
        rm -f "$VENV"/.installed-*
        packages=(-e "$ROOT[pyqt5,private]")
        [ "$level" = test ] && packages=(-e "$ROOT[pyqt5,pyqt6,test]")
        for plugin in "$ROOT"/plugins/*/pyproject.toml; do
            [ -e "$plugin" ] && packages+=(-e "${plugin%/pyproject.toml}")
        done
        say "installing Python packages into .venv (minutes the first time, about 3 GB)"
        pip_install "${packages[@]}" || fail "pip could not install the Python packages (its reason stands above); check the network and the disk, then start again."
        [ "$level" = test ] && printf '%s\n' "$stamp" >"$VENV/.installed-run"
        printf '%s\n' "$stamp" >"$VENV/.installed-$level"
    fi
    flock -u 9 2>/dev/null || true
    exec 9<&-
}

pip_install() {
    local quiet=(-q)
    [ -t 2 ] && quiet=()
    "$PYTHON" -m pip install "${quiet[@]}" --no-input --disable-pip-version-check --no-warn-script-location \
        -c "$ROOT/installer/constraints.txt" "$@" >&2
}

# -- A virtual display -------------------------------------------------------------------------------

# Starts an Xvfb of our own on a free display number; the caller's EXIT trap calls close_screen.
open_screen() {
    local number="" log
    log="$(mktemp -d)" || fail "no temporary folder can be made; is the disk full?"
    SCREEN_FOLDER="$log"
    mkfifo "$log/number"
    # setsid: a Ctrl-C in the terminal must reach the program, which tidies up, before its display goes.
    setsid Xvfb -displayfd 7 -screen 0 1920x1080x24 +extension GLX -nolisten tcp -noreset \
        7>"$log/number" 9<&- >"$log/xvfb.log" 2>&1 &
    SCREEN_PID=$!
    read -r -t 30 number <>"$log/number" || true
    [ -n "$number" ] || { tail -n 3 "$log/xvfb.log" >&2; fail "the virtual display (Xvfb) did not start; its last words stand above."; }
    export DISPLAY=":$number" QT_QPA_PLATFORM=xcb LIBGL_ALWAYS_SOFTWARE=1
    unset WAYLAND_DISPLAY XAUTHORITY
}

close_screen() {
    if [ -n "${SCREEN_PID:-}" ]; then
        kill "$SCREEN_PID" 2>/dev/null && wait "$SCREEN_PID" 2>/dev/null
        SCREEN_PID=""
    fi
    if [ -n "${SCREEN_FOLDER:-}" ]; then rm -rf "$SCREEN_FOLDER"; SCREEN_FOLDER=""; fi
    return 0
}
