"""Announces the end of a long shell command: "make test has failed, after 3 minutes."

    pip install 'hushd[default]'
    echo 'eval "$(python ~/examples/long_commands.py bash)"' >> ~/.bashrc
    echo 'eval "$(python ~/examples/long_commands.py zsh)"' >> ~/.zshrc

Long is more than 30 seconds, or HUSHD_AFTER. The prompt returns at once: the announcement is spoken in the background,
when no other program speaks. Editors and pagers are silent, and so is Ctrl-C. bash 4.4 or newer; it names the last line
of its history.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import hushd

BASH = r"""
PS0='${PS1:$((_hushd_began = SECONDS, 0)):0}'$PS0
_hushd_ended() {
  local code=$? took=$((SECONDS - ${_hushd_began:-$SECONDS + 1}))
  unset _hushd_began
  if [ "$took" -ge "${HUSHD_AFTER:-30}" ]; then
    { PROGRAM "$code" "$took" "$(HISTTIMEFORMAT= history 1)" </dev/null >/dev/null & disown; } 2>/dev/null
  fi
  return "$code"
}
PROMPT_COMMAND="_hushd_ended${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
"""
ZSH = r"""
autoload -Uz add-zsh-hook
_hushd_began() { _hushd_command=$1 _hushd_since=$SECONDS }
_hushd_ended() {
  local code=$? took=$((SECONDS - ${_hushd_since:-$((SECONDS + 1))}))
  unset _hushd_since
  if [ "$took" -ge "${HUSHD_AFTER:-30}" ]; then
    PROGRAM "$code" "$took" "$_hushd_command" </dev/null >/dev/null 2>&1 &!
  fi
}
add-zsh-hook preexec _hushd_began
add-zsh-hook precmd _hushd_ended
"""
SILENT = {"emacs", "htop", "less", "man", "more", "nano", "ssh", "tmux", "top", "vi", "vim", "watch"}
INTERRUPTED = 130  # by the user, who is present


def sentence(code: int, seconds: int, command: str) -> str:
    """Returns the sentence about a command; empty if the user interrupted it."""
    words = re.sub(r"^\s*\d+\*?\s+", "", command).split()[:2]
    if not words or words[0] in SILENT or code == INTERRUPTED:
        return ""
    count, unit = (seconds // 60, "minute") if seconds >= 60 else (seconds, "second")
    return f"{' '.join(words)} has {'failed' if code else 'ended'}, after {count} {unit}{'s' * (count != 1)}."


def main() -> None:
    if shell := {"bash": BASH, "zsh": ZSH}.get(sys.argv[1]):
        print(shell.replace("PROGRAM", shlex.join([sys.executable, str(Path(__file__).resolve())])))
    elif text := sentence(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]):
        with hushd.Client() as client:
            client.say(text, priority="notification")


if __name__ == "__main__":
    main()
