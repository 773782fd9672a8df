"""Package managers: Homebrew and AUR, which install the packages of packaging/requirements.txt, and Nix."""

from __future__ import annotations

from .source import REQUIREMENT, Source

UNKNOWN_SUM = "0" * 64  # until scripts/release has built the archive; it writes the files anew into dist/
_UNTRIED = "Made by scripts/packages. No package manager has installed it so far: docs/INSTALL.md says what was tried."
_FORMULA = """# {untried}
class Hushd < Formula
  include Language::Python::Virtualenv

  desc "{summary}"
  homepage "{home}"
  url "{archive}"
  sha256 "{sum}"
  license "{license}"

  depends_on arch: :arm64
  depends_on "portaudio"
  depends_on "python@3.13"

  def install
    venv = virtualenv_create(libexec, "python3.13", without_pip: false)
    # The engines carry their models in wheels and have no source archives: pip installs the lock, by its hashes.
    system libexec/"bin/python", "-m", "pip", "install", "--require-hashes", "-r", "packaging/requirements.txt"
    venv.pip_install buildpath
    # `say` stays macOS's own: hushd's is `hushd say`.
    bin.install_symlink libexec/"bin/hushd", libexec/"bin/listen"
    man1.install_symlink (libexec/"share/man/man1").glob("*.1").reject {{ |page| page.basename.to_s == "say.1" }}
    generate_completions_from_executable(bin/"hushd", "completion")
  end

  test do
    system bin/"hushd", "say", "-o", "green.wav", "The build is green."
    assert_match "green", shell_output("#{{bin}}/listen green.wav")
    system bin/"hushd", "shutdown"
  end
end
"""
_PKGBUILD = """# Maintainer: {maintainer}
# {untried}
pkgname=hushd
pkgver={version}
pkgrel=1
pkgdesc="{summary}"
arch=(x86_64 aarch64)
url="{home}"
license=({license})
depends=(portaudio python)
makedepends=(uv)
options=(!strip)
source=("{archive}")
sha256sums=({sum})

package() {{
  cd "$pkgname-$pkgver"
  uv venv --relocatable --python /usr/bin/python "$pkgdir/opt/hushd"
  uv pip install --python "$pkgdir/opt/hushd/bin/python" --require-hashes -r packaging/requirements.txt
  uv pip install --python "$pkgdir/opt/hushd/bin/python" --no-deps .
  install -d "$pkgdir/usr/bin" "$pkgdir/usr/share/man/man1"
  for command in hushd say listen; do ln -s "/opt/hushd/bin/$command" "$pkgdir/usr/bin/$command"; done
  install -m644 packaging/man/*.1 "$pkgdir/usr/share/man/man1"
  install -Dm644 packaging/systemd/user/hushd.socket "$pkgdir/usr/lib/systemd/user/hushd.socket"
  install -d "$pkgdir/usr/lib/systemd/user"
  sed 's|/usr/bin/python3|/opt/hushd/bin/python|' packaging/systemd/user/hushd.service \\
    > "$pkgdir/usr/lib/systemd/user/hushd.service"
  install -Dm644 LICENSE "$pkgdir/usr/share/licenses/hushd/LICENSE"
}}
"""
_FLAKE = """# {untried}
# The engines are wheels for Linux in general: uv fetches them at the first start, and finds the libraries here.
{{
  description = "{summary}";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = {{ self, nixpkgs }}:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${{system}});
      command = pkgs: name: pkgs.writeShellApplication {{
        inherit name;
        runtimeInputs = [ pkgs.uv pkgs.python313 ];
        text = ''
          libraries=${{pkgs.lib.makeLibraryPath [ pkgs.portaudio pkgs.stdenv.cc.cc.lib ]}}
          export LD_LIBRARY_PATH="$libraries:''${{LD_LIBRARY_PATH-}}"
          exec uvx --python ${{pkgs.python313}}/bin/python --from '{requirement}=={version}' ${{name}} "$@"
        '';
      }};
    in {{
      packages = each (pkgs: {{
        default = pkgs.symlinkJoin {{
          name = "hushd-{version}";
          paths = map (command pkgs) [ "hushd" "say" "listen" ];
        }};
      }});
    }};
}}
"""


def files(source: Source, archive_sum: str = UNKNOWN_SUM) -> dict[str, str]:
    """The files by their paths in the repository.

    Args:
        archive_sum: the SHA-256 of the source archive.
    """
    words = {
        "untried": _UNTRIED, "summary": source.summary, "home": source.home, "license": source.license,
        "version": source.version, "maintainer": source.maintainer, "requirement": REQUIREMENT, "sum": archive_sum,
        "archive": f"https://files.pythonhosted.org/packages/source/h/hushd/hushd-{source.version}.tar.gz",
    }  # fmt: skip
    return {
        "packaging/homebrew/hushd.rb": _FORMULA.format(**words),
        "packaging/aur/PKGBUILD": _PKGBUILD.format(**words),
        "packaging/nix/flake.nix": _FLAKE.format(**words),
    }
