# Made by scripts/packages. No package manager has installed it so far: docs/INSTALL.md says what was tried.
class Hushd < Formula
  include Language::Python::Virtualenv

  desc "A voice and ears for programs on your own machine"
  homepage "https://github.com/hushd/hushd"
  url "https://files.pythonhosted.org/packages/source/h/hushd/hushd-0.1.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license "MIT"

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
    man1.install_symlink (libexec/"share/man/man1").glob("*.1").reject { |page| page.basename.to_s == "say.1" }
    generate_completions_from_executable(bin/"hushd", "completion")
  end

  test do
    system bin/"hushd", "say", "-o", "green.wav", "The build is green."
    assert_match "green", shell_output("#{bin}/listen green.wav")
    system bin/"hushd", "shutdown"
  end
end
