"""Tests of the Debian package as installed, as DEP-8 has them: for Debian's autopkgtest, and `scripts/deb --check`.

They are in the source package. Each uses what is in PATH and never the sources, in a home of its own.
"""

from __future__ import annotations

_CONTROL = """Tests: speech
Depends: @
Restrictions: needs-internet

Tests: socket
Depends: @, systemd
Restrictions: allow-stderr, needs-internet

Tests: files
Depends: @, bash-completion, fish, man-db, zsh
Restrictions: superficial

Tests: offline
Depends: @
Restrictions: breaks-testbed, needs-internet, needs-root, skippable

Tests: purge
Depends: @
Restrictions: breaks-testbed, needs-root
"""
_OWN_HOME = """cd "$AUTOPKGTEST_TMP"
export HOME="$PWD" XDG_RUNTIME_DIR="$PWD/run"
mkdir -m 0700 run
"""
_SPEECH = f"""#!/bin/sh
# A sentence is spoken into a file and heard from it; the supervisor that was started for it tells of both and leaves.
set -eu
{_OWN_HOME}
[ "$(hushd --version)" = "hushd $(dpkg-query --show --showformat '${{Version}}' hushd)" ]
say -o green.wav 'The build is green.'
heard=$(listen green.wav)
echo "heard: $heard"
[ "$heard" = 'The build is green.' ]
hushd status >status
cat status
grep -q moonshine status
grep -q hibari status
hushd shutdown
[ ! -e run/hushd/client.sock ]
"""
_SOCKET = f"""#!/bin/sh
# The user's units are right in systemd's eyes and on for each user, and a request at the socket starts the supervisor.
set -eu
{_OWN_HOME}
systemd-analyze --user verify hushd.socket hushd.service
[ "$(systemctl --user --global is-enabled hushd.socket)" = enabled ]
command=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/user/hushd.service)
umask 0077
mkdir run/hushd
# Keeps its process: what it starts is the supervisor, as under a user's own systemd.
systemd-socket-activate --setenv=XDG_RUNTIME_DIR --listen="$PWD/run/hushd/client.sock" --fdname=client $command &
activated=$!
trap 'kill "$activated" 2>/dev/null || true' EXIT
until [ -S run/hushd/client.sock ]; do sleep 0.1; done
HUSHD_AUTOSTART=0 say -o green.wav 'The build is green.'
[ -s green.wav ]
hushd status --json | grep -q "\\"pid\\": $activated,"
hushd shutdown
wait "$activated"
"""
_FILES = f"""#!/bin/sh
# Manual pages are found, and each shell takes its completion.
set -eu
{_OWN_HOME}
for page in hushd say listen hushd-models; do
  man "$page" >"$page.txt"
  grep -q NAME "$page.txt"
done
bash -c '
  . /usr/share/bash-completion/bash_completion
  for command in hushd say listen; do
    _completion_loader $command || [ $? = 124 ]
    complete -p $command
  done
  COMP_WORDS=(hushd stat) COMP_CWORD=1 COMP_LINE="hushd stat" COMP_POINT=10
  _hushd
  [ "${{COMPREPLY[*]}}" = status ]
'
zsh -n /usr/share/zsh/vendor-completions/_hushd
fish --no-execute /usr/share/fish/vendor_completions.d/hushd.fish
[ "$(fish -c 'complete --do-complete "hushd stat"' | cut -f 1)" = status ]
"""
_OFFLINE = f"""#!/bin/sh
# Without a network the package is installed all the same; its commands say how to go on, and that works.
set -eu
{_OWN_HOME}
unshare --net true || {{ echo 'no network can be taken away here'; exit 77; }}
rm -r /var/lib/hushd-python
unshare --net dpkg-reconfigure hushd 2>install
cat install
grep -q '^hushd: the engines could not be fetched; with a network: sudo /usr/lib/hushd/environment$' install
status=0
say 'Hello.' 2>refusal || status=$?
[ "$status" = 6 ]
[ "$(cat refusal)" = "say: hushd's engines are not installed yet: sudo /usr/lib/hushd/environment" ]
/usr/lib/hushd/environment
hushd --version
"""
_PURGE = f"""#!/bin/sh
# Nothing on the system is named after a package that is purged, its environment of engines included.
set -eu
{_OWN_HOME}
[ -x /var/lib/hushd-python/current/bin/python ]
dpkg --purge hushd
find / -xdev \\( -path /proc -o -path /sys -o -path /tmp -o -path "$AUTOPKGTEST_TMP" \\) -prune \\
  -o -name '*hushd*' -print >left
cat left
[ ! -s left ]
"""


def files(folder: str) -> dict[str, str]:
    """The files by their paths in the repository, in the folder of the package's own."""
    scripts = {"speech": _SPEECH, "socket": _SOCKET, "files": _FILES, "offline": _OFFLINE, "purge": _PURGE}
    return {f"{folder}/tests/control": _CONTROL} | {f"{folder}/tests/{name}": text for name, text in scripts.items()}
