"""The Debian package: hushd's wheel and the lock, from which its installation makes an environment.

Why then: the engines are machine code for each architecture and each Python, 130 MB of wheels, and Debian's msgpack,
psutil and pyzmq are older than hushd needs. So one package of 2 MB serves them all. pip's downloads are checked by the
lock's hashes; without a network the package is installed all the same, and says how to go on.
"""

from __future__ import annotations

from . import debian_tests
from .source import ROOT, Source

_DAY = "Thu, 01 Jan 1970 00:00:00 +0000"  # no day: scripts/deb writes the last commit's
_HOME = "/var/lib/hushd-python"
_CONTROL = """Source: hushd
Section: sound
Priority: optional
Maintainer: {maintainer}
Build-Depends: debhelper-compat (= 13)
Standards-Version: 4.6.2
Rules-Requires-Root: no
Homepage: {home}

Package: hushd
Architecture: all
Depends: ca-certificates, python3 (>= 3.11), python3-venv, ${{misc:Depends}}
Recommends: libportaudio2
Conflicts: gnustep-gui-runtime
Description: voice and ears for programs on this machine
 Speech-to-text and text-to-speech for agents and other programs. A supervisor
 starts each model in a process of its own when somebody asks, and ends it when
 nobody has for a while.
 .
 The engines are fetched from the Python package index when the package is
 installed, and checked by their hashes: an environment of 360 MB.
"""
_RULES = """#!/usr/bin/make -f
%:
	dh $@

override_dh_auto_build override_dh_auto_test override_dh_auto_clean:
override_dh_installsystemduser:
	dh_installsystemduser --name=hushd
"""
_COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: hushd
Source: {home}

Files: *
Copyright: 2026 {authors}
License: Expat

License: Expat
{text}"""
_ENVIRONMENT = f"""#!/bin/sh
# Makes the environment of this version, if it is not there yet, and leads the commands to it. The one before stays
# until the next time, and any in which a program runs: it may import more. To be run by root, also by hand.
set -eu
home={_HOME}
version=$(cat /usr/share/hushd/version)
new=$home/$version
if [ ! -e "$new/complete" ]; then
  rm -rf "$new"
  echo "hushd: fetching its engines, 130 MB ..."
  python3 -m venv "$new"
  "$new/bin/python" -m pip install --quiet --progress-bar off --no-cache-dir --require-hashes \\
    -r /usr/share/hushd/requirements.txt
  "$new/bin/python" -m pip install --quiet --no-cache-dir --no-deps --no-index /usr/share/hushd/*.whl
  touch "$new/complete"
fi
before=$(readlink "$home/current" || true)
ln -sfn "$version" "$home/next"
mv -T "$home/next" "$home/current"
for folder in "$home"/*; do
  case ${{folder##*/}} in current | "$version" | "$before") continue ;; esac
  grep -qsF "$folder/" /proc/[0-9]*/maps || rm -rf "$folder"
done
"""
_COMMAND = f"""#!/bin/sh
# {{name}} of hushd, from its own environment.
[ -x {_HOME}/current/bin/{{name}} ] && exec {_HOME}/current/bin/{{name}} "$@"
echo "{{name}}: hushd's engines are not installed yet: sudo /usr/lib/hushd/environment" >&2
exit 6
"""
_POSTINST = """#!/bin/sh
set -e
if [ "$1" = configure ]; then
  mkdir -p {home}
  /usr/lib/hushd/environment ||
    echo "hushd: the engines could not be fetched; with a network: sudo /usr/lib/hushd/environment" >&2
fi
#DEBHELPER#
"""
_POSTRM = """#!/bin/sh
set -e
case $1 in
  remove | purge) rm -rf {home} ;;
esac
#DEBHELPER#
"""


def files(source: Source) -> dict[str, str]:
    """The files by their paths in the repository."""
    folder = "packaging/debian"
    licence = "".join(f" {line or '.'}\n" for line in (ROOT / "LICENSE").read_text().split("\n\n", 2)[2].splitlines())
    unit = (ROOT / "packaging/systemd/user/hushd.service").read_text()
    commands = {f"{folder}/commands/{name}": _COMMAND.format(name=name) for name in ("hushd", "say", "listen")}
    programs = commands | debian_tests.files(folder)
    return programs | {
        f"{folder}/control": _CONTROL.format(maintainer=source.maintainer, home=source.home),
        f"{folder}/rules": _RULES,
        f"{folder}/changelog": (
            f"hushd ({source.version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n"
            f" -- {source.maintainer}  {_DAY}\n"
        ),
        f"{folder}/copyright": _COPYRIGHT.format(home=source.home, authors=source.authors, text=licence),
        f"{folder}/hushd.postinst": _POSTINST.format(home=_HOME),
        f"{folder}/hushd.postrm": _POSTRM.format(home=_HOME),
        f"{folder}/hushd.user.service": unit.replace("/usr/bin/python3", f"{_HOME}/current/bin/python"),
        f"{folder}/hushd.user.socket": (ROOT / "packaging/systemd/user/hushd.socket").read_text(),
        f"{folder}/environment": _ENVIRONMENT,
        f"{folder}/source/format": "3.0 (native)\n",
        f"{folder}/hushd.install": (
            "*.whl usr/share/hushd\nrequirements.txt usr/share/hushd\nversion usr/share/hushd\n"
            "debian/environment usr/lib/hushd\ndebian/commands/* usr/bin\n"
            "completion/hushd completion/say completion/listen usr/share/bash-completion/completions\n"
            "completion/_hushd usr/share/zsh/vendor-completions\n"
            "completion/hushd.fish usr/share/fish/vendor_completions.d\n"
        ),
        f"{folder}/hushd.manpages": "man/*.1\n",
    }
